//! What clients send. Members that are not named here are refused.

use std::time::Duration;

use countersign_record::entry::{DenyCause, OutcomeStatus, RevocationCause};
use countersign_record::id::{AgentId, CallId, CredentialId, ExecutorId, KeyId, PersonId};
use countersign_record::json::{Value, canonical};
use countersign_record::name::{ExecutorName, RuleName};
use countersign_record::term::Client;
use countersign_service::{FreezeScope, NewCall, NewDecision, Report};
use serde::Deserialize;

use super::bytes::{Base64Bytes, Hex, Sha256};
use crate::extract::{ARGUMENTS_BYTES_MAX, ID_BYTES_MAX, at_most};
use crate::problem::{Code, Problem};

/// A call to judge.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallRequest {
    tool: String,
    arguments: Value,
    reason: Option<String>,
    plan: Option<String>,
    session: Option<String>,
    trace_id: Option<String>,
    replaces: Option<CallId>,
    executor: Option<ExecutorName>,
}

impl CallRequest {
    pub(crate) fn into_call(self, tool_call_id: String) -> Result<NewCall, Problem> {
        let (tool, arguments) = bounded(self.tool, self.arguments)?;
        Ok(NewCall {
            tool,
            arguments,
            tool_call_id,
            session: limited("session", ID_BYTES_MAX, self.session)?,
            reason: limited("reason", REASON_BYTES_MAX, self.reason)?,
            plan: limited("plan", ID_BYTES_MAX, self.plan)?,
            trace_id: limited("trace_id", ID_BYTES_MAX, self.trace_id)?,
            replaces: self.replaces,
            executor: self.executor,
        })
    }
}

/// A call to ask the policy about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DryRequest {
    tool: String,
    arguments: Value,
}

impl DryRequest {
    pub(crate) fn into_parts(self) -> Result<(String, Value), Problem> {
        bounded(self.tool, self.arguments)
    }
}

fn bounded(tool: String, arguments: Value) -> Result<(String, Value), Problem> {
    let tool = at_most("tool", TOOL_BYTES_MAX, tool)?;
    if canonical(&arguments).len() > ARGUMENTS_BYTES_MAX {
        return Err(Problem::too_large("arguments", ARGUMENTS_BYTES_MAX));
    }
    Ok((tool, arguments))
}

fn limited(name: &str, max: usize, text: Option<String>) -> Result<Option<String>, Problem> {
    text.map(|text| at_most(name, max, text)).transpose()
}

/// An empty object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// How long to wait for news.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    wait: Option<u64>,
}

impl Wait {
    pub(crate) fn patience(&self) -> Result<Duration, Problem> {
        let seconds = self.wait.unwrap_or(0);
        if seconds <= WAIT_SECONDS_MAX {
            return Ok(Duration::from_secs(seconds));
        }
        let detail = format!("wait is at most {WAIT_SECONDS_MAX} s; ask again after that");
        Err(Problem::new(Code::MalformedArguments, detail).limit(WAIT_SECONDS_MAX))
    }
}

/// A claim of a grant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedeemRequest {
    pub(crate) nonce: Hex<32>,
    pub(crate) action_digest: Sha256,
}

/// A report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomeRequest {
    status: OutcomeStatus,
    detail: Option<String>,
}

impl OutcomeRequest {
    pub(crate) fn into_report(self, call: CallId) -> Result<Report, Problem> {
        let detail = limited("detail", COMMENT_BYTES_MAX, self.detail)?;
        Ok(Report {
            call,
            status: self.status,
            detail,
        })
    }
}

/// A key that wants to log in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Begin {
    pub(crate) public_key: Base64Bytes,
}

/// A statement and its signature.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    pub(crate) statement: Base64Bytes,
    pub(crate) signature: Base64Bytes,
}

/// Which client shows the presentation; the page is this service's own.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientWord {
    Cli,
    External,
}

impl From<ClientWord> for Client {
    fn from(word: ClientWord) -> Self {
        match word {
            ClientWord::Cli => Self::Cli,
            ClientWord::External => Self::External,
        }
    }
}

/// A presentation to serve.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpeningRequest {
    pub(crate) client: ClientWord,
}

/// A signed decision.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionRequest {
    statement: Base64Bytes,
    signature: Base64Bytes,
    comment: Option<Comment>,
    cause: Option<DenyCause>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Comment {
    salt: Hex<32>,
    text: String,
}

impl DecisionRequest {
    pub(crate) fn into_decision(self, call: CallId) -> Result<NewDecision, Problem> {
        let bounded = |comment: Comment| {
            let text = at_most("comment.text", COMMENT_BYTES_MAX, comment.text)?;
            Ok::<_, Problem>((comment.salt.0, text))
        };
        Ok(NewDecision {
            call,
            statement: self.statement.0,
            signature: self.signature.0,
            comment: self.comment.map(bounded).transpose()?,
            cause: self.cause.unwrap_or(DenyCause::Other),
        })
    }
}

/// A stop.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreezeRequest {
    agent: Option<AgentId>,
    key: Option<KeyId>,
    person: Option<PersonId>,
    tool: Option<String>,
    rule: Option<RuleName>,
    target: Option<String>,
    #[serde(default)]
    all: bool,
    reason: String,
}

impl FreezeRequest {
    pub(crate) fn into_scope(self) -> Result<FreezeScope, Problem> {
        Ok(FreezeScope {
            agent: self.agent,
            key: self.key,
            person: self.person,
            tool: limited("tool", TOOL_BYTES_MAX, self.tool)?,
            rule: self.rule,
            target: limited("target", COMMENT_BYTES_MAX, self.target)?,
            all: self.all,
            reason: at_most("reason", REASON_BYTES_MAX, self.reason)?,
        })
    }
}

/// What no longer counts: exactly one of the four.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationRequest {
    pub(crate) key: Option<KeyId>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) executor: Option<ExecutorId>,
    pub(crate) credential: Option<CredentialId>,
    pub(crate) cause: RevocationCause,
}

/// A stretch of the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    #[serde(default)]
    pub(crate) from: u64,
    limit: Option<u64>,
}

impl Range {
    /// How many, of at most `max`.
    pub(crate) fn limit(&self, max: u64) -> Result<u64, Problem> {
        let limit = self.limit.unwrap_or(max);
        if (1..=max).contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("limit is 1 to {max}; ask for the rest with from");
        Err(Problem::new(Code::MalformedArguments, detail).limit(max))
    }
}

/// Names of tools.
const TOOL_BYTES_MAX: usize = 128;
/// Why, in the agent's words.
const REASON_BYTES_MAX: usize = 8 * 1024;
/// What people and executors write.
const COMMENT_BYTES_MAX: usize = 4 * 1024;
/// A proxy in between gives up after 60.
const WAIT_SECONDS_MAX: u64 = 55;
