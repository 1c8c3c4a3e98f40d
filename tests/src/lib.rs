//! What the workspace-level tests share: where the workspace is, how to run a program, and how to
//! say aloud that something could not be tested.
//! In scope: only that. The tests are in `architecture/` and `interop/`; `run` runs everything.
//! Not here: tests of one crate (beside its code).

use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The workspace's root.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Says that a check did not happen. Goes past the test harness, which keeps the output of tests
/// that pass to itself; `tests/run` counts these lines.
pub fn skipped(reason: &str) {
    let _unheard = writeln!(io::stderr(), "SKIPPED: {reason}");
}

/// Runs a program with `input` on its standard input. `None`, and a line that says so, when this
/// machine does not have it.
pub fn run(command: &mut Command, input: &[u8]) -> Option<Output> {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match piped.spawn() {
        Ok(child) => child,
        Err(cause) => {
            let program = command.get_program().to_string_lossy();
            skipped(&format!("{program} cannot be run ({cause})"));
            return None;
        }
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has read enough closes its end.
        let _closed = stdin.write_all(input);
    }
    child.wait_with_output().ok()
}
