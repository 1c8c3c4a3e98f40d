//! The golden ledger in memory, for changes as a forger of its data directory would make them:
//! frames and sealing made anew are no obstacle to whoever holds the disk.

use std::sync::{LazyLock, OnceLock};

use countersign_ledger::chain::{leaf_hash, link};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::Tree;
use countersign_ledger::note::Signer;
use countersign_record::cbor::{Item, decode, encode};
use countersign_record::entry::Entry;
use countersign_tamper::{ORIGIN, golden};
use countersign_verify::{
    Finding, Options, Report, Severity, Source, SourceError, Stored, Trust, verify,
};

/// Entries with their bodies, and the checkpoint.
#[derive(Clone)]
pub(crate) struct Shelf {
    pub(crate) records: Vec<Stored>,
    pub(crate) note: String,
    /// The head that the caller kept.
    pub(crate) earlier: Option<String>,
}

static GOLDEN: LazyLock<Shelf> = LazyLock::new(|| {
    let source = countersign_evidence::open(&golden::ledger()).unwrap();
    let records = source.records().collect::<Result<Vec<_>, _>>().unwrap();
    let note = source.checkpoint().unwrap();
    let earlier = None;
    Shelf {
        records,
        note,
        earlier,
    }
});

static TRUST: LazyLock<Trust> = LazyLock::new(golden::trust);

/// The log's key in a forger's hands.
pub(crate) fn log_key() -> &'static Signer {
    static KEY: OnceLock<Signer> = OnceLock::new();
    KEY.get_or_init(golden::log_key)
}

impl Shelf {
    pub(crate) fn golden() -> Self {
        GOLDEN.clone()
    }

    /// The verifier's whole report.
    pub(crate) fn report(&self) -> Report {
        let trust = Trust {
            earlier: self.earlier.clone(),
            ..TRUST.clone()
        };
        verify(self, &trust, &Options::default(), &mut |_| ())
    }

    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        for record in &self.records {
            tree.append(leaf_hash(&record.entry));
        }
        tree
    }

    /// A checkpoint of what is there now.
    pub(crate) fn sign(&mut self, signer: &Signer) {
        let tree = self.tree();
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size: tree.size(),
            root: tree.root_at(tree.size()).unwrap(),
        };
        self.note = checkpoint.sign(signer).unwrap().note().into();
    }

    /// Numbers and links all entries from `first` on anew; those that are no CBOR stay.
    pub(crate) fn relink(&mut self, first: usize) {
        for place in first..self.records.len() {
            let prev = match place.checked_sub(1) {
                Some(before) => link(&self.records[before].entry),
                None => countersign_ledger::chain::genesis(ORIGIN),
            };
            let Ok(Item::Map(mut map)) = decode(&self.records[place].entry) else {
                continue;
            };
            map.take("seq");
            map.take("prev");
            map.add("seq", Item::Uint(u64::try_from(place).unwrap()));
            map.add("prev", Item::Bytes(prev.0.to_vec()));
            self.records[place].entry = encode(&Item::Map(map));
        }
    }
}

impl Source for Shelf {
    fn checkpoint(&self) -> Option<String> {
        Some(self.note.clone())
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        Box::new(self.records.iter().cloned().map(Ok))
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.records.get(usize::try_from(seq).ok()?).cloned()
    }
}

/// Whether the report says that the log is broken.
pub(crate) fn broken(report: &Report) -> Result<(), String> {
    match report.exit_code() {
        1 => Ok(()),
        other => Err(format!("exit {other}")),
    }
}

/// Whether it also names entry `place`, and none before it but as docs/spec/verify.md, part 1, has
/// it: a broken link is blamed on the entry that it leads from, and a command is judged as a whole.
pub(crate) fn named(report: &Report, place: usize) -> Result<(), String> {
    broken(report)?;
    let begins = command_of(place);
    let place = u64::try_from(place).unwrap();
    let faults: Vec<_> = report
        .findings
        .iter()
        .filter(|it| it.severity == Severity::Integrity)
        .collect();
    let either = format!("or {place} was changed");
    let is_named = faults.iter().any(|it| {
        let is_cut = it.id == "command-cut" && it.seq == Some(begins);
        it.seq == Some(place) || is_cut || it.sentence.contains(&either)
    });
    let early = faults.iter().find(|it| match (it.id, it.seq) {
        ("chain", Some(seq)) => seq + 1 < place,
        (_, Some(seq)) if is_of_command(it) => seq < begins,
        (_, Some(seq)) => seq < place,
        (_, None) => false,
    });
    match (early, is_named) {
        (None, true) => Ok(()),
        (Some(early), _) => Err(format!("named {:?}: {}", early.seq, early.sentence)),
        (None, false) => Err(format!("{place} is not named: {faults:?}")),
    }
}

/// Whether a finding is about a command as a whole, and may name its first entry.
fn is_of_command(finding: &Finding) -> bool {
    finding.id == "command-cut" || finding.sentence.starts_with("illegal transition")
}

/// The first entry of the command to which the entry at this place belongs, or to which it would
/// be taken to belong.
fn command_of(place: usize) -> u64 {
    let begins = |record: &Stored| Entry::decode(&record.entry).is_ok_and(|it| it.n.is_some());
    let records = &GOLDEN.records;
    let last = place.min(records.len() - 1);
    let first = (0..=last).rev().find(|at| begins(&records[*at]));
    u64::try_from(first.unwrap()).unwrap()
}

/// Whether there is an integrity finding of that sort.
pub(crate) fn found_as(report: &Report, id: &str) -> Result<(), String> {
    broken(report)?;
    let mut findings = report.findings.iter();
    if findings.any(|it| it.severity == Severity::Integrity && it.id == id) {
        return Ok(());
    }
    Err(format!("no finding {id}: {:?}", report.findings.first()))
}
