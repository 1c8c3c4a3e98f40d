//! The catalogue: what each tool is, in business words.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::Value;
use countersign_record::name::ExecutorName;
use countersign_record::text::is_unseen;

use crate::field::{ArgPath, CallPath, Found};
use crate::kind::Kind;
use crate::sentence::Template;

/// A tool that the policy knows.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    pub(crate) class: String,
    pub(crate) verb: String,
    pub(crate) sentence: Option<Template>,
    pub(crate) target: Option<CallPath>,
    #[serde(default)]
    pub(crate) show: Vec<CallPath>,
    #[serde(default)]
    pub(crate) args: BTreeMap<ArgPath, Kind>,
    pub(crate) executor: Option<ExecutorName>,
    #[serde(default = "yes")]
    pub(crate) irreversible: bool,
}

fn yes() -> bool {
    true
}

impl Tool {
    /// The class that rules select it by.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// What it does, as a verb phrase: "send a wire transfer".
    pub fn verb(&self) -> &str {
        &self.verb
    }

    /// Who runs it; a call of a tool without an executor cannot be bound.
    pub fn executor(&self) -> Option<&ExecutorName> {
        self.executor.as_ref()
    }

    /// Whether "This cannot be undone" is said.
    pub fn is_irreversible(&self) -> bool {
        self.irreversible
    }

    /// The arguments to show first, in the policy's order.
    pub fn show(&self) -> impl ExactSizeIterator<Item = &ArgPath> {
        self.show.iter().map(|path| &path.0)
    }

    /// The declared arguments with their kinds.
    pub fn declared(&self) -> impl ExactSizeIterator<Item = (&ArgPath, Kind)> {
        self.args.iter().map(|(path, kind)| (path, *kind))
    }

    /// The declared kind of an argument.
    pub fn kind(&self, path: &ArgPath) -> Option<Kind> {
        self.args.get(path).copied()
    }

    /// Where the target stands in the arguments, when the tool has one.
    pub fn target_path(&self) -> Option<&ArgPath> {
        self.target.as_ref().map(|path| &path.0)
    }

    /// What the call acts upon: the text at the target's place.
    pub fn target<'a>(&self, arguments: &'a Value) -> Option<&'a str> {
        match self.target_path()?.find(arguments) {
            Found::Here(value) => value.as_str(),
            Found::Absent | Found::Unreadable => None,
        }
    }

    /// The first character of the target that nobody would see, blanks other than the space among them.
    /// A target is compared, searched and frozen by as it is written. Letters that look alike are
    /// another matter: they are shown escaped.
    pub fn unseen_in_target(&self, arguments: &Value) -> Option<char> {
        self.target(arguments)?
            .chars()
            .find(|it| is_unseen(*it) || (it.is_whitespace() && *it != ' '))
    }

    /// What in the arguments is not as the catalogue declares it, in the policy's words.
    pub(crate) fn malformed(&self, arguments: &Value) -> Option<String> {
        use alloc::format;
        if arguments.as_object().is_none() {
            return Some("the arguments are not an object".to_string());
        }
        if let Some(path) = self.target_path()
            && self.target(arguments).is_none_or(str::is_empty)
        {
            return Some(format!("the target {path} is missing or not text"));
        }
        self.args
            .iter()
            .find_map(|(path, kind)| match path.find(arguments) {
                Found::Here(value) if kind.admits(value) => None,
                Found::Absent => None,
                Found::Here(_) => Some(format!("{path} is not of the declared kind {kind}")),
                Found::Unreadable => Some(format!("{path} cannot be reached: another shape")),
            })
    }
}
