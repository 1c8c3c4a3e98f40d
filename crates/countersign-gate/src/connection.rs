//! HTTP to one plane of a service: strict JSON both ways, problems as errors, no redirects, no
//! proxies, and no credential over an open line to another machine.

use std::time::Duration;

use countersign_record::json::{self, Limits, Object, Value, canonical};
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};
use ureq::{Body, RequestBuilder};

use crate::pin::{Pin, PinnedTls};
use crate::problem::Problem;

/// A long-poll waits at most 55 s; whoever does not answer within this is gone.
const PATIENCE: Duration = Duration::from_secs(75);
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read: a page of records with their bodies.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
const ANSWER: Limits = Limits {
    depth: 80,
    nodes: 2_000_000,
    bytes: 64 * 1024 * 1024,
};

/// A URL that is not spoken to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Neither http nor https, or more than scheme, host and port.
    #[error("{0:?} is not the URL of a service: expected http://HOST:PORT or https://HOST:PORT")]
    Url(String),
    /// A credential would be readable on the way.
    #[error("{0} is not this machine: use https and the certificate's fingerprint (--pin)")]
    Open(String),
    /// https, and nothing to know the service by.
    #[error("https needs the fingerprint of the service's certificate (--pin), as serve prints it")]
    Unpinned,
    /// TLS could not be set up.
    #[error("TLS cannot be used: {0}")]
    Tls(String),
}

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Nobody there, or the line broke: it may have happened or not.
    #[error("cannot reach {url}")]
    Unreachable {
        /// Which service.
        url: String,
        /// What the system said.
        #[source]
        cause: Box<ureq::Error>,
    },
    /// The service refused.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The answer is not one that a service of this version gives.
    #[error("{url}{path} did not answer as a countersign service: {fault}")]
    NotOurs {
        /// Which service.
        url: String,
        /// What was asked.
        path: String,
        /// What is wrong.
        fault: String,
    },
}

impl RequestError {
    /// The refusal, when it is one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            Self::Unreachable { .. } | Self::NotOurs { .. } => None,
        }
    }
}

/// A service's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status: 2xx, or 304 without a body.
    pub status: u16,
    /// The body; null when there is none.
    pub body: Value,
}

/// One plane of one service, with at most one credential.
#[derive(Clone, Debug)]
pub struct Connection {
    http: Agent,
    url: String,
    token: Option<String>,
}

impl Connection {
    /// A plane at `http://host:port` on this machine, or at `https://host:port` behind the pinned
    /// certificate.
    pub fn new(url: &str, pin: Option<Pin>) -> Result<Self, ConnectError> {
        let url = url.trim_end_matches('/');
        let wrong = || ConnectError::Url(url.to_owned());
        let (scheme, authority) = url.split_once("://").ok_or_else(wrong)?;
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(wrong());
        }
        let tls = match (scheme, pin) {
            ("http", _) if is_this_machine(authority) => None,
            ("http", _) => return Err(ConnectError::Open(authority.to_owned())),
            ("https", None) => return Err(ConnectError::Unpinned),
            ("https", Some(pin)) => {
                Some(PinnedTls::new(pin).map_err(|error| ConnectError::Tls(error.to_string()))?)
            }
            _ => return Err(wrong()),
        };
        Ok(Self {
            http: agent(tls),
            url: url.to_owned(),
            token: None,
        })
    }

    /// The same plane with a bearer token.
    #[must_use]
    pub fn with_token(self, token: impl Into<String>) -> Self {
        Self {
            token: Some(token.into()),
            ..self
        }
    }

    /// The plane's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for a document.
    pub fn get(&self, path: &str) -> Result<Answer, RequestError> {
        self.answer(path, self.request(self.http.get(self.at(path))).call())
    }

    /// Asks for a document unless its version is still `version`; 304 when it is.
    pub fn get_unless(&self, path: &str, version: u64) -> Result<Answer, RequestError> {
        let request = self.request(self.http.get(self.at(path)));
        self.answer(
            path,
            request
                .header("If-None-Match", format!("\"{version}\""))
                .call(),
        )
    }

    /// Asks for plain text.
    pub fn text(&self, path: &str) -> Result<String, RequestError> {
        let response = self.request(self.http.get(self.at(path))).call();
        let (status, bytes) = self.read(response)?;
        if status >= 400 {
            return Err(self.problem(path, status, &bytes));
        }
        String::from_utf8(bytes).map_err(|_| self.not_ours(path, "not UTF-8 text"))
    }

    /// Sends a document.
    pub fn post(&self, path: &str, body: Object) -> Result<Answer, RequestError> {
        self.post_keyed(path, None, body)
    }

    /// Sends a document that may be sent again under the same key.
    pub fn post_keyed(
        &self,
        path: &str,
        key: Option<&str>,
        body: Object,
    ) -> Result<Answer, RequestError> {
        let mut request = self.request(self.http.post(self.at(path)));
        request = request.content_type("application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.answer(
            path,
            request.send(canonical(&Value::Object(body)).as_slice()),
        )
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn request<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            None => request,
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
        }
    }

    fn answer(
        &self,
        path: &str,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<Answer, RequestError> {
        let (status, bytes) = self.read(response)?;
        if status >= 400 {
            return Err(self.problem(path, status, &bytes));
        }
        if bytes.is_empty() {
            return Ok(Answer {
                status,
                body: Value::Null,
            });
        }
        let body = json::read(&bytes, &ANSWER);
        let body = body.map_err(|error| self.not_ours(path, &error.to_string()))?;
        Ok(Answer { status, body })
    }

    fn read(
        &self,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<(u16, Vec<u8>), RequestError> {
        let unreachable = |cause| {
            let cause = Box::new(cause);
            RequestError::Unreachable {
                url: self.url.clone(),
                cause,
            }
        };
        let mut response = response.map_err(unreachable)?;
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec();
        Ok((response.status().as_u16(), body.map_err(unreachable)?))
    }

    fn problem(&self, path: &str, status: u16, bytes: &[u8]) -> RequestError {
        match json::read(bytes, &ANSWER) {
            Ok(body) if body.member("code").is_some() => {
                RequestError::Refused(Box::new(Problem::read(status, &body)))
            }
            _ => self.not_ours(
                path,
                &format!("HTTP status {status} without a problem document"),
            ),
        }
    }

    /// An answer of the wrong shape.
    pub fn not_ours(&self, path: &str, fault: &str) -> RequestError {
        let (path, fault) = (path.to_owned(), fault.to_owned());
        RequestError::NotOurs {
            url: self.url.clone(),
            path,
            fault,
        }
    }
}

fn agent(tls: Option<PinnedTls>) -> Agent {
    // No roots are ever asked: the pin is all there is to believe in.
    let none = TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::new_with_certs(&[]))
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_PATIENCE))
        .timeout_global(Some(PATIENCE))
        .tls_config(none)
        .build();
    match tls {
        None => Agent::with_parts(config, TcpConnector::default(), DefaultResolver::default()),
        Some(tls) => {
            let connector = TcpConnector::default().chain(tls);
            Agent::with_parts(config, connector, DefaultResolver::default())
        }
    }
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
