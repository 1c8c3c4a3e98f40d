//! An agent asks for a call: the policy judges, and what follows is recorded with it.

mod judged;
mod likeness;

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use countersign_policy::is_reserved;
use countersign_record::digest::sha256;
use countersign_record::entry::{
    Bodies, CallAttached, CallEvaluated, ConfirmationOpened, Demand, Fingerprint, Party, Refs,
    SessionRegistered, Verdict,
};
use countersign_record::id::CallId;
use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;
use countersign_record::term::{Enforcement, Role};

use judged::Judged;

use super::{Admission, Target, Unchecked};
use crate::ALLOWED_WITHIN_MS;
use crate::command::Submit;
use crate::present::{LANGUAGE, Presentation, RENDERER};
use crate::refusal::Refusal;
use crate::requirement;
use crate::state::{Requester, policy_target};

/// The header's word for a tool that the policy does not declare.
const UNDECLARED: &str = "*undeclared*";

/// A party's fingerprint epoch takes new calls this long: 30 days.
const EPOCH_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The scope in which a tool-call id is unique: the asking party and its session.
pub fn request_key(by: Party, session: Option<&str>, tool_call_id: &str) -> [u8; 32] {
    let session = session.unwrap_or_default();
    let length = u64::try_from(session.len()).unwrap_or(u64::MAX);
    sha256(&[
        b"countersign/idempotency/v1\n",
        by.to_string().as_bytes(),
        b"\n",
        &length.to_be_bytes(),
        session.as_bytes(),
        tool_call_id.as_bytes(),
    ])
}

