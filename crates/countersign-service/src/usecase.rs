//! What each role may ask for. Roles have separate methods and separate credentials.

mod agent;
mod approver;
mod audit;
mod executor;
mod inbox;
mod login;
mod view;

pub use agent::{NewCall, SubmitError, Submitted};
pub use approver::{Decision, DecisionError, NewDecision, Opened, Opening};
pub use audit::{FreezeScope, Frozen, HeadView};
pub use executor::{Outcome, OutcomeError, RedeemError, Redeemed, Report};
pub use inbox::InboxItem;
pub(crate) use login::Logins;
pub use login::{Credentials, LoginError, Standing};
pub use view::{CallState, CallView};
