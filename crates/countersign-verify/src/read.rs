//! Reading records one by one: form, order, chain, tree and bodies; what belongs to one command is
//! handed on together.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_attest::Verified;
use countersign_flow::{BodyValues, CallDocument, DocumentError, escape};
use countersign_ledger::chain::genesis;
use countersign_ledger::merkle::Frontier;
use countersign_record::digest::{EntryHash, RootHash};
use countersign_record::entry::{Entry, EntryError, Fact, LedgerCreated, UnixMillis};
use countersign_record::json::Value;

use crate::check::{CheckId, Tallies};
use crate::finding::Finding;
use crate::prepare::{Content, NamedContent, Place, Prepared};

/// More entries than any command appends; a longer group is refused rather than held in memory.
const GROUP_MAX: u64 = 1 << 16;

/// One entry and what is disclosed of its bodies.
#[derive(Debug)]
pub(crate) struct Read {
    /// Where it stands; an entry that was moved says otherwise.
    pub(crate) place: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) entry: Box<Entry>,
    pub(crate) hash: EntryHash,
    pub(crate) bodies: Vec<(String, Content)>,
    /// The body `call` of a call that is evaluated, where all of it is disclosed.
    pub(crate) document: Option<Result<Box<CallDocument>, DocumentError>>,
    /// That the signature in it is one by the key that it names itself.
    pub(crate) proof: Option<Verified>,
}

impl Read {
    /// What is there of a body that the header names.
    pub(crate) fn body(&self, name: &str) -> Option<&Content> {
        let mut bodies = self.bodies.iter();
        bodies.find_map(|(other, content)| (other == name).then_some(content))
    }

    /// A body's value, where all of it is disclosed.
    pub(crate) fn whole(&self, name: &str) -> Option<&Value> {
        match self.body(name) {
            Some(Content::Whole(value)) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn fact(&self) -> &Fact {
        &self.entry.draft.fact
    }
}

impl BodyValues for Read {
    fn value(&self, name: &str) -> Option<Value> {
        self.whole(name).cloned()
    }

    fn document(&self) -> Option<CallDocument> {
        let document = self.document.as_ref()?.as_ref().ok()?;
        Some(CallDocument::clone(document))
    }
}

/// The entries that one command appended.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The entries; none where only the structure is asked for.
    pub(crate) reads: Vec<Read>,
    /// The number of entries is the one that the first names.
    pub(crate) whole: bool,
    /// The last one's time.
    at: UnixMillis,
}

/// Reads a log from its first entry on.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) tallies: Tallies,
    pub(crate) findings: Vec<Finding>,
    /// Roots at the sizes that were asked for.
    pub(crate) roots: BTreeMap<u64, Option<RootHash>>,
    /// The first entry from which on nothing can be replayed.
    pub(crate) unreadable: Option<u64>,
    /// How many bodies are disclosed in part or not at all.
    pub(crate) withheld: u64,
    pub(crate) times: Option<(UnixMillis, UnixMillis)>,
    /// What entry 0 says of the log.
    pub(crate) created: Option<Box<LedgerCreated>>,
    frontier: Frontier,
    prev: Option<EntryHash>,
    /// The entry whose `prev` is not the hash of the one before it; the next entry tells which of
    /// the two was changed.
    suspect: Option<u64>,
    open: Option<Group>,
    missing: u64,
    /// The keyring's generation as last recorded.
    keyring: Option<u64>,
}

impl Reader {
    /// Remembers the root of the tree at these sizes.
    pub(crate) fn watching(sizes: impl IntoIterator<Item = u64>) -> Self {
        let mut reader = Self {
            roots: sizes.into_iter().map(|size| (size, None)).collect(),
            ..Self::default()
        };
        reader.watch();
        reader
    }

    /// How many entries were read.
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Takes the next record; the answer is what became complete.
    pub(crate) fn take(&mut self, prepared: Prepared) -> Vec<Group> {
        let seq = self.size();
        let Prepared { place, hash, .. } = prepared;
        self.frontier.append(prepared.leaf);
        self.watch();
        if let Some(place) = &place {
            self.order(seq, place);
            self.chain(seq, place, prepared.created);
        } else {
            self.tallies.failed(CheckId::Chain);
        }
        self.prev = Some(hash);
        let (Some(entry), Some(place)) = (self.form(seq, prepared.entry), place) else {
            self.unreadable.get_or_insert(seq);
            return Vec::new();
        };
        let bodies = self.bodies(seq, prepared.bodies, &prepared.surplus);
        if self.unreadable.is_some() {
            return Vec::new();
        }
        let read = entry.map(|entry| Read {
            place: seq,
            bytes: prepared.bytes,
            entry,
            hash,
            bodies,
            document: prepared.document,
            proof: prepared.proof,
        });
        self.group(seq, &place, read)
    }

    /// After the last record: the command that was cut short.
    pub(crate) fn finish(&mut self) -> Option<Group> {
        if let Some(suspect) = self.suspect.take() {
            let before = suspect - 1;
            self.broken(before, &format!("entry {before} or {suspect} was changed"));
        }
        self.cut_short()
    }

    fn watch(&mut self) {
        if let Some(asked) = self.roots.get_mut(&self.frontier.size()) {
            *asked = Some(self.frontier.root());
        }
    }

