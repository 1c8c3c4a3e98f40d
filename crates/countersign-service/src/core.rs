//! What the writer owns: state, log, tree, keys. A command is admitted, staged and folded; a batch
//! of them becomes one frame and one fdatasync; only then is anything answered.

mod commit;
mod keys;
mod likeness;
mod notes;
mod values;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use countersign_flow::{Command, State, admit, apply};
use countersign_ledger::chain::{leaf_hash, link};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::frame::{BODY_BYTES_MAX, COUNT_MAX, FRAME_BYTES_MAX};
use countersign_ledger::merkle::Frontier;
use countersign_ledger::note::Signer;
use countersign_record::body::Body;
use countersign_record::digest::EntryHash;
use countersign_record::entry::{Draft, Entry, Fact};
use countersign_record::id::CallId;
use countersign_record::json::Value;
use countersign_record::keyring::Keyring;
use countersign_record::seal;
use countersign_record::seal::BodyPlace;
use countersign_store::head::{HeadLock, HeadLockFile};
use countersign_store::index::Index;
use countersign_store::keyring::KeyringFile;
use countersign_store::log::{CommitError, Epoch, Log, LogHead, ReadLog, Urgency};
use countersign_store::segments::SegmentLog;
use countersign_store::snapshots::Snapshots;
use countersign_store::tree::StoredTree;
pub(crate) use keys::GrantKey;
pub(crate) use values::{SharedKeyring, Sought, is_about, terms_of};

use crate::clock::{Clock, Timekeeper};
use crate::entropy::{Entropy, draw};
use crate::error::{CommandError, Unavailable};
use crate::meter::Meter;
use crate::sealing::{Fault, Sealer};
use crate::snapshot::Keeper;

/// After a full disk only what must be recorded is tried for this long, so that it never shares a
/// batch with what must wait.
const FULL_PAUSE_MS: u64 = 1000;

/// A batch with so many entries becomes a frame: half of what a frame holds, so that one more command
/// always fits.
const BATCH_RECORDS: usize = (COUNT_MAX / 2) as usize;
/// The same in bytes; the largest command and a full batch fit into one frame.
const BATCH_BYTES: usize = FRAME_BYTES_MAX / 4;
/// The largest command: half a frame.
const STAGED_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;

/// Everything that the writer owns.
pub struct Core {
    pub(crate) state: State,
    pub(crate) log: Box<dyn Log>,
    pub(crate) reader: Arc<dyn ReadLog>,
    pub(crate) epoch: Epoch,
    pub(crate) durable: LogHead,
    pub(crate) genesis: EntryHash,
    pub(crate) tree: StoredTree,
    pub(crate) snapshots: Snapshots,
    pub(crate) keeper: Option<Keeper>,
    /// The size of the log at the last snapshot.
    pub(crate) snapshot_at: u64,
    pub(crate) is_stopping: bool,
    pub(crate) signed: Signed,
    pub(crate) head_lock: Box<dyn HeadLock>,
    pub(crate) signer: Signer,
    pub(crate) grant_key: GrantKey,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) shared_keyring: SharedKeyring,
    pub(crate) keyring_file: KeyringFile,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) time: Timekeeper,
    pub(crate) meter: Meter,
    pub(crate) logins: crate::usecase::Logins,
    pub(crate) index: Option<Arc<Index>>,
    pub(crate) staged: Vec<Staged>,
    /// Their length, with bodies.
    pub(crate) staged_bytes: usize,
    pub(crate) final_only: bool,
    /// By the monotonic clock.
    pub(crate) full_until: Option<u64>,
    /// Not even what must be recorded fits for now.
    pub(crate) exhausted_until: Option<u64>,
    pub(crate) broken: Option<Unavailable>,
    pub(crate) unreadable: bool,
    /// Something could not be read for the request under way: it is not answered as if that did not
    /// exist.
    pub(crate) unread: Cell<bool>,
}

/// The last signed checkpoint and the tree up to it, computed a second way: from bytes read back.
#[derive(Default)]
pub(crate) struct Signed {
    pub(crate) note: Option<String>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) frontier: Frontier,
}

/// An entry where it will stand, encoded and hashed once.
struct Placed {
    entry: Entry,
    bytes: Vec<u8>,
    hash: EntryHash,
}

/// An entry that is about to become durable.
pub(crate) struct Staged {
    entry: Vec<u8>,
    bodies: Vec<Vec<u8>>,
    event: Event,
}

