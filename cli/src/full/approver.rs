//! The approver's client: it believes nothing that it can recompute, asks with No as the default,
//! and signs only what it rebuilt itself.

mod ceremony;
mod decide;
mod hours;
mod inbox;
mod rebuild;
mod session;

pub(crate) use decide::{ApproveArgs, DenyArgs, RevokeArgs};
pub(crate) use inbox::{InboxArgs, ShowArgs};
pub(super) use session::ApproverArgs;
