//! This program again, as a process of its own: the service, and the commands that people type.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use countersign_record::json::{self, Limits, Value};
use rustix::process::{Pid, Signal, kill_process};

use super::stage::Stage;
use crate::exit;
use crate::output::{Failure, Output};

/// A running service.
pub(super) struct Server {
    child: Child,
    /// Kept open: whoever writes to a closed pipe is killed.
    _stdout: BufReader<ChildStdout>,
    pub(super) agent: String,
    pub(super) approver: String,
}

/// What a command answered.
pub(super) struct Done {
    pub(super) code: u8,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// How this program was called.
pub(super) fn me() -> String {
    let name = std::env::args_os()
        .next()
        .unwrap_or_else(|| "countersign".into());
    name.to_string_lossy().into_owned()
}

/// This program, without the settings of its caller.
fn myself() -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|cause| failed(&cause))?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn failed(cause: &std::io::Error) -> Failure {
    Failure::say(
        exit::USAGE,
        format!("cannot run this program again: {cause}"),
    )
}

/// Runs one of this program's commands to its end.
pub(super) fn run_me(arguments: &[String]) -> Result<Done, Failure> {
    let done = myself()?
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|cause| failed(&cause))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = done
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(exit::USAGE);
    Ok(Done {
        code,
        stdout: text(&done.stdout),
        stderr: text(&done.stderr),
    })
}

impl Server {
    /// Starts `serve` on ports that the system picks, and waits until it is ready.
    pub(super) fn start(output: &mut Output, stage: &Stage) -> Result<Self, Failure> {
        let log = stage.path("server.log");
        let file = File::create(&log)
            .map_err(|cause| Failure::say(exit::USAGE, format!("cannot write {log}: {cause}")))?;
        let mut child = myself()?
            .args(["--json", "serve", "--data", &stage.path("data")])
            .args([
                "--agent",
                "127.0.0.1:0",
                "--approver",
                "localhost:0",
                "--audit",
                "127.0.0.1:0",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|cause| failed(&cause))?;
        let not_ready = || {
            Failure::say(
                exit::USAGE,
                format!("the service did not start; {log} says why"),
            )
        };
        let mut stdout = BufReader::new(child.stdout.take().ok_or_else(not_ready)?);
        let mut line = String::new();
        stdout.read_line(&mut line).map_err(|_| not_ready())?;
        let ready =
            json::read(line.trim().as_bytes(), &Limits::REQUEST).map_err(|_| not_ready())?;
        let url = |plane: &str| {
            ready
                .member(plane)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
                .ok_or_else(not_ready)
        };
        let (agent, approver, audit) = (url("agent")?, url("approver")?, url("audit")?);
        output.line("");
        output.line(&format!("The log is armed and served: agents {agent}"));
        output.line(&format!(
            "                             approvers {approver}"
        ));
        output.line(&format!("                             auditors {audit}"));
        Ok(Self {
            child,
            _stdout: stdout,
            agent,
            approver,
        })
    }

    /// Asks it to stop; whether it did so in good order.
    pub(super) fn stop(mut self) -> Result<bool, Failure> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
        let ended = self.child.wait().map_err(|cause| {
            Failure::say(exit::USAGE, format!("cannot wait for the service: {cause}"))
        })?;
        Ok(asked && ended.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to end.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
