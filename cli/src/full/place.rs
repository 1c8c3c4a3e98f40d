//! Where a log is: in a data directory of this machine, or behind the planes of a running service.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign_gate::{ConnectError, Connection, Pin, RequestError};
use countersign_service::{Core, Options, StartError, SystemClock, SystemEntropy, open};
use countersign_store::head::HeadLockError;
use countersign_store::keyring::KeyringFileError;
use countersign_store::layout::{DataDir, LogDir};
use countersign_store::segments::OpenError;

use super::remote::RemoteLog;
use crate::exit;
use crate::output::Failure;

/// A service, and the credential for it.
#[derive(Args, Clone, Debug)]
pub(super) struct ServiceArgs {
    /// The plane's URL, as `countersign serve` prints it
    #[arg(
        long,
        value_name = "URL",
        env = "COUNTERSIGN_URL",
        hide_env_values = true
    )]
    pub(super) url: String,
    /// A file that holds the credential's token
    #[arg(
        long,
        value_name = "FILE",
        env = "COUNTERSIGN_TOKEN_FILE",
        hide_env_values = true
    )]
    token_file: PathBuf,
    #[command(flatten)]
    pin: PinArgs,
}

/// How a service on another machine is known.
#[derive(Args, Clone, Debug)]
pub(super) struct PinArgs {
    /// For https: the SHA-256 fingerprint of the service's certificate, as `serve` prints it
    #[arg(
        long,
        value_name = "FINGERPRINT",
        env = "COUNTERSIGN_PIN",
        hide_env_values = true
    )]
    pin: Option<Pin>,
}

/// A service to read from, for commands that otherwise read files.
#[derive(Args, Clone, Debug)]
pub(crate) struct RemoteArgs {
    /// The audit plane of a running service
    #[arg(long, value_name = "URL", requires = "token_file")]
    url: Option<String>,
    /// With --url: a file that holds the token of an auditor, responder or operator
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    pin: PinArgs,
}

impl RemoteArgs {
    /// The log behind the URL, when one was given; that it was read is recorded there.
    pub(crate) fn read(&self) -> Result<Option<RemoteLog>, Failure> {
        match (&self.url, &self.token_file) {
            (Some(url), Some(file)) => {
                let connection = self.pin.connect(url)?.with_token(token(file)?);
                RemoteLog::read(&connection).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Either a data directory or a service.
#[derive(Args, Clone, Debug)]
pub(super) struct PlaceArgs {
    /// The data directory, when no server holds the log
    #[arg(
        long,
        value_name = "D",
        required_unless_present = "url",
        conflicts_with = "url"
    )]
    data: Option<PathBuf>,
    /// Which log of the data directory, when it holds several
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    log: Option<String>,
    /// The audit plane of a running service
    #[arg(long, value_name = "URL", requires = "token_file")]
    url: Option<String>,
    /// With --url: a file that holds the token of an operator or responder
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    pin: PinArgs,
}

/// A log to read or to change.
#[derive(Debug)]
pub(super) enum Place {
    Data { data: PathBuf, log: LogDir },
    Url(Connection),
}

impl ServiceArgs {
    pub(super) fn connect(&self) -> Result<Connection, Failure> {
        Ok(self
            .pin
            .connect(&self.url)?
            .with_token(token(&self.token_file)?))
    }
}

impl PinArgs {
    pub(super) fn connect(&self, url: &str) -> Result<Connection, Failure> {
        Connection::new(url, self.pin).map_err(|error| {
            let failure = Failure::new(exit::USAGE, &error);
            match error {
                ConnectError::Url(_) => {
                    failure.hint("`countersign serve` prints the URL of each plane")
                }
                _ => failure,
            }
        })
    }
}

impl PlaceArgs {
    pub(super) fn place(&self) -> Result<Place, Failure> {
        match (&self.data, &self.url, &self.token_file) {
            (Some(data), ..) => {
                let log = log_dir(data, self.log.as_deref())?;
                Ok(Place::Data {
                    data: data.clone(),
                    log,
                })
            }
            (None, Some(url), Some(file)) => {
                Ok(Place::Url(self.pin.connect(url)?.with_token(token(file)?)))
            }
            _ => Err(Failure::say(
                exit::USAGE,
                "which log? give --data D, or --url URL --token-file FILE",
            )),
        }
    }
}

/// The log in a data directory.
pub(super) fn log_dir(data: &Path, name: Option<&str>) -> Result<LogDir, Failure> {
    DataDir::new(data)
        .log(name)
        .map_err(|error| Failure::new(exit::USAGE, &error))
}

/// Opens a log to be changed here, which only one process may.
pub(super) fn open_here(log: &LogDir) -> Result<Core, Failure> {
    let clock = Box::new(SystemClock::new());
    open(log, Options::default(), clock, Box::new(SystemEntropy))
        .map_err(|error| start_failure(&error))
}

/// Why a log could not be opened, with what to do.
pub(super) fn start_failure(error: &StartError) -> Failure {
    let failure = Failure::new(exit::USAGE, error);
    match error {
        StartError::Open(OpenError::InUse { .. }) => failure.hint(
            "a server holds this log: use --url URL --token-file FILE of its audit plane, or stop it",
        ),
        StartError::Damage(_) | StartError::Open(OpenError::Damage(_)) => {
            failure.hint("`countersign fsck` lists what is damaged; never edit the log")
        }
        StartError::Open(OpenError::Disk { .. })
        | StartError::HeadLock(HeadLockError::Unsettled { .. })
        | StartError::Keyring(KeyringFileError::Unsettled { .. }) => failure.hint(
            "no entry was lost or added; see what the machine says of this disk, then start again",
        ),
        StartError::HeadLock(_) => {
            failure.hint("if head.lock is lost and the log is known to be whole: serve --adopt-head")
        }
        StartError::Keyring(KeyringFileError::Damaged { .. }) => failure,
        StartError::Head(_)
        | StartError::Keys(_)
        | StartError::Keyring(_)
        | StartError::WrongKey { .. } => failure.hint(
            "log/, head.lock, keyring and keys/ of one log belong together: put back the newest copy of each",
        ),
        StartError::Unsigned { .. } => failure.hint(
            "do not make the change again; `countersign fsck` says what is wrong, and the next start signs it",
        ),
        _ => failure,
    }
}

/// The token in a file.
pub(super) fn token(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot read the token file {}: {cause}", file.display()),
        )
    })?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let sentence = format!("{} does not hold a token", file.display());
        return Err(
            Failure::say(exit::USAGE, sentence).hint("it is the one line that `… add` printed")
        );
    }
    Ok(token.to_owned())
}

/// Why a service did not do as asked.
pub(super) fn refused(error: &RequestError) -> Failure {
    let failure = Failure::new(exit::USAGE, error);
    match error
        .problem()
        .map(|problem| (problem.code.as_str(), problem.retry.as_str()))
    {
        Some(("unauthenticated", _)) => {
            failure.hint("the token or session is not one of this plane, or was revoked")
        }
        Some(("forbidden", _)) => {
            failure.hint("each plane has credentials of its own kind; this one is for others")
        }
        Some((_, "after")) => failure.hint("try again in a while"),
        None if matches!(error, RequestError::Unreachable { .. }) => failure
            .hint("is the service running, and is this the URL that `countersign serve` printed?"),
        _ => failure,
    }
}
