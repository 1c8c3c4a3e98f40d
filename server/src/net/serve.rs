//! The accept loop of one plane: so many connections, so much time for a head, a clean end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Stop, Tls};
use crate::config::Limits;
use crate::extract::Peer;
use crate::problem::Problem;

/// Serves a plane until `stop`, then lets requests under way finish.
pub(crate) async fn accept(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    limits: Limits,
    stop: Stop,
) {
    let room = usize::try_from(limits.connections).unwrap_or(Semaphore::MAX_PERMITS);
    let room = Arc::new(Semaphore::new(room));
    let mut connections = JoinSet::new();
    let mut turned_away = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.stopped() => break,
        };
        while connections.try_join_next().is_some() {}
        while turned_away.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                // Out of file descriptors: others must end first.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            // Beyond that the socket is dropped at once: telling costs one too.
            if tls.is_none() && turned_away.len() < TURN_AWAY_MAX {
                let told = turn_away(stream, limits.connections);
                turned_away.spawn(tokio::time::timeout(TURN_AWAY, told));
            }
            continue;
        };
        let connection = Connection {
            tls: tls.clone(),
            router: router.clone(),
            limits,
            peer,
        };
        let stop = stop.clone();
        connections.spawn(async move {
            connection.serve(stream, stop).await;
            drop(permit);
        });
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.stop, finished).await.is_err() {
        tracing::warn!("requests were still under way and were cut off");
    }
}

struct Connection {
    tls: Option<Tls>,
    router: Router,
    limits: Limits,
    peer: SocketAddr,
}

impl Connection {
    async fn serve(self, stream: TcpStream, stop: Stop) {
        // Answers are small and wait for nothing.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let Some(tls) = self.tls.clone() else {
            return self.speak(stream, stop).await;
        };
        let shaken = tokio::time::timeout(self.limits.header, tls.acceptor.accept(stream));
        match shaken.await {
            Ok(Ok(stream)) => self.speak(stream, stop).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin, stop: Stop) {
        let router = self.router.layer(Extension(Peer(self.peer.ip())));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX);
        let served = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        let mut served = pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = stop.stopped() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// One connection too many is told so, where nothing has to be negotiated first.
async fn turn_away(mut stream: TcpStream, most: u32) -> io::Result<()> {
    let detail = format!("this plane has all the {most} connections that it takes");
    let body = Problem::rate_limited(detail, most.into()).to_json();
    let head = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nretry-after: 1\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream
        .write_all(&[head.into_bytes(), body].concat())
        .await?;
    stream.shutdown().await?;
    // Closing over unread bytes would take the answer back.
    tokio::io::copy(&mut stream, &mut tokio::io::sink())
        .await
        .map(|_| ())
}

/// Time to tell somebody that there is no room.
const TURN_AWAY: Duration = Duration::from_secs(1);
/// So many at once are told, of the descriptors that are kept free.
const TURN_AWAY_MAX: usize = 16;
/// A request's head is at most this long.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// And has at most so many headers.
const HEADERS_MAX: usize = 64;
