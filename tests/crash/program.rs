//! The built command, as a process of its own.

use std::env;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than a server waits for its clients when it stops.
const END_PATIENCE: Duration = Duration::from_mins(1);

/// `COUNTERSIGN_TEST_PROGRAM`, or the one that was built beside these tests.
pub(crate) fn program() -> PathBuf {
    if let Some(given) = env::var_os("COUNTERSIGN_TEST_PROGRAM") {
        return given.into();
    }
    let tests = env::current_exe().unwrap();
    let profile = tests.parent().and_then(Path::parent).unwrap();
    let built = profile.join("countersign");
    assert!(
        built.exists(),
        "{} is not built: cargo build -p countersign",
        built.display()
    );
    built
}

/// The command, without settings of the caller's environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(program());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// What a command that ended said.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    )
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    agent: String,
    approver: String,
    audit: String,
}

/// Serves the data directory; what the server says goes to `log`. `None`: it ended instead.
pub(crate) fn serve(mut command: Command, data: &Path, log: &Path) -> Option<Server> {
    let mut child = command
        .args(["--json", "serve", "--agent", "127.0.0.1:0"])
        .args(["--approver", "localhost:0", "--audit", "127.0.0.1:0"])
        .arg("--data")
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(File::options().append(true).create(true).open(log).unwrap())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let Ok(ready) = serde_json::from_str::<Value>(&line) else {
        child.wait().unwrap();
        return None;
    };
    let url = |plane: &str| ready[plane].as_str().map(str::to_owned);
    let (Some(agent), Some(approver), Some(audit)) = (url("agent"), url("approver"), url("audit"))
    else {
        child.wait().unwrap();
        return None;
    };
    Some(Server {
        child,
        _stdout: stdout,
        agent,
        approver,
        audit,
    })
}

impl Server {
    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    pub(crate) fn approver(&self) -> &str {
        &self.approver
    }

    pub(crate) fn audit(&self) -> &str {
        &self.audit
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether it has not ended by itself.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL, now.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and its end in good order.
    pub(crate) fn stop(self) -> Result<(), String> {
        let status = self.end()?;
        status
            .success()
            .then_some(())
            .ok_or(format!("it ends with {status}"))
    }

    /// SIGTERM, and its end, whatever it says of it.
    pub(crate) fn end(mut self) -> Result<ExitStatus, String> {
        if let Some(ended) = self.child.try_wait().unwrap() {
            return Ok(ended);
        }
        self.signal(Signal::TERM);
        let patience = Instant::now() + END_PATIENCE;
        while Instant::now() < patience {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return Ok(ended);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err("it does not end".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, except where a test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
