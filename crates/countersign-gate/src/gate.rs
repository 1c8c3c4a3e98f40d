//! The agent: submit, wait, withdraw.

use std::thread::sleep;
use std::time::Duration;

use countersign_record::action::{action, action_digest};
use countersign_record::id::CallId;
use countersign_record::json::{Object, Value};

use crate::connection::{Answer, Connection, RequestError};
use crate::view::CallView;

/// The longest that one question waits for news, in s.
const WAIT_S: u64 = 55;
/// How often in a row a waiting agent finds nobody, a second apart, before it gives up: longer than a
/// restart takes.
const AWAY_S_MAX: u32 = 60;

/// A call that an agent wants to make.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCall {
    /// The agent's own id of the call: asked again with the same id, it is the same call.
    pub tool_call_id: String,
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
    /// Why, in the agent's words.
    pub reason: Option<String>,
    /// The session's name.
    pub session: Option<String>,
}

/// Why there is no call to go on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// No answer to use.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The service recorded another action than the one that was asked for.
    #[error(
        "{call}: the service's action digest is not that of the tool and arguments given here; do not run it"
    )]
    DigestMismatch {
        /// Which call.
        call: CallId,
    },
    /// Without the salt nobody can tell what the digest stands for.
    #[error("{call}: the service does not tell the salt of the action digest")]
    Unsalted {
        /// Which call.
        call: CallId,
    },
    /// It has no grant, or none that may still be redeemed.
    #[error("{call} is {state}: there is nothing to redeem")]
    NotRedeemable {
        /// Which call.
        call: CallId,
        /// Where it stands.
        state: &'static str,
    },
}

/// An agent's end of the agent plane.
#[derive(Clone, Debug)]
pub struct Gate(Connection);

impl Gate {
    /// `connection` carries the agent's token.
    pub fn new(connection: Connection) -> Self {
        Self(connection)
    }

    /// Asks for a call. The answer is believed only when its digest is that of this tool and these
    /// arguments.
    pub fn submit(&self, new: &NewCall) -> Result<CallView, GateError> {
        let path = "/v1/calls";
        let body = Object::new()
            .with("tool", new.tool.as_str())
            .with("arguments", new.arguments.clone());
        let texts = [("reason", &new.reason), ("session", &new.session)];
        let body = texts
            .into_iter()
            .fold(body, |body, (name, text)| match text {
                Some(text) => body.with(name, text.as_str()),
                None => body,
            });
        let answer = self.0.post_keyed(path, Some(&new.tool_call_id), body)?;
        let view = view(&self.0, path, &answer)?;
        check(&view, &new.tool, &new.arguments)?;
        Ok(view)
    }

    /// Where a call stands.
    pub fn call(&self, call: CallId) -> Result<CallView, GateError> {
        look(&self.0, call)
    }

    /// Where a call stands once its version is no longer `seen`; the same again after 55 s.
    pub fn changed(&self, seen: &CallView) -> Result<CallView, GateError> {
        let path = format!("/v1/calls/{}?wait={WAIT_S}", seen.call);
        let answer = self.0.get_unless(&path, seen.version)?;
        match answer.status {
            304 => Ok(seen.clone()),
            _ => view(&self.0, &path, &answer),
        }
    }

    /// Waits while people are asked, also while the service restarts; `told` hears whenever there is
    /// something else to say.
    pub fn decided(
        &self,
        mut view: CallView,
        mut told: impl FnMut(&CallView),
    ) -> Result<CallView, GateError> {
        let mut away = 0;
        while view.state.is_pending() {
            match self.changed(&view) {
                Ok(now) => {
                    away = 0;
                    if now.message != view.message {
                        told(&now);
                    }
                    view = now;
                }
                // Looking changes nothing, so that it may be done again.
                Err(GateError::Request(RequestError::Unreachable { .. })) if away < AWAY_S_MAX => {
                    away += 1;
                    sleep(Duration::from_secs(1));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(view)
    }

    /// The agent no longer wants it.
    pub fn withdraw(&self, call: CallId) -> Result<CallView, GateError> {
        let path = format!("/v1/calls/{call}/withdraw");
        view(&self.0, &path, &self.0.post(&path, Object::new())?)
    }
}

pub(crate) fn look(connection: &Connection, call: CallId) -> Result<CallView, GateError> {
    let path = format!("/v1/calls/{call}");
    view(connection, &path, &connection.get(&path)?)
}

/// The service's digest is that of what is about to run, or it is not run.
pub(crate) fn check(view: &CallView, tool: &str, arguments: &Value) -> Result<(), GateError> {
    let call = view.call;
    match view.action_salt {
        Some(salt)
            if action_digest(&action(tool, arguments, &view.executor), &salt) == view.action =>
        {
            Ok(())
        }
        Some(_) => Err(GateError::DigestMismatch { call }),
        // Of a call that cannot run any more the salt is not told.
        None if !view.state.is_redeemable() && !view.state.is_pending() => Ok(()),
        None => Err(GateError::Unsalted { call }),
    }
}

fn view(connection: &Connection, path: &str, answer: &Answer) -> Result<CallView, GateError> {
    CallView::read(&answer.body)
        .map_err(|error| connection.not_ours(path, &error.to_string()).into())
}
