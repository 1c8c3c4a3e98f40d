//! The three planes: what all of them do before and after a handler.

mod agent;
mod approver;
mod audit;
mod calls;

use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

pub(crate) use agent::{AgentPlane, agent_plane};
pub(crate) use approver::{ApproverPlane, approver_plane};
pub(crate) use audit::{AuditPlane, audit_plane};

use crate::extract::BodyTime;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};

/// A plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Plane {
    Agent,
    Approver,
    Audit,
}

impl Plane {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Approver => "approver",
            Self::Audit => "audit",
        }
    }
}

/// What every plane needs around its routes.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) plane: Plane,
    pub(crate) metrics: Metrics,
    pub(crate) body: Duration,
}

/// A plane's routes with everything around them. The path is judged before any route is looked for.
pub(crate) fn surrounded(routes: Router, surroundings: Surroundings) -> Router {
    let counted = routes
        .method_not_allowed_fallback(|| async {
            Problem::new(
                Code::MethodNotAllowed,
                "see the header Allow for the methods of this path",
            )
        })
        .fallback(|| async { Problem::new(Code::NotFound, "this plane has no such path; agents, approvers and auditors have a plane each, with its own URL") })
        .layer(from_fn_with_state(surroundings, around));
    Router::new()
        .fallback_service(counted)
        .layer(from_fn(canonical_only))
}

async fn around(
    State(surroundings): State<Surroundings>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    request.extensions_mut().insert(BodyTime(surroundings.body));
    let response = next.run(request).await;
    let (route, status) = (
        route.as_ref().map(MatchedPath::as_str),
        response.status().as_u16(),
    );
    let plane = surroundings.plane.name();
    surroundings.metrics.answered(plane, route, status);
    tracing::debug!(plane, %method, route, status, "answered");
    response
}

async fn canonical_only(request: Request, next: Next) -> Response {
    let mut response = if is_canonical(request.uri()) {
        next.run(request).await
    } else {
        let detail = "the path is not canonical: no %, no empty or dot segments, no / at the end";
        Problem::new(Code::NotFound, detail).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Two spellings of one path would be two doors to one room.
fn is_canonical(uri: &Uri) -> bool {
    let Some(path) = uri.path().strip_prefix('/') else {
        return false;
    };
    let plain = |segment: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
    };
    path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str) -> bool {
        is_canonical(&path.parse().unwrap())
    }

    #[test]
    fn one_path_has_one_spelling() {
        for path in [
            "/v1/calls",
            "/v1/calls:dry-run",
            "/tile/0/x001/067.p/5",
            "/checkpoint",
        ] {
            assert!(check(path), "{path}");
        }
        let twisted = [
            "/",
            "//v1/calls",
            "/v1//calls",
            "/v1/calls/",
            "/v1/./calls",
            "/v1/../v1/calls",
            "/v1/%63alls",
            "/v1/calls%2fx",
            "/v1/calls;x",
        ];
        for path in twisted {
            assert!(!check(path), "{path}");
        }
    }
}
