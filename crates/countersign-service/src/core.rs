//! What the writer owns: state, log, tree, keys. A command is admitted, staged and folded; a batch
//! of them becomes one frame and one fdatasync; only then is anything answered.

mod commit;
mod event;
mod keys;
mod likeness;
mod notes;
mod presentations;
mod record;
mod stage;
mod values;

use std::cell::Cell;
use std::sync::Arc;

use countersign_flow::State;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::Frontier;
use countersign_ledger::note::Signer;
use countersign_record::digest::EntryHash;
use countersign_record::keyring::Keyring;
use countersign_store::head::{HeadLock, HeadLockFile};
use countersign_store::index::Index;
use countersign_store::keyring::KeyringFile;
use countersign_store::log::{CommitError, Epoch, Log, LogHead, ReadLog};
use countersign_store::segments::SegmentLog;
use countersign_store::snapshots::Snapshots;
use countersign_store::tree::StoredTree;
pub use event::{Event, Parties};
pub(crate) use keys::GrantKey;
use presentations::Presentations;
pub use record::Record;
pub(crate) use record::{Unread, opened};
use stage::Staged;
pub(crate) use values::{SharedKeyring, is_about, sought, terms};

use crate::clock::{Clock, Timekeeper};
use crate::entropy::Entropy;
use crate::error::Unavailable;
use crate::meter::Meter;
use crate::snapshot::Keeper;

/// After a full disk only what must be recorded is tried for this long, so that it never shares a
/// batch with what must wait.
const FULL_PAUSE_MS: u64 = 1000;

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
    pub(crate) head_lock: Arc<dyn HeadLock>,
    pub(crate) signer: Signer,
    pub(crate) grant_key: Arc<GrantKey>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) shared_keyring: SharedKeyring,
    pub(crate) keyring_file: KeyringFile,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) time: Timekeeper,
    pub(crate) meter: Meter,
    pub(crate) logins: crate::usecase::Logins,
    pub(crate) index: Option<Arc<Index>>,
    pub(crate) presentations: Presentations,
    staged: Vec<Staged>,
    /// Their length, with bodies.
    pub(crate) staged_bytes: usize,
    pub(crate) final_only: bool,
    /// By the monotonic clock.
    pub(crate) full_until: Option<u64>,
    /// Openings since the last routine commit.
    pub(crate) openings: u32,
    /// Not even what must be recorded fits for now.
    pub(crate) exhausted_until: Option<u64>,
    pub(crate) broken: Option<Unavailable>,
    pub(crate) unreadable: bool,
    /// Something could not be read for the request under way: it is not answered as if that did not
    /// exist.
    pub(crate) unread: Cell<Option<Unread>>,
}

/// The last signed checkpoint and the tree up to it, computed a second way: from bytes read back.
#[derive(Default)]
pub(crate) struct Signed {
    pub(crate) note: Option<String>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) frontier: Frontier,
}

impl Signed {
    /// How many entries are signed.
    pub(crate) fn size(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |it| it.size)
    }

    /// The note; empty where nothing is signed yet.
    pub(crate) fn note(&self) -> &str {
        self.note.as_deref().unwrap_or_default()
    }
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
            head_lock: Arc::new(parts.head_lock),
            signer: parts.signer,
            grant_key: Arc::new(parts.grant_key),
            shared_keyring: SharedKeyring::new(Arc::clone(&keyring).into()),
            keyring,
            keyring_file: parts.keyring_file,
            entropy: parts.entropy,
            meter: Meter::default(),
            logins: crate::usecase::Logins::default(),
            index: None,
            presentations: Presentations::default(),
            staged: Vec::new(),
            staged_bytes: 0,
            final_only: true,
            full_until: None,
            openings: 0,
            exhausted_until: None,
            broken: None,
            unreadable: false,
            unread: Cell::new(None),
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
}

#[cfg(test)]
mod tests;
