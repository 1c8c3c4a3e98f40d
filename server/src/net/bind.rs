//! Listening sockets, and whether they may be listened on without TLS.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};

use tokio::net::TcpListener;

use crate::plane::Plane;

/// Where a plane listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bound {
    /// The socket's address.
    pub address: SocketAddr,
    /// How clients write it: scheme, host as configured, port.
    pub url: String,
}

/// Why a plane does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Not an address.
    #[error("--{plane} {text:?} is not an address: write host:port, as in 127.0.0.1:7600")]
    Address {
        /// Which plane.
        plane: &'static str,
        /// What was given.
        text: String,
    },
    /// Somebody else listens there.
    #[error(
        "--{plane} {address}: the port is in use; stop what listens there, or give another \
         address (port 0 is any)"
    )]
    InUse {
        /// Which plane.
        plane: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// Others could listen in.
    #[error(
        "--{plane} {address} is not loopback, so it needs TLS: set tls.mode to self-signed or files"
    )]
    NeedsTls {
        /// Which plane.
        plane: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// The system refused.
    #[error("--{plane} {address}: cannot listen there")]
    System {
        /// Which plane.
        plane: &'static str,
        /// Where.
        address: SocketAddr,
        /// What it said.
        #[source]
        cause: io::Error,
    },
}

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) bound: Bound,
}

/// Listens at `text` for a plane.
pub(crate) async fn bind(plane: Plane, text: &str, tls: bool) -> Result<Listening, ListenError> {
    let name = plane.name();
    let address = resolve(text).ok_or_else(|| ListenError::Address {
        plane: name,
        text: text.to_owned(),
    })?;
    if !tls && !address.ip().is_loopback() {
        return Err(ListenError::NeedsTls {
            plane: name,
            address,
        });
    }
    let system = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse {
            plane: name,
            address,
        },
        _ => ListenError::System {
            plane: name,
            address,
            cause,
        },
    };
    let listener = TcpListener::bind(address).await.map_err(system)?;
    let address = listener.local_addr().map_err(system)?;
    let scheme = if tls { "https" } else { "http" };
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let url = format!("{scheme}://{host}:{}", address.port());
    Ok(Listening {
        listener,
        bound: Bound { address, url },
    })
}

/// `localhost` is 127.0.0.1, also where no resolver is.
fn resolve(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into());
    }
    text.to_socket_addrs().ok()?.next()
}
