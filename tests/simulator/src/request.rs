//! What clients ask for. A request can be sent again, word for word.

use std::future::Future;
use std::pin::Pin;

use countersign_attest::Context;
use countersign_attest::sshsig::sign_ed25519;
use countersign_record::digest::ActionDigest;
use countersign_record::entry::{DenyCause, OutcomeStatus, Party, RevocationCause};
use countersign_record::id::{CallId, GrantId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Decision};
use countersign_service::{
    CallView, CommandError, Decision as Decided, FreezeScope, HeadView, Level, NewCall,
    NewDecision, Opened, Opening, Outcome, OutcomeError, Proven, RedeemError, Redeemed, Report,
    Service, SubmitError, Submitted, Unavailable,
};

use crate::template::{AGENT, FILES, OPERATOR, RESPONDER, device, key, person};

/// What a tool is called with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Action {
    pub(crate) tool: &'static str,
    pub(crate) path: &'static str,
}

pub(crate) const TOOLS: [&str; 6] = ["move", "burn", "look", "burn", "move", "erase"];
pub(crate) const PATHS: [&str; 3] = ["/a", "/b", "/c"];

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Submit {
        name: String,
        action: Action,
        level: Level,
    },
    Open {
        call: CallId,
        of: u8,
    },
    Decide {
        call: CallId,
        decision: Decision,
        statement: Vec<u8>,
        signature: Vec<u8>,
    },
    Redeem {
        grant: GrantId,
        nonce: [u8; 32],
        action: ActionDigest,
    },
    Report {
        call: CallId,
        status: OutcomeStatus,
    },
    Withdraw {
        call: CallId,
    },
    Freeze {
        tool: Option<&'static str>,
    },
    RevokeKey {
        of: u8,
    },
    AcceptClock,
    Look {
        call: CallId,
    },
    Head,
}

#[derive(Debug)]
pub(crate) enum Reply {
    Submitted(Result<Proven<Submitted>, SubmitError>),
    Opened(Result<Box<Opened>, CommandError>),
    Decided(Result<Proven<Decided>, CommandError>),
    Redeemed(Result<Proven<Redeemed>, RedeemError>),
    Reported(Result<Outcome, OutcomeError>),
    Withdrawn(Result<Box<CallView>, CommandError>),
    Done(Result<Option<(u64, Option<String>)>, CommandError>),
    Looked(Result<Option<Box<CallView>>, Unavailable>),
    Head(Result<HeadView, Unavailable>),
}

pub(crate) type Waiting = Pin<Box<dyn Future<Output = Reply>>>;

impl Request {
    /// Signs what was served.
    pub(crate) fn vote(opened: &Opened, of: u8, decision: Decision) -> Option<Self> {
        let mut offered = opened.statements.iter();
        let (.., statement) = offered.find(|it| it.0 == key(of) && it.1 == decision)?;
        let signature = sign_ed25519(&device(of), Context::Approval.as_str(), statement);
        Some(Self::Decide {
            call: opened.view.call,
            decision,
            statement: statement.clone(),
            signature,
        })
    }

    pub(crate) fn send(&self, service: &Service) -> Waiting {
        let service = service.clone();
        match self.clone() {
            Self::Submit {
                name,
                action,
                level,
            } => {
                let new = new_call(name, action);
                let by = Party::Agent(AGENT);
                Box::pin(async move { Reply::Submitted(service.submit(by, new, level).await) })
            }
            Self::Open { call, of } => {
                let opening = Opening {
                    call,
                    person: person(of),
                    client: Client::Cli,
                    network_differs: Some(true),
                };
                Box::pin(async move { Reply::Opened(service.open(opening).await.map(Box::new)) })
            }
            Self::Decide {
                call,
                statement,
                signature,
                ..
            } => {
                let new = NewDecision {
                    call,
                    statement,
                    signature,
                    comment: None,
                    cause: DenyCause::NotAsked,
                };
                Box::pin(async move { Reply::Decided(service.decide(new).await) })
            }
            Self::Redeem {
                grant,
                nonce,
                action,
            } => Box::pin(async move {
                Reply::Redeemed(service.redeem(FILES, grant, nonce, action).await)
            }),
            Self::Report { call, status } => {
                let report = Report {
                    call,
                    status,
                    detail: None,
                };
                let by = Party::Executor(FILES);
                Box::pin(async move { Reply::Reported(service.outcome(by, report).await) })
            }
            Self::Withdraw { call } => Box::pin(async move {
                let done = service.withdraw(Party::Agent(AGENT), call).await;
                Reply::Withdrawn(done.map(Box::new))
            }),
            Self::Look { call } => Box::pin(async move {
                let found = service.call(Party::Agent(AGENT), call).await;
                Reply::Looked(found.map(|view| view.map(Box::new)))
            }),
            Self::Head => Box::pin(async move { Reply::Head(service.head().await) }),
            other => other.send_to_operators(service),
        }
    }

