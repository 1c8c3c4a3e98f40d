//! A log with three owners, an agent, executors and credentials; and its service.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use countersign_record::json::{self, Limits, Value};
use tempfile::TempDir;

pub(crate) const POLICY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../fixtures/policies/demo.toml"
);
pub(crate) const DEVICE: &str = "--yes-i-am-a-test-device";
const OWNERS: [&str; 3] = ["ada", "ben", "cleo"];

/// What a command answered.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.out, self.err
        );
        self
    }

    /// stdout as the one document that `--json` prints.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        json::read(self.out.trim().as_bytes(), &Limits::DOCUMENT).unwrap()
    }

    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> String {
        self.json()
            .at(pointer)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The complaint names all of these.
    #[track_caller]
    pub(crate) fn complains(&self, words: &[&str]) {
        assert_eq!(self.code, 2, "{}{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} not in {}", self.err);
        }
    }
}

/// The command, without settings of the caller's environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .env_remove("COUNTERSIGN_URL")
        .env_remove("COUNTERSIGN_DATA")
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Done {
    answered(command().args(arguments).output().unwrap())
}

fn answered(output: Output) -> Done {
    Done {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A directory with a log in it.
pub(crate) struct World {
    directory: TempDir,
}

impl World {
    /// A log and nobody in it.
    pub(crate) fn bare() -> Self {
        let world = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let made = run(&[
            "--json",
            "init",
            "--data",
            &world.data(),
            "--policy",
            POLICY,
        ])
        .good();
        fs::write(world.path("vkey"), made.text("/vkey")).unwrap();
        world
    }

    /// A log that can be armed.
    pub(crate) fn set() -> Self {
        let world = Self::bare();
        let data = world.data();
        for handle in OWNERS {
            let groups = ["--group", "owners", "--group", "treasury", "--group", "ops"];
            let mail = format!("{handle}@example.com");
            let add = [
                "person", "add", handle, "--name", handle, "--email", &mail, "--data", &data,
            ];
            run(&[&add[..], &groups[..]].concat()).good();
            world.enrol(handle);
        }
        run(&[
            "person",
            "add",
            "dora",
            "--name",
            "Dora",
            "--email",
            "d@example.com",
            "--data",
            &data,
        ])
        .good();
        world.keep(
            "agent",
            &["agent", "add", "bookkeeper", "--principal", "dora"],
        );
        world.keep("files", &["executor", "add", "files"]);
        world.keep("bank", &["executor", "add", "bank"]);
        for role in ["auditor", "responder", "operator"] {
            world.keep(role, &[role, "add", role]);
        }
        world
    }

    /// Enrols a key of the person: the holder signs the statement with ssh-keygen.
    fn enrol(&self, handle: &str) {
        let (key, statement) = (self.text(handle), self.text(&format!("{handle}.json")));
        keygen(&["-q", "-t", "ed25519", "-N", "", "-C", handle, "-f", &key]);
        let public = format!("{key}.pub");
        let place = ["--data", &self.data()];
        let ask = [
            "key",
            "request",
            handle,
            "--ssh-public-key",
            &public,
            "--out",
            &statement,
        ];
        run(&[&ask[..], &place[..]].concat()).good();
        keygen(&[
            "-q",
            "-Y",
            "sign",
            "-n",
            "countersign.enrolment.v1",
            "-f",
            &key,
            &statement,
        ]);
        let proof = format!("{statement}.sig");
        let enrol = [
            "key",
            "enroll",
            "--statement",
            &statement,
            "--proof",
            &proof,
        ];
        run(&[&enrol[..], &place[..]].concat()).good();
    }

    pub(crate) fn keep(&self, name: &str, add: &[&str]) {
        let added = run(&[&["--json"], add, &["--data", &self.data()]].concat()).good();
        fs::write(
            self.path(&format!("{name}.token")),
            added.text("/token") + "\n",
        )
        .unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn data(&self) -> String {
        self.text("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.text(name)
    }

    pub(crate) fn serve(&self) -> Served<'_> {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, more: &[&str]) -> Served<'_> {
        let ports = [
            "--agent",
            "127.0.0.1:0",
            "--approver",
            "localhost:0",
            "--audit",
            "127.0.0.1:0",
        ];
        let mut child = command()
            .args(["--json", "serve", "--data", &self.data()])
            .args(ports)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready = json::read(line.trim().as_bytes(), &Limits::REQUEST).unwrap();
        Served {
            world: self,
            child,
            ready,
            _stdout: stdout,
        }
    }
}

pub(crate) fn keygen(arguments: &[&str]) {
    assert!(
        Command::new("ssh-keygen")
            .args(arguments)
            .stdin(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
}

/// Its service.
pub(crate) struct Served<'w> {
    pub(crate) world: &'w World,
    child: Child,
    pub(crate) ready: Value,
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Served<'_> {
    pub(crate) fn url(&self, plane: &str) -> String {
        self.ready
            .member(plane)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// A command with the credential of `who` on that plane.
    pub(crate) fn with_token(&self, plane: &str, who: &str, arguments: &[&str]) -> Done {
        let (url, token) = (self.url(plane), self.world.text(&format!("{who}.token")));
        let service = ["--url", &url, "--token-file", &token];
        let mut line = vec!["--json"];
        line.extend_from_slice(arguments);
        line.extend_from_slice(&service);
        if let Some(pin) = self.ready.member("pin").and_then(Value::as_str) {
            return run(&[&line[..], &["--pin", pin]].concat());
        }
        run(&line)
    }

    /// A command by a person with their key.
    pub(crate) fn by(&self, handle: &str, arguments: &[&str]) -> Done {
        self.by_way_of(&self.url("approver"), handle, arguments)
    }

    /// The same, to whoever listens at that address.
    pub(crate) fn by_way_of(&self, url: &str, handle: &str, arguments: &[&str]) -> Done {
        let key = self.world.text(handle);
        let mut line = vec!["--json"];
        line.extend_from_slice(arguments);
        line.extend_from_slice(&["--url", url, "--key", &key]);
        if let Some(pin) = self.ready.member("pin").and_then(Value::as_str) {
            return run(&[&line[..], &["--pin", pin]].concat());
        }
        run(&line)
    }

    /// The agent asks; the call's id.
    pub(crate) fn ask(&self, tool: &str, arguments: &str) -> Done {
        let file = self.world.write("arguments.json", arguments);
        self.with_token(
            "agent",
            "agent",
            &[
                "request",
                "--tool",
                tool,
                "--arguments",
                &file,
                "--reason",
                "a test",
            ],
        )
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}
