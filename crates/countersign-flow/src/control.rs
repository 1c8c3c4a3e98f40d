//! The control protects itself: what a confirmed control call changes is a pure function of the
//! arguments that people were shown (docs/spec/control.md).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding};
use countersign_attest::statement::Enrolment;
use countersign_record::action::policy_digest;
use countersign_record::digest::{TokenDigest, unhex32};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, CredentialEnrolled, DenialLifted, Endorsement, ExecutorEnrolled,
    Fact, FreezeLifted, GroupChanged, KeyEnrolled, PersonEnrolled, PersonLeft, PolicyAdopted, Refs,
};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId, PolicyId};
use countersign_record::json::{Object, Value};
use countersign_record::term::KeyClass;

use crate::command::Bootstrap;

/// Every control tool with the arguments that it takes; the last ones may be absent.
pub(crate) const TOOLS: &[(&str, &[&str])] = &[
    (
        "countersign.agent.add",
        &["name", "principal", "enforcement", "token_digest"],
    ),
    (
        "countersign.credential.add",
        &["name", "role", "token_digest"],
    ),
    ("countersign.denial.lift", &["call"]),
    ("countersign.executor.add", &["name", "token_digest"]),
    ("countersign.freeze.lift", &["freeze"]),
    ("countersign.group.change", &["group", "person", "change"]),
    (
        "countersign.key.enroll",
        &["statement", "signature", "endorsement"],
    ),
    (
        "countersign.person.add",
        &["handle", "name", "email", "groups"],
    ),
    ("countersign.person.leave", &["person"]),
    ("countersign.policy.adopt", &["toml"]),
];

/// Whether these are arguments of that tool: nobody is asked about others.
pub(crate) fn is_well_formed(tool: &str, arguments: &Value) -> bool {
    const BITS: [u8; 16] = [0; 16];
    let any = Refs {
        agent: Some(AgentId::new(BITS)),
        credential: Some(CredentialId::new(BITS)),
        executor: Some(ExecutorId::new(BITS)),
        key: Some(KeyId::new(BITS)),
        person: Some(PersonId::new(BITS)),
        policy: Some(PolicyId::new(BITS)),
        ..Refs::default()
    };
    changes(tool, arguments, &any).is_some()
}

/// The changes that a control call makes; `ids` are those that the ledger drew for what is new.
/// `None` when the arguments are not those of the tool.
pub(crate) fn changes(tool: &str, arguments: &Value, ids: &Refs) -> Option<Vec<Bootstrap>> {
    let (_, taken) = TOOLS.iter().find(|(name, _)| *name == tool)?;
    if !arguments
        .as_object()?
        .iter()
        .all(|(name, _)| taken.contains(&name))
    {
        return None;
    }
    let arguments = Arguments(arguments);
    let change = match tool {
        "countersign.person.add" => return person_add(arguments, ids),
        "countersign.person.leave" => bare(arguments.person()?, PersonLeft { bootstrap: false }),
        "countersign.group.change" => group_change(arguments)?,
        "countersign.key.enroll" => key_enroll(arguments, ids)?,
        "countersign.policy.adopt" => policy_adopt(arguments, ids)?,
        "countersign.agent.add" => agent_add(arguments, ids)?,
        "countersign.executor.add" => executor_add(arguments, ids)?,
        "countersign.credential.add" => credential_add(arguments, ids)?,
        "countersign.freeze.lift" => {
            let freeze = Some(arguments.parsed("freeze")?);
            bare(
                Refs {
                    freeze,
                    ..Refs::default()
                },
                FreezeLifted {},
            )
        }
        "countersign.denial.lift" => {
            let call = Some(arguments.parsed("call")?);
            bare(
                Refs {
                    call,
                    ..Refs::default()
                },
                DenialLifted {},
            )
        }
        _ => return None,
    };
    Some(vec![change])
}

/// Whether these are changes of the kinds that the tool makes: what a reader without the call's
/// arguments can say of them.
pub(crate) fn are_kinds_of(tool: &str, changes: &[Bootstrap]) -> bool {
    let is_group_add = |change: &Bootstrap| matches!(&change.fact, Fact::GroupChanged(it) if it.change == Change::Add);
    match (tool, changes) {
        ("countersign.person.add", [first, groups @ ..]) => {
            matches!(first.fact, Fact::PersonEnrolled(_)) && groups.iter().all(is_group_add)
        }
        (_, [only]) => matches!(
            (tool, &only.fact),
            ("countersign.person.leave", Fact::PersonLeft(_))
                | ("countersign.group.change", Fact::GroupChanged(_))
                | ("countersign.key.enroll", Fact::KeyEnrolled(_))
                | ("countersign.policy.adopt", Fact::PolicyAdopted(_))
                | ("countersign.agent.add", Fact::AgentEnrolled(_))
                | ("countersign.executor.add", Fact::ExecutorEnrolled(_))
                | ("countersign.credential.add", Fact::CredentialEnrolled(_))
                | ("countersign.freeze.lift", Fact::FreezeLifted(_))
                | ("countersign.denial.lift", Fact::DenialLifted(_))
        ),
        _ => false,
    }
}

fn group_change(arguments: Arguments<'_>) -> Option<Bootstrap> {
    let group = arguments.parsed("group")?;
    let change = arguments.parsed("change")?;
    Some(bare(
        arguments.person()?,
        GroupChanged {
            group,
            change,
            bootstrap: false,
        },
    ))
}

