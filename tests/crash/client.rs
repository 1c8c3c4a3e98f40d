//! An HTTP client whose server may die at any moment: an answer is a whole one, or none.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Response;
use ureq::{Agent, Body};

/// Somebody who talks to one plane, with at most one credential.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    http: Agent,
    url: String,
    token: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The document, of an answer that is no problem.
    pub(crate) fn good(self) -> Option<Value> {
        (200..300).contains(&self.status).then_some(self.body)
    }

    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Caller {
    pub(crate) fn new(url: &str, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Self {
            http: config.into(),
            url: url.to_owned(),
            token,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<Answer> {
        let mut request = self.http.get(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        read(request.call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Option<Answer> {
        self.post_keyed(path, "", body)
    }

    pub(crate) fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Option<Answer> {
        let mut request = self.http.post(format!("{}{path}", self.url));
        request = request.header("Content-Type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        read(request.send(body.to_string().as_bytes()))
    }
}

/// `None`: no answer came, or only a part of one.
fn read(answer: Result<Response<Body>, ureq::Error>) -> Option<Answer> {
    let mut answer = answer.ok()?;
    let status = answer.status().as_u16();
    let bytes = answer.body_mut().read_to_vec().ok()?;
    let body = serde_json::from_slice(&bytes);
    let body = body.unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    Some(Answer { status, body })
}
