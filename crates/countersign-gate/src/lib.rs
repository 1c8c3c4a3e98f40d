//! The agent's side: ask for a call, wait, claim it, report what became of it.
//! In scope: HTTP to a service with a pinned certificate, the agent plane's questions and answers,
//! and recomputing every digest from what this side knows itself.
//! Not here: deciding (people do, on another plane, with other credentials); running tools.

mod connection;
mod executor;
mod gate;
mod pin;
mod problem;
mod view;

pub use connection::{Answer, ConnectError, Connection, RequestError};
pub use executor::{Claim, ExecutorClient, Redeemed, Report, Reported};
pub use gate::{Gate, GateError, NewCall};
pub use pin::{Pin, PinError};
pub use problem::Problem;
pub use view::{CallState, CallView, GrantTicket, NotAView};

#[cfg(test)]
mod tests;
