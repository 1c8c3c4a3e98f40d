//! The audit plane: the log as it is, its health, stops, and requests to change the control.

mod health;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_ledger::tiles::TilePath;
use countersign_record::entry::Party;
use countersign_record::id::{CallId, CredentialId};
use countersign_record::term::Role;
use countersign_service::Proven;

use super::calls::{accepted, looked};
use crate::door::{Door, Entered, Who};
use crate::extract::{Id, IdempotencyKey, Seen, StrictJson, StrictQuery};
use crate::metrics::Metrics;
use crate::pace::Pass;
use crate::port::AuditPort;
use crate::problem::{Code, Problem};
use crate::wire::{
    Base64Bytes, CallRequest, Entries, EntryLine, FreezeRequest, Froze, Head, Nothing, Range,
    Recorded, Records, RevocationRequest, View, Wait,
};

/// What the handlers of this plane have.
#[derive(Clone, Debug)]
pub(crate) struct AuditPlane {
    pub(crate) port: AuditPort,
    pub(crate) door: Door,
    pub(crate) metrics: Metrics,
}

/// Its routes.
pub(crate) fn audit_plane(plane: AuditPlane) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*path}", get(tile))
        .route("/v1/head", get(head))
        .route("/v1/entries", get(entries))
        .route("/v1/proofs/{seq}", get(proof))
        .route("/v1/records", get(records))
        .route("/v1/trace/{id}", get(trace))
        .route("/v1/freezes", post(freeze))
        .route("/v1/revocations", post(revoke))
        .route("/v1/control-calls", post(submit))
        .route("/v1/control-calls/{id}", get(look))
        .route("/v1/control-calls/{id}/withdraw", post(withdraw))
        .route("/v1/clock:accept", post(accept_clock))
        .with_state(plane)
}

async fn checkpoint(
    State(plane): State<AuditPlane>,
    Open(_pass): Open,
) -> Result<Response, Problem> {
    let note = plane.port.checkpoint().ok_or_else(Problem::not_found)?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}

async fn tile(
    State(plane): State<AuditPlane>,
    Open(_pass): Open,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let path: TilePath = format!("tile/{path}")
        .parse()
        .map_err(|_| Problem::not_found())?;
    let tile = plane
        .port
        .tile(path)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], tile).into_response())
}

async fn head(State(plane): State<AuditPlane>, _reader: Reader) -> Result<Json<Head>, Problem> {
    Ok(Json(plane.port.head().await?.into()))
}

async fn entries(
    State(plane): State<AuditPlane>,
    _reader: Reader,
    StrictQuery(range): StrictQuery<Range>,
) -> Result<Json<Entries>, Problem> {
    let entries = plane
        .port
        .entries(range.from, range.limit(ENTRIES_MAX)?)
        .await?
        .into_iter();
    let line = |(seq, entry)| EntryLine {
        seq,
        entry: Base64Bytes(entry),
    };
    Ok(Json(Entries {
        entries: entries.map(line).collect(),
    }))
}

async fn proof(
    State(plane): State<AuditPlane>,
    _reader: Reader,
    Id(seq): Id<u64>,
) -> Result<Response, Problem> {
    let proof = plane
        .port
        .proof(seq)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], proof).into_response())
}

async fn records(
    State(plane): State<AuditPlane>,
    Reader(reader): Reader,
    StrictQuery(range): StrictQuery<Range>,
) -> Result<Json<Records>, Problem> {
    let limit = range.limit(RECORDS_MAX)?;
    Ok(Json(
        plane
            .port
            .records(reader.who, range.from, limit)
            .await?
            .into(),
    ))
}

async fn trace(
    State(plane): State<AuditPlane>,
    Reader(reader): Reader,
    Path(id): Path<String>,
    StrictQuery(range): StrictQuery<Range>,
) -> Result<Json<Records>, Problem> {
    let limit = range.limit(RECORDS_MAX)?;
    let page = plane.port.about(reader.who, id, range.from, limit);
    Ok(Json(page.await?.into()))
}

