//! Start: read the log from the newest snapshot on, fold it, hold it against head.lock, and only then
//! take commands.

use std::sync::Arc;

use countersign_flow::{Command, Record as Note, State, apply};
use countersign_ledger::chain::{genesis, leaf_hash, link};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::{Frontier, root_at as root_at_stored};
use countersign_ledger::note::Signer;
use countersign_record::digest::{EntryHash, LeafHash};
use countersign_record::keyring::Keyring;
use countersign_store::head::{HeadLock as _, HeadLockError, HeadRefusal, check_head};
use countersign_store::index::Index;
use countersign_store::keyring::KeyringFileError;
use countersign_store::keys::ServiceKey;
use countersign_store::layout::LogDir;
use countersign_store::log::{Log as _, ReadError, ReadLog};
use countersign_store::segments::{Recovered, SegmentLog};
use countersign_store::tree::StoredTree;
use ed25519_dalek::SigningKey;

use crate::clock::Clock;
use crate::core::{Core, GrantKey, Parts, Signed, opened, terms};
use crate::entropy::Entropy;
use crate::error::{CommandError, StartError};
use crate::selftest::self_test;
use crate::snapshot::{Keeper, Snapshot, newest};
use crate::writer::{Service, Writer};

/// What the operator orders at start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Take the log as it is, although head.lock is missing.
    pub adopt_head: bool,
    /// Vouch for the machine's clock.
    pub accept_clock: bool,
    /// Arm the log when it is not armed yet.
    pub arm: bool,
}

/// Opens a log to be written to, for direct changes or to be served.
pub fn open(
    directory: &LogDir,
    options: Options,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
) -> Result<Core, StartError> {
    let log_key = SigningKey::from_bytes(&*directory.keys().load(ServiceKey::Log)?);
    let head_lock = directory.head_lock()?;
    head_lock.settle()?;
    let note = match head_lock.read() {
        Ok(note) => Some(note),
        Err(HeadLockError::Missing { .. }) if options.adopt_head => None,
        Err(error) => return Err(error.into()),
    };
    let origin = directory.format(None)?.origin;
    let log_public = log_key.verifying_key().to_bytes();
    let signer = Signer::new(&origin, log_key).map_err(|error| StartError::Entry {
        seq: 0,
        fault: error.to_string(),
    })?;
    // Nothing is cut on the word of a note that this log's key did not sign.
    let last = note
        .as_deref()
        .map(|note| Checkpoint::open(note, &signer.verifier_key()));
    let last = last.transpose().map_err(HeadRefusal::from)?;
    let signed_size = last.map_or(0, |checkpoint| checkpoint.size);
    let snapshots = directory.snapshots();
    // Without a signed size nothing remembered is believed.
    let mut remembered = snapshots.list();
    remembered.retain(|head| head.size <= signed_size);
    let log = SegmentLog::open_after(directory.disk(), signed_size, &remembered)?;
    let recovered = log.recovered().to_vec();
    let reader = log.reader();
    directory.keyring().settle()?;
    let keyring = directory.keyring().load(0)?;
    let genesis = genesis(&origin);
    let base = newest(&snapshots, &*reader, &keyring, genesis, signed_size);
    let snapshot_at = base.as_ref().map_or(0, |base| base.state.size);
    let mut trees = Trees::begin(directory, base.as_ref(), &*reader, signed_size)?;
    let mut leaf = |leaf| trees.append(leaf);
    let state = fold(base, &*reader, &keyring, genesis, &mut leaf)?;
    let grant_key = check_keys(directory, &state, log_public)?;
    // All that was sealed and is not under a snapshot has opened.
    directory.keyring().keep_sum(&keyring);
    let (tree, last_signed) = match &note {
        None => (trees.all, Signed::default()),
        Some(note) => trees.signed(note, log.head().size, &signer, &*reader)?,
    };
    let mut core = Core::new(Parts {
        state,
        tree,
        snapshots,
        snapshot_at,
        genesis,
        log,
        signed: last_signed,
        head_lock,
        signer,
        grant_key,
        keyring,
        keyring_file: directory.keyring(),
        clock,
        entropy,
    })?;
    core.note_start(&recovered, note.is_none(), options)?;
    Ok(core)
}

/// The tree of all entries, and its right edge at the signed size, while the log is read.
struct Trees {
    all: StoredTree,
    signed: Frontier,
    signed_size: u64,
}

