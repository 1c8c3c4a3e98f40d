//! Every refusal, as the one who is refused reads it.

mod agent;
mod approver;
mod edge;
mod service;
