//! How the log of a story comes to be: people with keys in files, an agent, executors, credentials.

use std::collections::BTreeMap;

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::{Enrolment, Head, Nonce};
use countersign_attest::{Context, PublicKey};
use countersign_flow::{Bootstrap, Command, key_enrolled};
use countersign_record::digest::{TokenDigest, hex, sha256};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, CredentialEnrolled, ExecutorEnrolled, Fact, GroupChanged,
    PersonEnrolled, Refs,
};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Enforcement, Role};
use countersign_service::{Core, StartError};
use ed25519_dalek::SigningKey;

use crate::clock::{TestClock, TestEntropy};

/// Ines answers for the agent: she is in its circle.
pub(crate) const PEOPLE: &[(&str, &[&str])] = &[
    ("alice", &["treasury", "owners", "ops"]),
    ("omar", &["treasury", "owners"]),
    ("ines", &["owners", "ops"]),
];

/// What a log begins with.
pub(crate) struct Plan {
    pub(crate) people: &'static [(&'static str, &'static [&'static str])],
    pub(crate) policy: String,
    pub(crate) clock: TestClock,
    pub(crate) entropy: TestEntropy,
    pub(crate) segment_bytes: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            people: PEOPLE,
            policy: POLICY.into(),
            clock: TestClock::default(),
            entropy: TestEntropy::default(),
            segment_bytes: 1 << 20,
        }
    }
}

/// Somebody with a key in a file.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: PersonId,
    pub(crate) key: KeyId,
    pub(crate) signing: SigningKey,
}

/// The bearer token of whoever is called that, in the form that `countersign … add` prints.
pub(crate) fn token(name: &str) -> String {
    format!("cst_{name:a<52}")
}

pub(crate) fn token_digest(name: &str) -> TokenDigest {
    TokenDigest(sha256(&[token(name).as_bytes()]))
}

/// The same as control calls write it.
pub(crate) fn token_digest_text(name: &str) -> String {
    hex(&sha256(&[token(name).as_bytes()]))
}

/// Enrols everybody, directly: the log is not armed yet.
pub(crate) fn enrol(core: &mut Core, plan: &Plan) -> BTreeMap<&'static str, Person> {
    let mut people = BTreeMap::new();
    for (byte, (handle, groups)) in (10..).zip(plan.people) {
        people.insert(*handle, enrol_person(core, byte, handle, groups));
    }
    let principal = people.values().next_back().map(|it| it.id);
    let principal = people.get("ines").map_or(principal, |ines| Some(ines.id));
    for (byte, name) in [(1, "agent"), (6, "other")] {
        let refs = Refs {
            agent: Some(AgentId::new([byte; 16])),
            person: principal,
            ..Refs::default()
        };
        let fact = AgentEnrolled {
            token: token_digest(name),
            enforcement: Enforcement::Cooperative,
            bootstrap: true,
        };
        let body = Object::new().with("name", name);
        run(core, refs, fact.into(), Some(("agent", body)));
    }
    for (byte, name) in [(2, "bank"), (3, "files")] {
        let refs = Refs {
            executor: Some(ExecutorId::new([byte; 16])),
            ..Refs::default()
        };
        let fact = ExecutorEnrolled {
            name: name.parse().unwrap(),
            token: token_digest(name),
            bootstrap: true,
        };
        run(core, refs, fact.into(), None);
    }
    enrol_credentials(core);
    core.settled("setting up").unwrap();
    people
}

fn enrol_credentials(core: &mut Core) {
    let roles = [
        (4, "responder", Role::Responder),
        (5, "operator", Role::Operator),
        (7, "auditor", Role::Auditor),
    ];
    for (byte, name, role) in roles {
        let refs = Refs {
            credential: Some(CredentialId::new([byte; 16])),
            ..Refs::default()
        };
        let fact = CredentialEnrolled {
            role,
            token: token_digest(name),
            bootstrap: true,
        };
        let body = Object::new().with("name", name);
        run(core, refs, fact.into(), Some(("credential", body)));
    }
}

fn enrol_person(core: &mut Core, byte: u8, handle: &str, groups: &[&str]) -> Person {
    let person = Person {
        id: PersonId::new([byte; 16]),
        key: KeyId::new([byte; 16]),
        signing: SigningKey::from_bytes(&[byte; 32]),
    };
    let refs = Refs {
        person: Some(person.id),
        ..Refs::default()
    };
    let body = Object::new()
        .with("handle", handle)
        .with("name", handle.to_uppercase())
        .with("email", format!("{handle}@bank.example"));
    let fact = PersonEnrolled { bootstrap: true };
    run(core, refs.clone(), fact.into(), Some(("person", body)));
    for group in groups {
        let fact = GroupChanged {
            group: group.parse().unwrap(),
            change: Change::Add,
            bootstrap: true,
        };
        run(core, refs.clone(), fact.into(), None);
    }
    let (enrolment, signature) = enrolment(person.id, &person.signing);
    let bytes = enrolment.to_bytes().unwrap();
    let mut fact = key_enrolled(&enrolment, Blob(bytes), Blob(signature), None);
    fact.bootstrap = true;
    let refs = Refs {
        key: Some(person.key),
        ..refs
    };
    run(core, refs, fact.into(), None);
    person
}

/// A key's own proof that it is there, and its signature.
pub(crate) fn enrolment(person: PersonId, signing: &SigningKey) -> (Enrolment, Vec<u8>) {
    let public = signing.verifying_key().to_bytes();
    let enrolment = Enrolment {
        log: ORIGIN.into(),
        person,
        public_key: PublicKey::from_ed25519(&public).unwrap(),
        usage: Client::Cli,
        nonce: Nonce(public),
        head: nowhere(),
    };
    let bytes = enrolment.to_bytes().unwrap();
    let signature = sign_ed25519(signing, Context::Enrolment.as_str(), &bytes);
    (enrolment, signature)
}

/// A head for statements that only quote one.
pub(crate) fn nowhere() -> Head {
    Head {
        seq: 0,
        hash: countersign_record::digest::EntryHash([0; 32]),
    }
}

fn run(core: &mut Core, refs: Refs, fact: Fact, body: Option<(&'static str, Object)>) {
    assert_eq!(
        try_run(core, refs, fact, body)
            .err()
            .map(|it| it.to_string()),
        None
    );
}

/// A change by the operator at the machine.
pub(crate) fn try_run(
    core: &mut Core,
    refs: Refs,
    fact: Fact,
    body: Option<(&'static str, Object)>,
) -> Result<(), StartError> {
    let bodies = body.into_iter();
    let bodies = bodies.map(|(name, body)| (name, Some(Value::Object(body))));
    let bootstrap = Bootstrap {
        refs,
        fact,
        bodies: bodies.collect(),
    };
    core.direct("setting up", &Command::Bootstrap(bootstrap))
}

/// The log's name.
pub(crate) const ORIGIN: &str = "ledger.example/stories";
/// Its policy.
pub(crate) const POLICY: &str = include_str!("policy.toml");
