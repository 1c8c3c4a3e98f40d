//! What an agent may ask for: submit, look, withdraw. It has no method that decides.

use std::time::Duration;

use countersign_flow::{CallDocument, Command, Refusal, Requester, Submit, request_key};
use countersign_policy::{Policy, Population, Severity, is_reserved};
use countersign_record::entry::{Fact, Party};
use countersign_record::id::{CallId, ConfirmationId, ExecutorId, GrantId, SessionId};
use countersign_record::json::Value;
use countersign_record::name::ExecutorName;

use super::view::CallView;
use crate::core::{Core, Parties};
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};
use crate::meter::Repeated;
use crate::reading::{Begun, NOT_INDEXED};
use crate::writer::{Level, Proven, Service};

/// The control tool whose argument is a policy.
const ADOPT: &str = "countersign.policy.adopt";
/// One party has at most so many calls open.
const OPEN_CALLS_MAX: usize = 1_000;
/// At most so many grants of a log are unredeemed; a freeze of all of them fits one command.
const GRANTS_MAX: usize = 1_500;

/// A call that somebody wants to make.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Value,
    /// The caller's own id of the call: the idempotency key.
    pub tool_call_id: String,
    /// The session's name.
    pub session: Option<String>,
    /// Why, in the agent's words.
    pub reason: Option<String>,
    /// What it is part of.
    pub plan: Option<String>,
    /// W3C trace id.
    pub trace_id: Option<String>,
    /// The call that it replaces.
    pub replaces: Option<CallId>,
    /// Who would run a tool that the policy does not bind.
    pub executor: Option<ExecutorName>,
}

/// An answered submission.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// Where the call stands.
    pub view: CallView,
    /// It was answered before, or joined a call that was already asked.
    pub known: bool,
}

/// Why a call was not recorded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SubmitError {
    /// The command was not carried out.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The same action was refused; the attempt is counted.
    #[error("the same action was refused before; the refusal is final for this action")]
    PreviouslyDenied(CallId),
    /// The policy to adopt has an error.
    #[error("at /arguments/toml: {0}")]
    Policy(String),
    /// Nobody could tell this target from another one.
    #[error(
        "at {pointer}: U+{:04X} cannot be seen or turns the text around, and may not stand in the target of a call; remove it and ask again",
        u32::from(*.character)
    )]
    UnseenInTarget {
        /// The target, by JSON Pointer into the request.
        pointer: String,
        /// The first such character.
        character: char,
    },
}

impl From<Unavailable> for SubmitError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Command(unavailable.into())
    }
}

impl From<Refusal> for SubmitError {
    fn from(refusal: Refusal) -> Self {
        Self::Command(refusal.into())
    }
}

impl Service {
    /// Asks for a call; the same key and content again give the same call.
    pub async fn submit(
        &self,
        by: Party,
        new: NewCall,
        level: Level,
    ) -> Result<Proven<Submitted>, SubmitError> {
        let done = self.act(level, move |core| {
            let Submitted { view, known } = core.submit(by, new)?;
            let version = view.version;
            Ok::<_, SubmitError>(((core.unsigned(view), known), Some(version)))
        });
        let Proven { value, proof } = done.await?;
        let (unsigned, known) = value;
        let view = self.with_token(unsigned);
        let value = Submitted { view, known };
        Ok(Proven { value, proof })
    }

    /// What the policy would say, with nothing recorded; refused where the call itself would be.
    pub async fn dry_run(
        &self,
        tool: String,
        arguments: Value,
    ) -> Result<Option<countersign_policy::Assessment>, SubmitError> {
        self.ask(move |core| {
            core.check_target(&tool, &arguments)?;
            let question = countersign_policy::Question {
                tool: &tool,
                arguments: &arguments,
                reason: None,
            };
            let now = core.now();
            let facts = core.state().facts(&tool, &arguments, now);
            let policy = core.state().document();
            Ok(policy.map(|policy| countersign_policy::evaluate(policy, &question, &facts)))
        })
        .await?
    }

    /// A call of this agent, or one that this executor may run.
    pub async fn call(&self, of: Party, call: CallId) -> Result<Option<CallView>, Unavailable> {
        let asked = self.ask(move |core| {
            let view = core.visible(of, call).then(|| core.view(call)).flatten();
            view.map(|view| core.unsigned(view))
        });
        let unsigned = asked.await?;
        Ok(unsigned.map(|unsigned| self.with_token(unsigned)))
    }

    /// Whether the call is this party's; `seq` is an entry about it. Nothing is read on the writer's
    /// time, and little elsewhere: a stream asks it about every call of everybody.
    pub async fn is_of(&self, of: Party, call: CallId, seq: u64) -> Result<bool, Unavailable> {
        match self.reading.read(move |log| log.parties(call, seq)).await? {
            Begun::Found(parties) => Ok(parties.include(of)),
            Begun::Unknown => Ok(false),
            Begun::NotIndexed => {
                let open = self.ask(move |core| core.visible_open(of, call)).await?;
                open.ok_or(NOT_INDEXED)
            }
        }
    }

