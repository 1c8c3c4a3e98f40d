//! `countersign completions`

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};
use countersign_record::json::Object;

use crate::exit;
use crate::output::Output;

/// Print a completion script for a shell
///
/// For bash: countersign completions bash > ~/.local/share/bash-completion/completions/countersign
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self, output: &mut Output) -> u8 {
        let mut script = Vec::new();
        generate(
            self.shell,
            &mut crate::Cli::command(),
            "countersign",
            &mut script,
        );
        let script = String::from_utf8_lossy(&script);
        output.raw(&script);
        output.document(Object::new().with("script", &*script));
        exit::GOOD
    }
}
