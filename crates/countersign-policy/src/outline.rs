//! What can be said of a verdict without the call's arguments: by a reader who was given the policy,
//! the tool and the rules that are said to apply, and nothing else.

use countersign_record::name::RuleName;

use crate::catalogue::Tool;
use crate::control;
use crate::document::{Fallback, Guarded, Policy};
use crate::requirement::Requirement;
use crate::rule::{Rule, Saying};

impl Policy {
    /// Whether some call of this tool can be allowed; of a tool that is not declared, none can.
    pub fn can_allow(&self, tool: &str) -> bool {
        self.tool(tool).is_some()
            && !control::is_reserved(tool)
            && self.document.policy.default == Fallback::Allow
            && self.certain(tool).next().is_none()
    }

    /// Whether these rules can be what denies a call of this tool; `None` of a tool that is not
    /// declared.
    pub fn can_deny(&self, tool: Option<&str>, rules: &[RuleName]) -> bool {
        rules.is_sorted()
            && rules.iter().all(|name| {
                let rule = self.rule_about(tool, name);
                rule.is_some_and(|rule| rule.says == Saying::Deny)
            })
    }

    /// What exactly these rules demand of a call of this tool (`None`: not declared); nothing where
    /// they cannot be all that apply.
    pub fn requirement_of(&self, tool: Option<&str>, rules: &[RuleName]) -> Option<Requirement> {
        let reserved = tool.is_some_and(control::is_reserved);
        let is_governance = |name: &RuleName| reserved && name.as_str() == control::GOVERNANCE;
        let complete = match tool {
            None => self.document.policy.unknown_tool == Guarded::Confirm,
            Some(tool) => {
                (!reserved || rules.iter().any(is_governance))
                    && self.certain(tool).all(|rule| rules.contains(&rule.id))
            }
        };
        if !complete || !rules.is_sorted() {
            return None;
        }
        let confirms = rules.iter().map(|name| {
            let confirm = if is_governance(name) {
                &self.document.governance.as_ref()?.0
            } else {
                self.rule_about(tool, name)?.confirm()?
            };
            Some((name, confirm))
        });
        let confirms: alloc::vec::Vec<_> = confirms.collect::<Option<_>>()?;
        Requirement::strictest(confirms)
    }

    /// Rules that apply to every call of the tool.
    fn certain(&self, tool: &str) -> impl Iterator<Item = &Rule> {
        let class = self.tool(tool).map(Tool::class);
        let rules = self.document.rules.iter();
        rules.filter(move |rule| rule.when.is_empty() && rule.about.selects(tool, class))
    }

    /// The rule of that name, where it can apply to the tool.
    fn rule_about(&self, tool: Option<&str>, name: &RuleName) -> Option<&Rule> {
        let rule = self.document.rules.iter().find(|rule| rule.id == *name)?;
        let is_fallback = self.fallback().is_some_and(|fallback| fallback.id == *name);
        let selects = tool.is_none_or(|tool| {
            let class = self.tool(tool).map(Tool::class);
            rule.about.selects(tool, class)
        });
        (selects || is_fallback).then_some(rule)
    }
}