    /// A call as [`Service::call`] shows it, once its version is no longer `seen`, or after `patience`.
    pub async fn call_changed(
        &self,
        of: Party,
        call: CallId,
        seen: u64,
        patience: Duration,
    ) -> Result<Option<CallView>, Unavailable> {
        let mut events = self.events();
        let until = tokio::time::Instant::now() + patience;
        loop {
            let view = self.call(of, call).await?;
            if view
                .as_ref()
                .is_none_or(|view| view.version != seen || view.state.is_final())
            {
                return Ok(view);
            }
            loop {
                match tokio::time::timeout_at(until, events.recv()).await {
                    Err(_) => return Ok(view),
                    Ok(Ok(event)) if event.call != Some(call) => {}
                    Ok(Err(tokio::sync::broadcast::error::RecvError::Closed)) => {
                        return Err(Unavailable::Stopping);
                    }
                    Ok(_) => break,
                }
            }
        }
    }

    /// The agent no longer wants a call; the last caller ends it.
    pub async fn withdraw(&self, by: Party, call: CallId) -> Result<CallView, CommandError> {
        let done = self.act(Level::Durable, move |core| {
            if !core.visible(by, call) {
                return Err(CommandError::Refused(Refusal::NotFound));
            }
            let view = match core.state.calls.get(&call).cloned() {
                None => core.view(call),
                Some(before) => {
                    let withdraw = Command::Withdraw { by, call };
                    let entries = core.run_noted(by, Some(call), &withdraw)?;
                    core.view_after(call, Some(&before), &entries)
                }
            };
            let view = view.ok_or(Refusal::NotFound)?;
            Ok((core.unsigned(view), None))
        });
        Ok(self.with_token(done.await?.value))
    }
}

/// A session, and its name when it is new.
#[derive(Default)]
struct Named {
    id: Option<SessionId>,
    new: Option<String>,
}

impl Core {
    fn submit(&mut self, by: Party, new: NewCall) -> Result<Submitted, SubmitError> {
        let executor = self.executor_of(&new)?;
        let document = self.document(new, executor)?;
        if let Some(known) = self.answered(by, &document)? {
            return Ok(known);
        }
        if is_reserved(&document.tool) == matches!(by, Party::Credential(_)) {
            self.check_target(&document.tool, &document.arguments)?;
            self.check_policy(&document)?;
        }
        self.check_room(by)?;
        let requester = self.requester(by)?;
        let (fp, older) = self.likeness(requester, &document)?;
        self.count_repeats(requester, [&fp].into_iter().chain(&older))?;
        let session = self.session(by, document.session.as_deref())?;
        let call = CallId::new(draw(&mut *self.entropy).map_err(CommandError::from)?);
        let mut id = || draw(&mut *self.entropy).map_err(CommandError::from);
        let submit = Submit {
            by,
            session: session.id,
            new_session: session.new.map(Some),
            call,
            replaces: document.replaces,
            executor,
            action: document.digest(),
            fp,
            older,
            grant: GrantId::new(id()?),
            confirmation: ConfirmationId::new(id()?),
            instance: id()?,
            document: Some(document),
            claimed: None,
        };
        let entries = self.run_noted(by, None, &Command::Submit(Box::new(submit)))?;
        let call = entries
            .last()
            .and_then(|entry| entry.draft.refs.call)
            .unwrap_or(call);
        let known = entries
            .iter()
            .any(|entry| matches!(entry.draft.fact, Fact::CallAttached(_)));
        let view = self.view_after(call, None, &entries);
        let view = view.ok_or(Unavailable::Internal)?;
        Ok(Submitted { view, known })
    }

    /// The catalogue binds the tool to an executor; for a tool that it does not know the caller
    /// names one.
    fn executor_of(&self, new: &NewCall) -> Result<ExecutorId, Refusal> {
        if is_reserved(&new.tool) {
            return self
                .state
                .ledger
                .as_ref()
                .map(|it| it.service)
                .ok_or(Refusal::OutOfOrder);
        }
        let declared = self
            .state
            .document()
            .and_then(|policy| policy.tool(&new.tool));
        let bound = declared.and_then(countersign_policy::Tool::executor);
        let name = bound
            .or(new.executor.as_ref())
            .ok_or(Refusal::UnknownTool)?;
        if new.executor.as_ref().is_some_and(|asked| asked != name) {
            return Err(Refusal::UnknownTool);
        }
        self.state.roster.executor(name).ok_or(Refusal::UnknownTool)
    }

    /// Nobody is asked about a policy that could not be adopted or must not be kept.
    fn check_policy(&self, asked: &CallDocument) -> Result<(), SubmitError> {
        let text = asked.arguments.member("toml").and_then(Value::as_str);
        let Some(text) = text.filter(|_| asked.tool == ADOPT) else {
            return Ok(());
        };
        let refused = |why: &dyn std::fmt::Display| SubmitError::Policy(why.to_string());
        let policy = Policy::parse(text).map_err(|error| refused(&error))?;
        let problems = policy.check(&Population::Unknown);
        let error = problems
            .into_iter()
            .find(|it| it.severity == Severity::Error);
        match error.or_else(|| self.state.roster.named_in(&policy)) {
            Some(problem) => Err(refused(&problem)),
            None => Ok(()),
        }
    }

