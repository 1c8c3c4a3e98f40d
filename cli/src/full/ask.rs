//! Asking a person at a terminal. The default is always No; without a terminal nobody is asked.

use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit;
use crate::output::Failure;

/// Whether somebody sits at a terminal.
pub(super) fn is_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Reads a line after a prompt.
pub(super) fn line(prompt: &str) -> Result<String, Failure> {
    let failed = |cause| Failure::say(exit::USAGE, format!("cannot ask at the terminal: {cause}"));
    let mut stderr = io::stderr().lock();
    stderr
        .write_all(prompt.as_bytes())
        .and_then(|()| stderr.flush())
        .map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// Reads a passphrase at the terminal, unseen.
pub(super) fn passphrase(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |cause: io::Error| {
        Failure::say(
            exit::USAGE,
            format!("cannot ask for the passphrase at a terminal: {cause}"),
        )
        .hint("without a terminal, load the key into ssh-agent and name its .pub file")
    };
    let mut terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(failed)?;
    let shown = tcgetattr(&terminal).map_err(|error| failed(error.into()))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &hidden).map_err(|error| failed(error.into()))?;
    // Asked only now: what is typed before is thrown away.
    let asked = terminal.write_all(prompt.as_bytes());
    let mut passphrase = Zeroizing::new(String::new());
    let read = io::BufReader::new(&terminal).read_line(&mut passphrase);
    // Whatever was read, the terminal shows what is typed again.
    let restored = tcsetattr(&terminal, OptionalActions::Flush, &shown);
    asked.and(read).map_err(failed)?;
    restored.map_err(|error| failed(error.into()))?;
    terminal.write_all(b"\n").map_err(failed)?;
    let length = passphrase.trim_end_matches(['\r', '\n']).len();
    passphrase.truncate(length);
    Ok(passphrase)
}
