//! How many entries become durable in a second, beside a plain file (the limit) and other engines, on
//! the same disk in the same run. So many writers wait at once, and what they bring is one batch.
//!
//! `COUNTERSIGN_BENCH_DIRECTORY` says where the files lie; `COUNTERSIGN_BENCH_POSTGRESQL`, when it is
//! set, where a server is (`host=/tmp user=bench`), whose files should lie there, too.

use std::path::Path;
use std::time::Duration;

use countersign_bench::{Commit, ENGINES, postgresql};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

const WRITERS: [u16; 3] = [1, 16, 256];

#[expect(
    clippy::disallowed_methods,
    reason = "where to write is told by the environment"
)]
fn append(criterion: &mut Criterion) {
    let directory =
        std::env::var_os("COUNTERSIGN_BENCH_DIRECTORY").map_or_else(std::env::temp_dir, Into::into);
    let server = std::env::var("COUNTERSIGN_BENCH_POSTGRESQL").ok();
    for writers in WRITERS {
        let mut group = criterion.benchmark_group(format!("append by {writers}"));
        group.warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(2));
        group.sample_size(20);
        group.throughput(Throughput::Elements(writers.into()));
        for (name, engine) in ENGINES {
            measure(&mut group, name, writers, || engine(Path::new(&directory)));
        }
        if let Some(server) = &server {
            measure(&mut group, "PostgreSQL", writers, || postgresql(server));
        }
        group.finish();
    }
}

fn measure(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    writers: u16,
    engine: impl Fn() -> Commit,
) {
    group.bench_function(name, |bench| {
        let mut commit = engine();
        bench.iter(|| commit(writers.into()));
    });
}

criterion_group!(benches, append);
criterion_main!(benches);
