//! What the policy says of a call that is asked; of a withheld one, what it can have said.

use alloc::string::String;
use alloc::vec::Vec;

use countersign_policy::{
    Assessment, Policy, Question, Verdict as PolicyVerdict, evaluate, is_reserved,
};
use countersign_record::entry::{Demand, Verdict};
use countersign_record::id::ExecutorId;
use countersign_record::name::RuleName;

use super::UNDECLARED;
use crate::admit::{Admission, Unchecked};
use crate::command::{Claimed, Submit};
use crate::refusal::Refusal;
use crate::requirement;

/// What the policy says of a call.
pub(super) struct Judged {
    pub(super) tool: String,
    pub(super) verdict: Verdict,
    pub(super) rules: Vec<RuleName>,
    pub(super) demand: Option<Demand>,
}

impl Admission<'_> {
    pub(super) fn judged(&mut self, submit: &Submit) -> Result<Judged, Refusal> {
        let (Some(document), Some(policy)) = (&submit.document, self.state.document()) else {
            self.not_checked(Unchecked::Policy);
            let claimed = submit.claimed.as_ref().ok_or(Refusal::OutOfOrder)?;
            return self.believed(submit.executor, claimed);
        };
        let declared = policy.tool(&document.tool);
        if declared.is_some()
            && is_reserved(&document.tool)
            && !crate::control::is_well_formed(&document.tool, &document.arguments)
        {
            return Err(Refusal::MalformedArguments);
        }
        if declared.is_some_and(|tool| !self.runs(submit.executor, &document.tool, tool)) {
            return Err(Refusal::UnknownTool);
        }
        let tool = if declared.is_some() {
            document.tool.as_str()
        } else {
            UNDECLARED
        };
        let question = Question {
            tool: &document.tool,
            arguments: &document.arguments,
            reason: document.reason.as_deref(),
        };
        let facts = self
            .state
            .facts(&document.tool, &document.arguments, self.now);
        let judged = evaluate(policy, &question, &facts);
        if let (Some(claimed), Some(best)) = (&submit.claimed, facts.at_best()) {
            let best = evaluate(policy, &question, &best);
            // The service knew what is withheld here.
            if (&best.verdict, &best.rules) != (&judged.verdict, &judged.rules) {
                self.not_checked(Unchecked::Policy);
                return self.believed(submit.executor, claimed);
            }
        }
        let Assessment { verdict, rules, .. } = judged;
        let (verdict, demand) = match verdict {
            PolicyVerdict::Allow => (Verdict::Allow, None),
            PolicyVerdict::Deny => (Verdict::Deny, None),
            PolicyVerdict::Confirm(needed) => {
                (Verdict::Confirm, Some(requirement::demand(&needed)))
            }
        };
        Ok(Judged {
            tool: tool.into(),
            verdict,
            rules,
            demand,
        })
    }

    /// What the entries claim of a call that is withheld, as far as it can be so.
    fn believed(&self, executor: ExecutorId, claimed: &Claimed) -> Result<Judged, Refusal> {
        let can_be = self
            .state
            .document()
            .is_none_or(|policy| self.can_be(policy, executor, claimed));
        if !can_be {
            return Err(Refusal::OutOfOrder);
        }
        // A freeze and a standing denial overrule a yes: the policy itself had not said no.
        let verdict = match claimed.verdict {
            Verdict::Frozen | Verdict::PreviouslyDenied => Verdict::Allow,
            other => other,
        };
        Ok(Judged {
            tool: claimed.tool.clone(),
            verdict,
            rules: claimed.rules.clone(),
            demand: claimed.demand.clone(),
        })
    }

    /// Whether the policy can have said this of some call of the tool.
    fn can_be(&self, policy: &Policy, executor: ExecutorId, claimed: &Claimed) -> bool {
        let Claimed {
            tool,
            verdict,
            rules,
            demand,
        } = claimed;
        let declared = policy.tool(tool);
        let named = declared.map(|_| tool.as_str());
        let known = match declared {
            Some(tool_declared) => self.runs(executor, tool, tool_declared),
            None => tool == UNDECLARED,
        };
        let of_service = self.service_id() == Ok(executor);
        known
            && match verdict {
                Verdict::Allow => rules.is_empty() && policy.can_allow(tool),
                Verdict::Deny => policy.can_deny(named, rules),
                Verdict::Confirm => {
                    let is_needed = |claimed: &Demand| {
                        let needed = policy.requirement_of(named, rules);
                        needed.is_some_and(|needed| *claimed == requirement::demand(&needed))
                    };
                    // Who joins a call claims nothing: its question stands since it was opened.
                    (named.is_some() || !of_service) && demand.as_ref().is_none_or(is_needed)
                }
                Verdict::Frozen | Verdict::PreviouslyDenied => true,
            }
    }

    /// Whether the catalogue binds the tool to this executor; control tools are the service's own.
    fn runs(&self, executor: ExecutorId, name: &str, tool: &countersign_policy::Tool) -> bool {
        let bound = tool
            .executor()
            .and_then(|bound| self.state.roster.executor(bound));
        is_reserved(name) || bound == Some(executor)
    }
}