    /// Nobody is asked about a target that could be taken for another one.
    fn check_target(&self, tool: &str, arguments: &Value) -> Result<(), SubmitError> {
        let declared = self.state.document().and_then(|policy| policy.tool(tool));
        let unseen = declared.and_then(|tool| {
            let character = tool.unseen_in_target(arguments)?;
            Some((tool.target_path()?.pointer(), character))
        });
        unseen.map_or(Ok(()), |(place, character)| {
            Err(SubmitError::UnseenInTarget {
                pointer: format!("/arguments{place}"),
                character,
            })
        })
    }

    fn document(
        &mut self,
        new: NewCall,
        audience: ExecutorId,
    ) -> Result<CallDocument, CommandError> {
        Ok(CallDocument {
            tool: new.tool,
            arguments: new.arguments,
            audience,
            action_salt: draw(&mut *self.entropy)?,
            tool_call_id: new.tool_call_id,
            session: new.session,
            reason: new.reason,
            plan: new.plan,
            trace_id: new.trace_id,
            replaces: new.replaces,
        })
    }

    /// The same key again: the same call for the same content, a refusal for other content.
    fn answered(
        &mut self,
        by: Party,
        document: &CallDocument,
    ) -> Result<Option<Submitted>, SubmitError> {
        let key = request_key(by, document.session.as_deref(), &document.tool_call_id);
        let Some(request) = self.state.requests.get(&key).copied() else {
            return Ok(None);
        };
        if request.content != document.content_digest() {
            return Err(Refusal::IdempotencyKeyReused.into());
        }
        let view = self.view(request.call).ok_or(Unavailable::Internal)?;
        Ok(Some(Submitted { view, known: true }))
    }

    /// A freeze ends every unredeemed grant in one command, and a command has a largest size; nor may
    /// one agent fill the log's memory.
    fn check_room(&self, by: Party) -> Result<(), Unavailable> {
        let own = self.state.open_calls_of(by);
        let grants = self.state.unredeemed().len();
        let busy = |what, limit: usize| Unavailable::Busy {
            what,
            limit: limit as u64,
        };
        if own >= OPEN_CALLS_MAX {
            return Err(busy("open calls of one party", OPEN_CALLS_MAX));
        }
        if grants >= GRANTS_MAX {
            return Err(busy("grants of a log that nobody redeemed", GRANTS_MAX));
        }
        Ok(())
    }

    fn requester(&self, by: Party) -> Result<Requester, Refusal> {
        let principal = match by {
            Party::Agent(agent) => {
                let agent = self
                    .state
                    .roster
                    .agents
                    .get(&agent)
                    .ok_or(Refusal::Forbidden)?;
                Some(agent.principal)
            }
            _ => None,
        };
        Ok(Requester {
            asker: by,
            principal,
        })
    }

    /// The first repetition in a minute is recorded as a call of its own; more are counted.
    fn count_repeats<'a>(
        &mut self,
        requester: Requester,
        likenesses: impl Iterator<Item = &'a countersign_record::entry::Fingerprint>,
    ) -> Result<(), SubmitError> {
        let now = self.now();
        let mut denied = likenesses.filter_map(|fp| self.state.denied(requester, fp, now));
        let Some(call) = denied.next().map(|denial| denial.call) else {
            return Ok(());
        };
        let repeated = Repeated::Refused(requester.asker, "previously-denied");
        if self.meter.counts(&repeated) {
            return Err(SubmitError::PreviouslyDenied(call));
        }
        self.meter.open(repeated, Some(call), now);
        Ok(())
    }

    /// The agent's session of that name, or an id for a new one.
    fn session(&mut self, by: Party, name: Option<&str>) -> Result<Named, CommandError> {
        let (Party::Agent(agent), Some(name)) = (by, name) else {
            return Ok(Named::default());
        };
        if let Some(known) = self.state.session_named(agent, name) {
            return Ok(Named {
                id: Some(known),
                new: None,
            });
        }
        let id = SessionId::new(draw(&mut *self.entropy)?);
        Ok(Named {
            id: Some(id),
            new: Some(name.into()),
        })
    }

    /// Whether this party may see the call.
    pub(crate) fn visible(&self, of: Party, call: CallId) -> bool {
        self.visible_open(of, call).unwrap_or_else(|| {
            let history = self.history(call);
            let parties = history.iter().find_map(Parties::of);
            parties.is_some_and(|parties| parties.include(of))
        })
    }

    /// The same of an open call, without a look at the log.
    fn visible_open(&self, of: Party, call: CallId) -> Option<bool> {
        let call = self.state.calls.get(&call)?;
        Some(call.requester.asker == of || of == Party::Executor(call.executor))
    }
}
