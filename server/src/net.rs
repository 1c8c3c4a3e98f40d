//! Sockets: binding them, encrypting them, and serving connections until the server stops.

mod bind;
mod descriptors;
mod notify;
mod serve;
mod stop;
mod tls;

pub use bind::{Bound, ListenError};
pub(crate) use bind::{Listening, bind};
pub(crate) use descriptors::{connections_within, raise_open_files};
pub(crate) use notify::notify_ready;
pub(crate) use serve::accept;
pub(crate) use stop::{Halt, Stop};
pub use tls::TlsError;
pub(crate) use tls::{Tls, tls};
