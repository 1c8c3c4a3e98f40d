//! Bodies on the wire (docs/spec/http.md): requests read, answers written.

mod answer;
mod bytes;
mod request;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub(crate) use answer::{
    Accepted, Decided, Dry, Entries, EntryLine, Event, Froze, Head, Inbox, Login, Me, OpenedAnswer,
    OutcomeAnswer, Policy, Presentation, Recorded, Records, RedeemedAnswer, RevokedAnswer,
    Statement, StatementLine, View,
};
pub(crate) use bytes::{Base64Bytes, Hex, Sha256};
pub(crate) use request::{
    Begin, CallRequest, DecisionRequest, DryRequest, FreezeRequest, Nothing, OpeningRequest,
    OutcomeRequest, Range, RedeemRequest, RevocationRequest, Signed, Wait,
};
