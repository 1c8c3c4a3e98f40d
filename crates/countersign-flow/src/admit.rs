//! The one door: a command becomes entries, or is refused with a reason.
//!
//! Each guard is decided from headers and statements (H), needs disclosed bodies (B), or is the
//! server's word (S, not here at all). A B guard over a withheld body is counted as unchecked.

mod approver;
mod change;
mod enrolment;
mod executor;
mod operator;
mod service;
mod submit;

use alloc::vec::Vec;

pub use approver::statement;
use countersign_attest::{Context, PublicKey, Verified, verify};
use countersign_record::digest::BodyRoot;
use countersign_record::entry::{Bodies, Draft, Fact, Party, Refs, UnixMillis};
use countersign_record::id::ExecutorId;
use countersign_record::json::Value;
pub use submit::request_key;

use crate::command::Command;
use crate::refusal::Refusal;
use crate::requirement;
use crate::state::{Call, Key, State};

/// What a command appends: all of it, or none. Only [`admit`] makes one.
#[derive(Debug)]
pub struct Admitted {
    drafts: Vec<Draft>,
    unchecked: Vec<Unchecked>,
}

impl Admitted {
    /// The entries, in order.
    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// The entries, in order.
    pub fn into_drafts(self) -> Vec<Draft> {
        self.drafts
    }

    /// Guards that a withheld body kept from being checked; the server refuses when there is any.
    pub fn unchecked(&self) -> &[Unchecked] {
        &self.unchecked
    }
}

/// A guard that needs a body which is not disclosed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Unchecked {
    /// The policy's judgement of the call, and its digest.
    Policy,
    /// That the presentation is the one this call and policy make.
    Presentation,
    /// That no idempotency key was used twice.
    Idempotency,
    /// Freezes of a target.
    FrozenTarget,
    /// That the policy in force is not stricter than the one that asked.
    StricterPolicy,
    /// That a control call's change is the one that was shown.
    ControlChange,
    /// A comment's text.
    Comment,
}

/// How bodies get their roots: the server salts and keeps them; the auditor compares them with what
/// is disclosed.
pub trait Commit {
    /// The root of the body `name` of the command's entry number `draft`, from 0. `value` is absent
    /// where it cannot be computed.
    fn commit(&mut self, draft: usize, name: &'static str, value: Option<&Value>) -> BodyRoot;

    /// A proof, made before, about the signature in the command; what it is about is compared, and
    /// where it is about anything else, or there is none, the signature is checked here.
    fn proof(&self) -> Option<&Verified> {
        None
    }
}

/// Decides whether `command` may happen at `now`, and what it appends.
pub fn admit(
    state: &State,
    command: &Command,
    now: UnixMillis,
    commit: &mut dyn Commit,
) -> Result<Admitted, Refusal> {
    if now < state.last_at {
        return Err(Refusal::OutOfOrder);
    }
    let mut admission = Admission {
        state,
        now,
        commit,
        drafts: Vec::new(),
        unchecked: Vec::new(),
    };
    admission.judge(command)?;
    if !admission.drafts.iter().all(Draft::fits_an_entry) {
        return Err(Refusal::TooLarge);
    }
    Ok(Admitted {
        drafts: admission.drafts,
        unchecked: admission.unchecked,
    })
}

/// The one call that no freeze over calls stops: without it a freeze of everything would be for ever.
const LIFT: &str = "countersign.freeze.lift";

/// One command being judged.
struct Admission<'a> {
    state: &'a State,
    now: UnixMillis,
    commit: &'a mut dyn Commit,
    drafts: Vec<Draft>,
    unchecked: Vec<Unchecked>,
}