impl Trees {
    fn begin(
        directory: &LogDir,
        base: Option<&Snapshot>,
        reader: &dyn ReadLog,
        signed_size: u64,
    ) -> Result<Self, StartError> {
        let Some(base) = base else {
            return Ok(Self {
                all: StoredTree::empty(directory.disk()),
                signed: Frontier::new(),
                signed_size,
            });
        };
        let all = match StoredTree::resume(directory.disk(), &base.frontier) {
            Some(tree) => tree,
            None => remade(directory, reader, base.frontier.size())?,
        };
        Ok(Self {
            all,
            signed: base.frontier.clone(),
            signed_size,
        })
    }

    fn append(&mut self, leaf: LeafHash) {
        if self.signed.size() < self.signed_size {
            self.signed.append(leaf);
        }
        self.all.append(leaf);
        // What cannot be saved stays in memory, and is tried again.
        drop(self.all.save_many(self.all.size()));
    }

    /// The start rule. What the stored hashes give must be what the entries gave.
    fn signed(
        self,
        note: &str,
        size: u64,
        signer: &Signer,
        reader: &dyn ReadLog,
    ) -> Result<(StoredTree, Signed), StartError> {
        let Self {
            mut all,
            signed: frontier,
            ..
        } = self;
        let root_at = |size: u64| (frontier.size() == size).then(|| frontier.root());
        let checkpoint: Checkpoint = check_head(size, root_at, note, &signer.verifier_key())?;
        if root_at_stored(&all, checkpoint.size) != Ok(checkpoint.root) {
            all.rebuild(reader, size)
                .map_err(|error| unread(size, &error))?;
        }
        let last = Signed {
            note: Some(note.into()),
            checkpoint: Some(checkpoint),
            frontier,
        };
        Ok((all, last))
    }
}

/// The tree of the first entries, from the entries themselves: its file was lost or damaged.
fn remade(directory: &LogDir, reader: &dyn ReadLog, size: u64) -> Result<StoredTree, StartError> {
    tracing::warn!("the stored tree is not that of the log; it is made again");
    let mut tree = StoredTree::empty(directory.disk());
    let done = tree.follow(reader, size);
    done.map_err(|error| unread(tree.size(), &error))?;
    Ok(tree)
}

fn unread(seq: u64, error: &ReadError) -> StartError {
    StartError::Entry {
        seq,
        fault: error.to_string(),
    }
}

/// Folds the log, from a snapshot on where there is one; `leaf` gets the leaf of every entry read.
fn fold(
    base: Option<Snapshot>,
    reader: &dyn ReadLog,
    keyring: &Keyring,
    genesis: EntryHash,
    leaf: &mut dyn FnMut(LeafHash),
) -> Result<State, StartError> {
    let mut state = base.map_or_else(State::default, |base| base.state);
    check_keyring(state.keyring, keyring)?;
    for frame in reader.frames(state.size) {
        let frame = frame.map_err(|error| unread(state.size, &error))?;
        for stored in frame.records {
            let seq = stored.seq;
            let bad = |fault: &str| StartError::Entry {
                seq,
                fault: fault.into(),
            };
            let hash = link(&stored.entry);
            leaf(leaf_hash(&stored.entry));
            let record = opened(keyring, genesis, stored.entry, &stored.bodies)
                .ok_or_else(|| bad("this version cannot read it"))?;
            check_keyring(record.entry.keyring.unwrap_or_default(), keyring)?;
            if record.bodies.len() != record.entry.draft.bodies.iter().len() {
                return Err(bad(
                    "a body does not open: it is damaged, or the keyring is not this log's newest",
                ));
            }
            let prev = state.head.as_ref().map_or(genesis, |head| head.hash);
            if record.entry.seq != state.size || record.entry.prev != prev {
                return Err(bad("it does not follow the entry before it"));
            }
            apply(&mut state, &record.entry, hash, &|name| {
                record.body(name).cloned()
            });
        }
    }
    Ok(state)
}

/// An old copy of the keyring lacks keys that entries were sealed with, and would be given others.
fn check_keyring(needed: u64, keyring: &Keyring) -> Result<(), StartError> {
    let found = keyring.generation();
    if needed <= found {
        return Ok(());
    }
    let path = "keyring".into();
    Err(KeyringFileError::Old {
        path,
        found,
        needed,
    }
    .into())
}

/// After a failed commit: the state is what is durable.
pub(crate) fn refold(core: &mut Core) -> Result<(), StartError> {
    let size = core.durable.size;
    let reader = &*core.reader;
    let base = newest(&core.snapshots, reader, &core.keyring, core.genesis, size);
    core.state = fold(base, reader, &core.keyring, core.genesis, &mut |_| {})?;
    if !core.tree.cut(size) {
        let made = core.tree.rebuild(reader, size);
        made.map_err(|error| unread(size, &error))?;
    }
    Ok(())
}