    fn form<T>(&mut self, seq: u64, entry: Result<T, EntryError>) -> Option<T> {
        match entry {
            Ok(entry) => {
                self.tallies.passed(CheckId::Form);
                Some(entry)
            }
            Err(EntryError::Unknown(_)) => {
                self.tallies.not_checked(CheckId::Form);
                None
            }
            Err(error) => {
                self.tallies.failed(CheckId::Form);
                let sentence = format!("entry {seq} is {}", escape(&format!("{error}")));
                self.findings.push(Finding::fault(seq, "form", sentence));
                None
            }
        }
    }

    fn order(&mut self, seq: u64, place: &Place) {
        let (first, last) = self.times.unwrap_or((place.at, place.at));
        self.times = Some((first, last.max(place.at)));
        let fault = if place.seq != seq {
            Some(format!("entry {} stands at place {seq}", place.seq))
        } else if place.at < last {
            Some(format!("entry {seq} is dated before the one before it"))
        } else {
            None
        };
        self.tallies.judged(CheckId::Order, fault.is_none());
        self.findings
            .extend(fault.map(|sentence| Finding::fault(seq, "order", sentence)));
    }

    fn chain(&mut self, seq: u64, place: &Place, created: Option<Box<LedgerCreated>>) {
        if seq == 0 {
            self.created = created;
        }
        let origin = self.created.as_ref().map(|created| created.origin.as_str());
        let follows = self.prev.or_else(|| origin.map(genesis)) == Some(place.prev);
        self.tallies.judged(CheckId::Chain, follows);
        match (self.suspect.take(), follows) {
            (None, false) if seq == 0 => {
                self.broken(0, "entry 0 does not begin a log of the name it gives");
            }
            (None, false) => self.suspect = Some(seq),
            (None, true) => {}
            (Some(suspect), true) => {
                let sentence = format!(
                    "entry {} is not the one that entry {suspect} follows",
                    suspect - 1
                );
                self.broken(suspect - 1, &sentence);
            }
            // A changed `prev` breaks the link before the entry and the link after it.
            (Some(suspect), false) => {
                let before = suspect - 1;
                let sentence =
                    format!("entry {suspect} was changed, or both {before} and {suspect} were");
                self.broken(suspect, &sentence);
            }
        }
    }

    fn broken(&mut self, seq: u64, what: &str) {
        let sentence = format!("the chain is broken: {what}");
        self.findings.push(Finding::fault(seq, "chain", sentence));
    }

    fn bodies(
        &mut self,
        seq: u64,
        found: Vec<NamedContent>,
        surplus: &[String],
    ) -> Vec<(String, Content)> {
        let mut bodies = Vec::with_capacity(found.len());
        for (name, content) in found {
            if matches!(content, Ok(Content::Unopened)) {
                self.tallies.not_checked(CheckId::Bodies);
            } else {
                self.tallies.judged(CheckId::Bodies, content.is_ok());
                self.withheld += u64::from(!matches!(content, Ok(Content::Whole(_))));
            }
            let content = content.unwrap_or_else(|fault| {
                let sentence = format!(
                    "body {} of entry {seq} is {}",
                    escape(&name),
                    escape(&fault)
                );
                self.findings.push(Finding::fault(seq, "body", sentence));
                Content::Absent
            });
            bodies.push((name, content));
        }
        for name in surplus {
            self.tallies.failed(CheckId::Bodies);
            let sentence = format!(
                "entry {seq} has no body {}, and one was found",
                escape(name)
            );
            self.findings.push(Finding::fault(seq, "body", sentence));
        }
        bodies
    }

    /// An old copy of the keyring is known by it, so it must not be set back.
    fn keyring_rises(&mut self, seq: u64, place: &Place) {
        let Some(keyring) = place.keyring else {
            return;
        };
        if place.n.is_none() || self.keyring.is_some_and(|last| keyring <= last) {
            self.not_whole(
                seq,
                "the keyring's generation that it records is not a later one",
            );
        }
        self.keyring = self.keyring.max(Some(keyring));
    }

    fn group(&mut self, seq: u64, place: &Place, read: Option<Read>) -> Vec<Group> {
        let mut done = Vec::new();
        self.keyring_rises(seq, place);
        match (self.missing, place.n) {
            (0, Some(n)) if (1..=GROUP_MAX).contains(&n) => self.missing = n,
            (0, _) => {
                self.not_whole(seq, "it does not say how many entries its command appended");
                self.missing = 1;
            }
            (_, Some(n)) => {
                done.extend(self.cut_short());
                self.missing = n.clamp(1, GROUP_MAX);
            }
            (_, None) => {
                if self.open.as_ref().is_some_and(|open| open.at != place.at) {
                    self.not_whole(seq, "it is dated otherwise than the command it is part of");
                }
            }
        }
        let mut open = self.open.take().unwrap_or(Group {
            first: seq,
            last: seq,
            reads: Vec::new(),
            whole: false,
            at: place.at,
        });
        open.reads.extend(read);
        (open.last, open.at) = (seq, place.at);
        self.missing -= 1;
        if self.missing == 0 {
            open.whole = true;
            done.push(open);
        } else {
            self.open = Some(open);
        }
        done
    }

    /// Where an entry could not be read, whether its command is whole cannot be told.
    fn cut_short(&mut self) -> Option<Group> {
        self.missing = 0;
        let open = self.open.take()?;
        if self.unreadable.is_some() {
            return None;
        }
        self.not_whole(
            open.first,
            "its command appended more entries than stand here",
        );
        Some(open)
    }

    fn not_whole(&mut self, seq: u64, why: &str) {
        self.tallies.failed(CheckId::Order);
        self.findings.push(Finding::fault(
            seq,
            "command-cut",
            format!("entry {seq}: {why}"),
        ));
    }
}