async fn freeze(
    State(plane): State<AuditPlane>,
    Responder(responder): Responder,
    StrictJson(scope): StrictJson<FreezeRequest>,
) -> Result<Json<Froze>, Problem> {
    let frozen = plane
        .port
        .freeze(responder.who, scope.into_scope()?)
        .await?;
    let (freeze, killed) = (frozen.value.freeze, frozen.value.killed);
    Ok(Json(Froze {
        freeze,
        killed,
        proof: frozen.proof,
    }))
}

async fn revoke(
    State(plane): State<AuditPlane>,
    Controller(by): Controller,
    StrictJson(it): StrictJson<RevocationRequest>,
) -> Result<Json<Recorded>, Problem> {
    let (port, by, cause) = (&plane.port, by.who, it.cause);
    let revoked = match (it.key, it.agent, it.executor, it.credential) {
        (Some(key), None, None, None) => port.revoke_key(by, key, cause).await?,
        (None, Some(id), None, None) => port.revoke_credential(by, Party::Agent(id), cause).await?,
        (None, None, Some(id), None) => {
            port.revoke_credential(by, Party::Executor(id), cause)
                .await?
        }
        (None, None, None, Some(id)) => {
            port.revoke_credential(by, Party::Credential(id), cause)
                .await?
        }
        _ => {
            let detail = "name exactly one of key, agent, executor, credential";
            return Err(Problem::new(Code::MalformedArguments, detail));
        }
    };
    Ok(Json(revoked.into()))
}

async fn submit(
    State(plane): State<AuditPlane>,
    Controller(by): Controller,
    IdempotencyKey(key): IdempotencyKey,
    StrictJson(new): StrictJson<CallRequest>,
) -> Result<Response, Problem> {
    let submitted = plane.port.submit(by.who, new.into_call(key)?).await?;
    plane.metrics.submitted(submitted.view.state);
    Ok(accepted(submitted, "/v1/control-calls"))
}

async fn look(
    State(plane): State<AuditPlane>,
    Controller(by): Controller,
    Id(call): Id<CallId>,
    Seen(seen): Seen,
    StrictQuery(wait): StrictQuery<Wait>,
) -> Result<Response, Problem> {
    looked(
        plane
            .port
            .look(by.who, call, seen, wait.patience()?)
            .await?,
        seen,
    )
}

async fn withdraw(
    State(plane): State<AuditPlane>,
    Controller(by): Controller,
    Id(call): Id<CallId>,
    StrictJson(Nothing {}): StrictJson<Nothing>,
) -> Result<Json<View>, Problem> {
    Ok(Json(plane.port.withdraw(by.who, call).await?.into()))
}

async fn accept_clock(
    State(plane): State<AuditPlane>,
    Operator(by): Operator,
    StrictJson(Nothing {}): StrictJson<Nothing>,
) -> Result<Json<Recorded>, Problem> {
    Ok(Json(plane.port.accept_clock(by.who).await?.into()))
}

impl From<Proven<u64>> for Recorded {
    fn from(proven: Proven<u64>) -> Self {
        Self {
            seq: proven.value,
            proof: proven.proof,
        }
    }
}

/// Anybody was let in.
struct Open(Pass);

impl FromRequestParts<AuditPlane> for Open {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, plane: &AuditPlane) -> Result<Self, Problem> {
        plane.door.enter_open(parts).map(Self)
    }
}

macro_rules! let_in {
    ($($(#[$doc:meta])+ $name:ident: $($role:ident),+;)+) => {$(
        $(#[$doc])+
        struct $name(Entered<CredentialId>);

        impl FromRequestParts<AuditPlane> for $name {
            type Rejection = Problem;

            async fn from_request_parts(
                parts: &mut Parts,
                plane: &AuditPlane,
            ) -> Result<Self, Problem> {
                let fits = |who| match who {
                    Who::Credential(id, $(Role::$role)|+) => Some(id),
                    _ => None,
                };
                plane.door.enter(parts, fits).await.map(Self)
            }
        }
    )+};
}

let_in! {
    /// Anybody of this plane was let in.
    Reader: Auditor, Responder, Operator;
    /// Somebody who stops things was let in.
    Responder: Responder;
    /// Somebody who asks for changes of the control was let in.
    Controller: Responder, Operator;
    /// Somebody who runs the service was let in.
    Operator: Operator;
}

/// Headers in one answer.
const ENTRIES_MAX: u64 = 1000;
/// Entries with content in one answer.
const RECORDS_MAX: u64 = 500;
