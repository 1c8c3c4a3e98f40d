//! For supervisors and Prometheus: no credential, no content.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::{AuditPlane, Open};
use crate::problem::Problem;

#[derive(Serialize)]
struct Ready {
    ready: bool,
    because: Vec<String>,
}

/// The process lives. Never paced: it costs nothing, and a flood must not look like a death.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Calls can be taken.
pub(super) async fn ready(State(plane): State<AuditPlane>, Open(_pass): Open) -> Response {
    let because = match plane.port.head().await {
        Err(unavailable) => vec![unavailable.to_string()],
        Ok(head) => {
            let clock = (!head.clock_trusted).then(|| "the clock is not believed".to_owned());
            let full = head.disk_full.then(|| "the disk is full".to_owned());
            head.read_only
                .into_iter()
                .chain(full)
                .chain(clock)
                .collect()
        }
    };
    let ready = because.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Ready { ready, because })).into_response()
}

/// Numbers in the `OpenMetrics` text format.
pub(super) async fn metrics(
    State(plane): State<AuditPlane>,
    Open(_pass): Open,
) -> Result<Response, Problem> {
    let text = plane.metrics.text(&plane.port.head().await?);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}