impl Staged {
    fn len(&self) -> usize {
        self.entry.len() + self.bodies.iter().map(Vec::len).sum::<usize>()
    }
}

/// A body of the command's entry of that number, before it is sealed.
type Sealing = (usize, &'static str, Body);

/// Something that became durable.
#[derive(Clone, Debug)]
pub struct Event {
    /// The entry.
    pub seq: u64,
    /// Its kind.
    pub kind: &'static str,
    /// The call that it is about.
    pub call: Option<CallId>,
}

/// An entry read back from the log, with its bodies.
#[derive(Clone, Debug)]
pub struct Record {
    /// The exact bytes.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub entry: Entry,
    /// Bodies that could be opened, by name.
    pub bodies: BTreeMap<String, Body>,
}

/// What a core is made of.
pub(crate) struct Parts {
    pub(crate) state: State,
    pub(crate) tree: StoredTree,
    pub(crate) genesis: EntryHash,
    pub(crate) log: SegmentLog,
    pub(crate) snapshots: Snapshots,
    pub(crate) snapshot_at: u64,
    pub(crate) signed: Signed,
    pub(crate) head_lock: HeadLockFile,
    pub(crate) signer: Signer,
    pub(crate) grant_key: GrantKey,
    pub(crate) keyring: Keyring,
    pub(crate) keyring_file: KeyringFile,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) entropy: Box<dyn Entropy>,
}

impl Core {
    /// A core with the writer's turn, idle.
    pub(crate) fn new(mut parts: Parts) -> Result<Self, CommitError> {
        let keyring = Arc::new(parts.keyring);
        Ok(Self {
            epoch: parts.log.lease()?,
            reader: parts.log.reader(),
            durable: parts.log.head(),
            log: Box::new(parts.log),
            time: Timekeeper::start(parts.clock, parts.state.last_at),
            state: parts.state,
            genesis: parts.genesis,
            tree: parts.tree,
            snapshots: parts.snapshots,
            keeper: None,
            snapshot_at: parts.snapshot_at,
            is_stopping: false,
            signed: parts.signed,
            head_lock: Box::new(parts.head_lock),
            signer: parts.signer,
            grant_key: parts.grant_key,
            shared_keyring: SharedKeyring::new(Arc::clone(&keyring).into()),
            keyring,
            keyring_file: parts.keyring_file,
            entropy: parts.entropy,
            meter: Meter::default(),
            logins: crate::usecase::Logins::default(),
            index: None,
            staged: Vec::new(),
            staged_bytes: 0,
            final_only: true,
            full_until: None,
            exhausted_until: None,
            broken: None,
            unreadable: false,
            unread: Cell::new(false),
        })
    }

    /// The state, all of it durable or about to be in this batch.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The time that the next entry gets.
    pub fn now(&mut self) -> u64 {
        self.time.now(self.state.last_at)
    }

