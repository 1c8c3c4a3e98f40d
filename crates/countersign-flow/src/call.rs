//! The body `call`: what an agent asked for (docs/spec/call.md).

use alloc::string::{String, ToString};

use countersign_record::action::{action, action_digest};
use countersign_record::digest::{ActionDigest, hex, sha256, unhex32};
use countersign_record::id::{CallId, ExecutorId};
use countersign_record::json::{Object, Value, canonical};

/// What an agent asked for, with the salt that the ledger drew.
#[derive(Clone, Debug, PartialEq)]
pub struct CallDocument {
    /// The tool's name as asked for; not necessarily one that the policy declares.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
    /// Who may run it.
    pub audience: ExecutorId,
    /// Salt of the action digest.
    pub action_salt: [u8; 32],
    /// The caller's own id of the call; the idempotency key.
    pub tool_call_id: String,
    /// The session's name.
    pub session: Option<String>,
    /// Why, in the agent's words.
    pub reason: Option<String>,
    /// What it is part of, in the agent's words.
    pub plan: Option<String>,
    /// W3C trace id.
    pub trace_id: Option<String>,
    /// The call that it replaces.
    pub replaces: Option<CallId>,
}

/// A value that is not a call document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a call document: {member}")]
pub struct DocumentError {
    member: &'static str,
}

impl CallDocument {
    /// What would run.
    pub fn action(&self) -> Value {
        action(&self.tool, &self.arguments, &self.audience)
    }

    /// Its digest.
    pub fn digest(&self) -> ActionDigest {
        action_digest(&self.action(), &self.action_salt)
    }

    /// The body's value.
    pub fn value(&self) -> Value {
        let document = self.content().with("action_salt", hex(&self.action_salt));
        Value::Object(document)
    }

    /// SHA-256 of everything that the caller chose: what must be equal under one idempotency key.
    pub fn content_digest(&self) -> [u8; 32] {
        sha256(&[
            b"countersign/request/v1\n",
            &canonical(&Value::Object(self.content())),
        ])
    }

    fn content(&self) -> Object {
        self.attached_members().with("action", self.action())
    }

    fn attached_members(&self) -> Object {
        let texts = [
            ("session", &self.session),
            ("reason", &self.reason),
            ("plan", &self.plan),
            ("trace_id", &self.trace_id),
            ("replaces", &self.replaces.map(|call| call.to_string())),
        ];
        let members = Object::new().with("tool_call_id", self.tool_call_id.as_str());
        texts
            .into_iter()
            .fold(members, |members, (name, text)| match text {
                Some(text) => members.with(name, text.as_str()),
                None => members,
            })
    }

    /// Reads a body's value; nothing may be left over.
    pub fn read(value: &Value) -> Result<Self, DocumentError> {
        let wrong = |member| DocumentError { member };
        let action = value.member("action").ok_or(wrong("action"))?;
        let named = |name: &'static str| {
            action
                .member(name)
                .and_then(Value::as_str)
                .ok_or(wrong(name))
        };
        let salt = text(value, "action_salt")?.and_then(|text| unhex32(&text));
        let document = Self {
            tool: named("tool")?.into(),
            arguments: action
                .member("arguments")
                .ok_or(wrong("arguments"))?
                .clone(),
            audience: named("audience")?.parse().map_err(|_| wrong("audience"))?,
            action_salt: salt.ok_or(wrong("action_salt"))?,
            tool_call_id: text(value, "tool_call_id")?.ok_or(wrong("tool_call_id"))?,
            session: text(value, "session")?,
            reason: text(value, "reason")?,
            plan: text(value, "plan")?,
            trace_id: text(value, "trace_id")?,
            replaces: replaces(value)?,
        };
        if document.value() == *value {
            Ok(document)
        } else {
            Err(wrong("an unknown member"))
        }
    }

    /// The body of an attached caller: everything of its own; the action is that of the call.
    pub fn attached(&self) -> Value {
        Value::Object(self.attached_members())
    }

    /// The document of a caller that joined this call, from the body that [`Self::attached`] made.
    pub fn joined(&self, attached: &Value) -> Result<Self, DocumentError> {
        let wrong = |member| DocumentError { member };
        let document = Self {
            tool: self.tool.clone(),
            arguments: self.arguments.clone(),
            audience: self.audience,
            action_salt: self.action_salt,
            tool_call_id: text(attached, "tool_call_id")?.ok_or(wrong("tool_call_id"))?,
            session: text(attached, "session")?,
            reason: text(attached, "reason")?,
            plan: text(attached, "plan")?,
            trace_id: text(attached, "trace_id")?,
            replaces: replaces(attached)?,
        };
        if document.attached() == *attached {
            Ok(document)
        } else {
            Err(wrong("an unknown member"))
        }
    }
}

fn text(value: &Value, name: &'static str) -> Result<Option<String>, DocumentError> {
    match value.member(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(DocumentError { member: name }),
    }
}

fn replaces(value: &Value) -> Result<Option<CallId>, DocumentError> {
    let id = text(value, "replaces")?;
    id.map(|id| id.parse().map_err(|_| DocumentError { member: "replaces" }))
        .transpose()
}
