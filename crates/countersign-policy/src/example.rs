//! The owner's own examples: `[[test]]`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;

use crate::condition::Labels;
use crate::document::{Fallback, Policy};
use crate::evaluate::{Assessment, Question, Verdict, evaluate, evaluate_with};
use crate::literal::Literal;

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    name: String,
    call: CallText,
    expect: Expected,
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
        let assessment = match &self.call.labels {
            Some(labels) => evaluate_with(policy, &question, Some(labels)),
            None => evaluate(policy, &question),
        };
        let shortfalls = self.expect.compare(&assessment);
        TestResult {
            name: self.name.clone(),
            assessment,
            shortfalls,
        }
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
