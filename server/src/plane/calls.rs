//! How calls are answered, on the agent plane and as control calls on the audit plane.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use countersign_service::{CallState, CallView, Submitted};

use crate::problem::{Code, Problem};
use crate::wire::{Accepted, View};

/// 200, 202, or the problem that says why nobody is asked. `at` is the path of calls here.
pub(super) fn accepted(submitted: Submitted, at: &str) -> Response {
    let view = submitted.view;
    let refused = match view.state {
        CallState::DeniedByPolicy => Some(Code::DeniedByPolicy),
        CallState::Frozen => Some(Code::Frozen),
        CallState::PreviouslyDenied => Some(Code::PreviouslyDenied),
        _ => None,
    };
    if let Some(code) = refused {
        let detail = "the call is recorded as refused; asking again changes nothing";
        return Problem::new(code, detail)
            .about(view.call, Some(view.message))
            .into_response();
    }
    let status = match view.state {
        CallState::Pending => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let (tag, place) = (etag(view.version), format!("{at}/{}", view.call));
    let accepted = Accepted {
        view: view.into(),
        known: submitted.known,
    };
    let mut response = (status, Json(accepted)).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    if let (StatusCode::ACCEPTED, Ok(place)) = (status, HeaderValue::try_from(place)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// The view with its version; 304 when the client has `seen` that.
pub(super) fn looked(view: Option<CallView>, seen: Option<u64>) -> Result<Response, Problem> {
    let view = view.ok_or_else(Problem::not_found)?;
    let tag = etag(view.version);
    let mut response = if seen == Some(view.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(View::from(view)).into_response()
    };
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

fn etag(version: u64) -> HeaderValue {
    let tag = HeaderValue::try_from(format!("\"{version}\""));
    tag.unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}
