//! A thin HTTP client with one connection that stays open.

use std::io;
use std::net::SocketAddr;

use countersign_record::json::{self, Limits, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection, with the credential of its holder.
pub(super) struct Client {
    stream: TcpStream,
    token: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The text at a place of the body; empty when there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        let found = self.body.at(pointer).and_then(Value::as_str);
        found.unwrap_or_default()
    }
}

impl Client {
    pub(super) async fn connect(to: SocketAddr, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            token: token.into(),
            request: Vec::new(),
            answer: Vec::new(),
        })
    }

    /// Posts JSON, and reads the JSON that comes back.
    pub(super) async fn post(&mut self, path: &str, key: &str, body: &str) -> io::Result<Answer> {
        self.request.clear();
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n");
        self.request.extend_from_slice(head.as_bytes());
        self.request
            .extend_from_slice(b"Content-Type: application/json\r\n");
        if !self.token.is_empty() {
            let line = format!("Authorization: Bearer {}\r\n", self.token);
            self.request.extend_from_slice(line.as_bytes());
        }
        if !key.is_empty() {
            let line = format!("Idempotency-Key: {key}\r\n");
            self.request.extend_from_slice(line.as_bytes());
        }
        self.request.extend_from_slice(b"\r\n");
        self.request.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.request).await?;
        self.read().await
    }

    async fn read(&mut self) -> io::Result<Answer> {
        self.answer.clear();
        loop {
            if let Some((status, from, to)) = framed(&self.answer)
                && self.answer.len() >= to
            {
                let body = self.answer.get(from..to).unwrap_or_default();
                let body = match body {
                    [] => Value::from(false),
                    body => json::read(body, &Limits::DOCUMENT).map_err(io::Error::other)?,
                };
                return Ok(Answer { status, body });
            }
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Status, and where the body begins and ends, once the head is there.
fn framed(answer: &[u8]) -> Option<(u16, usize, usize)> {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let named = name.eq_ignore_ascii_case("content-length");
        named.then(|| value.trim().parse::<usize>().ok())?
    });
    let from = end + 4;
    Some((status, from, from + length.unwrap_or(0)))
}
