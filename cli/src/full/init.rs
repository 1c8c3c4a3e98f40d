//! `countersign init`

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign_policy::{Policy, Population, Severity};
use countersign_record::json::Object;
use countersign_service::{Created, Setup, SystemClock, SystemEntropy, create};
use countersign_store::layout::{DataDir, InitError, LogName};

use crate::exit;
use crate::output::{Failure, Output, chain};

/// Make a log: its keys, its first policy, and nothing else
///
/// Prints the log's key, by which others check its checkpoints: keep it, and give it to auditors by
/// another way than the log itself.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// The data directory; made when absent
    #[arg(long, value_name = "D")]
    data: PathBuf,
    /// The first policy, a TOML file that `policy check` finds no error in
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The log's name for the world, a URL without scheme [default: log.invalid/ and the log's name]
    #[arg(long)]
    origin: Option<String>,
    /// The log's directory in the data directory
    #[arg(long, value_name = "NAME", default_value = "main")]
    log: LogName,
    /// One person runs everything; every report will say so
    #[arg(long)]
    solo: bool,
    /// Where to keep head.lock: an absolute path, better on another volume
    #[arg(long, value_name = "PATH")]
    head_lock: Option<PathBuf>,
    /// How long a segment of the log is, in bytes
    #[arg(long, value_name = "BYTES")]
    segment_size: Option<u64>,
}

impl InitArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let toml = read_policy(&self.policy)?;
        let policy = checked(output, &self.policy, &toml)?;
        let origin = self
            .origin
            .unwrap_or_else(|| format!("log.invalid/{}", self.log.as_str()));
        let on_own_volume = self.head_lock.is_some();
        let setup = Setup {
            name: self.log,
            origin,
            policy_toml: toml,
            solo: self.solo,
            head_lock: self.head_lock,
            segment_bytes: self.segment_size,
        };
        let created = make(&self.data, &setup)?;
        output.line(&created.vkey);
        if !on_own_volume {
            output.hint("note: head.lock lies beside the log; restoring a snapshot of the whole machine is then found by witnesses only");
        }
        if setup.solo {
            output.hint("note: --solo: one person runs everything, and every report will say so");
        }
        output.hint(&format!(
            "next: countersign person add HANDLE --name N --email E --group G --data {}",
            self.data.display()
        ));
        let document = Object::new()
            .with("vkey", created.vkey)
            .with("origin", setup.origin)
            .with("log", setup.name.as_str())
            .with("directory", created.directory.path().display().to_string())
            .with("policy", policy.id().as_str())
            .with("policy_digest", policy.digest().to_string())
            .with("solo", setup.solo);
        output.document(document);
        Ok(exit::GOOD)
    }
}

/// Makes the log.
pub(super) fn make(data: &Path, setup: &Setup) -> Result<Created, Failure> {
    let clock = Box::new(SystemClock::new());
    create(&DataDir::new(data), setup, clock, Box::new(SystemEntropy)).map_err(|error| {
        let failure = Failure::new(exit::USAGE, &error);
        match &error {
            InitError::Exists(_) => failure.hint("name another --data or --log"),
            InitError::Disk { .. } => {
                failure.hint("name a directory that you may write to, on a disk with room")
            }
            InitError::Fill(cause) if cause.source().is_none() => failure.hint(
                "is --origin a URL without scheme, of printable ASCII without spaces and plus?",
            ),
            _ => failure,
        }
    })
}

pub(super) fn read_policy(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot read the policy {}: {cause}", path.display()),
        )
    })
}

/// The policy, when nothing in it keeps it from being adopted.
pub(super) fn checked(output: &mut Output, path: &Path, toml: &str) -> Result<Policy, Failure> {
    let policy = Policy::parse(toml).map_err(|error| {
        Failure::say(
            exit::USAGE,
            format!("{}: {}", path.display(), chain(&error)),
        )
    })?;
    let problems = policy.check(&Population::Unknown);
    let errors: Vec<_> = problems
        .iter()
        .filter(|it| it.severity == Severity::Error)
        .collect();
    for problem in &errors {
        output.hint(&problem.to_string());
    }
    match errors.len() {
        0 => Ok(policy),
        several => {
            let sentence = format!(
                "{} has {several} errors and cannot be adopted",
                path.display()
            );
            Err(Failure::say(exit::USAGE, sentence)
                .hint(format!("countersign policy check {}", path.display())))
        }
    }
}
