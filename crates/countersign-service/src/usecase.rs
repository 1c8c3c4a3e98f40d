//! What each role may ask for. Roles have separate methods and separate credentials.

mod agent;
mod approver;
mod audit;
mod executor;
mod view;

pub use agent::{NewCall, SubmitError, Submitted};
pub(crate) use approver::Logins;
pub use approver::{
    Credentials, Decision, DecisionError, InboxItem, LoginError, NewDecision, Opened, Opening,
    Standing,
};
pub use audit::{FreezeScope, Frozen, HeadView};
pub use executor::{Outcome, OutcomeError, RedeemError, Redeemed, Report};
pub use view::{CallState, CallView};
