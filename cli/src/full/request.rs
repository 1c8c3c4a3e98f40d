//! `countersign request`: the agent's side on a command line.

use std::io::Read as _;
use std::path::Path;

use clap::Args;
use countersign_gate::{CallState, CallView, Gate, GateError, NewCall, Problem};
use countersign_record::digest::hex;
use countersign_record::json::{self, Limits, Object, Value};

use super::entropy::random;
use super::place::{ServiceArgs, refused};
use crate::exit;
use crate::output::{Failure, Output, number};

/// Ask for a tool call, as an agent does
///
/// Exit codes: 0 it may run, or waits for people (without --wait); 126 denied, withdrawn or revoked;
/// 124 nobody answered in time; 2 usage or input/output.
#[derive(Args, Debug)]
pub(crate) struct RequestArgs {
    /// The tool
    #[arg(long)]
    tool: String,
    /// A file with its arguments as JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    arguments: String,
    /// Why, in the agent's words
    #[arg(long)]
    reason: Option<String>,
    /// The session's name
    #[arg(long)]
    session: Option<String>,
    /// The agent's own id of the call: the same id and content again is the same call
    #[arg(long, value_name = "TOOL_CALL_ID")]
    id: Option<String>,
    /// Wait until people have decided
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

impl RequestArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let tool_call_id = match self.id {
            Some(id) => id,
            None => format!("cli-{}", hex(&random::<16>()?)),
        };
        let new = NewCall {
            tool_call_id,
            tool: self.tool,
            arguments: arguments(&self.arguments)?,
            reason: self.reason,
            session: self.session,
        };
        let gate = Gate::new(self.service.connect()?);
        let submitted = match gate.submit(&new) {
            Ok(view) => view,
            Err(GateError::Request(error)) => {
                return match error.problem().filter(|problem| is_refusal(problem)) {
                    Some(problem) => Ok(not_executed(output, problem)),
                    None => Err(refused(&error)),
                };
            }
            Err(error) => return Err(gate_failure(&error)),
        };
        let view = if self.wait && submitted.state.is_pending() {
            output.hint(&submitted.message);
            gate.decided(submitted, |view| output.hint(&view.message))
                .map_err(|error| gate_failure(&error))?
        } else {
            submitted
        };
        tell(output, &view);
        Ok(code(view.state))
    }
}

/// A call's arguments: a file, or standard input.
pub(super) fn arguments(from: &str) -> Result<Value, Failure> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(Limits::REQUEST.bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = if from == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(Path::new(from))
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot read the arguments {from}: {cause}"),
        )
    })?;
    json::read(&bytes, &Limits::REQUEST).map_err(|error| {
        Failure::say(
            exit::USAGE,
            format!("the arguments in {from} are not strict JSON: {error}"),
        )
    })
}

/// The refusals that answer the question, beside those that are the caller's mistakes.
fn is_refusal(problem: &Problem) -> bool {
    ["denied-by-policy", "frozen", "previously-denied"].contains(&problem.code.as_str())
}

fn not_executed(output: &mut Output, problem: &Problem) -> u8 {
    let message = problem
        .message
        .clone()
        .unwrap_or_else(|| problem.to_string());
    output.line(&message);
    let document = Object::new()
        .with("state", problem.code.as_str())
        .with("message", message);
    output.document(match &problem.call {
        Some(call) => document.with("call", call.as_str()),
        None => document,
    });
    exit::DENIED
}

/// What a script may rely on.
fn code(state: CallState) -> u8 {
    match state {
        CallState::Allowed
        | CallState::Pending
        | CallState::Approved
        | CallState::Redeemed
        | CallState::Succeeded
        | CallState::Failed
        | CallState::OutcomeUnknown
        | CallState::NotExecuted => exit::GOOD,
        CallState::Expired | CallState::Lapsed => exit::TIMED_OUT,
        CallState::DeniedByPolicy
        | CallState::Frozen
        | CallState::PreviouslyDenied
        | CallState::Denied
        | CallState::Withdrawn
        | CallState::Superseded
        | CallState::Revoked => exit::DENIED,
    }
}

/// A call as its agent sees it.
pub(super) fn tell(output: &mut Output, view: &CallView) {
    output.line(&format!("{}  {}", view.call, view.state));
    output.line(&view.message);
    output.document(document(view));
}

fn document(view: &CallView) -> Object {
    let grant = view.grant.as_ref().map(|grant| {
        let ticket = Object::new().with("jti", grant.jti.to_string());
        match &grant.token {
            Some(token) => ticket.with("token", token.as_str()),
            None => ticket,
        }
    });
    let optional = [
        ("deadline_ms", view.deadline_ms.map(number)),
        ("check_words", view.check_words.as_deref().map(Value::from)),
        (
            "action_salt",
            view.action_salt.map(|salt| hex(&salt).into()),
        ),
        (
            "confirmation",
            view.confirmation.map(|id| id.to_string().into()),
        ),
        ("grant", grant.map(Value::Object)),
    ];
    let document = Object::new()
        .with("call", view.call.to_string())
        .with("state", view.state.as_str())
        .with("version", number(view.version))
        .with("have", number(view.have))
        .with("need", number(view.need))
        .with("message", view.message.as_str())
        .with("action_digest", format!("sha256:{}", view.action))
        .with("executor", view.executor.to_string())
        .with("rules", view.rules.clone());
    optional
        .into_iter()
        .fold(document, |document, (name, value)| match value {
            Some(value) => document.with(name, value),
            None => document,
        })
}

/// Why the agent plane's answer is of no use.
pub(super) fn gate_failure(error: &GateError) -> Failure {
    match error {
        GateError::Request(error) => refused(error),
        GateError::DigestMismatch { .. } | GateError::Unsalted { .. } => {
            Failure::new(exit::TAMPERED, error).hint("tell the people who run the service")
        }
        _ => Failure::new(exit::USAGE, error),
    }
}
