//! What was promised: every entry that anybody could have seen, every checkpoint that left.

use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::Tree;
use countersign_ledger::note::VerifierKey;
use countersign_ledger::proof::InclusionProof;
use countersign_record::entry::{Entry, Fact};
use countersign_store::log::ReadLog;

use crate::judge::{Broken, Judge};

/// How the sentence begins when a served log cannot be read.
pub(crate) const UNREADABLE: &str = "a served log cannot be read";

/// How much of what was promised may be missing after a start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// Nothing.
    None,
    /// What no checkpoint covers: the disk was set back or spoiled, head.lock was not.
    Unsigned,
    /// What came after so many entries: disk and head.lock were set back together.
    After(Size),
}

/// The size of a log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Size {
    /// What was told to be durable.
    pub(crate) durable: usize,
    /// What its head.lock says was signed; of the rest, what rots at the end looks like a torn write.
    pub(crate) signed: usize,
}

pub(crate) struct Model {
    entries: Vec<Vec<u8>>,
    tree: Tree,
    pub(crate) judge: Judge,
    released: Vec<Checkpoint>,
    /// The last note that left.
    pub(crate) note: Option<String>,
    key: VerifierKey,
}

impl Model {
    pub(crate) fn new(vkey: &str) -> Self {
        Self {
            entries: Vec::new(),
            tree: Tree::default(),
            judge: Judge::default(),
            released: Vec::new(),
            note: None,
            key: vkey.parse().expect("the template's key"),
        }
    }

    pub(crate) const fn size(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn entry(&self, seq: u64) -> Option<Entry> {
        let bytes = self.entries.get(usize::try_from(seq).ok()?)?;
        Entry::decode(bytes).ok()
    }

    /// What the last `n` entries say.
    pub(crate) fn latest(&self, n: usize) -> Vec<Fact> {
        let from = self.entries.len().saturating_sub(n);
        let entries = self.entries[from..].iter();
        entries
            .filter_map(|bytes| Some(Entry::decode(bytes).ok()?.draft.fact))
            .collect()
    }

    /// Takes in what has become visible.
    pub(crate) fn grow(&mut self, reader: &dyn ReadLog) -> Result<u64, Broken> {
        let from = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        for frame in reader.frames(from) {
            let frame = frame.map_err(|error| format!("{UNREADABLE}: {error}"))?;
            for stored in frame.records.into_iter().filter(|it| it.seq >= from) {
                self.append(stored.entry)?;
            }
        }
        Ok(u64::try_from(self.entries.len()).unwrap_or(u64::MAX) - from)
    }

    fn append(&mut self, bytes: Vec<u8>) -> Result<(), Broken> {
        self.judge.take(&bytes)?;
        self.tree.append(leaf_hash(&bytes));
        self.entries.push(bytes);
        Ok(())
    }

    /// How many entries the last checkpoint that left covers.
    pub(crate) fn signed(&self) -> usize {
        let last = self.released.last().map_or(0, |it| it.size);
        usize::try_from(last).unwrap_or(usize::MAX)
    }

    /// Holds the log found after a start against what was promised; how many entries are gone, as
    /// far as that is excused.
    pub(crate) fn recover(&mut self, reader: &dyn ReadLog, loss: Loss) -> Result<usize, Broken> {
        let mut found = Vec::new();
        for frame in reader.frames(0) {
            let frame = frame.map_err(|error| format!("{UNREADABLE}: {error}"))?;
            found.extend(frame.records.into_iter().map(|it| it.entry));
        }
        let pairs = self.entries.iter().zip(&found);
        let common = pairs
            .take_while(|(promised, found)| promised == found)
            .count();
        let gone = self.entries.len() - common;
        if gone > 0 {
            let signed = self.signed();
            let least = match loss {
                Loss::None => usize::MAX,
                Loss::Unsigned => signed,
                Loss::After(size) => size.durable,
            };
            if common < least {
                return Err(format!(
                    "acknowledged entry {common} of {} is gone or changed after a start ({signed} signed, {} found)",
                    self.entries.len(),
                    found.len()
                ));
            }
            self.forget_from(common)?;
        }
        for bytes in found.into_iter().skip(self.entries.len()) {
            self.append(bytes)?;
        }
        Ok(gone)
    }

    fn forget_from(&mut self, size: usize) -> Result<(), Broken> {
        let mut kept = std::mem::take(&mut self.entries);
        kept.truncate(size);
        self.judge = Judge::default();
        self.tree = Tree::default();
        let limit = u64::try_from(size).unwrap_or(u64::MAX);
        self.released.retain(|it| it.size <= limit);
        self.note = None;
        kept.into_iter().try_for_each(|bytes| self.append(bytes))
    }

    /// A checkpoint left the server: it is of this log, and no other was ever signed.
    pub(crate) fn release(&mut self, note: &str) -> Result<(), Broken> {
        if self.note.as_deref() == Some(note) {
            return Ok(());
        }
        let checkpoint = Checkpoint::open(note, &self.key)
            .map_err(|error| format!("a checkpoint left that does not open: {error}"))?;
        let last = self.released.last().map_or(0, |it| it.size);
        if checkpoint.size < last {
            return Err(format!(
                "a checkpoint of {} entries after one of {last}",
                checkpoint.size
            ));
        }
        self.check(&checkpoint)?;
        self.note = Some(note.to_owned());
        self.released.push(checkpoint);
        Ok(())
    }

    /// Whether this checkpoint, which left once, is no longer one of this log.
    pub(crate) fn has_forgotten(&self, note: &str) -> bool {
        let checkpoint = Checkpoint::open(note, &self.key);
        checkpoint.is_ok_and(|it| self.check(&it).is_err())
    }

    fn check(&self, checkpoint: &Checkpoint) -> Result<(), Broken> {
        match self.tree.root_at(checkpoint.size) {
            Ok(root) if root == checkpoint.root => Ok(()),
            Ok(_) => Err(format!(
                "the checkpoint of {} entries has another root",
                checkpoint.size
            )),
            Err(_) => Err(format!(
                "a checkpoint of {} entries left, {} are visible",
                checkpoint.size,
                self.entries.len()
            )),
        }
    }

    /// Every checkpoint that ever left still holds.
    pub(crate) fn check_released(&self) -> Result<(), Broken> {
        self.released.iter().try_for_each(|it| self.check(it))
    }

    /// A proof that left with an answer.
    pub(crate) fn proof(&mut self, seq: u64, proof: &str) -> Result<(), Broken> {
        let parsed: InclusionProof = proof
            .parse()
            .map_err(|_| "a proof that is none".to_owned())?;
        let bytes = usize::try_from(seq)
            .ok()
            .and_then(|at| self.entries.get(at));
        let bytes = bytes.ok_or(format!("a proof of entry {seq}, which is not in the log"))?;
        if parsed.index != seq {
            return Err(format!("a proof of entry {} for entry {seq}", parsed.index));
        }
        parsed
            .verify(leaf_hash(bytes), &self.key)
            .map_err(|error| format!("the proof of entry {seq} does not hold: {error}"))?;
        Ok(())
    }
}
