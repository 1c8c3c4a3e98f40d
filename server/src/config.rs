//! Configuration: one TOML file, `COUNTERSIGN_*` environment, flags; the later one wins, and every
//! value remembers where it came from.

mod error;
mod read;

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_service::Options;

pub use error::ConfigError;
use read::{Merged, file_values};

/// One setting: how it is called, and what it is without being set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key in the file; also the flag.
    pub key: &'static str,
    /// The value when nobody says otherwise.
    pub default: Option<&'static str>,
    /// One line for people.
    pub about: &'static str,
}

macro_rules! settings {
    ($($key:literal, $default:expr, $about:literal;)+) => {
        /// Every setting.
        pub const SETTINGS: &[Setting] =
            &[$(Setting { key: $key, default: $default, about: $about }),+];
    };
}

settings! {
    "data", None, "the data directory";
    "log", None, "which log of the data directory; not needed when it holds one";
    "agent", Some("127.0.0.1:7600"), "where agents and executors connect; port 0 is any";
    "approver", Some("localhost:7601"), "where approvers connect";
    "audit", Some("127.0.0.1:7602"), "where auditors, responders and operators connect";
    "tls.mode", Some("off"), "off (loopback only), self-signed (kept in the log's keys/) or files";
    "tls.certificate_file", None, "PEM certificate chain, with tls.mode = files";
    "tls.key_file", None, "PEM private key, with tls.mode = files";
    "start.arm", Some("true"), "arm the log when it is not armed yet";
    "start.adopt_head", Some("false"), "take the log as it is although head.lock is missing; flag only";
    "start.accept_clock", Some("false"), "vouch for the machine's clock; flag only";
    "limits.requests_per_second", Some("200"), "requests of one credential, on average";
    "limits.request_burst", Some("400"), "requests of one credential at once after a pause";
    "limits.requests_at_once", Some("256"), "requests of one credential under way, waiting ones included";
    "limits.connections", Some("1024"), "connections per plane";
    "limits.header_seconds", Some("10"), "time for a request's head, and between two requests";
    "limits.body_seconds", Some("30"), "time for a request's body";
    "limits.stop_seconds", Some("15"), "time for requests under way when the server stops";
}

/// Where a value came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// Nobody said otherwise.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// The command line.
    Flag(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// What values are read from.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The configuration file, when there is one.
    pub file: Option<&'a Path>,
    /// An environment variable's value: [`environment`], or a fixed table in tests.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Key and value of what the command line says.
    pub flags: &'a [(&'static str, String)],
}

/// The process environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of the server that reads it"
)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What to serve, where and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory.
    pub data: PathBuf,
    /// Which of its logs.
    pub log: Option<String>,
    /// Where the agent plane listens: `host:port`.
    pub agent: String,
    /// Where the approver plane listens.
    pub approver: String,
    /// Where the audit plane listens.
    pub audit: String,
    /// Whether and with which certificate.
    pub tls: TlsMode,
    /// What the operator orders at start.
    pub start: Options,
    /// How much of everything.
    pub limits: Limits,
    /// systemd's socket, when it waits to hear that the service is ready.
    pub notify_socket: Option<String>,
}

/// Whether connections are encrypted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsMode {
    /// They are not: loopback only.
    Off,
    /// With a certificate of our own, made once and pinned by its fingerprint.
    SelfSigned,
    /// With the operator's certificate.
    Files(TlsFiles),
}

/// The operator's certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// PEM certificate chain, leaf first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// How much of everything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Requests of one credential per second, on average.
    pub requests_per_second: u32,
    /// Requests of one credential at once after a pause.
    pub request_burst: u32,
    /// Requests of one credential under way, waiting ones included.
    pub requests_at_once: u32,
    /// Connections per plane.
    pub connections: u32,
    /// Time for a request's head, and between two requests.
    pub header: Duration,
    /// Time for a request's body.
    pub body: Duration,
    /// Time for requests under way when the server stops.
    pub stop: Duration,
}

/// A configuration and the origin of each of its values.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The configuration.
    pub config: Config,
    /// Key, value and source of every setting that has a value, in the order of [`SETTINGS`].
    pub values: Vec<(&'static str, String, Source)>,
}

impl Config {
    /// A log on loopback ports that the system picks, with everything else as by default.
    pub fn local(data: impl Into<PathBuf>) -> Self {
        let any = || "127.0.0.1:0".to_owned();
        Self {
            data: data.into(),
            log: None,
            agent: any(),
            approver: "localhost:0".to_owned(),
            audit: any(),
            tls: TlsMode::Off,
            start: Options {
                arm: true,
                ..Options::default()
            },
            limits: Limits::default(),
            notify_socket: None,
        }
    }

    /// Merges what file, environment and flags say.
    pub fn load(sources: Sources<'_>) -> Result<Effective, ConfigError> {
        let file = sources
            .file
            .map(file_values)
            .transpose()?
            .unwrap_or_default();
        let mut merged = Merged::default();
        for setting in SETTINGS {
            merged.pick(setting, &sources, &file)?;
        }
        let config = Self {
            data: merged.required("data")?.into(),
            log: merged.text("log"),
            agent: merged.required("agent")?,
            approver: merged.required("approver")?,
            audit: merged.required("audit")?,
            tls: merged.tls()?,
            start: Options {
                arm: merged.parsed("start.arm", "true or false")?,
                adopt_head: merged.parsed("start.adopt_head", "true or false")?,
                accept_clock: merged.parsed("start.accept_clock", "true or false")?,
            },
            limits: merged.limits()?,
            notify_socket: (sources.environment)("NOTIFY_SOCKET"),
        };
        Ok(Effective {
            config,
            values: merged.into_values(),
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 200,
            request_burst: 400,
            requests_at_once: 256,
            connections: 1024,
            header: Duration::from_secs(10),
            body: Duration::from_secs(30),
            stop: Duration::from_secs(15),
        }
    }
}

#[cfg(test)]
mod tests;
