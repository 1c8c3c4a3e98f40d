//! `countersign agent`, `executor`, `auditor`, `responder`, `operator`: credentials that programs
//! and offices carry.

use clap::{Args, Subcommand};
use countersign_flow::{Command, State};
use countersign_record::entry::{Party, RevocationCause};
use countersign_record::json::Object;
use countersign_record::name::ExecutorName;
use countersign_record::term::{Enforcement, Role};

use super::change::{Change, Made};
use super::people::person;
use super::place::{Place, PlaceArgs, open_here, refused, start_failure};
use super::token::Token;
use crate::exit;
use crate::output::{Failure, Output};

/// Enrol agents, or revoke them
#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    #[command(subcommand)]
    command: AgentCommand,
}

#[derive(Debug, Subcommand)]
enum AgentCommand {
    /// Enrol an agent and print its token, once
    Add(AgentAdd),
    /// Revoke an agent at once; its unredeemed calls die with it
    Revoke(RevokeArgs),
}

#[derive(Args, Debug)]
struct AgentAdd {
    /// The agent's name, as approvers are shown it
    name: String,
    /// Handle or id of the person that it acts for; that person cannot approve its calls
    #[arg(long, value_name = "HANDLE")]
    principal: String,
    /// How strong its stop is: cooperative, gateway or `tool_verified`
    #[arg(long, default_value = "cooperative")]
    enforcement: Enforcement,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Enrol credentials of one kind, or revoke them
#[derive(Args, Debug)]
pub(crate) struct CredentialArgs {
    #[command(subcommand)]
    command: CredentialCommand,
}

#[derive(Debug, Subcommand)]
enum CredentialCommand {
    /// Enrol one and print its token, once
    Add(CredentialAdd),
    /// Revoke one at once
    Revoke(RevokeArgs),
}

#[derive(Args, Debug)]
struct CredentialAdd {
    /// Its name; of an executor: the name in the policy's catalogue
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What is revoked, and why.
#[derive(Args, Debug)]
struct RevokeArgs {
    /// Its id, as `add` printed it
    id: Party,
    /// Why: lost, compromised, left or replaced
    #[arg(long, default_value = "replaced")]
    cause: RevocationCause,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Which kind of credential a command is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Executor,
    Office(Role),
}

impl AgentArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        match self.command {
            AgentCommand::Add(AgentAdd {
                name,
                principal,
                enforcement,
                place,
            }) => {
                let token = Token::make()?;
                let digest = token.digest();
                let made = place.place()?.change(|state| {
                    let principal = person(state, &principal)?;
                    Ok(Change::Agent {
                        name,
                        principal,
                        enforcement,
                        token: digest,
                    })
                })?;
                Ok(tell(output, &made, &token))
            }
            AgentCommand::Revoke(args) => args.run(output, "agt_"),
        }
    }
}

impl CredentialArgs {
    pub(super) fn run(self, output: &mut Output, kind: Kind) -> Result<u8, Failure> {
        match self.command {
            CredentialCommand::Add(CredentialAdd { name, place }) => {
                let token = Token::make()?;
                let digest = token.digest();
                let made = place.place()?.change(|state| match kind {
                    Kind::Executor => executor(state, &name, digest),
                    Kind::Office(role) => Ok(Change::Credential {
                        name,
                        role,
                        token: digest,
                    }),
                })?;
                Ok(tell(output, &made, &token))
            }
            CredentialCommand::Revoke(args) => args.run(
                output,
                match kind {
                    Kind::Executor => "exe_",
                    Kind::Office(_) => "cred_",
                },
            ),
        }
    }
}

fn executor(
    state: &State,
    name: &str,
    token: countersign_record::digest::TokenDigest,
) -> Result<Change, Failure> {
    let name: ExecutorName = name
        .parse()
        .map_err(|error| Failure::new(exit::USAGE, &error))?;
    if let Some(id) = state.roster.executor(&name) {
        let sentence = format!("the executor {name} is enrolled already: {id}");
        return Err(Failure::say(exit::USAGE, sentence).hint("revoke that one first"));
    }
    if let Some(policy) = state.document() {
        let names = policy.tools().filter_map(|(_, tool)| tool.executor());
        let names: std::collections::BTreeSet<&ExecutorName> = names.collect();
        if !names.contains(&name) {
            let names: Vec<&str> = names.into_iter().map(ExecutorName::as_str).collect();
            return Err(Failure::say(
                exit::USAGE,
                format!("no tool of the policy is bound to the executor {name}"),
            )
            .hint(format!("the catalogue names {}", names.join(", "))));
        }
    }
    Ok(Change::Executor { name, token })
}

fn tell(output: &mut Output, made: &Made, token: &Token) -> u8 {
    match made {
        Made::Done(id) => {
            output.line(&format!("id       {id}"));
            output.line(&format!("token    {}", token.as_str()));
            output.hint("keep the token: it is not stored, and not shown again");
            output.document(
                Object::new()
                    .with("id", id.as_str())
                    .with("token", token.as_str()),
            );
        }
        Made::Asked(asked) => {
            output.line(&format!("token    {}", token.as_str()));
            output.hint(
                "keep the token: it counts once the call is approved, and is not shown again",
            );
            asked.tell(output, Object::new().with("token", token.as_str()));
        }
    }
    exit::GOOD
}

impl RevokeArgs {
    fn run(self, output: &mut Output, prefix: &str) -> Result<u8, Failure> {
        let id = self.id.to_string();
        if !id.starts_with(prefix) {
            let sentence = format!("{id} is not an id of this kind: expected {prefix}…");
            return Err(Failure::say(exit::USAGE, sentence));
        }
        let member = match prefix {
            "agt_" => "agent",
            "exe_" => "executor",
            _ => "credential",
        };
        let of = self.id;
        revoke(
            output,
            &self.place.place()?,
            member,
            &id,
            self.cause,
            |by, cause| Command::RevokeCredential { by, of, cause },
        )
    }
}

/// Revoking is immediate, here or through a running service.
pub(super) fn revoke(
    output: &mut Output,
    place: &Place,
    member: &str,
    id: &str,
    cause: RevocationCause,
    command: impl FnOnce(Party, RevocationCause) -> Command,
) -> Result<u8, Failure> {
    match place {
        Place::Data { log, .. } => {
            let mut core = open_here(log)?;
            let service = core
                .state()
                .ledger
                .as_ref()
                .map(|ledger| Party::Executor(ledger.service));
            let service = service.ok_or_else(|| Failure::say(exit::USAGE, "the log is empty"))?;
            core.direct("the revocation was refused", &command(service, cause))
                .map_err(|error| start_failure(&error))?;
            core.settled("recording the revocation")
                .map_err(|error| start_failure(&error))?;
        }
        Place::Url(connection) => {
            let body = Object::new().with(member, id).with("cause", cause.as_str());
            connection
                .post("/v1/revocations", body)
                .map_err(|error| refused(&error))?;
        }
    }
    output.line(&format!("revoked  {id} ({cause})"));
    output.document(Object::new().with("id", id).with("cause", cause.as_str()));
    Ok(exit::GOOD)
}
