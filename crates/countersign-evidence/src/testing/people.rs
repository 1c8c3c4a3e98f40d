//! Who there is: three people with a key each, an agent, an executor, and the setup entries.

use countersign_attest::PublicKey;
use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::{Enrolment, Head, Nonce};
use countersign_flow::{Bootstrap, State};
use countersign_record::action::policy_digest;
use countersign_record::digest::TokenDigest;
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, ExecutorEnrolled, GroupChanged, KeyEnrolled, LedgerCreated,
    PersonEnrolled, PolicyAdopted, Refs, ServiceKey,
};
use countersign_record::id::{AgentId, ExecutorId, KeyId, PersonId, PolicyId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Enforcement, KeyClass, Scheme};
use ed25519_dalek::SigningKey;

use super::disk::{LOG_SEED, ORIGIN};

const POLICY: &str = include_str!("policy.toml");

pub(super) const SERVICE: ExecutorId = ExecutorId::new([1; 16]);
pub(super) const BANK: ExecutorId = ExecutorId::new([2; 16]);
pub(super) const AGENT: AgentId = AgentId::new([3; 16]);

/// A person with a device.
#[derive(Clone, Copy)]
pub(super) struct Somebody {
    seed: u8,
    handle: &'static str,
    name: &'static str,
}

pub(super) const ALICE: Somebody = Somebody {
    seed: 11,
    handle: "alice",
    name: "Alice Martin",
};
pub(super) const OMAR: Somebody = Somebody {
    seed: 12,
    handle: "omar",
    name: "Omar Diaz",
};
pub(super) const EVA: Somebody = Somebody {
    seed: 13,
    handle: "eva",
    name: "Eva Lind",
};

impl Somebody {
    pub(super) fn id(self) -> PersonId {
        PersonId::new([self.seed; 16])
    }

    pub(super) fn key(self) -> KeyId {
        KeyId::new([self.seed; 16])
    }

    pub(super) fn device(self) -> SigningKey {
        SigningKey::from_bytes(&[self.seed; 32])
    }

    fn refs(self) -> Refs {
        Refs {
            person: Some(self.id()),
            ..Refs::default()
        }
    }
}

/// Everything before people and keys.
pub(super) fn beginning() -> [Bootstrap; 2] {
    let public = |seed| SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let service = |seed| ServiceKey {
        id: KeyId::new([seed; 16]),
        key: public([seed; 32]),
    };
    let created = LedgerCreated {
        origin: ORIGIN.into(),
        format: 1,
        log_key: public(LOG_SEED),
        grant_key: service(21),
        seal_key: service(22),
        webhook_key: service(23),
        solo: false,
    };
    let adopted = PolicyAdopted {
        digest: policy_digest(POLICY.as_bytes()),
        bootstrap: true,
    };
    let toml = Object::new().with("toml", POLICY);
    [
        Bootstrap {
            refs: Refs {
                executor: Some(SERVICE),
                ..Refs::default()
            },
            fact: created.into(),
            bodies: Vec::new(),
        },
        Bootstrap {
            refs: Refs {
                policy: Some(PolicyId::new([4; 16])),
                ..Refs::default()
            },
            fact: adopted.into(),
            bodies: vec![("policy", Some(toml.into()))],
        },
    ]
}

/// One person with groups and key.
pub(super) fn enrolled(state: &State, person: Somebody) -> Vec<Bootstrap> {
    let body = Object::new()
        .with("handle", person.handle)
        .with("name", person.name)
        .with("email", format!("{}@example.com", person.handle));
    let group = |name: &str| Bootstrap {
        refs: person.refs(),
        fact: GroupChanged {
            group: name.parse().unwrap(),
            change: Change::Add,
            bootstrap: true,
        }
        .into(),
        bodies: Vec::new(),
    };
    vec![
        Bootstrap {
            refs: person.refs(),
            fact: PersonEnrolled { bootstrap: true }.into(),
            bodies: vec![("person", Some(Value::from(body)))],
        },
        group("owners"),
        group("treasury"),
        Bootstrap {
            refs: Refs {
                key: Some(person.key()),
                ..person.refs()
            },
            fact: key(state, person).into(),
            bodies: Vec::new(),
        },
    ]
}

fn key(state: &State, person: Somebody) -> KeyEnrolled {
    let device = person.device();
    let public_key = PublicKey::from_ed25519(&device.verifying_key().to_bytes()).unwrap();
    let head = state.head.as_ref().unwrap();
    let enrolment = Enrolment {
        log: ORIGIN.into(),
        person: person.id(),
        public_key: public_key.clone(),
        usage: Client::Cli,
        nonce: Nonce([person.seed; 32]),
        head: Head {
            seq: head.seq,
            hash: head.hash,
        },
    };
    let statement = enrolment.to_bytes().unwrap();
    KeyEnrolled {
        scheme: Scheme::SshEd25519,
        public_key: Blob(public_key.to_ssh_wire()),
        class: KeyClass::Software,
        client: Client::Cli,
        signature: Blob(sign_ed25519(
            &device,
            "countersign.enrolment.v1",
            &statement,
        )),
        statement: Blob(statement),
        endorsed: None,
        rp_id: None,
        origins: Vec::new(),
        credential_id: None,
        bootstrap: true,
    }
}

/// The agent and the executor.
pub(super) fn machines() -> [Bootstrap; 2] {
    let agent = AgentEnrolled {
        token: TokenDigest([31; 32]),
        enforcement: Enforcement::ToolVerified,
        bootstrap: true,
    };
    let executor = ExecutorEnrolled {
        name: "bank".parse().unwrap(),
        token: TokenDigest([32; 32]),
        bootstrap: true,
    };
    [
        Bootstrap {
            refs: Refs {
                agent: Some(AGENT),
                ..EVA.refs()
            },
            fact: agent.into(),
            bodies: vec![(
                "agent",
                Some(Object::new().with("name", "invoice bot").into()),
            )],
        },
        Bootstrap {
            refs: Refs {
                executor: Some(BANK),
                ..Refs::default()
            },
            fact: executor.into(),
            bodies: Vec::new(),
        },
    ]
}
