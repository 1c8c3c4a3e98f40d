//! The policy document: TOML with a closed vocabulary.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::action::policy_digest;
use countersign_record::digest::PolicyDigest;
use countersign_record::name::{GroupName, RuleName, ToolName};
use serde::de::IgnoredAny;

use crate::catalogue::Tool;
use crate::condition::{Condition, Labels};
use crate::confirm::Governance;
use crate::control;
use crate::error::PolicyError;
use crate::example::Example;
use crate::look::Look;
use crate::rule::Rule;

/// A policy that people can read aloud in one meeting is far shorter.
pub(crate) const BYTES_MAX: usize = 128 * 1024;

/// What happens where no rule speaks, or where the call cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// It may run; only for calls that no rule matches.
    Allow,
    /// The fallback rule says who is asked.
    Confirm,
    /// It may not run.
    Deny,
}

/// The same without `allow`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Guarded {
    Confirm,
    Deny,
}

/// A policy document that could be read. Adopt it only when [`Policy::check`] finds no error.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    text: String,
    digest: PolicyDigest,
    pub(crate) document: Document,
    control: BTreeMap<ToolName, Tool>,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) policy: Head,
    #[serde(default)]
    pub(crate) tools: BTreeMap<ToolName, Tool>,
    #[serde(default)]
    pub(crate) groups: BTreeMap<GroupName, Purpose>,
    pub(crate) governance: Option<Governance>,
    pub(crate) budget: Option<IgnoredAny>,
    pub(crate) plan: Option<IgnoredAny>,
    #[serde(default)]
    pub(crate) inventory: BTreeMap<String, Labels>,
    #[serde(default, rename = "rule")]
    pub(crate) rules: Vec<Rule>,
    #[serde(default, rename = "test")]
    pub(crate) tests: Vec<Example>,
}

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) id: RuleName,
    pub(crate) version: u32,
    pub(crate) owner: String,
    pub(crate) default: Fallback,
    pub(crate) unknown_tool: Guarded,
    pub(crate) on_error: Guarded,
    pub(crate) fallback_rule: Option<RuleName>,
    pub(crate) utc_offset: Option<UtcOffset>,
}

/// What a group is for.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(
    untagged,
    expecting = "expected what the group is for, in words; who is in it is recorded in the ledger"
)]
pub(crate) enum Purpose {
    Words(String),
}

/// Local time of the policy, `+01:00`, for `outside_hours`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct UtcOffset {
    written: String,
    minutes: i32,
}

#[derive(Debug, thiserror::Error)]
#[error("an offset from UTC is written \"+01:00\" or \"-05:30\"")]
pub(crate) struct UtcOffsetError;

impl TryFrom<String> for UtcOffset {
    type Error = UtcOffsetError;

    fn try_from(text: String) -> Result<Self, UtcOffsetError> {
        let part = |from: usize, most: i32| {
            let digits = text
                .get(from..from + 2)
                .filter(|part| !part.starts_with(['+', '-']));
            digits
                .and_then(|part| part.parse::<i32>().ok())
                .filter(|number| *number <= most)
        };
        let shaped = text.len() == 6 && text.starts_with(['+', '-']) && text.get(3..4) == Some(":");
        match (part(1, 14), part(4, 59)) {
            (Some(hours), Some(minutes)) if shaped => {
                let sign = if text.starts_with('-') { -1 } else { 1 };
                let minutes = sign * (hours * 60 + minutes);
                Ok(Self {
                    written: text,
                    minutes,
                })
            }
            _ => Err(UtcOffsetError),
        }
    }
}

impl UtcOffset {
    pub(crate) fn minutes(&self) -> i32 {
        self.minutes
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.written
    }
}

impl Policy {
    /// Reads a document: its form only. A typo is named with its line.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > BYTES_MAX {
            return Err(PolicyError::TooLarge { bytes: text.len() });
        }
        let mut policy = Self {
            text: text.to_owned(),
            digest: policy_digest(text.as_bytes()),
            document: toml::from_str(text).map_err(|error| PolicyError::form(text, &error))?,
            control: control::catalogue().map_err(|error| PolicyError::form("", &error))?,
        };
        policy.resolve();
        Ok(policy)
    }

    /// Tells conditions what the rest of the document says.
    fn resolve(&mut self) {
        let Document {
            policy,
            tools,
            rules,
            ..
        } = &mut self.document;
        for rule in rules {
            let known = tools.iter().chain(&self.control);
            let selected =
                known.filter(|(name, tool)| rule.about.selects(name.as_str(), Some(tool.class())));
            let mut about: Vec<ToolName> = selected.map(|(name, _)| name.clone()).collect();
            about.sort_by(|one, other| one.as_str().cmp(other.as_str()));
            for condition in &mut rule.when {
                condition.resolve(&about, policy.utc_offset.as_ref());
            }
        }
    }

    /// Every way in which it looks back at earlier calls, each once.
    pub fn looks(&self) -> BTreeSet<&Look> {
        let conditions = self.document.rules.iter().flat_map(|rule| &rule.when);
        conditions.filter_map(Condition::look).collect()
    }

    /// The document, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 over `countersign/policy/v1`, a line feed, and the text (docs/spec/policy.md, part 1).
    pub fn digest(&self) -> PolicyDigest {
        self.digest
    }

    /// Its name.
    pub fn id(&self) -> &RuleName {
        &self.document.policy.id
    }

    /// Its version, as the owner counts.
    pub fn version(&self) -> u32 {
        self.document.policy.version
    }

    /// The role that answers for it.
    pub fn owner(&self) -> &str {
        &self.document.policy.owner
    }

    /// The groups that it declares, each with its purpose.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&GroupName, &str)> {
        self.document
            .groups
            .iter()
            .map(|(name, Purpose::Words(purpose))| (name, purpose.as_str()))
    }

    /// A rule's title; `None` for an unknown rule.
    pub fn rule_title(&self, rule: &RuleName) -> Option<&str> {
        if rule.as_str() == control::GOVERNANCE {
            return Some("Changes of the control itself");
        }
        self.rule(rule).map(|rule| rule.title.as_str())
    }

    /// The tool of exactly that name, reserved ones included.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        if control::is_reserved(name) {
            self.control.get(name)
        } else {
            self.document.tools.get(name)
        }
    }

    /// The tools that the document declares.
    pub fn tools(&self) -> impl ExactSizeIterator<Item = (&ToolName, &Tool)> {
        self.document.tools.iter()
    }

    pub(crate) fn control_tools(&self) -> impl ExactSizeIterator<Item = (&ToolName, &Tool)> {
        self.control.iter()
    }

    pub(crate) fn rule(&self, name: &RuleName) -> Option<&Rule> {
        self.document.rules.iter().find(|rule| rule.id == *name)
    }

    pub(crate) fn fallback(&self) -> Option<&Rule> {
        self.rule(self.document.policy.fallback_rule.as_ref()?)
    }
}
