//! Reading requests: everything is typed, bounded and closed before a handler sees it.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use countersign_record::json;
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// A body is at most this long: 256 KiB of arguments and 64 KiB of what stands around them.
pub(crate) const BODY_BYTES_MAX: usize = ARGUMENTS_BYTES_MAX + 64 * 1024;

/// So much of a body that is too long is read and thrown away, so that the refusal can be read.
const DRAINED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Arguments in canonical form are at most this long: more cannot be shown whole.
pub(crate) const ARGUMENTS_BYTES_MAX: usize = json::Limits::REQUEST.bytes;

/// What a body may hold: arguments stand one deep, beside a few members.
const BODY_LIMITS: json::Limits = json::Limits {
    depth: json::Limits::REQUEST.depth + 1,
    nodes: json::Limits::REQUEST.nodes + 64,
    bytes: BODY_BYTES_MAX,
};

/// The address that a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// Where this request comes from.
    pub(crate) fn of(parts: &Parts) -> Result<IpAddr, Problem> {
        let peer = parts.extensions.get::<Self>().map(|peer| peer.0);
        peer.ok_or_else(|| Problem::new(Code::Internal, "the connection has no address"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts).map(Self)
    }
}

/// How long a body may take; every request carries the plane's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyTime(pub(crate) Duration);

/// A body in strict JSON whose members are all known.
pub(crate) struct StrictJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let bytes = body(request).await?;
        read_json(&bytes).map(Self)
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let plain = text.to_ascii_lowercase().replace(' ', "");
    if ["application/json", "application/json;charset=utf-8"].contains(&plain.as_str()) {
        return Ok(());
    }
    let detail = format!("the body must be application/json, not {text:?}");
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}

async fn body(request: Request) -> Result<Vec<u8>, Problem> {
    let time = request
        .extensions()
        .get::<BodyTime>()
        .map_or(Duration::MAX, |time| time.0);
    let declared = request
        .headers()
        .get("content-length")
        .and_then(|it| it.to_str().ok());
    let declared = declared.and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|length| length > u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX)) {
        drain(request.into_body(), time).await;
        return Err(Problem::too_large("the body", BODY_BYTES_MAX));
    }
    let read = to_bytes(Body::new(request.into_body()), BODY_BYTES_MAX);
    match tokio::time::timeout(time, read).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        // The connection's end is the only other cause, and then nobody reads this.
        Ok(Err(_)) => Err(Problem::too_large("the body", BODY_BYTES_MAX)),
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", time.as_secs());
            Err(Problem::new(Code::MalformedArguments, detail).limit(time.as_secs()))
        }
    }
}

/// A client that is still sending would see a broken connection instead of the answer.
async fn drain(body: Body, time: Duration) {
    let discarded = to_bytes(body, DRAINED_BYTES_MAX);
    // Whatever does not come, or is still more, is the client's to lose.
    drop(tokio::time::timeout(time, discarded).await);
}

/// A body in strict JSON whose members are all known.
pub(crate) fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Serde cannot see duplicate members or lost digits; the strict reader can.
    json::read(bytes, &BODY_LIMITS)
        .map_err(|error| Problem::new(Code::ArgumentsNotCanonical, error.to_string()))?;
    serde_json::from_slice(bytes).map_err(|error| shape_problem(&error.to_string()))
}

/// Serde's standard words tell an unknown member from other faults.
fn shape_problem(fault: &str) -> Problem {
    let unknown = fault.starts_with("unknown field");
    let code = if unknown {
        Code::UnknownField
    } else {
        Code::MalformedArguments
    };
    Problem::new(
        code,
        fault.chars().take(FAULT_CHARS_MAX).collect::<String>(),
    )
}

/// A query string whose members are all known.
pub(crate) struct StrictQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = Query::try_from_uri(&parts.uri);
        let Query(query) = read.map_err(|error| {
            let fault = std::error::Error::source(&error).map(ToString::to_string);
            let fault = fault.unwrap_or_else(|| error.to_string());
            shape_problem(fault.split_once(": ").map_or(fault.as_str(), |(_, it)| it))
        })?;
        Ok(Self(query))
    }
}

/// The id in a path. What is no id of the kind is not found, like any other unknown one.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr + Display, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::not_found())?;
        let id = text.parse::<T>().ok().filter(|id| id.to_string() == text);
        id.map(Self).ok_or_else(Problem::not_found)
    }
}

/// The caller's own id of a call.
pub(crate) struct IdempotencyKey(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let key = header(&parts.headers, &HeaderName::from_static("idempotency-key"))?;
        let key = key.filter(|key| !key.is_empty()).ok_or_else(|| {
            let detail = "send a header `Idempotency-Key` with the id of the tool call";
            Problem::new(Code::MalformedArguments, detail)
        })?;
        at_most("the header Idempotency-Key", ID_BYTES_MAX, key).map(Self)
    }
}

/// The version that the client has seen: `If-None-Match: "12"`.
pub(crate) struct Seen(pub(crate) Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(tag) = header(&parts.headers, &IF_NONE_MATCH)? else {
            return Ok(Self(None));
        };
        let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        if let Some(Ok(version)) = version.map(str::parse) {
            Ok(Self(Some(version)))
        } else {
            let detail = "If-None-Match takes one version in quotation marks, as ETag gave it";
            Err(Problem::new(Code::MalformedArguments, detail))
        }
    }
}

/// The last event that the client has: `Last-Event-ID: 12`.
pub(crate) struct LastEventId(pub(crate) Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let name = HeaderName::from_static("last-event-id");
        let Some(id) = header(&parts.headers, &name)? else {
            return Ok(Self(None));
        };
        let id = id.parse().map_err(|_| {
            Problem::new(
                Code::MalformedArguments,
                "Last-Event-ID is the number of an event",
            )
        })?;
        Ok(Self(Some(id)))
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let (first, more) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    match value.to_str() {
        Ok(text) if more.is_none() => Ok(Some(text.to_owned())),
        _ => {
            let detail = format!("send the header {name} once, in ASCII");
            Err(Problem::new(Code::MalformedArguments, detail))
        }
    }
}

/// A text of at most `max` bytes; `what` names it in the refusal.
pub(crate) fn at_most(what: &str, max: usize, text: String) -> Result<String, Problem> {
    if text.len() <= max {
        Ok(text)
    } else {
        Err(Problem::too_large(what, max))
    }
}

/// Ids of others: tool call, session, trace.
pub(crate) const ID_BYTES_MAX: usize = 256;
/// How much of a fault a problem repeats.
const FAULT_CHARS_MAX: usize = 300;
