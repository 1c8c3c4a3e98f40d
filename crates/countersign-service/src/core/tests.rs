//! Faults of the disk around a batch: what is told, what is tried again, what stops the log.

mod doubt;
mod swapping;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use countersign_flow::{Bootstrap, Command, Record as Note, Refusal};
use countersign_ledger::frame;
use countersign_record::digest::{RootHash, TokenDigest};
use countersign_record::entry::{CredentialEnrolled, Disclosed, Party, Refs, RevocationCause};
use countersign_record::id::{CallId, CredentialId};
use countersign_record::json::{Object, Value};
use countersign_record::term::Role;
use countersign_store::head::{HeadLockError, HeadLockFile};
use countersign_store::index::{IndexFault, IndexPlace, IndexStore, Terms};
use countersign_store::layout::{DataDir, LogDir};
use countersign_store::log::{ReadError, Stored, StoredFrame, Urgency};
use ed25519_dalek::SigningKey;
use tempfile::TempDir;

use super::*;
use crate::reading::{NOT_INDEXED, UNINDEXED_MAX};
use crate::{
    CommandError, Level, Options, Service, Setup, StartError, SystemClock, SystemEntropy, create,
    open,
};

const AUDITOR: CredentialId = CredentialId::new([4; 16]);
const TOO_MANY_OPEN_FILES: i32 = 24;

struct World {
    _scratch: TempDir,
    directory: LogDir,
}

impl World {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let setup = Setup {
            name: "demo".parse().unwrap(),
            origin: "ledger.example/demo".into(),
            policy_toml: include_str!("../../../../fixtures/policies/demo.toml").into(),
            solo: false,
            head_lock: None,
            segment_bytes: Some(1 << 20),
        };
        let (clock, entropy) = (Box::new(SystemClock::new()), Box::new(SystemEntropy));
        let created = create(&DataDir::new(scratch.path()), &setup, clock, entropy).unwrap();
        let world = Self {
            _scratch: scratch,
            directory: created.directory,
        };
        let mut core = world.open().unwrap();
        enrol_auditor(&mut core);
        world
    }

    fn open(&self) -> Result<Core, StartError> {
        let (clock, entropy) = (Box::new(SystemClock::new()), Box::new(SystemEntropy));
        open(&self.directory, Options::default(), clock, entropy)
    }

    fn segment(&self) -> PathBuf {
        let segments = fs::read_dir(self.directory.path().join("log")).unwrap();
        let mut paths = segments.map(|it| it.unwrap().path());
        paths
            .find(|it| it.extension().is_some_and(|it| it == "seg"))
            .unwrap()
    }
}

fn enrol_auditor(core: &mut Core) {
    let fact = CredentialEnrolled {
        role: Role::Auditor,
        token: TokenDigest([7; 32]),
        bootstrap: true,
    };
    let bootstrap = Bootstrap {
        refs: Refs {
            credential: Some(AUDITOR),
            ..Refs::default()
        },
        fact: fact.into(),
        bodies: vec![(
            "credential",
            Some(Value::Object(Object::new().with("name", "audit"))),
        )],
    };
    core.direct("setting up", &Command::Bootstrap(bootstrap))
        .unwrap();
    core.settled("setting up").unwrap();
}

/// Something that is recorded and changes nothing.
fn note() -> Command {
    Command::Record(Note::Started {
        software: crate::SOFTWARE.into(),
    })
}

fn refused() -> io::Error {
    io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES)
}

/// A log whose next commit finds the disk full, or each that may not use the reserve.
#[derive(Debug)]
struct Full {
    log: Arc<Mutex<Option<Box<dyn Log>>>>,
    once: bool,
    for_routine: bool,
}

impl Full {
    fn once(core: &mut Core) {
        Self::instead(core, false);
    }

    fn for_routine(core: &mut Core) {
        Self::instead(core, true);
    }

    fn instead(core: &mut Core, for_routine: bool) {
        let log = Arc::new(Mutex::new(None));
        let full = Self {
            log: Arc::clone(&log),
            once: !for_routine,
            for_routine,
        };
        let real = std::mem::replace(&mut core.log, Box::new(full));
        *log.lock().unwrap() = Some(real);
    }

    fn real<T>(&self, ask: impl FnOnce(&mut dyn Log) -> T) -> T {
        ask(self.log.lock().unwrap().as_deref_mut().unwrap())
    }
}

impl Log for Full {
    fn lease(&mut self) -> Result<Epoch, CommitError> {
        self.real(|log| log.lease())
    }

    fn head(&self) -> LogHead {
        self.real(|log| log.head())
    }

    fn commit(
        &mut self,
        epoch: Epoch,
        expected: &LogHead,
        records: &[frame::Record<'_>],
        urgency: Urgency,
    ) -> Result<LogHead, CommitError> {
        let is_full = self.for_routine && urgency == Urgency::Routine;
        if std::mem::take(&mut self.once) || is_full {
            return Err(CommitError::Full);
        }
        self.real(|log| log.commit(epoch, expected, records, urgency))
    }

    fn release_reserve(&mut self) -> io::Result<bool> {
        self.real(|log| log.release_reserve())
    }

    fn reader(&self) -> Arc<dyn ReadLog> {
        self.real(|log| log.reader())
    }
}

/// A log of which no file can be opened.
#[derive(Debug)]
struct Unopenable(LogHead);

impl ReadLog for Unopenable {
    fn head(&self) -> LogHead {
        self.0
    }

