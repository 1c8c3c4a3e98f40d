//! Telling systemd that the service is ready (`sd_notify(3)`).

use std::io;
use std::os::unix::net::UnixDatagram;

/// Sends `READY=1` to `NOTIFY_SOCKET`; a leading `@` is an abstract name.
pub(crate) fn notify_ready(socket: &str) -> io::Result<()> {
    let datagram = UnixDatagram::unbound()?;
    match socket.strip_prefix('@') {
        Some(name) => send_abstract(&datagram, name),
        None => datagram.send_to(READY, socket).map(|_| ()),
    }
}

#[cfg(target_os = "linux")]
fn send_abstract(datagram: &UnixDatagram, name: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt as _;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    datagram.send_to_addr(READY, &address).map(|_| ())
}

#[cfg(not(target_os = "linux"))]
fn send_abstract(_: &UnixDatagram, _: &str) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "abstract sockets exist on Linux only",
    ))
}

const READY: &[u8] = b"READY=1\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_hears_that_it_is_ready() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        notify_ready(path.to_str().unwrap()).unwrap();
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1\n");
    }
}
