//! A plain HTTP client: whatever the server answers is an answer.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use ureq::http::HeaderMap;
use ureq::{Agent, Body, BodyReader, RequestBuilder};

/// Somebody who talks to one plane, with at most one credential.
#[derive(Clone)]
pub(crate) struct Caller {
    http: Agent,
    url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Caller {
    pub(crate) fn new(url: &str, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(70)))
            .build();
        Self {
            http: config.into(),
            url: url.to_owned(),
            token,
        }
    }

    /// The same plane with another credential.
    pub(crate) fn with_token(self, token: String) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        let request = self.signed(self.http.get(self.at(path)));
        Response::read(request.call().unwrap())
    }

    /// Waits at the server until the document is no longer of this version.
    pub(crate) fn wait(&self, path: &str, version: &Value) -> Response {
        let request = self.http.get(self.at(&format!("{path}?wait=50")));
        let request = self.signed(request.header("If-None-Match", format!("\"{version}\"")));
        Response::read(request.call().unwrap())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.send(path, &[], body.to_string().as_bytes())
    }

    pub(crate) fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Response {
        self.send(
            path,
            &[("Idempotency-Key", key)],
            body.to_string().as_bytes(),
        )
    }

    /// Posts any bytes; a content type among the headers takes the place of the usual one.
    pub(crate) fn send(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut request = self.signed(self.http.post(self.at(path)));
        if !headers.iter().any(|(name, _)| *name == "Content-Type") {
            request = request.header("Content-Type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Response::read(request.send(body).unwrap())
    }

    /// The answer to a body that is announced and never sent.
    pub(crate) fn announce(&self, path: &str, bytes: usize) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let token = self.token.clone().unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Idempotency-Key: c1\r\nContent-Type: application/json\r\n\
             Content-Length: {bytes}\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn put(&self, path: &str) -> Response {
        Response::read(self.signed(self.http.put(self.at(path))).send("").unwrap())
    }

    /// Listens to events behind the one given.
    pub(crate) fn listen(&self, path: &str, last: Option<u64>) -> Events {
        let mut request = self.signed(self.http.get(self.at(path)));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.call().unwrap();
        assert_eq!(response.status(), 200);
        Events(BufReader::new(response.into_body().into_reader()).lines())
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn signed<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            None => request,
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
        }
    }
}

impl Response {
    fn read(mut response: ureq::http::Response<Body>) -> Self {
        let body = response.body_mut().read_to_vec().unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|it| it.to_str().ok());
        value.unwrap_or_default()
    }

    /// The document, of an answer that is one.
    pub(crate) fn done(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}", self.text());
        self.json()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The events of a stream, one by one, until the server ends it.
pub(crate) struct Events(Lines<BufReader<BodyReader<'static>>>);

impl Iterator for Events {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.0.next()?.ok()?;
            if let Some(event) = line.strip_prefix("data: ") {
                return serde_json::from_str(event).ok();
            }
        }
    }
}