    fn read(&self, _: u64) -> Result<Option<Stored>, ReadError> {
        Err(ReadError::Disk {
            file: "log".into(),
            cause: refused(),
        })
    }

    fn frames(&self, _: u64) -> Box<dyn Iterator<Item = Result<StoredFrame, ReadError>> + '_> {
        let refused = ReadError::Disk {
            file: "log".into(),
            cause: refused(),
        };
        Box::new(std::iter::once(Err(refused)))
    }
}

/// A head lock that reports a failure: before it did anything, after all, or after something else.
#[derive(Debug)]
enum Refusing {
    Before(String),
    After(HeadLockFile),
    Instead(HeadLockFile),
}

impl HeadLock for Refusing {
    fn settle(&self) -> Result<(), HeadLockError> {
        Ok(())
    }

    fn read(&self) -> Result<String, HeadLockError> {
        match self {
            Self::Before(old) => Ok(old.clone()),
            Self::After(file) | Self::Instead(file) => file.read(),
        }
    }

    fn swap(&self, expected: Option<&str>, new: &str) -> Result<(), HeadLockError> {
        match self {
            Self::Before(old) => assert_eq!(expected, Some(old.as_str())),
            Self::After(file) => file.swap(expected, new)?,
            Self::Instead(file) => file.swap(expected, "somebody else's note\n")?,
        }
        Err(HeadLockError::Disk {
            place: "head.lock".into(),
            cause: refused(),
        })
    }
}

fn one_more(core: &mut Core) {
    core.run(&note()).unwrap();
    core.commit().unwrap();
}

#[test]
fn a_batch_that_cannot_be_read_back_for_now_is_signed_later() {
    let world = World::new();
    let mut core = world.open().unwrap();
    one_more(&mut core);
    let reader = std::mem::replace(&mut core.reader, Arc::new(Unopenable(core.durable)));
    assert_eq!(core.sign(), Err(Unavailable::Internal));
    core.reader = reader;
    assert_eq!(core.sign(), Ok(()));
    let signed = core.signed.checkpoint.as_ref().unwrap().size;
    assert_eq!(signed, core.durable.size);
}

#[test]
fn when_head_lock_refuses_what_it_holds_decides() {
    let world = World::new();
    let mut core = world.open().unwrap();
    let file = || world.directory.head_lock().unwrap();
    one_more(&mut core);
    let old = core.signed.note.clone().unwrap();
    core.head_lock = Arc::new(Refusing::Before(old));
    assert_eq!(
        core.sign(),
        Err(Unavailable::Internal),
        "nothing has happened"
    );
    core.head_lock = Arc::new(Refusing::After(file()));
    assert_eq!(core.sign(), Ok(()), "it has happened");
    one_more(&mut core);
    core.head_lock = Arc::new(Refusing::Instead(file()));
    assert!(
        matches!(core.sign(), Err(Unavailable::ReadOnly(_))),
        "somebody else signs"
    );
    assert!(core.run(&note()).is_err());
}

#[test]
fn what_is_recorded_and_not_signed_is_not_said_to_have_failed() {
    let world = World::new();
    let mut core = world.open().unwrap();
    let old = core.signed.note.clone().unwrap();
    let working = std::mem::replace(&mut core.head_lock, Arc::new(Refusing::Before(old)));
    core.run(&note()).unwrap();
    let error = core.settled("recording the change").unwrap_err();
    assert!(matches!(error, StartError::Unsigned { .. }));
    let said = error.to_string();
    assert!(
        said.starts_with("recording the change: it is recorded"),
        "{said}"
    );
    let size = core.durable.size;
    core.head_lock = working;
    core.settled("recording nothing").unwrap();
    assert_eq!(core.signed.checkpoint.as_ref().unwrap().size, size);
}

/// An index that cannot be opened.
#[derive(Debug)]
struct Closed;

impl IndexPlace for Closed {
    fn open(&self) -> Result<Arc<dyn IndexStore>, IndexFault> {
        Err(IndexFault::Form)
    }

    fn set_aside(&self) -> Result<(), IndexFault> {
        Ok(())
    }
}

#[test]
fn nobody_waits_until_the_whole_log_is_read_for_a_call_of_long_ago() {
    let world = World::new();
    let mut core = world.open().unwrap();
    let call = CallId::new([1; 16]);
    let looked = |core: &Core| {
        core.unread.set(None);
        assert_eq!(core.history(call), []);
        core.unread.get()
    };
    let terms = Terms {
        of: Box::new(|_| Vec::new()),
        taught_by: "none",
    };
    let index = Index::start(Box::new(Closed), Arc::clone(&core.reader), terms);
    core.index = Some(Arc::new(index.unwrap()));
    assert_eq!(looked(&core), None, "a short log is read");
    for _ in 0..=UNINDEXED_MAX {
        core.run(&note()).unwrap();
        if core.is_batch_full() {
            core.commit().unwrap();
        }
    }
    core.commit().unwrap();
    assert_eq!(looked(&core), Some(Unread::NotIndexed));
    assert_eq!(core.run(&note()), Err(NOT_INDEXED.into()));
    core.index = None;
    assert_eq!(
        looked(&core),
        None,
        "without an index there is nothing else"
    );
}

