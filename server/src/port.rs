//! What each plane can do at all. The agents' port has no method that decides, so that no mistake
//! in a router can make one reachable.

mod agent;
mod approver;
mod audit;

use std::time::Duration;

use countersign_record::entry::Party;
use countersign_record::id::CallId;
use countersign_service::{CallView, Service, Unavailable};

use crate::net::Stop;

pub(crate) use agent::AgentPort;
pub(crate) use approver::ApproverPort;
pub(crate) use audit::AuditPort;

/// Where a call stands, once that is no longer the version `seen`; at the latest after `patience`,
/// or when the server stops.
async fn waited(
    service: &Service,
    of: Party,
    call: CallId,
    seen: Option<u64>,
    patience: Duration,
    stop: &Stop,
) -> Result<Option<CallView>, Unavailable> {
    let now = service.call(of, call).await?;
    let Some(view) = now.as_ref().filter(|_| !patience.is_zero()) else {
        return Ok(now);
    };
    let seen = seen.unwrap_or(view.version);
    tokio::select! {
        changed = service.call_changed(of, call, seen, patience) => changed,
        () = stop.stopped() => Ok(now),
    }
}