    fn send_to_operators(self, service: Service) -> Waiting {
        Box::pin(async move {
            let done = match self {
                Self::Freeze { tool } => {
                    let scope = FreezeScope {
                        tool: tool.map(str::to_owned),
                        all: tool.is_none(),
                        reason: "drill".into(),
                        ..FreezeScope::default()
                    };
                    service.freeze(RESPONDER, scope).await.map(|_| None)
                }
                Self::RevokeKey { of } => {
                    let by = Party::Credential(RESPONDER);
                    let cause = RevocationCause::Lost;
                    let done = service.revoke_key(by, key(of), cause).await;
                    done.map(|it| Some((it.value, it.proof)))
                }
                _ => {
                    let done = service.accept_clock(OPERATOR).await;
                    done.map(|it| Some((it.value, it.proof)))
                }
            };
            Reply::Done(done)
        })
    }

    /// The request in a list of steps.
    pub(crate) fn line(&self) -> String {
        match self {
            Self::Submit { name, action, .. } => {
                format!("submit {name} {} {}", action.tool, action.path)
            }
            Self::Open { call, of } => format!("open {call} p{of}"),
            Self::Decide { call, decision, .. } => format!("decide {call} {decision}"),
            Self::Redeem { grant, nonce, .. } => format!("redeem {grant} nonce {:02x}", nonce[0]),
            Self::Report { call, status } => format!("report {call} {status}"),
            Self::Withdraw { call } => format!("withdraw {call}"),
            Self::Freeze { tool } => format!("freeze {}", tool.unwrap_or("everything")),
            Self::RevokeKey { of } => format!("revoke the key of p{of}"),
            Self::AcceptClock => "accept the clock".into(),
            Self::Look { call } => format!("look {call}"),
            Self::Head => "head".into(),
        }
    }
}

impl Reply {
    /// How it went, for a list of steps.
    pub(crate) fn line(&self) -> String {
        let refused = |error: &dyn std::fmt::Display| format!("refused: {error}");
        match self {
            Self::Submitted(it) => it.as_ref().map_or_else(
                |error| refused(error),
                |it| format!("{} {}", it.value.view.call, it.value.view.state.as_str()),
            ),
            Self::Opened(it) => it
                .as_ref()
                .map_or_else(|error| refused(error), |_| "served".into()),
            Self::Decided(it) => it.as_ref().map_or_else(
                |error| refused(error),
                |it| format!("entry {}, {}", it.value.seq, it.value.view.state.as_str()),
            ),
            Self::Redeemed(it) => it.as_ref().map_or_else(
                |error| refused(error),
                |it| format!("entry {}", it.value.seq),
            ),
            Self::Reported(it) => it
                .as_ref()
                .map_or_else(|error| refused(error), |it| format!("entry {}", it.seq)),
            Self::Withdrawn(it) => it
                .as_ref()
                .map_or_else(|error| refused(error), |it| it.state.as_str().into()),
            Self::Done(it) => it
                .as_ref()
                .map_or_else(|error| refused(error), |_| "done".into()),
            Self::Looked(it) => it.as_ref().map_or_else(
                |error| refused(error),
                |it| it.as_ref().map_or("nothing", |it| it.state.as_str()).into(),
            ),
            Self::Head(it) => it
                .as_ref()
                .map_or_else(|error| refused(error), |it| format!("{} entries", it.size)),
        }
    }
}

fn new_call(name: String, action: Action) -> NewCall {
    NewCall {
        tool: action.tool.into(),
        arguments: Value::Object(Object::new().with("path", action.path)),
        tool_call_id: name,
        session: Some("s1".into()),
        reason: Some("it is due".into()),
        plan: None,
        trace_id: None,
        replaces: None,
        executor: None,
    }
}
