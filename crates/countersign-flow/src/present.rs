//! What a person sees: a pure function of the call, the policy, the requirement and the roster
//! (docs/spec/presentation.md). Its bytes are what is hashed and signed over.

mod escape;
mod marks;
mod text;
mod time;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_policy::{ArgPath, Policy, Tool, sentence};
use countersign_record::body::flatten;
use countersign_record::digest::PolicyDigest;
use countersign_record::entry::{Demand, Party, UnixMillis};
use countersign_record::id::{CallId, ConfirmationId, PersonId};
use countersign_record::json::{Limits, Number, Object, Value, canonical};
use countersign_record::name::{GroupName, RuleName};
pub use escape::{escape, unescape};
pub use text::presentation_text;
pub use time::rfc3339_ms;

use crate::call::CallDocument;
use crate::state::{Requester, Roster};

/// The renderer that makes presentations, and its version; a changed rendering gets a new one.
pub const RENDERER: &str = "countersign-plain/1";

/// The language of presentations (BCP 47).
pub(crate) const LANGUAGE: &str = "en";

/// The agent's own words are capped: they persuade, they do not inform.
const REASON_CHARS_MAX: usize = 280;

/// Everything that a presentation is made from.
#[derive(Clone, Copy, Debug)]
pub struct Presentation<'a> {
    /// Names of people and agents.
    pub roster: &'a Roster,
    /// The policy that asks.
    pub policy: &'a Policy,
    /// Its digest.
    pub policy_digest: PolicyDigest,
    /// The call.
    pub call: CallId,
    /// The question.
    pub confirmation: ConfirmationId,
    /// What is asked for.
    pub document: &'a CallDocument,
    /// By whom.
    pub requester: Requester,
    /// The rules that apply.
    pub rules: &'a [RuleName],
    /// What they demand.
    pub demand: &'a Demand,
    /// Silence until then cancels.
    pub decide_before: UnixMillis,
}

