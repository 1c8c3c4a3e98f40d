//! The log with which every history begins: people, keys, an agent, an executor; armed.

use std::sync::Arc;

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::{Enrolment, Head, Nonce};
use countersign_attest::{Context, PublicKey};
use countersign_flow::{Bootstrap, Command, key_enrolled};
use countersign_record::digest::{TokenDigest, sha256};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, CredentialEnrolled, ExecutorEnrolled, Fact, GroupChanged,
    PersonEnrolled, Refs,
};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Enforcement, Role};
use countersign_service::{Core, Options, Setup, fill, open};
use countersign_store::disk::Disk as _;
use countersign_store::head::HeadLockFile;
use countersign_store::layout::LogDir;
use countersign_store::testing::MemoryDisk;
use ed25519_dalek::SigningKey;

use crate::chance::{FakeClock, Rng};

const POLICY: &str = include_str!("../policy.toml");
const ORIGIN: &str = "ledger.example/simulated";
/// Small, so that histories turn many segments over.
const SEGMENT_BYTES: [u64; 2] = [8 * 1024, 32 * 1024];
const RESERVE_BYTES: usize = 16 * 1024;

pub(crate) const AGENT: AgentId = AgentId::new([1; 16]);
pub(crate) const FILES: ExecutorId = ExecutorId::new([2; 16]);
pub(crate) const RESPONDER: CredentialId = CredentialId::new([3; 16]);
pub(crate) const OPERATOR: CredentialId = CredentialId::new([4; 16]);

/// Whoever decides; the last one is who the agent works for.
pub(crate) const PEOPLE: [u8; 5] = [10, 11, 12, 13, 14];

pub(crate) const fn person(of: u8) -> PersonId {
    PersonId::new([of; 16])
}

pub(crate) const fn key(of: u8) -> KeyId {
    KeyId::new([of; 16])
}

pub(crate) fn device(of: u8) -> SigningKey {
    SigningKey::from_bytes(&[of; 32])
}

/// An armed log, its server stopped.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) disk: MemoryDisk,
    pub(crate) heads: MemoryDisk,
    /// The key with which its checkpoints are checked.
    pub(crate) vkey: String,
}

/// The log's directory, with its head lock on a disk of its own or not.
pub(crate) fn directory(disk: &MemoryDisk, heads: &MemoryDisk) -> LogDir {
    let head_lock = HeadLockFile::new(Arc::new(heads.clone()), "head.lock");
    LogDir::simulated(Arc::new(disk.clone()), head_lock)
}

impl Template {
    pub(crate) fn all() -> Vec<Self> {
        SEGMENT_BYTES.into_iter().map(Self::with).collect()
    }

    fn with(segment_bytes: u64) -> Self {
        let (disk, heads) = (MemoryDisk::new(), MemoryDisk::new());
        for name in ["log", "keys"] {
            disk.create_directory(name).expect("an empty disk");
        }
        let setup = Setup {
            name: "simulated".parse().expect("a name"),
            origin: ORIGIN.into(),
            policy_toml: POLICY.into(),
            solo: false,
            head_lock: None,
            segment_bytes: Some(segment_bytes),
        };
        let clock = FakeClock::new();
        let directory = directory(&disk, &heads);
        let entropy = Box::new(Rng::new(1));
        let vkey = fill(&directory, &setup, Box::new(clock.clone()), entropy).expect("a log");
        shrink_reserve(&disk);
        let core = |seed| {
            let (clock, entropy) = (Box::new(clock.clone()), Box::new(Rng::new(seed)));
            open(&directory, Options::default(), clock, entropy).expect("a good log")
        };
        enrol(core(2));
        let arm = Options {
            arm: true,
            ..Options::default()
        };
        let (service, mut writer) = core(3).serve_by_steps(arm).expect("it can be armed");
        service.stop();
        writer.step();
        Self { disk, heads, vkey }
    }
}

/// A format file that asks for less than usual.
fn shrink_reserve(disk: &MemoryDisk) {
    let format = disk.bytes("log/format").expect("a format");
    let format = String::from_utf8(format).expect("text");
    let usual = countersign_store::segments::RESERVE_BYTES.to_string();
    let format = format.replace(&usual, &RESERVE_BYTES.to_string());
    disk.put("log/format", format.as_bytes());
    disk.put("log/reserve", &vec![0; RESERVE_BYTES]);
}

fn enrol(mut core: Core) {
    for of in PEOPLE {
        enrol_person(&mut core, of);
    }
    let refs = Refs {
        agent: Some(AGENT),
        person: PEOPLE.last().map(|of| person(*of)),
        ..Refs::default()
    };
    let fact = AgentEnrolled {
        token: token("agent"),
        enforcement: Enforcement::Cooperative,
        bootstrap: true,
    };
    add(&mut core, refs, fact.into(), Some(("agent", named("bot"))));
    let refs = Refs {
        executor: Some(FILES),
        ..Refs::default()
    };
    let fact = ExecutorEnrolled {
        token: token("files"),
        name: "files".parse().expect("a name"),
        bootstrap: true,
    };
    add(&mut core, refs, fact.into(), None);
    for (id, role) in [(RESPONDER, Role::Responder), (OPERATOR, Role::Operator)] {
        let refs = Refs {
            credential: Some(id),
            ..Refs::default()
        };
        let fact = CredentialEnrolled {
            role,
            token: token(&id.to_string()),
            bootstrap: true,
        };
        let body = Some(("credential", named("somebody")));
        add(&mut core, refs, fact.into(), body);
    }
    core.settled("setting up").expect("a good disk");
}

fn enrol_person(core: &mut Core, of: u8) {
    let refs = Refs {
        person: Some(person(of)),
        ..Refs::default()
    };
    let body = Object::new()
        .with("handle", format!("p{of}"))
        .with("name", format!("Person {of}"))
        .with("email", format!("p{of}@example.org"));
    let fact = PersonEnrolled { bootstrap: true };
    add(core, refs.clone(), fact.into(), Some(("person", body)));
    for group in ["owners", "ops"] {
        let fact = GroupChanged {
            group: group.parse().expect("a group"),
            change: Change::Add,
            bootstrap: true,
        };
        add(core, refs.clone(), fact.into(), None);
    }
    let head = core.state().head.clone().expect("a log with entries");
    let public = device(of).verifying_key().to_bytes();
    let enrolment = Enrolment {
        log: core.state().origin().into(),
        person: person(of),
        public_key: PublicKey::from_ed25519(&public).expect("a key"),
        usage: Client::Cli,
        nonce: Nonce([of; 32]),
        head: Head {
            seq: head.seq,
            hash: head.hash,
        },
    };
    let bytes = enrolment.to_bytes().expect("a small document");
    let signature = sign_ed25519(&device(of), Context::Enrolment.as_str(), &bytes);
    let mut fact = key_enrolled(&enrolment, Blob(bytes), Blob(signature), None);
    fact.bootstrap = true;
    let refs = Refs {
        key: Some(key(of)),
        ..refs
    };
    add(core, refs, fact.into(), None);
}

fn named(name: &str) -> Object {
    Object::new().with("name", name)
}

fn token(of: &str) -> TokenDigest {
    TokenDigest(sha256(&[of.as_bytes()]))
}

fn add(core: &mut Core, refs: Refs, fact: Fact, body: Option<(&'static str, Object)>) {
    let bodies = body
        .into_iter()
        .map(|(name, body)| (name, Some(Value::Object(body))))
        .collect();
    let command = Command::Bootstrap(Bootstrap { refs, fact, bodies });
    core.direct("setting up", &command).expect("a fresh log");
}
