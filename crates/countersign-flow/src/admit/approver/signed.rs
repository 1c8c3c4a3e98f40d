//! What people sign: the bytes are rebuilt from the state, never taken from the command.

use countersign_attest::statement::{
    Channel, Head, IndependenceFacts, Instance, Nonce, Renderer, Requester as Circle,
    Revocation as Revoked,
};
use countersign_attest::{Context, Statement};
use countersign_record::entry::{Compared, Party};
use countersign_record::id::KeyId;
use countersign_record::term::{Decision, Independence};

use crate::admit::{Admission, Unchecked};
use crate::command::{Decide, Revocation};
use crate::refusal::Refusal;
use crate::state::{Call, Key, Opening, Pending, State};

impl Admission<'_> {
    /// What was signed is rebuilt from the state and compared; only then is the signature checked. A
    /// statement has one encoding, and was read from it: equal ones have equal bytes.
    pub(super) fn check_signature(
        &mut self,
        call: &Call,
        pending: &Pending,
        opening: &Opening,
        key: &Key,
        decide: &Decide,
    ) -> Result<(), Refusal> {
        let claimed =
            Statement::read(&decide.statement.0).map_err(|_| Refusal::SignatureInvalid)?;
        let mut expected = statement(
            self.state,
            call,
            pending,
            opening,
            decide.key,
            decide.decision,
        )
        .ok_or(Refusal::OutOfOrder)?;
        expected.comment_digest = claimed.comment_digest;
        if expected != claimed {
            return Err(match expected.to_bytes() {
                Err(_) => Refusal::OutOfOrder,
                Ok(_) if claimed.nonce.0 == opening.nonce => Refusal::DigestMismatch,
                Ok(_) => Refusal::PresentationNotServed,
            });
        }
        if key.enrolled.client != opening.client {
            return Err(Refusal::KeyNotActive);
        }
        if decide.raw.is_some() {
            return Err(Refusal::SignatureInvalid);
        }
        self.signed(
            Context::Approval,
            key,
            &decide.statement.0,
            &decide.signature.0,
        )?;
        self.check_comment(decide, claimed.comment_digest)
    }

    /// The same of a revocation; at which head it was signed is its own word.
    pub(super) fn check_revocation(
        &self,
        pending: &Pending,
        key: &Key,
        revocation: &Revocation,
    ) -> Result<(), Refusal> {
        let bytes = &revocation.statement.0;
        let claimed = Revoked::read(bytes).map_err(|_| Refusal::SignatureInvalid)?;
        let expected = Revoked {
            log: self.state.origin().into(),
            call: revocation.call,
            confirmation: Some(pending.confirmation),
            person: revocation.person,
            key: revocation.key,
            comment_digest: None,
            ..claimed
        };
        if expected.to_bytes().as_ref() != Ok(bytes) {
            return Err(Refusal::DigestMismatch);
        }
        self.signed(Context::Revocation, key, bytes, &revocation.signature.0)
    }

    fn check_comment(
        &mut self,
        decide: &Decide,
        signed: Option<countersign_record::digest::TextDigest>,
    ) -> Result<(), Refusal> {
        match (&decide.comment, signed) {
            (None, None) => Ok(()),
            (Some(None), Some(_)) => {
                self.not_checked(Unchecked::Comment);
                Ok(())
            }
            (Some(Some(value)), Some(signed)) if comment_digest(value) == Some(signed) => Ok(()),
            _ => Err(Refusal::DigestMismatch),
        }
    }
}

/// The digest that a comment's body has in the signed statement: `{"salt": hex, "text": …}`, and
/// nothing else; an empty text is no comment.
fn comment_digest(
    value: &countersign_record::json::Value,
) -> Option<countersign_record::digest::TextDigest> {
    let object = value.as_object()?;
    let text = value
        .member("text")?
        .as_str()
        .filter(|text| !text.trim().is_empty())?;
    let salt = countersign_record::digest::unhex32(value.member("salt")?.as_str()?)?;
    let nothing_else = object.len() == 2;
    nothing_else.then(|| countersign_record::action::text_digest(&salt, text))
}

/// The statement that a person signs, rebuilt from the state alone.
pub fn statement(
    state: &State,
    call: &Call,
    pending: &Pending,
    opening: &Opening,
    key: KeyId,
    decision: Decision,
) -> Option<Statement> {
    let circle = pending.requester.iter().map(|party| match party {
        Party::Agent(id) => Some(Circle::Agent(*id)),
        Party::Person(id) => Some(Circle::Person(*id)),
        Party::Credential(id) => Some(Circle::Credential(*id)),
        Party::Executor(_) => None,
    });
    Some(Statement {
        log: state.origin().into(),
        call: call.id,
        confirmation: pending.confirmation,
        instance: Instance(pending.instance),
        decision,
        action_digest: call.action,
        shown_digest: pending.shown,
        renderer: Renderer {
            version: pending.renderer.parse().ok()?,
            asset_digest: None,
        },
        client: opening.client,
        policy: pending.policy,
        rules: call.rules.iter().cloned().collect(),
        requester: circle.collect::<Option<_>>()?,
        person: opening.person,
        key,
        channel: Channel::Inbox,
        independence: facts(&opening.independence),
        nonce: Nonce(opening.nonce),
        opened_at_ms: opening.at,
        deadline_ms: pending.decide_before,
        execute_within_ms: pending.demand.execute_within,
        head: Head {
            seq: opening.head.seq,
            hash: opening.head.hash,
        },
        typed_target_digest: None,
        matched_number_digest: None,
        comment_digest: None,
    })
}

fn facts(compared: &[Compared]) -> IndependenceFacts {
    let found = |name: &str| {
        let fact = compared.iter().find(|fact| fact.fact == name);
        fact.map_or(Independence::Unknown, |fact| fact.found)
    };
    IndependenceFacts {
        account: found("account"),
        channel: found("channel"),
        credential: found("credential"),
        device: found("device"),
        network: found("network"),
    }
}
