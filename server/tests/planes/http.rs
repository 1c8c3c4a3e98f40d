//! A client that sends exactly the bytes it is told to.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|it| it == b"\r\n\r\n")
            .expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.to_owned())
    }

    /// The problem's code; its form is held here once for all tests.
    pub(crate) fn code(&self) -> String {
        let problem = self.json();
        assert_eq!(
            self.header("content-type").as_deref(),
            Some("application/problem+json")
        );
        assert_eq!(problem["status"], self.status, "{problem}");
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(
            problem["type"],
            format!("https://countersign.dev/problems/{code}")
        );
        for member in ["title", "detail", "retry"] {
            assert!(problem[member].is_string(), "{member} of {problem}");
        }
        code
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

/// A request to build up.
#[derive(Clone)]
pub(crate) struct Ask {
    address: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn get(address: SocketAddr, path: &str) -> Self {
        let path = path.to_owned();
        Self {
            address,
            method: "GET",
            path,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn post(address: SocketAddr, path: &str, body: &Value) -> Self {
        Self::post_raw(address, path, &body.to_string()).header("content-type", "application/json")
    }

    /// Without a content type.
    pub(crate) fn post_raw(address: SocketAddr, path: &str, body: &str) -> Self {
        Self {
            method: "POST",
            body: body.into(),
            ..Self::get(address, path)
        }
    }

    pub(crate) fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self { method, path, .. } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if self.method != "GET" {
            write!(text, "content-length: {}\r\n", self.body.len()).unwrap();
        }
        text.push_str("\r\n");
        [text.into_bytes(), self.body.clone()].concat()
    }

    pub(crate) fn start(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        // A refusal may come before everything is sent.
        drop(stream.write_all(&self.bytes()));
        stream
    }

    pub(crate) fn send(&self) -> Answer {
        let mut bytes = Vec::new();
        let mut stream = self.start();
        if let Err(error) = stream.read_to_end(&mut bytes) {
            assert!(!bytes.is_empty(), "no answer: {error}");
        }
        Answer::read(&bytes)
    }
}
