//! Stores whose losses are known, beside the one under test: a harness that finds nothing must have
//! been able to find something.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const RECORD: usize = 512;
const PLACE: &str = "CONTROL_PLACE";
const KIND: &str = "CONTROL_KIND";
const COUNT: &str = "CONTROL_COUNT";
/// Between what a careless store says and what it does.
const CARELESS: Duration = Duration::from_millis(1);

/// All of them.
pub(crate) const KINDS: [Kind; 3] = [Kind::Careful, Kind::Careless, Kind::Sled];

/// How a control keeps its records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A plain file: write, fdatasync, then say so; the first error is the last record.
    Careful,
    /// A plain file: says so, writes a moment later, never syncs, and does not look at errors.
    Careless,
    /// sled with its own flush before each answer.
    Sled,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Careful => "careful",
            Self::Careless => "careless",
            Self::Sled => "sled",
        }
    }

    /// How many of the records from 0 on are there.
    pub(crate) fn kept(self, place: &Path) -> u64 {
        match self {
            Self::Careful | Self::Careless => kept_in_file(&place.join(self.name())),
            Self::Sled => kept_in_sled(&place.join(self.name())),
        }
    }
}

/// The program that writes records below `place`; `count` of 0 is without end.
pub(crate) fn writer(kind: Kind, place: &Path, count: u64) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "control::writes_records",
            "--ignored",
            "--nocapture",
        ])
        .env(PLACE, place)
        .env(KIND, kind.name())
        .env(COUNT, count.to_string());
    command
}

/// A writer at work, whose answers are kept here.
pub(crate) struct Writer {
    child: Child,
    told: Option<JoinHandle<u64>>,
}

impl Writer {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Read at once, always: a full pipe would stop the writer and hide its losses.
        let told = thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            let acks = lines.filter_map(|line| line.strip_prefix("ACK ")?.parse::<u64>().ok());
            acks.last().map_or(0, |last| last + 1)
        });
        Self {
            child,
            told: Some(told),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; how many records it said it had.
    pub(crate) fn told(mut self) -> u64 {
        self.child.wait().unwrap();
        self.told.take().unwrap().join().unwrap()
    }

    /// SIGKILL; how many records it said it had.
    pub(crate) fn kill(mut self) -> u64 {
        self.child.kill().unwrap();
        self.told()
    }
}

/// Runs in a process of its own.
#[test]
#[ignore = "the tests of kills, power cuts and faults start it"]
fn writes_records() {
    let Some(place) = env::var_os(PLACE).map(PathBuf::from) else {
        return;
    };
    let count = env::var_os(COUNT).and_then(|count| count.to_str()?.parse().ok());
    let count = count.filter(|count| *count > 0).unwrap_or(u64::MAX);
    let kind = env::var_os(KIND).unwrap_or_default();
    println!();
    // A store that fails ends here; what it said before is what counts.
    let _ended = match kind.to_str() {
        Some("careful") => write_file(&place.join("careful"), count, true),
        Some("careless") => write_file(&place.join("careless"), count, false),
        _ => write_sled(&place.join("sled"), count).map_err(std::io::Error::other),
    };
}

fn write_file(path: &Path, count: u64, careful: bool) -> std::io::Result<()> {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if careful {
        file.sync_all()?;
        File::open(path.parent().unwrap())?.sync_all()?;
    }
    for number in 0..count {
        if !careful {
            println!("ACK {number}");
            thread::sleep(CARELESS);
        }
        let written = file.write_all_at(&record(number), number * 512);
        if careful {
            written?;
            file.sync_data()?;
            println!("ACK {number}");
        }
    }
    Ok(())
}

fn record(number: u64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    for word in record.chunks_exact_mut(8) {
        word.copy_from_slice(&(number + 1).to_be_bytes());
    }
    record
}

fn kept_in_file(path: &Path) -> u64 {
    let bytes = fs::read(path).unwrap_or_default();
    let records = bytes.chunks_exact(RECORD).zip(0..);
    let whole = records.take_while(|(bytes, number)| **bytes == record(*number));
    u64::try_from(whole.count()).unwrap()
}

fn write_sled(path: &Path, count: u64) -> sled::Result<()> {
    let db = sled::open(path)?;
    for number in 0..count {
        db.insert(number.to_be_bytes(), &record(number)[..])?;
        db.flush()?;
        println!("ACK {number}");
    }
    Ok(())
}

/// sled panics on some of what a power cut leaves; then it has kept nothing.
fn kept_in_sled(path: &Path) -> u64 {
    let path = path.to_owned();
    let count = thread::spawn(move || {
        let db = sled::open(path)?;
        let mut kept = 0;
        while db.get(u64::to_be_bytes(kept))?.is_some() {
            kept += 1;
        }
        Ok::<u64, sled::Error>(kept)
    });
    count.join().ok().and_then(Result::ok).unwrap_or(0)
}
