//! A log on disk, with its people and programs, and what is asked of it after every crash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign_ledger::note::{Signer, VerifierKey};
use countersign_service::{Options, Setup, SystemClock, SystemEntropy, create, open};
use countersign_store::keys::ServiceKey;
use countersign_store::layout::{DataDir, LogDir};

use ed25519_dalek::SigningKey;

use crate::program::{Server, command, said, serve};
use crate::setup::{ORIGIN, POLICY, Person, Plan, enrol};

/// A log that can be served.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) data: PathBuf,
    pub(crate) directory: LogDir,
    pub(crate) vkey: VerifierKey,
    pub(crate) people: Vec<Person>,
    /// What its servers said.
    pub(crate) said: PathBuf,
}

/// Copies a data directory; holes and zeros take no space.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .args(["-a", "--sparse=always"])
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

/// The policy of the stories, in which deleting a file leaves little time.
pub(crate) fn policy() -> String {
    let times =
        r#"from = ["ops"], key_class = "software", expires = "10m", execute_within = "5m" }"#;
    let short = r#"from = ["ops"], key_class = "software", expires = "2s", execute_within = "5m", outcome_within = "1s" }"#;
    assert_eq!(POLICY.matches(times).count(), 1);
    POLICY.replace(times, short)
}

impl Ledger {
    /// Makes one below `place`, which must exist. Short segments make it begin new ones often.
    pub(crate) fn make(place: &Path, segment_bytes: u64) -> Self {
        let data = place.join("data");
        let setup = Setup {
            name: "crash".parse().unwrap(),
            origin: ORIGIN.into(),
            policy_toml: policy(),
            solo: false,
            head_lock: None,
            segment_bytes: Some(segment_bytes),
        };
        let clock = Box::new(SystemClock::new());
        let created = create(&DataDir::new(&data), &setup, clock, Box::new(SystemEntropy)).unwrap();
        let directory = created.directory;
        let clock = Box::new(SystemClock::new());
        let entropy = Box::new(SystemEntropy);
        let mut core = open(&directory, Options::default(), clock, entropy).unwrap();
        let people = enrol(&mut core, &Plan::default());
        Self {
            data,
            directory,
            vkey: created.vkey.parse().unwrap(),
            people: people.into_values().collect(),
            said: place.join("said.log"),
        }
    }

    /// The only log below `data`, with nobody known.
    pub(crate) fn found(data: &Path) -> Self {
        let directory = DataDir::new(data).log(None).unwrap();
        let key = directory.keys().load(ServiceKey::Log).unwrap();
        let origin = directory.format(None).unwrap().origin;
        let signer = Signer::new(&origin, SigningKey::from_bytes(&key)).unwrap();
        Self {
            data: data.to_owned(),
            directory,
            vkey: signer.verifier_key(),
            people: Vec::new(),
            said: data.with_extension("said"),
        }
    }

    /// The same log at another place.
    pub(crate) fn at(&self, place: &Path) -> Self {
        let data = place.join("data");
        Self {
            directory: LogDir::new(data.join("crash")),
            data,
            said: place.join("said.log"),
            ..self.clone()
        }
    }

    pub(crate) fn person(&self, at: usize) -> &Person {
        &self.people[at % self.people.len()]
    }

    /// A server; it must come up.
    pub(crate) fn serve(&self) -> Server {
        self.serve_by(command())
            .unwrap_or_else(|| panic!("it does not serve: {}", self.told()))
    }

    /// A server that is started by this command; `None` when it ended instead.
    pub(crate) fn serve_by(&self, command: Command) -> Option<Server> {
        serve(command, &self.data, &self.said)
    }

    /// The end of what its servers said.
    pub(crate) fn told(&self) -> String {
        let said = fs::read_to_string(&self.said).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// `fsck` finds no damage.
    pub(crate) fn fsck(&self) -> Result<(), String> {
        let output = command().arg("fsck").arg("--data").arg(&self.data).output();
        let output = output.unwrap();
        if output.status.success() {
            return Ok(());
        }
        Err(format!("fsck: {}", said(&output)))
    }

    /// `verify` re-decides everything and agrees.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let output = self.verified();
        let is_good = output.status.success();
        is_good
            .then_some(())
            .ok_or_else(|| format!("verify: {}", said(&output)))
    }

    /// The same where a server was killed: what it had not signed yet is not judged, and said so.
    pub(crate) fn verify_killed(&self) -> Result<(), String> {
        let output = self.verified();
        let text = said(&output);
        let unsigned = output.status.code() == Some(3)
            && text.contains("chained but unsigned")
            && !text.contains("[FAIL]");
        let is_good = output.status.success() || unsigned;
        is_good.then_some(()).ok_or(format!("verify: {text}"))
    }

    fn verified(&self) -> Output {
        command()
            .arg("verify")
            .arg(self.directory.path())
            .args(["--no-memory", "--trusted-log-key", &self.vkey.to_string()])
            .output()
            .unwrap()
    }
}
