//! The closed list of error codes, each with its one status.

use serde_json::Value;

use crate::http::Response;

/// Requires that the server refused with this code, in the form that every refusal has. Every code
/// of the list is named to this function somewhere in the stories: `completeness` looks.
pub(crate) fn refused(code: &str, response: &Response) -> Value {
    let known = CODES.iter().find(|(known, _)| *known == code);
    let (_, status) = known.expect("a code of the list");
    assert!(response.status >= 400, "not refused: {}", response.text());
    let problem = response.json();
    assert_eq!(problem["code"], code, "{problem}");
    assert_eq!(response.status, *status, "{problem}");
    assert_eq!(problem["status"], *status, "{problem}");
    assert_eq!(response.header("Content-Type"), "application/problem+json");
    let kind = format!("https://countersign.dev/problems/{code}");
    assert_eq!(problem["type"], kind.as_str(), "{problem}");
    for member in ["title", "detail"] {
        assert!(problem[member].is_string(), "{problem}");
    }
    let retry = problem["retry"].as_str().unwrap_or_default();
    assert!(["never", "same-request", "after"].contains(&retry));
    problem
}

/// Every code that there is.
pub(crate) const CODES: &[(&str, u16)] = &[
    ("unauthenticated", 401),
    ("forbidden", 403),
    ("not-found", 404),
    ("method-not-allowed", 405),
    ("unsupported-media-type", 415),
    ("unknown-field", 422),
    ("not-armed", 409),
    ("internal", 500),
    ("denied-by-policy", 403),
    ("nonce-used", 409),
    ("outcome-conflict", 409),
    ("cannot-be-shown", 413),
    ("unknown-tool", 422),
    ("malformed-arguments", 422),
    ("arguments-not-canonical", 422),
    ("digest-mismatch", 422),
    ("idempotency-key-reused", 422),
    ("previously-denied", 409),
    ("frozen", 403),
    ("not-eligible", 403),
    ("requester-cannot-approve", 403),
    ("channel-not-independent", 403),
    ("presentation-not-served", 409),
    ("cooling-down", 409),
    ("reason-required", 422),
    ("already-voted", 409),
    ("not-pending", 409),
    ("expired", 409),
    ("lapsed", 409),
    ("revoked", 409),
    ("superseded", 409),
    ("not-approved", 409),
    ("already-redeemed", 409),
    ("wrong-executor", 403),
    ("policy-stricter", 409),
    ("signature-invalid", 422),
    ("key-not-active", 403),
    ("clock-untrusted", 503),
    ("too-large", 413),
    ("rate-limited", 429),
    ("read-only", 503),
    ("disk-full", 507),
];

/// Codes of things that are not built yet: numbers and targets to type, and budgets.
pub(crate) const RESERVED: &[&str] = &[
    "budget-exhausted-agent",
    "budget-exhausted-person",
    "number-mismatch",
    "target-mismatch",
];