fn check_keys(
    directory: &LogDir,
    state: &State,
    log_public: [u8; 32],
) -> Result<GrantKey, StartError> {
    let created = match &state.ledger {
        Some(ledger) => &ledger.created,
        None => {
            return Err(StartError::Entry {
                seq: 0,
                fault: "it is not ledger.created".into(),
            });
        }
    };
    if log_public != created.log_key {
        return Err(StartError::WrongKey { name: "log" });
    }
    let key = SigningKey::from_bytes(&*directory.keys().load(ServiceKey::Grant)?);
    if key.verifying_key().to_bytes() != created.grant_key.key {
        return Err(StartError::WrongKey { name: "grant" });
    }
    Ok(GrantKey {
        id: created.grant_key.id,
        key,
    })
}

impl Core {
    /// What recovery and the operator did stands in the log before anything else.
    fn note_start(
        &mut self,
        recovered: &[Recovered],
        adopted: bool,
        options: Options,
    ) -> Result<(), StartError> {
        for cut in recovered {
            let note = Note::Recovered {
                cut_bytes: cut.cut_bytes,
                digest: cut.sha256,
            };
            self.direct("recording the cut tail", &Command::Record(note))?;
        }
        if adopted {
            let note = Note::Repaired {
                what: "adopt-head".into(),
            };
            self.direct("recording the adopted head", &Command::Record(note))?;
        }
        if options.accept_clock {
            self.accept_clock()?;
        }
        self.settled("recording the start")
    }

    /// Runs a command at the machine, outside the writer thread.
    pub fn direct(&mut self, doing: &'static str, command: &Command) -> Result<(), StartError> {
        self.run(command)
            .map(|_| ())
            .map_err(|cause| StartError::Command { doing, cause })
    }

    /// Makes what was run durable and signs it.
    pub fn settled(&mut self, doing: &'static str) -> Result<(), StartError> {
        self.commit().map_err(|cause| StartError::Command {
            doing,
            cause: CommandError::Unavailable(cause),
        })?;
        self.sign()
            .map_err(|cause| StartError::Unsigned { doing, cause })
    }

    fn accept_clock(&mut self) -> Result<(), StartError> {
        let old = self.state.last_at;
        self.time.accept();
        let by = self.state.ledger.as_ref().map(|ledger| ledger.service);
        let Some(by) = by.map(countersign_record::entry::Party::Executor) else {
            return Ok(());
        };
        let new = self.time.wall_ms();
        self.direct(
            "accepting the clock",
            &Command::Record(Note::ClockAccepted { by, old, new }),
        )
    }

    /// Arms where ordered, tests itself, and starts the writer.
    pub fn serve(mut self, directory: &LogDir, options: Options) -> Result<Service, StartError> {
        self.begin(options)?;
        let place = Box::new(directory.index());
        let keyring = Arc::clone(&self.shared_keyring);
        let terms = terms(keyring, self.genesis);
        let index = Index::start(place, Arc::clone(&self.reader), terms);
        let doing = |doing| move |cause| StartError::System { doing, cause };
        let keeper = Keeper::start(directory.snapshots());
        self.keeper = Some(keeper.map_err(doing("starting the thread of snapshots"))?);
        self.log.prepare_ahead();
        self.index = Some(Arc::new(index.map_err(doing("starting the index"))?));
        Service::start(self).map_err(doing("starting the writer"))
    }

    /// The same without a thread, for simulations: the same orders give the same log. The writer
    /// does a batch when it is told to, head.lock is swapped between two of the next batches, and the
    /// log itself is asked where others ask the index.
    pub fn serve_by_steps(mut self, options: Options) -> Result<(Service, Writer), StartError> {
        self.begin(options)?;
        Ok(Service::by_steps(self))
    }

    fn begin(&mut self, options: Options) -> Result<(), StartError> {
        self_test(&self.state).map_err(|error| StartError::Entry {
            seq: self.state.size,
            fault: format!("the self-test failed: {error}; nothing was armed or served"),
        })?;
        if options.arm && !self.state.armed {
            self.direct("arming", &Command::Arm)?;
        }
        let started = Note::Started {
            software: crate::SOFTWARE.into(),
        };
        self.direct("recording the start", &Command::Record(started))?;
        self.settled("recording the start")
    }
}
