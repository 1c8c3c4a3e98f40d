//! The agent plane: calls, their grants, their outcomes. Nothing here decides.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_record::digest::ActionDigest;
use countersign_record::entry::Party;
use countersign_record::id::{AgentId, CallId, ExecutorId, GrantId};

use super::calls::{accepted, looked};
use crate::door::{Door, Entered, Who};
use crate::extract::{Id, IdempotencyKey, LastEventId, Peer, Seen, StrictJson, StrictQuery};
use crate::metrics::Metrics;
use crate::port::AgentPort;
use crate::problem::{Code, Problem};
use crate::wire::{
    CallRequest, Dry, DryRequest, Nothing, OutcomeAnswer, OutcomeRequest, RedeemRequest,
    RedeemedAnswer, View, Wait,
};

/// What the handlers of this plane have.
#[derive(Clone, Debug)]
pub(crate) struct AgentPlane {
    pub(crate) port: AgentPort,
    pub(crate) door: Door,
    pub(crate) metrics: Metrics,
}

/// Its routes.
pub(crate) fn agent_plane(plane: AgentPlane) -> Router {
    Router::new()
        .route("/v1/calls", post(submit))
        .route("/v1/calls:dry-run", post(dry_run))
        .route("/v1/calls/{id}", get(look))
        .route("/v1/calls/{id}/events", get(call_events))
        .route("/v1/events", get(events))
        .route("/v1/calls/{id}/withdraw", post(withdraw))
        .route("/v1/grants/{jti}/redeem", post(redeem))
        .route("/v1/calls/{id}/outcome", post(outcome))
        .with_state(plane)
}

async fn submit(
    State(plane): State<AgentPlane>,
    Agent(agent): Agent,
    Peer(from): Peer,
    IdempotencyKey(key): IdempotencyKey,
    StrictJson(new): StrictJson<CallRequest>,
) -> Result<Response, Problem> {
    let submitted = plane
        .port
        .submit(agent.party(), from, new.into_call(key)?)
        .await?;
    plane.metrics.submitted(submitted.view.state);
    Ok(accepted(submitted, "/v1/calls"))
}

async fn dry_run(
    State(plane): State<AgentPlane>,
    Agent(_agent): Agent,
    StrictJson(asked): StrictJson<DryRequest>,
) -> Result<Json<Dry>, Problem> {
    let (tool, arguments) = asked.into_parts()?;
    let assessment = plane.port.dry_run(tool, arguments).await?;
    let none = || Problem::new(Code::NotArmed, "no policy is in force yet");
    Ok(Json(assessment.ok_or_else(none)?.into()))
}

async fn look(
    State(plane): State<AgentPlane>,
    Either(caller): Either,
    Id(call): Id<CallId>,
    Seen(seen): Seen,
    StrictQuery(wait): StrictQuery<Wait>,
) -> Result<Response, Problem> {
    looked(
        plane
            .port
            .look(caller.who, call, seen, wait.patience()?)
            .await?,
        seen,
    )
}

async fn events(
    State(plane): State<AgentPlane>,
    Agent(agent): Agent,
    LastEventId(last): LastEventId,
) -> Response {
    plane
        .port
        .feed(agent.party(), None)
        .into_response(last, agent.pass)
}

async fn call_events(
    State(plane): State<AgentPlane>,
    Agent(agent): Agent,
    Id(call): Id<CallId>,
    LastEventId(last): LastEventId,
) -> Result<Response, Problem> {
    let view = plane
        .port
        .look(agent.party(), call, None, std::time::Duration::ZERO)
        .await?;
    view.ok_or_else(Problem::not_found)?;
    Ok(plane
        .port
        .feed(agent.party(), Some(call))
        .into_response(last, agent.pass))
}

async fn withdraw(
    State(plane): State<AgentPlane>,
    Agent(agent): Agent,
    Id(call): Id<CallId>,
    StrictJson(Nothing {}): StrictJson<Nothing>,
) -> Result<Json<View>, Problem> {
    Ok(Json(plane.port.withdraw(agent.party(), call).await?.into()))
}

async fn redeem(
    State(plane): State<AgentPlane>,
    Executor(executor): Executor,
    Id(grant): Id<GrantId>,
    StrictJson(asked): StrictJson<RedeemRequest>,
) -> Result<Json<RedeemedAnswer>, Problem> {
    let action = ActionDigest(asked.action_digest.0);
    let redeemed = plane
        .port
        .redeem(executor.who, grant, asked.nonce.0, action)
        .await?;
    let (proof, it) = (redeemed.proof, redeemed.value);
    let (seq, outcome_before_ms) = (it.seq, it.outcome_before_ms);
    Ok(Json(RedeemedAnswer {
        call: it.call,
        grant: it.grant,
        seq,
        outcome_before_ms,
        proof,
    }))
}

async fn outcome(
    State(plane): State<AgentPlane>,
    Executor(executor): Executor,
    Id(call): Id<CallId>,
    StrictJson(report): StrictJson<OutcomeRequest>,
) -> Result<Json<OutcomeAnswer>, Problem> {
    let outcome = plane
        .port
        .outcome(executor.who, report.into_report(call)?)
        .await?;
    Ok(Json(OutcomeAnswer {
        call,
        seq: outcome.seq,
        status: outcome.status,
    }))
}

/// An agent was let in.
struct Agent(Entered<AgentId>);
/// An executor was let in.
struct Executor(Entered<ExecutorId>);
/// One of both was let in.
struct Either(Entered<Party>);

impl Entered<AgentId> {
    fn party(&self) -> Party {
        Party::Agent(self.who)
    }
}

impl FromRequestParts<AgentPlane> for Agent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, plane: &AgentPlane) -> Result<Self, Problem> {
        let fits = |who| {
            if let Who::Agent(id) = who {
                Some(id)
            } else {
                None
            }
        };
        plane.door.enter(parts, fits).await.map(Self)
    }
}

impl FromRequestParts<AgentPlane> for Executor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, plane: &AgentPlane) -> Result<Self, Problem> {
        let fits = |who| {
            if let Who::Executor(id) = who {
                Some(id)
            } else {
                None
            }
        };
        plane.door.enter(parts, fits).await.map(Self)
    }
}

impl FromRequestParts<AgentPlane> for Either {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, plane: &AgentPlane) -> Result<Self, Problem> {
        let fits = |who| match who {
            Who::Agent(id) => Some(Party::Agent(id)),
            Who::Executor(id) => Some(Party::Executor(id)),
            Who::Credential(..) | Who::Person(_) => None,
        };
        plane.door.enter(parts, fits).await.map(Self)
    }
}
