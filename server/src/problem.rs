//! Errors on the wire: RFC 9457 problem documents with a closed list of codes (docs/spec/http.md).

mod from;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_record::id::CallId;
use serde::Serialize;

/// Whether asking again can help.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Retry {
    /// It cannot: change the request, or accept the answer.
    Never,
    /// The very same request may succeed.
    SameRequest,
    /// The same request may succeed later.
    After,
}

macro_rules! codes {
    ($($name:ident = $slug:literal, $status:ident, $retry:ident, $title:literal;)+) => {
        /// The closed list. A code always has the same status.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(crate) enum Code { $($name,)+ }

        impl Code {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),+];

            /// The word on the wire.
            pub(crate) const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }

            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)+ }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

codes! {
    Unauthenticated = "unauthenticated", UNAUTHORIZED, Never, "No known credential";
    Forbidden = "forbidden", FORBIDDEN, Never, "This credential may not do that";
    NotFound = "not-found", NOT_FOUND, Never, "There is no such thing here";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, Never, "Not by this method";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, Never, "Send application/json";
    UnknownField = "unknown-field", UNPROCESSABLE_ENTITY, Never, "A member that is not known here";
    MalformedArguments = "malformed-arguments", UNPROCESSABLE_ENTITY, Never, "Not of the form asked for";
    ArgumentsNotCanonical = "arguments-not-canonical", UNPROCESSABLE_ENTITY, Never, "Not JSON that everybody reads alike";
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, Never, "Over a limit";
    CannotBeShown = "cannot-be-shown", PAYLOAD_TOO_LARGE, Never, "Too large to be shown whole";
    UnknownTool = "unknown-tool", UNPROCESSABLE_ENTITY, Never, "No executor for this tool";
    DigestMismatch = "digest-mismatch", UNPROCESSABLE_ENTITY, Never, "The digest belongs to something else";
    IdempotencyKeyReused = "idempotency-key-reused", UNPROCESSABLE_ENTITY, Never, "The key was used for another call";
    NotArmed = "not-armed", CONFLICT, Never, "The log is not armed";
    DeniedByPolicy = "denied-by-policy", FORBIDDEN, Never, "The policy refuses this call";
    PreviouslyDenied = "previously-denied", CONFLICT, Never, "A person refused this action before";
    Frozen = "frozen", FORBIDDEN, Never, "A freeze stands";
    NotEligible = "not-eligible", FORBIDDEN, Never, "Not one of those who may decide";
    RequesterCannotApprove = "requester-cannot-approve", FORBIDDEN, Never, "Whoever asks cannot approve";
    ChannelNotIndependent = "channel-not-independent", FORBIDDEN, Never, "Too close to the agent's own channel";
    PresentationNotServed = "presentation-not-served", CONFLICT, Never, "Open the call first";
    CoolingDown = "cooling-down", CONFLICT, After, "The cool-down is not over";
    ReasonRequired = "reason-required", UNPROCESSABLE_ENTITY, Never, "A comment is demanded";
    AlreadyVoted = "already-voted", CONFLICT, Never, "This person has voted";
    NonceUsed = "nonce-used", CONFLICT, Never, "This opening was used";
    NotPending = "not-pending", CONFLICT, Never, "The call does not wait for a decision";
    Expired = "expired", CONFLICT, Never, "The time to decide is over";
    Lapsed = "lapsed", CONFLICT, Never, "The time to run it is over";
    Revoked = "revoked", CONFLICT, Never, "The approval was taken back";
    Superseded = "superseded", CONFLICT, Never, "The policy became stricter; ask again";
    PolicyStricter = "policy-stricter", CONFLICT, Never, "The policy in force demands more";
    NotApproved = "not-approved", CONFLICT, Never, "The call is not approved";
    AlreadyRedeemed = "already-redeemed", CONFLICT, Never, "The grant was redeemed";
    WrongExecutor = "wrong-executor", FORBIDDEN, Never, "The call is for another executor";
    SignatureInvalid = "signature-invalid", UNPROCESSABLE_ENTITY, Never, "The signature does not verify";
    KeyNotActive = "key-not-active", FORBIDDEN, Never, "The key does not count here";
    OutcomeConflict = "outcome-conflict", CONFLICT, Never, "Another outcome is on record";
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, After, "Too many requests";
    ClockUntrusted = "clock-untrusted", SERVICE_UNAVAILABLE, After, "The clock is not believed";
    ReadOnly = "read-only", SERVICE_UNAVAILABLE, After, "The log takes no entries";
    DiskFull = "disk-full", INSUFFICIENT_STORAGE, After, "The disk is full";
    Internal = "internal", INTERNAL_SERVER_ERROR, SameRequest, "An error of the service";
}

/// A refusal, said so that whoever asked can act on it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    call: Option<String>,
    message: Option<String>,
    limit: Option<u64>,
    retry_after_s: Option<u64>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            code,
            detail,
            call: None,
            message: None,
            limit: None,
            retry_after_s: None,
        }
    }

    /// There is no such thing, or it is not this credential's to see: both answer alike.
    pub(crate) fn not_found() -> Self {
        Self::new(
            Code::NotFound,
            "there is no such thing in this log, or it is not yours to see",
        )
    }

    /// `what` is longer than `max` bytes.
    pub(crate) fn too_large(what: &str, max: usize) -> Self {
        let detail = format!("{what} is longer than {max} bytes; send less");
        Self {
            limit: u64::try_from(max).ok(),
            ..Self::new(Code::TooLarge, detail)
        }
    }

    /// Names the call that it is about, with the sentence for whoever is in front of the agent.
    pub(crate) fn about(self, call: CallId, message: Option<String>) -> Self {
        Self {
            call: Some(call.to_string()),
            message,
            ..self
        }
    }

    /// Too much at once; what is too much is always named.
    pub(crate) fn rate_limited(detail: impl Into<String>, limit: u64) -> Self {
        Self::new(Code::RateLimited, detail).limit(limit)
    }

    /// Names a limit.
    pub(crate) fn limit(self, limit: u64) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// Says when to come back, in s.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }

    /// The document of RFC 9457.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let code = self.code;
        let document = Document {
            kind: format!("https://countersign.dev/problems/{}", code.slug()),
            code: code.slug(),
            title: code.title(),
            status: code.status().as_u16(),
            detail: &self.detail,
            retry: code.retry(),
            call: self.call.as_deref(),
            message: self.message.as_deref(),
            limit: self.limit,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    code: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    retry: Retry,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let code = self.code;
        let body = self.to_json();
        let mut response = (code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_in_the_specification_with_its_status_and_retry() {
        let spec = include_str!("../../docs/spec/http.md");
        let (_, table) = spec.split_once("| code | status | retry |").unwrap();
        for code in Code::ALL {
            let named = format!("`{}`", code.slug());
            let row = table
                .lines()
                .find(|line| line.contains(&named))
                .expect(&named);
            let mut cells = row.split('|').skip(2).map(str::trim);
            let status = code.status().as_u16().to_string();
            let written = cells.next().unwrap().split(' ').next();
            assert_eq!(written, Some(status.as_str()), "{row}");
            let retry = serde_json::to_string(&code.retry()).unwrap();
            assert_eq!(cells.next().unwrap(), retry.trim_matches('"'), "{row}");
        }
    }
}
