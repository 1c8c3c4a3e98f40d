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
use countersign_record::json::{Object, Value};
use countersign_record::term::{Enforcement, KeyClass};

use crate::command::Bootstrap;

/// The changes that a control call makes; `ids` are those that the ledger drew for what is new.
/// `None` when the arguments are not those of the tool.
pub(crate) fn changes(tool: &str, arguments: &Value, ids: &Refs) -> Option<Vec<Bootstrap>> {
    let arguments = Arguments(arguments);
    let change = match tool {
        "countersign.person.add" => return person_add(arguments, ids),
        "countersign.person.leave" => {
            let refs = Refs { person: Some(arguments.parsed("person")?), ..Refs::default() };
            bare(refs, PersonLeft { bootstrap: false })
        }
        "countersign.group.change" => {
            let refs = Refs { person: Some(arguments.parsed("person")?), ..Refs::default() };
            let group = arguments.parsed("group")?;
            let change = arguments.parsed("change")?;
            bare(refs, GroupChanged { group, change, bootstrap: false })
        }
        "countersign.key.enroll" => key_enroll(arguments, ids)?,
        "countersign.policy.adopt" => {
            let toml = arguments.text("toml")?;
            let refs = Refs { policy: Some(ids.policy?), ..Refs::default() };
            let digest = policy_digest(toml.as_bytes());
            let body = Object::new().with("toml", toml);
            with_body(refs, PolicyAdopted { digest, bootstrap: false }, "policy", body)
        }
        "countersign.agent.add" => {
            let refs = Refs {
                agent: Some(ids.agent?),
                person: Some(arguments.parsed("principal")?),
                ..Refs::default()
            };
            let enforcement = arguments.parsed::<Enforcement>("enforcement")?;
            let token = arguments.token()?;
            let body = Object::new().with("name", arguments.text("name")?);
            with_body(refs, AgentEnrolled { token, enforcement, bootstrap: false }, "agent", body)
        }
        "countersign.executor.add" => {
            let refs = Refs { executor: Some(ids.executor?), ..Refs::default() };
            let (name, token) = (arguments.parsed("name")?, arguments.token()?);
            bare(refs, ExecutorEnrolled { name, token, bootstrap: false })
        }
        "countersign.credential.add" => {
            let refs = Refs { credential: Some(ids.credential?), ..Refs::default() };
            let (role, token) = (arguments.parsed("role")?, arguments.token()?);
            let body = Object::new().with("name", arguments.text("name")?);
            let enrolled = CredentialEnrolled { role, token, bootstrap: false };
            with_body(refs, enrolled, "credential", body)
        }
        "countersign.freeze.lift" => {
            let refs = Refs { freeze: Some(arguments.parsed("freeze")?), ..Refs::default() };
            bare(refs, FreezeLifted {})
        }
        "countersign.denial.lift" => {
            let refs = Refs { call: Some(arguments.parsed("call")?), ..Refs::default() };
            bare(refs, DenialLifted {})
        }
        _ => return None,
    };
    Some(vec![change])
}

fn bare(refs: Refs, fact: impl Into<Fact>) -> Bootstrap {
    Bootstrap { refs, fact: fact.into(), bodies: Vec::new() }
}

fn with_body(refs: Refs, fact: impl Into<Fact>, name: &'static str, body: Object) -> Bootstrap {
    Bootstrap { refs, fact: fact.into(), bodies: vec![(name, Some(Value::Object(body)))] }
}

fn person_add(arguments: Arguments<'_>, ids: &Refs) -> Option<Vec<Bootstrap>> {
    let refs = Refs { person: Some(ids.person?), ..Refs::default() };
    let body = Object::new()
        .with("handle", arguments.text("handle")?)
        .with("name", arguments.text("name")?)
        .with("email", arguments.text("email")?);
    let person = with_body(refs.clone(), PersonEnrolled { bootstrap: false }, "person", body);
    let groups = arguments.0.member("groups")?.as_array()?.iter().map(|group| {
        let group = group.as_str()?.parse().ok()?;
        Some(bare(refs.clone(), GroupChanged { group, change: Change::Add, bootstrap: false }))
    });
    let groups: Vec<_> = groups.collect::<Option<_>>()?;
    Some([vec![person], groups].concat())
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
    let refs = Refs { key: Some(ids.key?), person: Some(enrolment.person), ..Refs::default() };
    Some(bare(refs, key_enrolled(&enrolment, statement, arguments.bytes("signature")?, endorsed)))
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

    fn bytes(self, name: &str) -> Option<Blob> {
        let text: String = self.text(name)?.into();
        Base64::decode_vec(&text).ok().map(Blob)
    }

    fn token(self) -> Option<TokenDigest> {
        unhex32(self.text("token_digest")?).map(TokenDigest)
    }
}
