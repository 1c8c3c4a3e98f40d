//! `countersign bench`: how fast this machine answers, beside what its disk and processor can do at all.

mod client;
mod limits;
mod load;
mod sizes;
mod stand;
mod table;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use self::load::Wanted;
use self::stand::Stand;
use self::table::{Row, Table};
use super::entropy::random;
use crate::exit;
use crate::output::{Failure, Output};

/// Measure this machine: durable calls and decisions over HTTP, beside the limits of disk and processor
///
/// Makes a log of its own below D, serves it on loopback, loads it from this same process, and removes
/// it. Nothing that is there is touched. Every row is the median of five runs.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// A directory on the disk to measure; made when absent
    #[arg(long, value_name = "D")]
    data: PathBuf,
    /// How long one run lasts
    #[arg(long, value_name = "N", default_value = "1", value_parser = seconds)]
    seconds: Duration,
    /// So many clients at once, instead of 1, 16, 64 and 256
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    clients: Option<u16>,
}

impl BenchArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        fs::create_dir_all(&self.data).map_err(|cause| failed("making the directory", &cause))?;
        let name = format!("bench-{:016x}", u64::from_be_bytes(random()?));
        let scratch = Scratch(self.data.join(name));
        let table = self.measured(output, &scratch);
        scratch.remove()?;
        table?.print(output);
        Ok(exit::GOOD)
    }

    fn measured(&self, output: &mut Output, scratch: &Scratch) -> Result<Table, Failure> {
        let each = self.seconds;
        let levels = self.clients.map_or(vec![1, 16, 64, 256], |it| vec![it]);
        let stand = Stand::set(&scratch.0)?;
        let mut table = Table::default();
        output.progress("the processor");
        table.processor(limits::processor(each));
        output.progress("the disk");
        let sync = limits::fdatasync(&scratch.0, each).map_err(|it| failed("writing", &it))?;
        table.add(Row::limit("fdatasync of one record", 1, sync));
        for &clients in &levels {
            output.progress(&format!("{clients} clients"));
            let plain = stand.plain(clients, each)?;
            table.add(Row::limit("plain file, framed", clients, plain));
            let http = stand.plain_http(clients, each)?;
            table.add(Row::limit("plain file behind HTTP", clients, http));
            for wanted in [Wanted::Denied, Wanted::Allowed] {
                let measured = stand.calls(wanted, clients, each)?;
                table.add(Row::of(wanted.label(), clients, measured));
            }
            let cycles = stand.cycles(clients, each)?;
            table.add(Row::of("full cycles", clients, cycles));
        }
        table.sizes(stand.stop()?);
        Ok(table)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    let seconds = seconds.filter(|it| (0.01..=60.0).contains(it));
    let seconds = seconds.map(Duration::from_secs_f64);
    seconds.ok_or_else(|| "a number from 0.01 to 60".into())
}

/// Where everything lies meanwhile.
struct Scratch(PathBuf);

impl Scratch {
    fn remove(&self) -> Result<(), Failure> {
        match fs::remove_dir_all(&self.0) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(failed("removing the scratch directory", &cause))
            }
            _ => Ok(()),
        }
    }
}

fn failed(doing: &str, cause: &std::io::Error) -> Failure {
    Failure::say(exit::USAGE, format!("{doing}: {cause}"))
}
