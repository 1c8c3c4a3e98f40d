//! `countersign completions`

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::exit;
use crate::output::{Failure, Output};

/// Print a completion script for a shell
///
/// For bash: countersign completions bash > ~/.local/share/bash-completion/completions/countersign
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut crate::Cli::command(), "countersign", &mut script);
        output.raw(&String::from_utf8_lossy(&script));
        Ok(exit::GOOD)
    }
}