    /// Judges a command, and stages what it appends.
    pub(crate) fn run(&mut self, command: &Command) -> Result<Vec<Entry>, CommandError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone().into());
        }
        if self.unread.get() {
            return Err(Unavailable::Internal.into());
        }
        if self.is_full() && !is_final(command) {
            return Err(Unavailable::DiskFull.into());
        }
        let now = self.now();
        self.check_clock(command)?;
        let mut sealer = Sealer::new(&mut *self.entropy);
        let admitted = admit(&self.state, command, now, &mut sealer)?;
        let bodies = sealer.finish().map_err(|fault| match fault {
            Fault::Value => CommandError::Refused(countersign_flow::Refusal::CannotBeShown),
            Fault::Entropy(error) => error.into(),
        })?;
        if !admitted.unchecked().is_empty() {
            tracing::error!(unchecked = ?admitted.unchecked(), "a guard could not be checked");
            return Err(Unavailable::Internal.into());
        }
        let drafts = admitted.into_drafts();
        let n = u64::try_from(drafts.len()).unwrap_or(u64::MAX);
        let urgency = if is_final(command) {
            Urgency::Final
        } else {
            Urgency::Routine
        };
        self.need_block(self.state.size, n, urgency)?;
        let placed = self.placed(drafts, n, now);
        let stored = self.sealed(&placed, &bodies)?;
        let mut entries = Vec::with_capacity(placed.len());
        for (place, (placed, stored)) in placed.into_iter().zip(stored).enumerate() {
            entries.push(self.stage(place, placed, stored, &bodies));
        }
        self.final_only &= is_final(command);
        Ok(entries)
    }

    /// The drafts in their places: each names the entry before it.
    fn placed(&self, drafts: Vec<Draft>, n: u64, now: u64) -> Vec<Placed> {
        let mut prev = match &self.state.head {
            Some(head) => head.hash,
            None => self.genesis,
        };
        let generation = self.keyring.generation();
        let keyring = Some(generation).filter(|it| *it != self.state.keyring);
        let place = |(seq, draft)| {
            let first = seq == self.state.size;
            let entry = Entry {
                seq,
                prev,
                at: now,
                n: first.then_some(n),
                keyring: keyring.filter(|_| first),
                draft,
            };
            let bytes = entry.encode();
            prev = link(&bytes);
            Placed {
                entry,
                bytes,
                hash: prev,
            }
        };
        (self.state.size..).zip(drafts).map(place).collect()
    }

    /// The bodies of the entries, as they are stored. Nothing is folded before all of it is known to
    /// fit.
    fn sealed(
        &mut self,
        placed: &[Placed],
        bodies: &[Sealing],
    ) -> Result<Vec<Vec<Vec<u8>>>, CommandError> {
        let too_large = || CommandError::Refused(countersign_flow::Refusal::TooLarge);
        if placed.len() > BATCH_RECORDS {
            return Err(too_large());
        }
        let (mut all, mut bytes) = (Vec::with_capacity(placed.len()), 0);
        for (
            place,
            Placed {
                entry, bytes: it, ..
            },
        ) in placed.iter().enumerate()
        {
            let mut sealed = Vec::new();
            for (name, _) in entry.draft.bodies.iter() {
                let body = of_entry(entry, place, bodies, name).ok_or(Unavailable::Internal)?;
                let stored = self.seal(entry, body)?;
                if stored.len() > BODY_BYTES_MAX {
                    return Err(countersign_flow::Refusal::CannotBeShown.into());
                }
                sealed.push(stored);
            }
            bytes += it.len() + sealed.iter().map(Vec::len).sum::<usize>();
            all.push(sealed);
        }
        if bytes > STAGED_BYTES_MAX {
            return Err(too_large());
        }
        Ok(all)
    }

    /// Whether the disk was full a moment ago.
    pub(crate) fn is_full(&self) -> bool {
        self.is_before(self.full_until)
    }

    /// Whether a moment ago not even what must be recorded found space.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_before(self.exhausted_until)
    }

    fn is_before(&self, until: Option<u64>) -> bool {
        until.is_some_and(|until| self.time.monotonic_ms() < until)
    }

    /// When the pause of a disk that is full now is over, by the monotonic clock.
    fn pause(&self) -> u64 {
        self.time.monotonic_ms().saturating_add(FULL_PAUSE_MS)
    }

    /// While time is not believed, only what stops things goes on.
    fn check_clock(&self, command: &Command) -> Result<(), CommandError> {
        // Opening is what a refusal needs; a report tells what has happened already.
        let stops = match command {
            Command::Decide(decide) => decide.decision == countersign_record::term::Decision::Deny,
            Command::Open(_)
            | Command::Tick { .. }
            | Command::Freeze(_)
            | Command::Revoke(_)
            | Command::RevokeKey(_)
            | Command::RevokeCredential { .. }
            | Command::Withdraw { .. }
            | Command::Outcome(_)
            | Command::Record(_) => true,
            Command::Bootstrap(_)
            | Command::Arm
            | Command::Submit(_)
            | Command::Supersede { .. }
            | Command::Redeem(_) => false,
        };
        if stops || self.time.is_trusted() {
            Ok(())
        } else {
            Err(countersign_flow::Refusal::ClockUntrusted.into())
        }
    }

    fn stage(
        &mut self,
        place: usize,
        placed: Placed,
        sealed: Vec<Vec<u8>>,
        bodies: &[Sealing],
    ) -> Entry {
        let Placed { entry, bytes, hash } = placed;
        self.tree.append(leaf_hash(&bytes));
        apply(&mut self.state, &entry, hash, &|name| {
            of_entry(&entry, place, bodies, name).map(|body| body.value().clone())
        });
        let staged = Staged {
            event: Event {
                seq: entry.seq,
                kind: entry.kind(),
                call: entry.draft.refs.call,
            },
            entry: bytes,
            bodies: sealed,
        };
        self.staged_bytes += staged.len();
        self.staged.push(staged);
        entry
    }

    /// Whether the batch should become a frame before it takes more.
    pub(crate) fn is_batch_full(&self) -> bool {
        self.staged.len() > BATCH_RECORDS || self.staged_bytes > BATCH_BYTES
    }

    /// Policy text holds nothing personal and stays readable; everything else is sealed.
    fn seal(&mut self, entry: &Entry, body: &Body) -> Result<Vec<u8>, CommandError> {
        if matches!(entry.draft.fact, Fact::PolicyAdopted(_)) {
            return Ok(seal::store_open(body));
        }
        let key = self
            .keyring
            .body_key(entry.seq)
            .ok_or(Unavailable::Internal)?;
        let nonce = draw(&mut *self.entropy)?;
        seal::seal(&key, nonce, &self.genesis, entry.seq, body)
            .map_err(|_| countersign_flow::Refusal::CannotBeShown.into())
    }

    /// An entry of this log, also one of the batch under way, with those bodies that can be opened.
    pub(crate) fn record(&self, seq: u64) -> Option<Record> {
        if let Some(ahead) = seq.checked_sub(self.durable.size) {
            let staged = self.staged.get(usize::try_from(ahead).ok()?)?;
            let bodies: Vec<_> = staged.bodies.iter().cloned().map(Some).collect();
            return self.opened(staged.entry.clone(), &bodies);
        }
        let stored = self.readable(self.reader.read(seq))??;
        self.opened(stored.entry, &stored.bodies)
    }

    /// What was read; that it could not be is remembered until the request is answered.
    pub(crate) fn readable<T>(&self, read: Result<T, impl Display>) -> Option<T> {
        read.inspect_err(|error| {
            tracing::error!(%error, "an entry was not read");
            self.unread.set(true);
        })
        .ok()
    }

    /// Reads an entry and opens its bodies.
    pub(crate) fn opened(&self, bytes: Vec<u8>, sealed: &[Option<Vec<u8>>]) -> Option<Record> {
        opened(&self.keyring, self.genesis, bytes, sealed)
    }
}

