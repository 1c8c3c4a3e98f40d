//! The owner's own examples: `[[test]]`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;

use crate::condition::Labels;
use crate::document::{Fallback, Policy, UtcOffset};
use crate::evaluate::{Assessment, Question, Verdict, evaluate, evaluate_with};
use crate::hours::WeekTime;
use crate::literal::Literal;
use crate::look::{Doubt, Earlier, Facts, Look};
use crate::span::Span;

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    name: String,
    call: CallText,
    /// In the policy's own time; without it nobody knows the time.
    time: Option<WeekTime>,
    /// What was asked before; without it nothing was.
    #[serde(default)]
    earlier: Vec<EarlierText>,
    expect: Expected,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct EarlierText {
    tool: String,
    args: Option<Literal>,
    /// Without it: at the same moment.
    ago: Option<Span>,
    /// Without it: still open.
    ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ended {
    Succeeded,
    Failed,
    Unexecuted,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CallText {
    tool: String,
    args: Option<Literal>,
    reason: Option<String>,
    /// In place of the inventory's.
    labels: Option<Labels>,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    decision: Fallback,
    rules: Option<Vec<RuleName>>,
    approvals: Option<u32>,
}

/// How one of the owner's examples went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TestResult {
    /// The example's name.
    pub name: String,
    /// What the policy says about the call.
    pub assessment: Assessment,
    /// Where that is not what the owner expects; empty: it passed.
    pub shortfalls: Vec<Shortfall>,
}

/// One difference between what an example expects and what the policy says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shortfall {
    /// `decision`, `rules` or `approvals`.
    pub of: &'static str,
    /// What the owner expects.
    pub expected: String,
    /// What the policy says.
    pub found: String,
}

impl TestResult {
    /// Whether the policy says what the owner expects.
    pub fn passed(&self) -> bool {
        self.shortfalls.is_empty()
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, the policy says {}",
            self.of, self.expected, self.found
        )
    }
}

impl Policy {
    /// Runs the owner's examples, in the order of the document.
    pub fn test(&self) -> Vec<TestResult> {
        self.document
            .tests
            .iter()
            .map(|example| example.run(self))
            .collect()
    }
}

impl Example {
    fn run(&self, policy: &Policy) -> TestResult {
        let none = Value::Object(Object::new());
        let question = Question {
            tool: &self.call.tool,
            arguments: self.call.args.as_ref().map_or(&none, |args| &args.0),
            reason: self.call.reason.as_deref(),
        };
        let facts = self.facts(policy, question.arguments);
        let assessment = match &self.call.labels {
            Some(labels) => evaluate_with(policy, &question, Some(labels), &facts),
            None => evaluate(policy, &question, &facts),
        };
        let shortfalls = self.expect.compare(&assessment);
        TestResult {
            name: self.name.clone(),
            assessment,
            shortfalls,
        }
    }
}

impl Example {
    fn facts(&self, policy: &Policy, arguments: &Value) -> Facts {
        let offset = policy.document.policy.utc_offset.as_ref();
        let offset = offset.map_or(0, UtcOffset::minutes);
        let looks = policy.looks().into_iter();
        let looks = looks.filter(|look| look.selects(&self.call.tool));
        let earlier = looks.map(|look| (look.clone(), self.counted(look, arguments)));
        Facts {
            at: self.time.map(|time| time.at(offset)),
            earlier: earlier.collect(),
        }
    }

    fn counted(&self, look: &Look, arguments: &Value) -> Earlier {
        let none = Value::Object(Object::new());
        let own = look.share(arguments).group;
        let mut counted = Earlier::default();
        for call in self.earlier.iter().filter(|call| call.counts_in(look)) {
            let share = look.share(call.args.as_ref().map_or(&none, |args| &args.0));
            if share.group.is_none() {
                counted.doubt(Doubt::Unreadable);
            } else if share.group == own {
                counted.add(share.amount);
            }
        }
        counted
    }
}

impl EarlierText {
    fn counts_in(&self, look: &Look) -> bool {
        let ago = self.ago.map_or(0, Span::milliseconds);
        let ended = if look.counts_successes() {
            self.ended == Some(Ended::Succeeded)
        } else {
            self.ended != Some(Ended::Unexecuted)
        };
        ended && look.selects(&self.tool) && ago < look.within_ms()
    }
}

impl Expected {
    fn compare(&self, assessment: &Assessment) -> Vec<Shortfall> {
        let (decision, approvals) = match &assessment.verdict {
            Verdict::Allow => (Fallback::Allow, 0),
            Verdict::Deny => (Fallback::Deny, 0),
            Verdict::Confirm(requirement) => (Fallback::Confirm, requirement.approvals()),
        };
        let mut shortfalls = Vec::new();
        let mut compare = |of, expected: String, found: String| {
            if expected != found {
                shortfalls.push(Shortfall {
                    of,
                    expected,
                    found,
                });
            }
        };
        compare("decision", self.decision.to_string(), decision.to_string());
        if let Some(rules) = &self.rules {
            let mut rules = rules.clone();
            rules.sort();
            compare("rules", list(&rules), list(&assessment.rules));
        }
        if let Some(expected) = self.approvals {
            compare("approvals", expected.to_string(), approvals.to_string());
        }
        shortfalls
    }
}

fn list(rules: &[RuleName]) -> String {
    let names: Vec<&str> = rules.iter().map(RuleName::as_str).collect();
    if names.is_empty() {
        "none".into()
    } else {
        names.join(", ")
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Confirm => "confirm",
            Self::Deny => "deny",
        })
    }
}