#[test]
fn a_policy_is_found_again_by_whoever_must_understand_later_targets() {
    let world = World::new();
    let core = world.open().unwrap();
    let mut terms = terms(SharedKeyring::clone(&core.shared_keyring), core.genesis);
    let mut teachers = Vec::new();
    for frame in core.reader.frames(0) {
        for stored in frame.unwrap().records {
            if (terms.of)(&stored).iter().any(|it| it == terms.taught_by) {
                teachers.push(core.record(stored.seq).unwrap().entry.kind());
            }
        }
    }
    assert_eq!(teachers, ["policy.adopted"]);
}

#[test]
fn a_reading_counts_only_once_its_entry_is_durable() {
    let world = World::new();
    let mut core = world.open().unwrap();
    Full::once(&mut core);
    core.note_access(AUDITOR, Disclosed::Entries).unwrap();
    assert_eq!(core.commit().err(), Some(Unavailable::DiskFull));
    core.full_until = None;
    let before = core.durable.size;
    core.note_access(AUDITOR, Disclosed::Entries).unwrap();
    core.commit().unwrap();
    assert_eq!(
        core.durable.size,
        before + 1,
        "the first reading is recorded"
    );
    core.note_access(AUDITOR, Disclosed::Entries).unwrap();
    core.commit().unwrap();
    assert_eq!(core.durable.size, before + 1, "more are counted");
}

#[test]
fn what_went_into_the_reserve_says_nothing_of_space_for_others() {
    let world = World::new();
    let mut core = world.open().unwrap();
    Full::for_routine(&mut core);
    core.run(&note()).unwrap();
    assert_eq!(core.commit().err(), Some(Unavailable::DiskFull));
    core.note_access(AUDITOR, Disclosed::Trace).unwrap();
    core.commit().unwrap();
    assert!(core.is_full());
    assert_eq!(core.run(&note()), Err(Unavailable::DiskFull.into()));
}

#[test]
fn an_auditor_revoked_since_they_were_let_in_reads_nothing() {
    let world = World::new();
    let mut core = world.open().unwrap();
    core.note_access(AUDITOR, Disclosed::Entries).unwrap();
    let service = core.state.ledger.as_ref().unwrap().service;
    let revoke = Command::RevokeCredential {
        by: Party::Executor(service),
        of: Party::Credential(AUDITOR),
        cause: RevocationCause::Lost,
    };
    core.run(&revoke).unwrap();
    core.commit().unwrap();
    let refused = core.note_access(AUDITOR, Disclosed::Entries).err();
    assert_eq!(refused, Some(Refusal::Forbidden.into()));
}

#[tokio::test]
async fn a_refusal_from_a_batch_that_failed_is_not_told() {
    let world = World::new();
    let mut core = world.open().unwrap();
    Full::once(&mut core);
    let service = Service::start(core).unwrap();
    let rests_on_it = |core: &mut Core| {
        core.run(&note())?;
        Err::<((), Option<u64>), CommandError>(Refusal::NotFound.into())
    };
    let told = service.act(Level::Durable, rests_on_it).await.err();
    assert_eq!(told, Some(Unavailable::DiskFull.into()));
    service.stop();
}

#[test]
fn no_tail_is_cut_on_the_word_of_a_note_that_is_not_this_logs() {
    let world = World::new();
    let segment = world.segment();
    let short = fs::read(&segment).unwrap();
    let mut core = world.open().unwrap();
    one_more(&mut core);
    let origin = core.state.origin().to_owned();
    drop(core);
    let mut torn = fs::read(&segment).unwrap();
    let written = torn.iter().zip(&short).rposition(|(new, old)| new != old);
    torn[written.unwrap() - 8..].fill(0);
    fs::write(&segment, &torn).unwrap();
    let head_lock = world.directory.head_lock().unwrap();
    let ours = head_lock.read().unwrap();
    let other = Signer::new(&origin, SigningKey::from_bytes(&[9; 32])).unwrap();
    let forged = Checkpoint {
        origin,
        size: 2,
        root: RootHash([9; 32]),
    };
    let forged = forged.sign(&other).unwrap();
    head_lock.swap(Some(&ours), forged.note()).unwrap();
    let refused = world.open().err().unwrap();
    assert!(matches!(refused, StartError::Head(_)), "{refused}");
    assert_eq!(fs::read(&segment).unwrap(), torn, "nothing was cut");
    head_lock.swap(Some(forged.note()), &ours).unwrap();
    drop(world.open().unwrap());
    assert_ne!(fs::read(&segment).unwrap(), torn, "now it was");
}
