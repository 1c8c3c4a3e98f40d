//! The executor: recompute, redeem, run, report.

use countersign_record::action::{action, action_digest};
use countersign_record::digest::hex;
use countersign_record::id::{CallId, GrantId};
use countersign_record::json::{Object, Value};

use crate::connection::Connection;
use crate::gate::{GateError, check, look};
use crate::view::CallView;

/// What an executor is about to run.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The call.
    pub call: CallId,
    /// The tool.
    pub tool: &'a str,
    /// The arguments, exactly as it will be run with.
    pub arguments: &'a Value,
    /// 256 random bits of the executor's: with the same again the answer is the same.
    pub nonce: [u8; 32],
}

/// Permission to run the call, once; nothing else permits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redeemed {
    /// The call.
    pub call: CallId,
    /// Its grant.
    pub grant: GrantId,
    /// Seq of the entry.
    pub seq: u64,
    /// A report is due until then, ms since 1970.
    pub outcome_before_ms: u64,
    /// A tlog-proof of that entry, to keep.
    pub proof: Option<String>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The call.
    pub call: CallId,
    /// `succeeded`, `failed` or `unknown`.
    pub status: &'a str,
    /// In the executor's words.
    pub detail: Option<&'a str>,
}

/// A recorded report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reported {
    /// Seq of the entry.
    pub seq: u64,
    /// What is on record.
    pub status: String,
}

/// An executor's end of the agent plane.
#[derive(Clone, Debug)]
pub struct ExecutorClient(Connection);

impl ExecutorClient {
    /// `connection` carries the executor's token.
    pub fn new(connection: Connection) -> Self {
        Self(connection)
    }

    /// Where a call of this executor stands.
    pub fn call(&self, call: CallId) -> Result<CallView, GateError> {
        look(&self.0, call)
    }

    /// Claims a call for exactly this tool and these arguments.
    pub fn redeem(&self, claim: &Claim<'_>) -> Result<Redeemed, GateError> {
        let view = self.call(claim.call)?;
        self.redeem_seen(claim, &view)
    }

    /// The same for a call whose view is at hand, also one that was redeemed meanwhile: the service
    /// refuses and records that.
    pub fn redeem_seen(&self, claim: &Claim<'_>, view: &CallView) -> Result<Redeemed, GateError> {
        let call = claim.call;
        let state = view.state.as_str();
        let grant = view
            .grant
            .as_ref()
            .ok_or(GateError::NotRedeemable { call, state })?;
        let salt = match view.action_salt {
            Some(salt) => salt,
            None if view.state.is_redeemable() => return Err(GateError::Unsalted { call }),
            None => return Err(GateError::NotRedeemable { call, state }),
        };
        check(view, claim.tool, claim.arguments)?;
        let mine = action_digest(&action(claim.tool, claim.arguments, &view.executor), &salt);
        let path = format!("/v1/grants/{}/redeem", grant.jti);
        let body = Object::new()
            .with("nonce", hex(&claim.nonce))
            .with("action_digest", format!("sha256:{mine}"));
        let answer = self.0.post(&path, body)?;
        let number = |name| answer.body.member(name).and_then(Value::as_u64);
        let (Some(seq), Some(outcome_before_ms)) = (number("seq"), number("outcome_before_ms"))
        else {
            return Err(self
                .0
                .not_ours(&path, "not the answer to a redemption")
                .into());
        };
        let proof = answer
            .body
            .member("proof")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned);
        Ok(Redeemed {
            call,
            grant: grant.jti,
            seq,
            outcome_before_ms,
            proof,
        })
    }

    /// Says what became of it.
    pub fn report(&self, report: &Report<'_>) -> Result<Reported, GateError> {
        let path = format!("/v1/calls/{}/outcome", report.call);
        let body = Object::new().with("status", report.status);
        let body = match report.detail {
            Some(detail) => body.with("detail", detail),
            None => body,
        };
        let answer = self.0.post(&path, body)?;
        let seq = answer.body.member("seq").and_then(Value::as_u64);
        let status = answer.body.member("status").and_then(Value::as_str);
        match (seq, status) {
            (Some(seq), Some(status)) => Ok(Reported {
                seq,
                status: status.to_owned(),
            }),
            _ => Err(self.0.not_ours(&path, "not the answer to a report").into()),
        }
    }
}