impl Admission<'_> {
    pub(super) fn submit(&mut self, submit: &Submit) -> Result<(), Refusal> {
        let (requester, enforcement) = self.asker(submit)?;
        self.check_ids(requester, submit)?;
        self.check_request(submit)?;
        let judged = self.judged(submit)?;
        let refs = self.session(submit)?;
        let (twin, same_as) = self.twin(requester, submit);
        if let Some(twin) = twin.filter(|_| judged.verdict != Verdict::Deny) {
            self.attach(submit, &refs, twin);
            return Ok(());
        }
        if submit
            .document
            .as_ref()
            .is_some_and(|document| document.replaces != submit.replaces)
        {
            return Err(Refusal::OutOfOrder);
        }
        let verdict = self.overruled(requester, submit, &judged, same_as.as_ref())?;
        self.evaluated(submit, &refs, &judged, verdict, same_as, enforcement);
        if verdict == Verdict::Confirm {
            let demand = judged.demand.ok_or(Refusal::OutOfOrder)?;
            self.opened(submit, requester, judged.rules, demand)?;
        }
        Ok(())
    }

    /// Who asks, and how strong the stop is; operators and responders only for control tools.
    fn asker(&self, submit: &Submit) -> Result<(Requester, Enforcement), Refusal> {
        let service = self.service_id()?;
        let control = submit.executor == service;
        if !self.state.armed {
            return Err(Refusal::NotArmed);
        }
        let claimed = submit.claimed.as_ref().map(|claimed| claimed.tool.as_str());
        let tool = submit
            .document
            .as_ref()
            .map(|document| document.tool.as_str())
            .or(claimed);
        // A reserved name that the catalogue does not have stands in no header.
        let belongs =
            tool.is_none_or(|tool| is_reserved(tool) == control || (control && tool == UNDECLARED));
        if !belongs {
            return Err(Refusal::Forbidden);
        }
        let roster = &self.state.roster;
        let (principal, enforcement) = match submit.by {
            Party::Agent(agent) if !control => {
                let agent = roster.agents.get(&agent).filter(|it| !it.revoked);
                let agent = agent.ok_or(Refusal::Forbidden)?;
                if !roster.is_active(Party::Executor(submit.executor)) {
                    return Err(Refusal::UnknownTool);
                }
                (Some(agent.principal), agent.enforcement)
            }
            Party::Credential(credential) if control => match roster.role(credential) {
                Some(Role::Operator | Role::Responder) => (None, Enforcement::ToolVerified),
                Some(Role::Auditor) | None => return Err(Refusal::Forbidden),
            },
            _ => return Err(Refusal::Forbidden),
        };
        Ok((
            Requester {
                asker: submit.by,
                principal,
            },
            enforcement,
        ))
    }

    /// Ids are fresh, and the likeness belongs to the party's present epoch: one that is over is
    /// followed by the next number, and by no other, or a denial would be dodged by a new epoch.
    fn check_ids(&self, requester: Requester, submit: &Submit) -> Result<(), Refusal> {
        let present = match self.state.epochs.get(&requester) {
            Some(epoch) if self.now < epoch.first_at.saturating_add(EPOCH_MS) => epoch.number,
            Some(epoch) => epoch.number.saturating_add(1),
            None => 0,
        };
        let fits = submit.fp.epoch == present
            && submit
                .older
                .iter()
                .all(|older| older.epoch < submit.fp.epoch)
            && !self.state.calls.contains_key(&submit.call)
            && !self.state.grants.contains_key(&submit.grant);
        if fits {
            Ok(())
        } else {
            Err(Refusal::OutOfOrder)
        }
    }

    fn check_request(&mut self, submit: &Submit) -> Result<(), Refusal> {
        let Some(document) = &submit.document else {
            self.not_checked(Unchecked::Idempotency);
            return Ok(());
        };
        if document.digest() != submit.action || document.audience != submit.executor {
            return Err(Refusal::DigestMismatch);
        }
        let key = request_key(
            submit.by,
            document.session.as_deref(),
            &document.tool_call_id,
        );
        if self
            .state
            .requests
            .get(&key)
            .is_some_and(|earlier| earlier.is_remembered(self.now))
        {
            return Err(Refusal::IdempotencyKeyReused);
        }
        Ok(())
    }

    /// What this call is about; a session that is new is recorded first.
    fn session(&mut self, submit: &Submit) -> Result<Refs, Refusal> {
        let mut refs = Refs {
            session: submit.session,
            ..Refs::default()
        };
        if let Party::Agent(agent) = submit.by {
            refs.agent = Some(agent);
        }
        let asked = submit
            .document
            .as_ref()
            .map(|document| document.session.as_deref());
        let names = |name: Option<&str>| {
            asked.is_none_or(|asked| name.is_none_or(|name| asked == Some(name)))
        };
        match (&submit.session, &submit.new_session) {
            (None, None) => {
                if refs.agent.is_some() && asked.is_some_and(|asked| asked.is_some()) {
                    return Err(Refusal::OutOfOrder);
                }
            }
            (Some(id), None) => {
                let known = self.state.sessions.get(id).ok_or(Refusal::OutOfOrder)?;
                if submit.by != Party::Agent(known.agent) {
                    return Err(Refusal::Forbidden);
                }
                if !names(known.name.as_deref()) {
                    return Err(Refusal::OutOfOrder);
                }
            }
            (Some(id), Some(name)) => {
                let fresh = !self.state.sessions.contains_key(id);
                if refs.agent.is_none() || !fresh || !names(name.as_deref()) {
                    return Err(Refusal::OutOfOrder);
                }
                let value = name
                    .as_ref()
                    .map(|name| Object::new().with("name", name.as_str()));
                let bodies = self.body("session", value.map(Value::Object).as_ref());
                self.push(submit.by, refs.clone(), SessionRegistered {}, bodies);
            }
            (None, Some(_)) => return Err(Refusal::OutOfOrder),
        }
        Ok(refs)
    }

    fn attach(&mut self, submit: &Submit, refs: &Refs, twin: CallId) {
        let value = submit
            .document
            .as_ref()
            .map(crate::call::CallDocument::attached);
        let bodies = self.body("call", value.as_ref());
        let refs = Refs {
            call: Some(twin),
            ..refs.clone()
        };
        self.push(submit.by, refs, CallAttached { left: false }, bodies);
    }

    /// A freeze or a standing denial overrules the policy's yes.
    fn overruled(
        &mut self,
        requester: Requester,
        submit: &Submit,
        judged: &Judged,
        same_as: Option<&Fingerprint>,
    ) -> Result<Verdict, Refusal> {
        if judged.verdict == Verdict::Deny {
            return Ok(Verdict::Deny);
        }
        let target = match (&submit.document, self.state.document()) {
            (Some(document), Some(policy)) => {
                Target::Known(policy_target(policy, &document.tool, &document.arguments))
            }
            _ => Target::Withheld,
        };
        match self.thawed(&requester, &judged.tool, &judged.rules, &target) {
            Err(Refusal::Frozen) => return Ok(Verdict::Frozen),
            other => other?,
        }
        let denied = |fp: &Fingerprint| self.state.denied(requester, fp, self.now).is_some();
        if denied(&submit.fp) || same_as.is_some_and(denied) {
            return Ok(Verdict::PreviouslyDenied);
        }
        Ok(judged.verdict)
    }

    fn evaluated(
        &mut self,
        submit: &Submit,
        refs: &Refs,
        judged: &Judged,
        verdict: Verdict,
        same_as: Option<Fingerprint>,
        enforcement: Enforcement,
    ) {
        let allowed = verdict == Verdict::Allow;
        let value = submit
            .document
            .as_ref()
            .map(crate::call::CallDocument::value);
        let bodies = self.body("call", value.as_ref());
        let refs = Refs {
            call: Some(submit.call),
            replaces: submit.replaces,
            executor: Some(submit.executor),
            grant: allowed.then_some(submit.grant),
            ..refs.clone()
        };
        let evaluated = CallEvaluated {
            tool: judged.tool.clone(),
            action: submit.action,
            fp: submit.fp.clone(),
            same_as,
            policy: self.policy_digest(),
            verdict,
            rules: judged.rules.clone(),
            enforcement,
            execute_before: allowed.then_some(self.now.saturating_add(ALLOWED_WITHIN_MS)),
        };
        self.push(submit.by, refs, evaluated, bodies);
    }

    fn policy_digest(&self) -> countersign_record::digest::PolicyDigest {
        let in_force = self.state.policy.as_ref().map(|policy| policy.digest);
        in_force.unwrap_or(countersign_record::digest::PolicyDigest([0; 32]))
    }

    fn opened(
        &mut self,
        submit: &Submit,
        requester: Requester,
        rules: Vec<RuleName>,
        demand: Demand,
    ) -> Result<(), Refusal> {
        if !requirement::is_sound(&rules, &demand) {
            return Err(Refusal::OutOfOrder);
        }
        let decide_before = self.now.saturating_add(demand.decide_within);
        let shown = self.presentation(submit, requester, &rules, &demand, decide_before)?;
        let quoted = vec![self.next_seq() - 1];
        let bodies = self.body("shown", shown.as_ref());
        let circle: BTreeSet<Party> = [
            Some(requester.asker),
            requester.principal.map(Party::Person),
        ]
        .into_iter()
        .flatten()
        .collect();
        let opened = ConfirmationOpened {
            instance: submit.instance,
            policy: self.policy_digest(),
            rules,
            demand,
            decide_before,
            requester: circle.into_iter().collect(),
            renderer: RENDERER.into(),
            language: LANGUAGE.into(),
        };
        let refs = Refs {
            call: Some(submit.call),
            confirmation: Some(submit.confirmation),
            ..Refs::default()
        };
        let service = self.service()?;
        self.push(service, refs, opened, bodies);
        self.quotes(quoted);
        Ok(())
    }

    fn presentation(
        &mut self,
        submit: &Submit,
        requester: Requester,
        rules: &[RuleName],
        demand: &Demand,
        decide_before: u64,
    ) -> Result<Option<Value>, Refusal> {
        let (Some(document), Some(policy)) = (&submit.document, self.state.document()) else {
            self.not_checked(Unchecked::Presentation);
            return Ok(None);
        };
        let presentation = Presentation {
            roster: &self.state.roster,
            policy,
            policy_digest: self.policy_digest(),
            call: submit.call,
            confirmation: submit.confirmation,
            document,
            requester,
            rules,
            demand,
            decide_before,
        };
        if !presentation.names_are_disclosed() {
            self.not_checked(Unchecked::Presentation);
            return Ok(None);
        }
        presentation.value().map(Some).ok_or(Refusal::CannotBeShown)
    }
}

/// No bodies.
pub(super) fn none() -> Bodies {
    Bodies::default()
}
