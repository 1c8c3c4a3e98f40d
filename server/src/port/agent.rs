//! What agents and executors can do: ask, look, withdraw, redeem, report.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_policy::Assessment;
use countersign_record::digest::ActionDigest;
use countersign_record::entry::Party;
use countersign_record::id::{CallId, ExecutorId, GrantId};
use countersign_record::json::Value;
use countersign_service::{
    CallView, CommandError, Level, NewCall, Outcome, OutcomeError, Proven, RedeemError, Redeemed,
    Report, Service, SubmitError, Submitted, Unavailable,
};

use super::waited;
use crate::net::Stop;
use crate::stream::Feed;
use crate::whereabouts::Whereabouts;

/// The agents' side of the service.
#[derive(Clone, Debug)]
pub(crate) struct AgentPort {
    service: Service,
    whereabouts: Arc<Whereabouts>,
    stop: Stop,
}

impl AgentPort {
    pub(crate) fn new(service: Service, whereabouts: Arc<Whereabouts>, stop: Stop) -> Self {
        Self {
            service,
            whereabouts,
            stop,
        }
    }

    /// Asks for a call; remembers where the agent is.
    pub(crate) async fn submit(
        &self,
        by: Party,
        from: IpAddr,
        new: NewCall,
    ) -> Result<Submitted, SubmitError> {
        let submitted = self.service.submit(by, new, Level::Durable).await?.value;
        self.whereabouts.seen(submitted.view.call, from);
        Ok(submitted)
    }

    /// What the policy would say.
    pub(crate) async fn dry_run(
        &self,
        tool: String,
        arguments: Value,
    ) -> Result<Option<Assessment>, SubmitError> {
        self.service.dry_run(tool, arguments).await
    }

    /// Where a call stands, once that is no longer the version `seen`; at the latest after
    /// `patience`, or when the server stops.
    pub(crate) async fn look(
        &self,
        of: Party,
        call: CallId,
        seen: Option<u64>,
        patience: Duration,
    ) -> Result<Option<CallView>, Unavailable> {
        waited(&self.service, of, call, seen, patience, &self.stop).await
    }

    /// The agent no longer wants it.
    pub(crate) async fn withdraw(&self, by: Party, call: CallId) -> Result<CallView, CommandError> {
        self.service.withdraw(by, call).await
    }

    /// Claims a grant.
    pub(crate) async fn redeem(
        &self,
        by: ExecutorId,
        grant: GrantId,
        nonce: [u8; 32],
        action: ActionDigest,
    ) -> Result<Proven<Redeemed>, RedeemError> {
        self.service.redeem(by, grant, nonce, action).await
    }

    /// Records what became of a call.
    pub(crate) async fn outcome(
        &self,
        by: ExecutorId,
        report: Report,
    ) -> Result<Outcome, OutcomeError> {
        self.service.outcome(Party::Executor(by), report).await
    }

    /// News about the calls of a party, or about one of them.
    pub(crate) fn feed(&self, of: Party, call: Option<CallId>) -> Feed {
        Feed::new(self.service.clone(), of, call, self.stop.clone())
    }
}