impl Presentation<'_> {
    /// The document; `None` when it is too large to be shown whole.
    pub fn value(&self) -> Option<Value> {
        let Self {
            policy, document, ..
        } = self;
        let (parameters, others) = self.parameters()?;
        let irreversible = policy
            .tool(&document.tool)
            .is_none_or(Tool::is_irreversible);
        let object = Object::new()
            .with("type", "countersign.presentation.v1")
            .with("renderer", RENDERER)
            .with("language", LANGUAGE)
            .with("call", self.call.to_string())
            .with("confirmation", self.confirmation.to_string())
            .with(
                "sentence",
                escape(&sentence(policy, &document.tool, &document.arguments)),
            )
            .with("irreversible", irreversible)
            .with("parameters", parameters)
            .with("other_parameters", others)
            .with("effect", "No preview of the effect was supplied.")
            .with("why", self.why()?)
            .with("agent_says", agent_says(document))
            .with("action", document.action());
        let value = Value::Object(object);
        (canonical(&value).len() <= Limits::DOCUMENT.bytes && flatten(&value).is_ok())
            .then_some(value)
    }

    /// Every leaf of the arguments exactly once: first what the catalogue shows, in its order, then
    /// what else it declares, and apart from these the rest.
    fn parameters(&self) -> Option<(Value, Value)> {
        let Self {
            policy, document, ..
        } = self;
        let tool = policy.tool(&document.tool);
        let views = tool
            .map(|tool| tool.typed_views(&document.arguments))
            .unwrap_or_default();
        let shown: Vec<String> = tool
            .map(|tool| tool.show().map(ArgPath::pointer).collect())
            .unwrap_or_default();
        let declared: Vec<String> = tool
            .map(|tool| tool.declared().map(|(path, _)| path.pointer()).collect())
            .unwrap_or_default();
        let mut known = Vec::new();
        let mut others = Vec::new();
        for field in flatten(&document.arguments).ok()? {
            let mut line = Object::new()
                .with("path", path(&field.path))
                .with("value", leaf(&field.value));
            if let Some(view) = views.iter().find(|view| view.pointer == field.path) {
                line = line
                    .with("normal", escape(&view.normal))
                    .with("doubtful", view.doubtful);
            }
            let place =
                |paths: &[String]| paths.iter().position(|path| lies_under(&field.path, path));
            match (place(&shown), place(&declared)) {
                (None, None) => others.push(line),
                (first, _) => known.push((first.unwrap_or(usize::MAX), line)),
            }
        }
        known.sort_by_key(|(place, _)| *place);
        let known: Vec<Object> = known.into_iter().map(|(_, line)| line).collect();
        Some((known.into(), others.into()))
    }

    fn why(&self) -> Option<Object> {
        let title = |rule: &RuleName| {
            let title = self
                .policy
                .rule_title(rule.as_str().parse().as_ref().ok()?)
                .unwrap_or_default();
            Some(
                Object::new()
                    .with("rule", rule.as_str())
                    .with("title", escape(title)),
            )
        };
        let rules: Vec<_> = self.rules.iter().map(title).collect::<Option<_>>()?;
        let slot = |slot: &countersign_record::entry::Slot| {
            let groups: Vec<_> = slot.groups.iter().map(GroupName::as_str).collect();
            let need = Number::try_from(slot.need).ok()?;
            let object = Object::new().with("rule", slot.rule.as_str());
            Some(object.with("groups", groups).with("need", need))
        };
        let slots: Vec<_> = self.demand.slots.iter().map(slot).collect::<Option<_>>()?;
        let why = Object::new()
            .with("rules", rules)
            .with("slots", slots)
            .with("policy", self.policy_digest.to_string())
            .with("asked_by", self.asked_by())
            .with("run_by", self.run_by())
            .with("decide_before", Number::try_from(self.decide_before).ok()?)
            .with(
                "execute_within_ms",
                Number::try_from(self.demand.execute_within).ok()?,
            );
        let session = self.document.session.as_deref();
        Some(
            session
                .into_iter()
                .fold(why, |why, name| why.with("session", escape(name))),
        )
    }

    /// Who runs it once approved; the service itself has no name among the executors.
    fn run_by(&self) -> Object {
        let id = self.document.audience;
        let name = self
            .roster
            .executors
            .get(&id)
            .map_or("this service", |it| it.name.as_str());
        Object::new().with("id", id.to_string()).with("name", name)
    }

    fn asked_by(&self) -> Object {
        let by = Object::new()
            .with("id", self.requester.asker.to_string())
            .with("name", escape(self.asker().unwrap_or_default()));
        match self.requester.principal {
            None => by,
            Some(id) => by.with("on_behalf_of", id.to_string()).with(
                "on_behalf_of_name",
                escape(self.principal(id).unwrap_or_default()),
            ),
        }
    }

    /// Whether every name that is shown is known here: a reader may be given a log without them, and
    /// cannot say then what was shown.
    pub(crate) fn names_are_disclosed(&self) -> bool {
        let principal = self.requester.principal;
        self.asker().is_some() && principal.is_none_or(|id| self.principal(id).is_some())
    }

    fn asker(&self) -> Option<&str> {
        let roster = self.roster;
        match self.requester.asker {
            Party::Agent(id) => roster.agents.get(&id)?.name.as_deref(),
            Party::Credential(id) => roster.credentials.get(&id)?.name.as_deref(),
            Party::Executor(_) | Party::Person(_) => None,
        }
    }

    fn principal(&self, id: PersonId) -> Option<&str> {
        self.roster.people.get(&id)?.name.as_deref()
    }
}

/// Whether a leaf's pointer is `path` or lies below it.
fn lies_under(pointer: &str, path: &str) -> bool {
    pointer
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A leaf's place; it can never look like a place with a value behind it.
fn path(pointer: &str) -> String {
    escape(pointer)
        .replace('=', "\\u{3d}")
        .replace('"', "\\u{22}")
}

/// A leaf as a person reads it; different leaves read differently.
fn leaf(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let quoted = escape(text).replace('"', "\\u{22}");
            ["\"", &quoted, "\""].concat()
        }
        Value::Array(items) if !items.is_empty() => {
            let count = items.first().and_then(Value::as_u64).unwrap_or_default();
            ["a list of ", &count.to_string()].concat()
        }
        other => String::from_utf8_lossy(&canonical(other)).into_owned(),
    }
}

fn agent_says(document: &CallDocument) -> Object {
    let reason = document.reason.as_deref().unwrap_or_default();
    let shown: String = reason.chars().take(REASON_CHARS_MAX).collect();
    let cut = shown.len() < reason.len();
    let marks = marks::unsupported(&shown, &document.arguments);
    let marks: Vec<String> = marks.iter().map(|mark| escape(mark)).collect();
    Object::new()
        .with("text", escape(&shown))
        .with("cut", cut)
        .with("not_in_parameters", marks)
}
