//! `countersign freeze`

use clap::Args;
use countersign_record::id::{AgentId, KeyId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;

use super::place::{ServiceArgs, refused};
use crate::exit;
use crate::output::{Failure, Output, number};

/// Stop calls at once; grants that were not redeemed yet die
///
/// Through the audit plane, with a responder's token. Lifting a freeze is a call that people confirm.
#[derive(Args, Debug)]
pub(crate) struct FreezeArgs {
    #[command(flatten)]
    what: What,
    /// Why, for the record
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
struct What {
    /// Calls of this agent
    #[arg(long, value_name = "ID")]
    agent: Option<AgentId>,
    /// Calls that this key approved
    #[arg(long, value_name = "ID")]
    key: Option<KeyId>,
    /// Calls for this person, and those that they approved
    #[arg(long, value_name = "ID")]
    person: Option<PersonId>,
    /// Calls of this tool
    #[arg(long)]
    tool: Option<String>,
    /// Calls under this rule
    #[arg(long)]
    rule: Option<RuleName>,
    /// Calls of this target
    #[arg(long)]
    target: Option<String>,
    /// Everything
    #[arg(long)]
    all: bool,
}

impl FreezeArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let What {
            agent,
            key,
            person,
            tool,
            rule,
            target,
            all,
        } = self.what;
        let texts = [
            ("agent", agent.map(|id| id.to_string())),
            ("key", key.map(|id| id.to_string())),
            ("person", person.map(|id| id.to_string())),
            ("tool", tool),
            ("rule", rule.map(|rule| rule.to_string())),
            ("target", target),
        ];
        let body = Object::new().with("reason", self.reason);
        let body = texts
            .into_iter()
            .fold(body, |body, (name, text)| match text {
                Some(text) => body.with(name, text),
                None => body,
            });
        let body = if all { body.with("all", true) } else { body };
        let (connection, path) = (self.service.connect()?, "/v1/freezes");
        let answer = connection
            .post(path, body)
            .map_err(|error| refused(&error))?;
        let freeze = answer.body.member("freeze").and_then(Value::as_str);
        let killed = answer.body.member("killed").and_then(Value::as_u64);
        let (Some(freeze), Some(killed)) = (freeze, killed) else {
            return Err(refused(
                &connection.not_ours(path, "not the answer to a freeze"),
            ));
        };
        output.line(&format!("frozen   {freeze}"));
        output.line(&format!("killed   {killed} unredeemed grants"));
        let document = Object::new()
            .with("freeze", freeze)
            .with("killed", number(killed));
        output.document(match answer.body.member("proof").and_then(Value::as_str) {
            Some(proof) => document.with("proof", proof),
            None => document,
        });
        Ok(exit::GOOD)
    }
}
