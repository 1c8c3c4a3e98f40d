//! Seeded histories of one server on a disk and clock that fail: the real core, writer and segment
//! log, and rules that hold after every step and every start (docs/testing.md).
//! In scope: faults of disk, clock and connections, crashes, older copies, second servers; the rules.
//! Not here: sockets and real file systems (`tests/stories`, `tests/run`).
//!
//! `countersign-simulator [--from SEED] [--histories N] [--threads T]` plays N histories.
//! `countersign-simulator --replay SEED` plays one and lists its steps.
//! `countersign-simulator planted DIRECTORY` plants seven bugs and shows that each is found.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it prints what it found, and stops when it cannot begin"
)]

mod audit;
mod chance;
mod clients;
mod history;
mod index;
mod judge;
mod model;
mod planted;
mod request;
mod tally;
mod template;
mod weather;
mod world;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use history::{Failure, play};
use tally::Tally;
use template::Template;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Orders {
    from: u64,
    histories: u64,
    threads: usize,
    replay: bool,
}

fn orders() -> Option<Orders> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut orders = Orders {
        from: 1,
        histories: 1_000,
        threads: cores,
        replay: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number: u64 = words.next()?.parse().ok()?;
        match word.as_str() {
            "--from" => orders.from = number,
            "--histories" => orders.histories = number,
            "--threads" => orders.threads = usize::try_from(number).ok()?.max(1),
            "--replay" => (orders.from, orders.histories, orders.replay) = (number, 1, true),
            _ => return None,
        }
    }
    Some(orders)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let [_, word, scratch] = words.as_slice()
        && word == "planted"
    {
        return match planted::all_are_found(Path::new(scratch)) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                println!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let Some(orders) = orders() else {
        println!(
            "usage: [--from SEED] [--histories N] [--threads T] | --replay SEED | planted DIRECTORY"
        );
        return ExitCode::from(2);
    };
    if !orders.replay {
        // A panic of the product is a finding and is printed as one.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let started = Instant::now();
    let (tally, failure) = all(&orders);
    print!("{tally}");
    println!(
        "took {} s on {} threads",
        started.elapsed().as_secs(),
        orders.threads
    );
    match failure {
        None => {
            println!("0 rules broken");
            ExitCode::SUCCESS
        }
        Some(failure) => {
            report(&failure);
            ExitCode::FAILURE
        }
    }
}

fn report(failure: &Failure) {
    println!("steps of seed {}:", failure.seed);
    for (number, step) in failure.steps.iter().enumerate() {
        println!("{number:>5}  {step}");
    }
    println!("BROKEN by seed {}: {}", failure.seed, failure.broken);
    println!(
        "again: cargo run -p countersign-simulator -- --replay {}",
        failure.seed
    );
}

/// Plays all histories; the failure of the lowest seed, if any.
fn all(orders: &Orders) -> (Tally, Option<Box<Failure>>) {
    let next = AtomicU64::new(orders.from);
    let end = orders.from.saturating_add(orders.histories);
    let failed = AtomicBool::new(false);
    let results = Mutex::new((Tally::default(), None::<Box<Failure>>));
    thread::scope(|scope| {
        for _ in 0..orders.threads {
            scope.spawn(|| {
                let templates = Template::all();
                let mut own = Tally::default();
                let mut failure = None;
                while !failed.load(Ordering::SeqCst) {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= end {
                        break;
                    }
                    match play(seed, &templates) {
                        Ok(tally) => own.add(&tally),
                        Err(found) => {
                            failed.store(true, Ordering::SeqCst);
                            failure = Some(found);
                        }
                    }
                }
                let mut results = results
                    .lock()
                    .expect("no thread panics while it holds this");
                results.0.add(&own);
                let earlier = results.1.take();
                let both = earlier.into_iter().chain(failure);
                results.1 = both.min_by_key(|failure| failure.seed);
            });
        }
    });
    results
        .into_inner()
        .expect("no thread panics while it holds this")
}
