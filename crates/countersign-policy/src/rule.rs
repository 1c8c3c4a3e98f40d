//! A rule: which calls it is about, and what it says of them.

use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::name::{RuleName, ToolName};
use serde::de::IgnoredAny;

use crate::compare::Answer;
use crate::condition::{Condition, Seen};
use crate::confirm::Confirm;

#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "RuleText")]
pub(crate) struct Rule {
    pub(crate) id: RuleName,
    pub(crate) title: String,
    pub(crate) about: Selector,
    pub(crate) when: Vec<Condition>,
    pub(crate) says: Saying,
    /// Words that later versions give a meaning.
    pub(crate) not_built: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Selector {
    Tools(Vec<ToolName>),
    Classes(Vec<String>),
    /// Only as the fallback.
    Nothing,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Saying {
    Confirm(Confirm),
    Deny,
}

/// Whether a rule applies, with the doubts that made it apply.
pub(crate) enum Applies {
    No,
    Yes { doubts: Vec<String> },
}

impl Rule {
    pub(crate) fn applies(&self, class: Option<&str>, call: &Seen<'_>) -> Applies {
        if !self.about.selects(call.name, class) {
            return Applies::No;
        }
        let mut doubts = Vec::new();
        for condition in &self.when {
            match condition.answer(call) {
                Answer::Yes => {}
                Answer::No => return Applies::No,
                Answer::CannotTell(reason) => doubts.push(alloc::format!(
                    "rule \"{}\" applies because it cannot be told whether {} {}: {reason}",
                    self.id,
                    condition.field,
                    condition.operator.words(),
                )),
            }
        }
        Applies::Yes { doubts }
    }

    /// Whether it looks at earlier calls.
    pub(crate) fn looks_back(&self) -> bool {
        self.when.iter().any(|condition| condition.look().is_some())
    }

    /// Whether it looks at the clock.
    pub(crate) fn looks_at_clock(&self) -> bool {
        self.when.iter().any(Condition::looks_at_clock)
    }

    pub(crate) fn confirm(&self) -> Option<&Confirm> {
        match &self.says {
            Saying::Confirm(confirm) => Some(confirm),
            Saying::Deny => None,
        }
    }
}

impl Selector {
    pub(crate) fn selects(&self, tool: &str, class: Option<&str>) -> bool {
        match self {
            Self::Tools(tools) => tools.iter().any(|name| name.as_str() == tool),
            Self::Classes(classes) => {
                class.is_some_and(|class| classes.iter().any(|name| name == class))
            }
            Self::Nothing => false,
        }
    }
}

/// A rule as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: RuleName,
    title: String,
    tool: Option<ToolName>,
    tools: Option<Vec<ToolName>>,
    class: Option<OneOrMany>,
    #[serde(default)]
    when: Vec<Condition>,
    confirm: Option<Confirm>,
    deny: Option<bool>,
    channel: Option<IgnoredAny>,
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "expected a class or a list of classes")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, thiserror::Error)]
enum RuleError {
    #[error("a rule says either confirm = {{ … }} or deny = true")]
    Saying,
    #[error("a rule is about one of tool, tools or class")]
    About,
}

impl TryFrom<RuleText> for Rule {
    type Error = RuleError;

    fn try_from(text: RuleText) -> Result<Self, RuleError> {
        let about = match (text.tool, text.tools, text.class) {
            (Some(tool), None, None) => Selector::Tools(Vec::from([tool])),
            (None, Some(tools), None) if !tools.is_empty() => Selector::Tools(tools),
            (None, None, Some(OneOrMany::One(class))) => Selector::Classes(Vec::from([class])),
            (None, None, Some(OneOrMany::Many(list))) if !list.is_empty() => {
                Selector::Classes(list)
            }
            (None, None, None) => Selector::Nothing,
            _ => return Err(RuleError::About),
        };
        let says = match (text.confirm, text.deny) {
            (Some(confirm), None) => Saying::Confirm(confirm),
            (None, Some(true)) => Saying::Deny,
            _ => return Err(RuleError::Saying),
        };
        let mut not_built = Vec::new();
        not_built.extend(text.channel.map(|_| "channel"));
        if let Saying::Confirm(confirm) = &says {
            not_built.extend(&confirm.not_built);
        }
        Ok(Self {
            id: text.id,
            title: text.title,
            about,
            when: text.when,
            says,
            not_built,
        })
    }
}
