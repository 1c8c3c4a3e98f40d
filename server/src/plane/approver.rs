//! The approver plane: people look and decide. What decides is a signature, never a session.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_record::digest::PolicyDigest;
use countersign_record::id::{CallId, PersonId};

use crate::door::{Door, Entered, Who};
use crate::extract::{Id, Peer, StrictJson};
use crate::metrics::Metrics;
use crate::pace::Pass;
use crate::port::ApproverPort;
use crate::problem::Problem;
use crate::wire::{
    Base64Bytes, Begin, Decided, DecisionRequest, Hex, Inbox, Login, Me, OpenedAnswer,
    OpeningRequest, Policy, Presentation, RevokedAnswer, Sha256, Signed, Statement, StatementLine,
};

/// What the handlers of this plane have.
#[derive(Clone, Debug)]
pub(crate) struct ApproverPlane {
    pub(crate) port: ApproverPort,
    pub(crate) door: Door,
    pub(crate) metrics: Metrics,
}

/// Its routes.
pub(crate) fn approver_plane(plane: ApproverPlane) -> Router {
    Router::new()
        .route("/v1/login:begin", post(login_begin))
        .route("/v1/login", post(login))
        .route("/v1/me", get(me))
        .route("/v1/inbox", get(inbox))
        .route("/v1/policies/{digest}", get(policy))
        .route("/v1/calls/{id}/presentation", get(presentation))
        .route("/v1/calls/{id}/openings", post(open))
        .route("/v1/calls/{id}/decisions", post(decide))
        .route("/v1/calls/{id}/revocations", post(revoke))
        .with_state(plane)
}

async fn login_begin(
    State(plane): State<ApproverPlane>,
    Newcomer(_pass): Newcomer,
    StrictJson(begin): StrictJson<Begin>,
) -> Result<Json<Statement>, Problem> {
    let statement = Base64Bytes(plane.port.login_statement(begin.public_key.0).await?);
    Ok(Json(Statement { statement }))
}

async fn login(
    State(plane): State<ApproverPlane>,
    Newcomer(_pass): Newcomer,
    StrictJson(signed): StrictJson<Signed>,
) -> Result<Json<Login>, Problem> {
    let person = plane
        .port
        .login(signed.statement.0, signed.signature.0)
        .await?;
    let opened = plane.door.open_session(person)?;
    Ok(Json(Login {
        session: opened.token,
        person,
        expires_ms: opened.expires_ms,
    }))
}

async fn me(
    State(plane): State<ApproverPlane>,
    Session(session): Session,
) -> Result<Json<Me>, Problem> {
    let standing = plane.port.standing(session.who);
    Ok(Json(Me::new(standing, plane.port.ledger_head().await?)))
}

async fn inbox(
    State(plane): State<ApproverPlane>,
    Session(session): Session,
) -> Result<Json<Inbox>, Problem> {
    let items = plane.port.inbox(session.who).await?;
    Ok(Json(Inbox {
        items: items.into_iter().map(Into::into).collect(),
    }))
}

async fn policy(
    State(plane): State<ApproverPlane>,
    Session(_session): Session,
    Id(digest): Id<Sha256>,
) -> Result<Json<Policy>, Problem> {
    let toml = plane
        .port
        .policy(PolicyDigest(digest.0))
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(Policy { digest, toml }))
}

async fn presentation(
    State(plane): State<ApproverPlane>,
    Session(session): Session,
    Id(call): Id<CallId>,
) -> Result<Json<Presentation>, Problem> {
    let found = plane.port.presentation(session.who, call).await?;
    let (view, shown) = found.ok_or_else(Problem::not_found)?;
    Ok(Json(Presentation {
        view: view.into(),
        shown: shown.to_json(),
    }))
}

async fn open(
    State(plane): State<ApproverPlane>,
    Session(session): Session,
    Peer(from): Peer,
    Id(call): Id<CallId>,
    StrictJson(asked): StrictJson<OpeningRequest>,
) -> Result<Json<OpenedAnswer>, Problem> {
    let opened = plane
        .port
        .open(session.who, from, call, asked.client.into())
        .await?;
    let statements = opened
        .statements
        .into_iter()
        .map(|(key, decision, statement)| StatementLine {
            key,
            decision,
            statement: Base64Bytes(statement),
        });
    Ok(Json(OpenedAnswer {
        call: opened.view.into(),
        shown: opened.shown.to_json(),
        action_salt: Hex(opened.action_salt),
        statements: statements.collect(),
    }))
}

async fn decide(
    State(plane): State<ApproverPlane>,
    Signer(_pass): Signer,
    Id(call): Id<CallId>,
    StrictJson(decision): StrictJson<DecisionRequest>,
) -> Result<Json<Decided>, Problem> {
    let decided = plane.port.decide(decision.into_decision(call)?).await?;
    let (proof, it) = (decided.proof, decided.value);
    plane.metrics.decided(it.decision);
    Ok(Json(Decided {
        seq: it.seq,
        decision: it.decision,
        call: it.view.into(),
        proof,
    }))
}

async fn revoke(
    State(plane): State<ApproverPlane>,
    Signer(_pass): Signer,
    Id(call): Id<CallId>,
    StrictJson(signed): StrictJson<Signed>,
) -> Result<Json<RevokedAnswer>, Problem> {
    let revoked = plane
        .port
        .revoke(call, signed.statement.0, signed.signature.0)
        .await?;
    let (state, proof) = (revoked.value.as_str(), revoked.proof);
    Ok(Json(RevokedAnswer { call, state, proof }))
}

/// A person with a session was let in.
struct Session(Entered<PersonId>);
/// Anybody but a credential of another plane was let in to log in.
struct Newcomer(Pass);
/// Anybody but a credential of another plane was let in: the signature in the body is what counts.
struct Signer(Pass);

impl FromRequestParts<ApproverPlane> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, plane: &ApproverPlane) -> Result<Self, Problem> {
        let fits = |who| {
            if let Who::Person(id) = who {
                Some(id)
            } else {
                None
            }
        };
        plane.door.enter(parts, fits).await.map(Self)
    }
}

impl FromRequestParts<ApproverPlane> for Newcomer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, plane: &ApproverPlane) -> Result<Self, Problem> {
        plane.door.enter_to_log_in(parts).await.map(Self)
    }
}

impl FromRequestParts<ApproverPlane> for Signer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, plane: &ApproverPlane) -> Result<Self, Problem> {
        plane.door.enter_to_decide(parts).await.map(Self)
    }
}
