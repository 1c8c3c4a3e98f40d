//! What the policy says about one call.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::Value;
use countersign_record::name::RuleName;

use crate::catalogue::Tool;
use crate::condition::{Labels, Seen};
use crate::confirm::Confirm;
use crate::control;
use crate::document::{Fallback, Guarded, Policy};
use crate::look::Facts;
use crate::requirement::Requirement;
use crate::rule::{Applies, Rule, Saying};

/// One call, as the agent asks it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The tool's name, exactly as sent.
    pub tool: &'a str,
    /// The arguments, exactly as sent.
    pub arguments: &'a Value,
    /// The agent's reason, if it gave one.
    pub reason: Option<&'a str>,
}

/// The policy's answer, with what led to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assessment {
    /// What may happen.
    pub verdict: Verdict,
    /// The rules behind the verdict, sorted: those that deny, or else all that matched.
    pub rules: Vec<RuleName>,
    /// Doubts and defaults that led here, in words; none of the agent's.
    pub why: Vec<String>,
}

/// What may happen to a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It may run.
    Allow,
    /// It may not run, and nobody is asked.
    Deny,
    /// It may run when people agree.
    Confirm(Requirement),
}

impl Verdict {
    /// Whether what was decided under this verdict may go on under `current`: a denial always
    /// (it stays one), a permission only where `current` is no stricter.
    pub fn admits(&self, current: &Self) -> bool {
        match (self, current) {
            (Self::Deny, _) | (_, Self::Allow) => true,
            (Self::Confirm(pinned), Self::Confirm(current)) => pinned.admits(current),
            (Self::Allow, Self::Confirm(_)) | (_, Self::Deny) => false,
        }
    }
}

/// Evaluates one call. The target's labels are taken from the policy's inventory; where a rule looks
/// at the clock or at earlier calls, `facts` say what is known, and without them the rule applies.
pub fn evaluate(policy: &Policy, question: &Question<'_>, facts: &Facts) -> Assessment {
    evaluate_with(policy, question, labels(policy, question), facts)
}

/// The same for a reader who does not know what was before the call: where a rule looks at earlier
/// calls and that could be why it does not apply, it applies only if it is among `rules`. Where they do
/// not know either when it was asked, so does a rule that looks at the clock.
pub fn evaluate_given(
    policy: &Policy,
    question: &Question<'_>,
    at: Option<u64>,
    rules: &[RuleName],
) -> Assessment {
    let is_known = |rule: &Rule| !rule.looks_back() && (at.is_some() || !rule.looks_at_clock());
    let is_given = |rule: &Rule| is_known(rule) || rules.contains(&rule.id);
    let facts = Facts {
        at,
        ..Facts::default()
    };
    gather(
        policy,
        question,
        labels(policy, question),
        &facts,
        &is_given,
    )
}

fn labels<'a>(policy: &'a Policy, question: &Question<'_>) -> Option<&'a Labels> {
    let tool = policy.tool(question.tool)?;
    let target = tool.target(question.arguments)?;
    policy.document.inventory.get(target)
}

/// Evaluates one call with these labels.
pub(crate) fn evaluate_with(
    policy: &Policy,
    question: &Question<'_>,
    labels: Option<&Labels>,
    facts: &Facts,
) -> Assessment {
    gather(policy, question, labels, facts, &|_| true)
}

fn gather(
    policy: &Policy,
    question: &Question<'_>,
    labels: Option<&Labels>,
    facts: &Facts,
    counts: &dyn Fn(&Rule) -> bool,
) -> Assessment {
    let tool = policy.tool(question.tool);
    let call = Seen {
        name: question.tool,
        tool,
        arguments: question.arguments,
        reason: question.reason,
        labels,
        facts,
    };
    let mut verdict = Gathering::default();
    for rule in policy.document.rules.iter().filter(|rule| counts(rule)) {
        if let Applies::Yes { doubts } = rule.applies(tool.map(Tool::class), &call) {
            verdict.why.extend(doubts);
            verdict.add(rule);
        }
    }
    let head = &policy.document.policy;
    if control::is_reserved(question.tool) {
        verdict.govern(policy, question.tool);
    } else if let Some(tool) = tool {
        if let Some(fault) = tool.malformed(question.arguments) {
            verdict.guard(head.on_error, policy, &fault);
        }
        if verdict.is_empty() {
            match head.default {
                Fallback::Allow => {}
                Fallback::Confirm => verdict.guard(Guarded::Confirm, policy, NO_RULE),
                Fallback::Deny => verdict.guard(Guarded::Deny, policy, NO_RULE),
            }
        }
    } else {
        verdict.guard(
            head.unknown_tool,
            policy,
            "the policy does not know this tool",
        );
    }
    verdict.finish()
}

const NO_RULE: &str = "no rule speaks about this call";

/// Everything that was said about a call so far.
#[derive(Default)]
struct Gathering<'a> {
    confirms: Vec<(&'a RuleName, &'a Confirm)>,
    governance: Option<(RuleName, &'a Confirm)>,
    denials: Vec<&'a RuleName>,
    denied: bool,
    why: Vec<String>,
}

impl<'a> Gathering<'a> {
    fn is_empty(&self) -> bool {
        self.confirms.is_empty() && self.governance.is_none() && !self.denied
    }

    fn add(&mut self, rule: &'a Rule) {
        match &rule.says {
            Saying::Confirm(confirm) => self.confirms.push((&rule.id, confirm)),
            Saying::Deny => {
                self.denials.push(&rule.id);
                self.denied = true;
            }
        }
    }

    fn deny(&mut self, why: String) {
        self.denied = true;
        self.why.push(why);
    }

    /// At least what `guard` says happens: deny denies whatever the rules said, confirm adds the
    /// fallback rule where nobody would be asked.
    fn guard(&mut self, guard: Guarded, policy: &'a Policy, why: &str) {
        match (guard, policy.fallback()) {
            (Guarded::Deny, _) => self.deny(why.to_string()),
            (Guarded::Confirm, _) if !self.is_empty() => self.why.push(why.to_string()),
            (Guarded::Confirm, Some(rule)) => {
                self.why
                    .push(format!("{why}: the fallback rule \"{}\" applies", rule.id));
                self.add(rule);
            }
            (Guarded::Confirm, None) => {
                self.deny(format!("{why}, and the policy names no fallback rule"));
            }
        }
    }

    fn govern(&mut self, policy: &'a Policy, tool: &str) {
        let name = control::GOVERNANCE.parse();
        match (name, &policy.document.governance, policy.tool(tool)) {
            (Ok(name), Some(governance), Some(_)) => self.governance = Some((name, &governance.0)),
            (_, _, None) => self.deny("the name is reserved, and no such change exists".into()),
            _ => self.deny("the policy does not say who governs the control".into()),
        }
    }

    fn finish(self) -> Assessment {
        let governance = self
            .governance
            .as_ref()
            .map(|(name, confirm)| (name, *confirm));
        let requirement = Requirement::strictest(self.confirms.into_iter().chain(governance));
        let (verdict, rules) = match requirement {
            _ if self.denied => {
                let mut rules: Vec<RuleName> = self.denials.into_iter().cloned().collect();
                rules.sort();
                rules.dedup();
                (Verdict::Deny, rules)
            }
            Some(requirement) => {
                let rules = requirement.rules.clone();
                (Verdict::Confirm(requirement), rules)
            }
            None => (Verdict::Allow, Vec::new()),
        };
        Assessment {
            verdict,
            rules,
            why: self.why,
        }
    }
}
