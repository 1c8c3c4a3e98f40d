//! The end of a log on disk, cut at every byte: started again, it goes on from the entry before, or
//! is refused by name where its head lock says that more was promised.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use countersign_evidence::DataDirectory;
use countersign_ledger::frame::{HEADER_LEN, Header};
use countersign_ledger::segment::parse_name;
use countersign_service::{Options, StartError, SystemClock, SystemEntropy, open};
use countersign_store::fsck::{Finding, fsck};
use countersign_store::segments::OpenError;
use countersign_verify::{Trust, Verdict, verify};

use crate::acks::Acks;
use crate::figures::figures;
use crate::ledger::Ledger;
use crate::load::Client;
use crate::random::Random;

/// All of it in one segment.
const SEGMENT_BYTES: u64 = 64 * 1024;
/// `fsck` and `verify` look at each; as processes of their own, 0.2 s each, at one length in so many.
const LOOK_EVERY: usize = 11;
/// It serves after one in so many.
const SERVE_EVERY: usize = 199;

/// A log on disk, its last frame, and a head lock that does not cover it and one that does.
struct Tail {
    _scratch: tempfile::TempDir,
    ledger: Ledger,
    segment: PathBuf,
    bytes: Vec<u8>,
    frame: Range<usize>,
    entries: Range<u64>,
    keyring: Vec<u8>,
    uncovered: Vec<u8>,
    covered: Vec<u8>,
}

impl Tail {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let ledger = Ledger::make(scratch.path(), SEGMENT_BYTES);
        let own = |name: &str| ledger.directory.path().join(name);
        let server = ledger.serve();
        let uncovered = fs::read(own("head.lock")).unwrap();
        let acks = Arc::new(Mutex::new(Acks::default()));
        let mut client = Client::of(&ledger, &server, 0, Random::new(0), &acks).unwrap();
        client.ask_allowed().unwrap();
        server.kill();
        let segment = newest_segment(&own("log"));
        let bytes = fs::read(&segment).unwrap();
        let keyring = fs::read(own("keyring")).unwrap();
        // Opening signs what is there.
        size_when_opened(&ledger).unwrap();
        assert_eq!(
            fs::read(&segment).unwrap(),
            bytes,
            "a whole log is not changed"
        );
        let covered = fs::read(own("head.lock")).unwrap();
        let (frame, entries) = last_frame(&bytes);
        Self {
            _scratch: scratch,
            segment,
            bytes,
            frame,
            entries,
            keyring,
            uncovered,
            covered,
            ledger,
        }
    }

    /// Puts a log on disk that ends like this.
    fn put(&self, bytes: &[u8], head: &[u8]) {
        let directory = self.ledger.directory.path();
        fs::write(&self.segment, bytes).unwrap();
        fs::write(directory.join("head.lock"), head).unwrap();
        fs::write(directory.join("keyring"), &self.keyring).unwrap();
        for file in fs::read_dir(directory.join("log")).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            let later = parse_name(&name).is_some_and(|first| first >= self.entries.start);
            if later || name.starts_with("torn-") {
                fs::remove_file(path).unwrap();
            }
        }
    }

    /// Nothing was promised of the last frame: it is cut, and all before it is there.
    fn is_cut(&self, bytes: &[u8]) {
        self.put(bytes, &self.uncovered);
        let size = size_when_opened(&self.ledger).unwrap();
        let torn = bytes[self.frame.start..].iter().any(|byte| *byte != 0);
        let recovered = u64::from(torn);
        assert_eq!(
            size,
            self.entries.start + recovered,
            "log.recovered is all that is new"
        );
        let found = fs::read(&self.segment).unwrap();
        assert_eq!(found[..self.frame.start], self.bytes[..self.frame.start]);
        assert_eq!(self.looked_at(), (false, Verdict::Verified));
    }

    /// It was promised: what is left is damaged, and stays as it is.
    fn is_refused(&self, bytes: &[u8]) {
        self.put(bytes, &self.covered);
        match size_when_opened(&self.ledger) {
            Err(StartError::Open(OpenError::Damage(damage))) => {
                assert_eq!(damage.first_bad, self.entries.start, "{damage}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(
            fs::read(&self.segment).unwrap(),
            bytes,
            "nothing was changed"
        );
        let (damaged, verdict) = self.looked_at();
        assert!(damaged && verdict != Verdict::Verified, "{verdict:?}");
    }

    /// Whether `fsck` finds damage, and what `verify` concludes.
    fn looked_at(&self) -> (bool, Verdict) {
        let directory = &self.ledger.directory;
        let report = fsck(directory).unwrap();
        let damaged = report.findings.iter().any(Finding::is_damage);
        let trust = Trust {
            log_keys: vec![self.ledger.vkey.clone()],
            earlier: None,
        };
        let log = DataDirectory::open(directory.path()).unwrap();
        let report = verify(
            &log,
            &trust,
            &countersign_verify::Options::default(),
            &mut |_| {},
        );
        (damaged, report.verdict)
    }
}

#[test]
#[ignore = "tests/run runs it"]
fn a_log_that_was_torn_at_any_byte_loses_nothing_that_was_promised() {
    let tail = Tail::new();
    let mut looks = 0;
    for at in tail.frame.clone() {
        let mut zeroed = tail.bytes.clone();
        zeroed[at..].fill(0);
        if zeroed == tail.bytes {
            continue;
        }
        let ends_here = tail.bytes[..at].to_vec();
        tail.is_refused(&zeroed);
        tail.is_refused(&ends_here);
        let (first, then) = if at % 2 == 0 {
            (&zeroed, &ends_here)
        } else {
            (&ends_here, &zeroed)
        };
        tail.is_cut(first);
        tail.is_cut(then);
        if at % LOOK_EVERY == 0 {
            tail.ledger.fsck().unwrap();
            tail.ledger.verify().unwrap();
            looks += 1;
        }
        if at % SERVE_EVERY == 0 {
            tail.ledger.serve().stop().unwrap();
            tail.ledger.verify().unwrap();
        }
    }
    let cuts = tail.frame.len();
    figures(&format!(
        "{cuts} lengths of the last frame, each cut and zeroed: refused where it was promised, else \
         recovered; 0 promised entries lost; fsck and verify held after each, as processes after {looks}"
    ));
}

/// Opens the log as a server does, and closes it; how many entries it has then.
fn size_when_opened(ledger: &Ledger) -> Result<u64, StartError> {
    let clock = Box::new(SystemClock::new());
    let core = open(
        &ledger.directory,
        Options::default(),
        clock,
        Box::new(SystemEntropy),
    )?;
    Ok(core.state().size)
}

fn newest_segment(log: &Path) -> PathBuf {
    let files = fs::read_dir(log).unwrap().map(Result::unwrap);
    let newest = files.max_by_key(|file| parse_name(&file.file_name().to_string_lossy()));
    newest.unwrap().path()
}

/// Where the last frame of a segment is, and which entries it has.
fn last_frame(segment: &[u8]) -> (Range<usize>, Range<u64>) {
    let mut last = 0..0;
    let mut entries = 0..0;
    while let Some(bytes) = segment[last.end..].first_chunk::<HEADER_LEN>() {
        let Ok(header) = Header::parse(bytes) else {
            break;
        };
        last = last.end..last.end + header.frame_len();
        entries = header.first_seq..header.next_seq();
    }
    assert!(!last.is_empty(), "the segment has frames");
    (last, entries)
}
