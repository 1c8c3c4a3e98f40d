//! The HTTP side of a log: one listener, router and kind of credential per plane.
//! In scope: configuration, listeners and TLS, reading requests strictly, problem documents, rate
//! limits, sessions of approvers, long polls and event streams, health and metrics
//! (docs/spec/http.md).
//! Not here: what a request does (`countersign-service`); the command line (`countersign`).

mod config;
mod door;
mod extract;
mod metrics;
mod net;
mod pace;
mod plain;
mod plane;
mod port;
mod problem;
mod run;
mod sessions;
mod stream;
mod whereabouts;
mod wire;

pub use config::{
    Config, ConfigError, Effective, Limits, SETTINGS, Setting, Source, Sources, TlsFiles, TlsMode,
    environment,
};
pub use net::{Bound, ListenError, TlsError};
pub use plain::serve_plain;
pub use run::{Addresses, Running, StartError, run, serve};
#[cfg(any(test, feature = "testing"))]
pub use wire::testing;