/// The body that an entry of the command commits to under this name.
fn of_entry<'b>(
    entry: &Entry,
    place: usize,
    bodies: &'b [Sealing],
    name: &str,
) -> Option<&'b Body> {
    let root = entry.draft.bodies.root(name);
    let mut found = bodies.iter().filter(|(draft, other, body)| {
        *draft == place && *other == name && Some(body.root()) == root
    });
    found.next().map(|(.., body)| body)
}

/// Reads an entry and opens its bodies.
pub(crate) fn opened(
    keyring: &Keyring,
    genesis: EntryHash,
    bytes: Vec<u8>,
    sealed: &[Option<Vec<u8>>],
) -> Option<Record> {
    let entry = Entry::decode(&bytes).ok()?;
    Some(unsealed(keyring, genesis, bytes, entry, sealed))
}

/// The entry with those of its bodies that can be opened.
pub(crate) fn unsealed(
    keyring: &Keyring,
    genesis: EntryHash,
    bytes: Vec<u8>,
    entry: Entry,
    sealed: &[Option<Vec<u8>>],
) -> Record {
    let mut bodies = BTreeMap::new();
    for ((name, root), sealed) in entry.draft.bodies.iter().zip(sealed) {
        let place = BodyPlace {
            genesis,
            seq: entry.seq,
            root,
        };
        let Some(sealed) = sealed else { continue };
        if let Ok(body) = seal::open(sealed, &place, || keyring.body_key(entry.seq)) {
            bodies.insert(name.to_owned(), body);
        }
    }
    Record {
        bytes,
        entry,
        bodies,
    }
}

impl Record {
    /// The value of a body.
    pub fn body(&self, name: &str) -> Option<&Value> {
        self.bodies.get(name).map(Body::value)
    }
}

/// Commands that must be recorded even on a full disk.
fn is_final(command: &Command) -> bool {
    match command {
        Command::Decide(decide) => decide.decision == countersign_record::term::Decision::Deny,
        Command::Tick { .. }
        | Command::Supersede { .. }
        | Command::Withdraw { .. }
        | Command::Freeze(_)
        | Command::Revoke(_)
        | Command::RevokeKey(_)
        | Command::RevokeCredential { .. }
        | Command::Outcome(_) => true,
        Command::Bootstrap(_)
        | Command::Arm
        | Command::Record(_)
        | Command::Submit(_)
        | Command::Open(_)
        | Command::Redeem(_) => false,
    }
}

#[cfg(test)]
mod tests;
