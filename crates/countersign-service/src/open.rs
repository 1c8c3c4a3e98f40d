//! Start: read the whole log, fold it, hold it against head.lock, and only then take commands.

use std::sync::Arc;

use countersign_flow::{Command, Record as Note, State, apply};
use countersign_ledger::chain::{genesis, leaf_hash, link};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::{Frontier, Tree};
use countersign_ledger::note::Signer;
use countersign_record::digest::EntryHash;
use countersign_record::keyring::Keyring;
use countersign_store::head::{HeadLock as _, HeadLockError, HeadRefusal, check_head};
use countersign_store::index::{Index, entry_ids};
use countersign_store::keys::ServiceKey;
use countersign_store::layout::LogDir;
use countersign_store::log::{Log as _, ReadLog};
use countersign_store::segments::{Recovered, SegmentLog};
use ed25519_dalek::SigningKey;

use crate::clock::Clock;
use crate::core::{Core, GrantKey, Parts, Signed, opened};
use crate::entropy::Entropy;
use crate::error::{CommandError, StartError};
use crate::selftest::self_test;
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
    let log = SegmentLog::open(directory.disk(), signed_size)?;
    let recovered = log.recovered().to_vec();
    let reader = log.reader();
    directory.keyring().settle()?;
    let keyring = directory.keyring().load(0)?;
    let genesis = genesis(&origin);
    let folded = fold(&*reader, &keyring, genesis)?;
    let grant_key = check_keys(directory, &folded.state, log_public)?;
    let last_signed = match &note {
        None => Signed {
            note: None,
            checkpoint: None,
            frontier: Frontier::default(),
        },
        Some(note) => signed(note, &folded.tree, log.head().size, &signer, &*reader)?,
    };
    let mut core = Core::new(Parts {
        state: folded.state,
        tree: folded.tree,
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

/// A log's fold and tree.
struct Folded {
    state: State,
    tree: Tree,
}

fn fold(reader: &dyn ReadLog, keyring: &Keyring, genesis: EntryHash) -> Result<Folded, StartError> {
    let mut folded = Folded {
        state: State::default(),
        tree: Tree::default(),
    };
    for frame in reader.frames(0) {
        let frame = frame.map_err(|error| StartError::Entry {
            seq: folded.state.size,
            fault: error.to_string(),
        })?;
        for stored in frame.records {
            let seq = stored.seq;
            let bad = |fault: &str| StartError::Entry {
                seq,
                fault: fault.into(),
            };
            let hash = link(&stored.entry);
            folded.tree.append(leaf_hash(&stored.entry));
            let record = opened(keyring, genesis, stored.entry, &stored.bodies)
                .ok_or_else(|| bad("this version cannot read it"))?;
            if record.bodies.len() != record.entry.draft.bodies.iter().len() {
                return Err(bad(
                    "a body does not open: it is damaged, or the keyring is not this log's newest",
                ));
            }
            let prev = folded.state.head.as_ref().map_or(genesis, |head| head.hash);
            if record.entry.seq != folded.state.size || record.entry.prev != prev {
                return Err(bad("it does not follow the entry before it"));
            }
            apply(&mut folded.state, &record.entry, hash, &|name| {
                record.body(name).cloned()
            });
        }
    }
    Ok(folded)
}

/// After a full disk: the state is what is durable.
pub(crate) fn refold(core: &mut Core) -> Result<(), StartError> {
    let folded = fold(&*core.reader, &core.keyring, core.genesis)?;
    core.state = folded.state;
    core.tree = folded.tree;
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

fn signed(
    note: &str,
    tree: &Tree,
    size: u64,
    signer: &Signer,
    reader: &dyn ReadLog,
) -> Result<Signed, StartError> {
    let root_at = |size| tree.root_at(size).ok();
    let checkpoint: Checkpoint = check_head(size, root_at, note, &signer.verifier_key())?;
    let mut frontier = Frontier::default();
    for frame in reader.frames(0) {
        let frame = frame.map_err(|error| StartError::Entry {
            seq: frontier.size(),
            fault: error.to_string(),
        })?;
        let records = frame.records.iter();
        for record in records.filter(|record| record.seq < checkpoint.size) {
            frontier.append(leaf_hash(&record.entry));
        }
    }
    Ok(Signed {
        note: Some(note.into()),
        checkpoint: Some(checkpoint),
        frontier,
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
        let done = self.commit().and_then(|_| self.sign());
        done.map_err(|cause| StartError::Command {
            doing,
            cause: CommandError::Unavailable(cause),
        })
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
        let index = Index::start(place, Arc::clone(&self.reader), entry_ids);
        let doing = |doing| move |cause| StartError::System { doing, cause };
        self.index = Some(Arc::new(index.map_err(doing("starting the index"))?));
        Service::start(self).map_err(doing("starting the writer"))
    }

    /// The same without a thread, for simulations: the same orders give the same log. The writer
    /// does a batch when it is told to, and the log itself is asked where others ask the index.
    pub fn serve_by_steps(mut self, options: Options) -> Result<(Service, Writer), StartError> {
        self.begin(options)?;
        Ok(Service::with_writer(self))
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