fn policy_adopt(arguments: Arguments<'_>, ids: &Refs) -> Option<Bootstrap> {
    let toml = arguments.text("toml")?;
    let refs = Refs {
        policy: Some(ids.policy?),
        ..Refs::default()
    };
    let adopted = PolicyAdopted {
        digest: policy_digest(toml.as_bytes()),
        bootstrap: false,
    };
    Some(with_body(
        refs,
        adopted,
        "policy",
        Object::new().with("toml", toml),
    ))
}

fn agent_add(arguments: Arguments<'_>, ids: &Refs) -> Option<Bootstrap> {
    let principal = Some(arguments.parsed("principal")?);
    let refs = Refs {
        agent: Some(ids.agent?),
        person: principal,
        ..Refs::default()
    };
    let enforcement = arguments.parsed("enforcement")?;
    let enrolled = AgentEnrolled {
        token: arguments.token()?,
        enforcement,
        bootstrap: false,
    };
    let body = Object::new().with("name", arguments.text("name")?);
    Some(with_body(refs, enrolled, "agent", body))
}

fn executor_add(arguments: Arguments<'_>, ids: &Refs) -> Option<Bootstrap> {
    let refs = Refs {
        executor: Some(ids.executor?),
        ..Refs::default()
    };
    let name = arguments.parsed("name")?;
    Some(bare(
        refs,
        ExecutorEnrolled {
            name,
            token: arguments.token()?,
            bootstrap: false,
        },
    ))
}

fn credential_add(arguments: Arguments<'_>, ids: &Refs) -> Option<Bootstrap> {
    let refs = Refs {
        credential: Some(ids.credential?),
        ..Refs::default()
    };
    let role = arguments.parsed("role")?;
    let enrolled = CredentialEnrolled {
        role,
        token: arguments.token()?,
        bootstrap: false,
    };
    let body = Object::new().with("name", arguments.text("name")?);
    Some(with_body(refs, enrolled, "credential", body))
}

fn bare(refs: Refs, fact: impl Into<Fact>) -> Bootstrap {
    Bootstrap {
        refs,
        fact: fact.into(),
        bodies: Vec::new(),
    }
}

fn with_body(refs: Refs, fact: impl Into<Fact>, name: &'static str, body: Object) -> Bootstrap {
    Bootstrap {
        refs,
        fact: fact.into(),
        bodies: vec![(name, Some(Value::Object(body)))],
    }
}

fn person_add(arguments: Arguments<'_>, ids: &Refs) -> Option<Vec<Bootstrap>> {
    let refs = Refs {
        person: Some(ids.person?),
        ..Refs::default()
    };
    let body = Object::new()
        .with("handle", arguments.text("handle")?)
        .with("name", arguments.text("name")?)
        .with("email", arguments.text("email")?);
    let person = with_body(
        refs.clone(),
        PersonEnrolled { bootstrap: false },
        "person",
        body,
    );
    let groups = arguments
        .0
        .member("groups")?
        .as_array()?
        .iter()
        .map(|group| {
            let group = group.as_str()?.parse().ok()?;
            Some(bare(
                refs.clone(),
                GroupChanged {
                    group,
                    change: Change::Add,
                    bootstrap: false,
                },
            ))
        });
    let mut changes: Vec<Bootstrap> = vec![person];
    changes.extend(groups.collect::<Option<Vec<_>>>()?);
    Some(changes)
}

fn key_enroll(arguments: Arguments<'_>, ids: &Refs) -> Option<Bootstrap> {
    let statement = arguments.bytes("statement")?;
    let enrolment = Enrolment::read(&statement.0).ok()?;
    let endorsed = match arguments.0.member("endorsement") {
        None => None,
        Some(endorsement) => {
            let endorsement = Arguments(endorsement);
            Some(Endorsement {
                key: endorsement.parsed("key")?,
                statement: endorsement.bytes("statement")?,
                signature: endorsement.bytes("signature")?,
            })
        }
    };
    let refs = Refs {
        key: Some(ids.key?),
        person: Some(enrolment.person),
        ..Refs::default()
    };
    Some(bare(
        refs,
        key_enrolled(
            &enrolment,
            statement,
            arguments.bytes("signature")?,
            endorsed,
        ),
    ))
}

/// The header of an enrolled SSH key. Without the maker's attestation every such key, also a
/// token's, is of class software.
pub fn key_enrolled(
    enrolment: &Enrolment,
    statement: Blob,
    signature: Blob,
    endorsed: Option<Endorsement>,
) -> KeyEnrolled {
    KeyEnrolled {
        scheme: enrolment.public_key.scheme(),
        public_key: Blob(enrolment.public_key.to_ssh_wire()),
        class: KeyClass::Software,
        client: enrolment.usage,
        statement,
        signature,
        endorsed,
        rp_id: None,
        origins: Vec::new(),
        credential_id: None,
        bootstrap: false,
    }
}

#[derive(Clone, Copy)]
struct Arguments<'a>(&'a Value);

impl<'a> Arguments<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        self.0.member(name)?.as_str()
    }

    fn parsed<T: core::str::FromStr>(self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// The person that a change is about.
    fn person(self) -> Option<Refs> {
        Some(Refs {
            person: Some(self.parsed("person")?),
            ..Refs::default()
        })
    }

    fn bytes(self, name: &str) -> Option<Blob> {
        let text: String = self.text(name)?.into();
        Base64::decode_vec(&text).ok().map(Blob)
    }

    fn token(self) -> Option<TokenDigest> {
        unhex32(self.text("token_digest")?).map(TokenDigest)
    }
}
