//! A handler that only hands on what it was sent: what HTTP costs by itself, for `countersign bench`.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::Limits;
use crate::net::{Halt, accept};

/// Serves `POST /` on a loopback port until the task is aborted; each body is given to `append`, and
/// the answer leaves when that is done.
pub async fn serve_plain<F, A>(append: A) -> io::Result<(SocketAddr, JoinHandle<()>)>
where
    A: Fn(Vec<u8>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = io::Result<()>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    let handler = move |body: Bytes| {
        let append = append.clone();
        async move {
            match append(body.into()).await {
                Ok(()) => (StatusCode::OK, r#"{"appended":true}"#),
                Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "{}"),
            }
        }
    };
    let router = Router::new().route("/", post(handler));
    let (halt, stop) = Halt::new();
    let served = tokio::spawn(async move {
        accept(listener, None, router, Limits::default(), stop).await;
        drop(halt);
    });
    Ok((at, served))
}
