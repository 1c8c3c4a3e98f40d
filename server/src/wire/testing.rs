//! What a body is read as, without a socket before it: for tests that send bytes of anybody's choice.

use axum::response::IntoResponse as _;
use countersign_record::id::{CallId, KeyId};
use countersign_record::json::Value;
use countersign_service::{FreezeScope, NewCall, NewDecision, Report};
use serde::de::DeserializeOwned;

use super::{
    Begin, CallRequest, DecisionRequest, DryRequest, FreezeRequest, Nothing, OpeningRequest,
    OutcomeRequest, RedeemRequest, RevocationRequest, Signed,
};
use crate::extract::read_json;
use crate::problem::Problem;

/// Which `POST` (docs/spec/http.md, parts 6 to 8).
#[derive(Clone, Copy, Debug)]
pub enum Post {
    /// `/v1/calls` and `/v1/control-calls`
    Call,
    /// `/v1/calls:dry-run`
    DryRun,
    /// `…/redeem`
    Redeem,
    /// `…/outcome`
    Outcome,
    /// `…/decisions`
    Decision,
    /// `/v1/freezes`
    Freeze,
    /// `/v1/revocations`
    Revocation,
    /// `…/openings`
    Opening,
    /// `/v1/login:begin`
    LoginBegin,
    /// `/v1/login` and `…/revocations`
    Signed,
    /// `…/withdraw` and `/v1/clock:accept`
    Nothing,
}

/// What was read: the service's own types where it has them.
#[derive(Clone, Debug)]
pub enum Body {
    /// A call to judge.
    Call(NewCall),
    /// Tool and arguments to ask the policy about.
    DryRun(String, Value),
    /// Nonce and digest of the action.
    Redeem([u8; 32], [u8; 32]),
    /// A report.
    Outcome(Report),
    /// A signed decision.
    Decision(NewDecision),
    /// A stop.
    Freeze(FreezeScope),
    /// The key that no longer counts, where it is one.
    Revocation(Option<KeyId>),
    /// Nothing that the state machine is told as it is.
    Other,
}

/// Reads a body as the server does; the status of the answer where it refuses to. `call` stands in the
/// path.
pub fn read(post: Post, call: CallId, body: &[u8]) -> Result<Body, u16> {
    read_body(post, call, body).map_err(|problem| problem.into_response().status().as_u16())
}

fn read_body(post: Post, call: CallId, body: &[u8]) -> Result<Body, Problem> {
    Ok(match post {
        Post::Call => Body::Call(read_json::<CallRequest>(body)?.into_call("any".into())?),
        Post::DryRun => {
            let (tool, arguments) = read_json::<DryRequest>(body)?.into_parts()?;
            Body::DryRun(tool, arguments)
        }
        Post::Redeem => {
            let it: RedeemRequest = read_json(body)?;
            Body::Redeem(it.nonce.0, it.action_digest.0)
        }
        Post::Outcome => Body::Outcome(read_json::<OutcomeRequest>(body)?.into_report(call)?),
        Post::Decision => Body::Decision(read_json::<DecisionRequest>(body)?.into_decision(call)?),
        Post::Freeze => Body::Freeze(read_json::<FreezeRequest>(body)?.into_scope()?),
        Post::Revocation => Body::Revocation(read_json::<RevocationRequest>(body)?.key),
        Post::Opening => other::<OpeningRequest>(body)?,
        Post::LoginBegin => other::<Begin>(body)?,
        Post::Signed => other::<Signed>(body)?,
        Post::Nothing => other::<Nothing>(body)?,
    })
}

fn other<T: DeserializeOwned>(body: &[u8]) -> Result<Body, Problem> {
    read_json::<T>(body).map(|_| Body::Other)
}