impl<'a> Admission<'a> {
    fn judge(&mut self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::Bootstrap(bootstrap) => self.bootstrap(bootstrap),
            Command::Arm => self.arm(),
            Command::Record(record) => self.record(record),
            Command::Submit(submit) => self.submit(submit),
            Command::Open(open) => self.open(open),
            Command::Decide(decide) => self.decide(decide),
            Command::Withdraw { by, call } => self.withdraw(*by, *call),
            Command::Tick { call } => self.tick(*call),
            Command::Supersede { call } => self.supersede(*call),
            Command::Redeem(redeem) => self.redeem(redeem),
            Command::Outcome(outcome) => self.outcome(outcome),
            Command::Revoke(revocation) => self.revoke(revocation),
            Command::Freeze(freezing) => self.freeze(freezing),
            Command::RevokeKey(revoke) => self.revoke_key(revoke),
            Command::RevokeCredential { by, of, cause } => self.revoke_credential(*by, *of, *cause),
        }
    }

    /// Refuses unless the enrolled key signed these bytes in that context.
    fn signed(
        &self,
        context: Context,
        key: &Key,
        bytes: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        let enrolled = &key.enrolled.public_key.0;
        let proves = |proof: &Verified| {
            proof.covers(context, bytes) && proof.signer().to_ssh_wire() == *enrolled
        };
        if self.commit.proof().is_some_and(proves) {
            return Ok(());
        }
        let public = PublicKey::from_ssh_wire(enrolled).map_err(|_| Refusal::KeyNotActive)?;
        verify(context, &public, bytes, signature)
            .map(drop)
            .map_err(|_| Refusal::SignatureInvalid)
    }

    /// The root of a body of the next entry.
    fn body(&mut self, name: &'static str, value: Option<&Value>) -> Bodies {
        Bodies::one(name, self.commit.commit(self.drafts.len(), name, value))
    }

    fn push(&mut self, by: Party, refs: Refs, fact: impl Into<Fact>, bodies: Bodies) {
        let fact = fact.into();
        self.drafts.push(Draft {
            by,
            refs,
            sources: Vec::new(),
            fact,
            bodies,
        });
    }

    /// Marks the last entry's bodies as quoting those of other entries.
    fn quotes(&mut self, sources: Vec<u64>) {
        if let Some(draft) = self.drafts.last_mut() {
            draft.sources = sources;
        }
    }

    /// The seq that the command's next entry gets.
    fn next_seq(&self) -> u64 {
        self.state
            .size
            .saturating_add(u64::try_from(self.drafts.len()).unwrap_or(u64::MAX))
    }

    /// The service itself, as the acting party.
    fn service(&self) -> Result<Party, Refusal> {
        self.service_id().map(Party::Executor)
    }

    fn service_id(&self) -> Result<ExecutorId, Refusal> {
        self.state
            .ledger
            .as_ref()
            .map(|ledger| ledger.service)
            .ok_or(Refusal::OutOfOrder)
    }

    fn call(&self, call: countersign_record::id::CallId) -> Result<&'a Call, Refusal> {
        self.state.calls.get(&call).ok_or(Refusal::NotFound)
    }

    fn not_checked(&mut self, guard: Unchecked) {
        if !self.unchecked.contains(&guard) {
            self.unchecked.push(guard);
        }
    }

    /// Refuses when the credential of whoever asked was revoked since.
    fn asker_stands(&self, call: &Call) -> Result<(), Refusal> {
        let stands = self.state.roster.is_active(call.requester.asker);
        if stands {
            Ok(())
        } else {
            Err(Refusal::Revoked)
        }
    }

    /// Refuses when the policy in force demands more than the one that judged the call.
    fn not_stricter(&mut self, call: &Call) -> Result<(), Refusal> {
        match is_stricter(self.state, call) {
            Some(true) => Err(Refusal::PolicyStricter),
            Some(false) => Ok(()),
            None => {
                self.not_checked(Unchecked::StricterPolicy);
                Ok(())
            }
        }
    }

    /// Refuses while a freeze stands over the call.
    fn not_frozen(&mut self, call: &Call) -> Result<(), Refusal> {
        let target = match (self.state.document(), &call.document) {
            (Some(policy), Some(_)) => Target::Known(call.target(policy)),
            _ => Target::Withheld,
        };
        self.thawed(&call.requester, &call.tool, &call.rules, &target)
    }

    fn thawed(
        &mut self,
        requester: &crate::state::Requester,
        tool: &str,
        rules: &[countersign_record::name::RuleName],
        target: &Target,
    ) -> Result<(), Refusal> {
        if tool == LIFT {
            return Ok(());
        }
        let mut withheld = false;
        for freeze in self.state.freezes.values() {
            let agent = freeze
                .agent
                .is_some_and(|agent| requester.asker == Party::Agent(agent));
            let person = freeze.person.is_some() && freeze.person == requester.principal;
            let tool = freeze.tool.as_deref() == Some(tool);
            let rule = freeze
                .rule
                .as_ref()
                .is_some_and(|rule| rules.contains(rule));
            let target = if let (Target::Known(found), Some(frozen)) = (target, &freeze.target) {
                found.as_ref() == Some(frozen)
            } else {
                withheld |= freeze.by_target;
                false
            };
            if freeze.all || agent || person || tool || rule || target {
                return Err(Refusal::Frozen);
            }
        }
        if withheld {
            self.not_checked(Unchecked::FrozenTarget);
        }
        Ok(())
    }
}

/// The target of a call, for freezes.
enum Target {
    Known(Option<alloc::string::String>),
    Withheld,
}

/// Whether the policy in force demands more of the call than the one that judged it; `None` where
/// the policy has changed and it, the call's document or a call before it that matters is withheld.
fn is_stricter(state: &State, call: &Call) -> Option<bool> {
    use countersign_policy::{Facts, Question, Verdict};
    if state
        .policy
        .as_ref()
        .is_some_and(|in_force| in_force.digest == call.policy)
    {
        return Some(false);
    }
    let (policy, document) = (state.document()?, call.document.as_ref()?);
    let question = Question {
        tool: &document.tool,
        arguments: &document.arguments,
        reason: document.reason.as_deref(),
    };
    let demands_more =
        |facts: &Facts| match countersign_policy::evaluate(policy, &question, facts).verdict {
            Verdict::Allow => false,
            Verdict::Deny => true,
            Verdict::Confirm(current) => call
                .question()
                .and_then(|pending| requirement::requirement(&call.rules, &pending.demand))
                .is_none_or(|pinned| !pinned.admits(&current)),
        };
    let stricter = demands_more(&call.facts);
    let matters = |best| demands_more(&best) != stricter;
    if call.facts.at_best().is_some_and(matters) {
        return None;
    }
    Some(stricter)
}
