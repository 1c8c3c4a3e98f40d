//! `countersign`: the one command that people install.
//! In scope: arguments, words for people, exit codes. Without the default feature `full` it is the
//! auditor's build: it reads evidence and nothing else, without server, network or database.
//! Not here: what is checked (`countersign-verify`), how evidence is read and written
//! (`countersign-evidence`).

mod audit;
mod exit;
#[cfg(feature = "full")]
mod full;
mod output;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand};

use crate::output::Output;

/// A call allocates some hundreds of times, in several threads.
#[cfg(feature = "full")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The ledger and the second key for AI agents
///
/// Exit codes: 0 verified and good; 1 integrity failure; 2 usage or input/output; 3 cannot conclude;
/// 4 intact, with findings.
#[derive(Debug, Parser)]
#[command(name = "countersign", version = VERSION, max_term_width = 100)]
struct Cli {
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Audit(audit::Command),
    #[cfg(feature = "full")]
    #[command(flatten)]
    Full(full::Command),
}

/// The program's version and the format's: a record is of the format for good.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (format 1)");

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with 0, mistakes to stderr with 2.
            let error = harmless(error);
            let _unheard = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    let mut output = Output::new(cli.json);
    let ran = match cli.command {
        Command::Audit(command) => command.run(&mut output),
        #[cfg(feature = "full")]
        Command::Full(command) => command.run(&mut output),
    };
    let code = ran.unwrap_or_else(|failure| output.failure(&failure));
    ExitCode::from(output.finish(code))
}

/// What was typed may come from elsewhere, such as an id in a script: it steers no terminal.
fn harmless(mut error: clap::Error) -> clap::Error {
    for kind in [
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidValue,
    ] {
        if let Some(ContextValue::String(typed)) = error.get(kind) {
            let shown = output::typed(typed);
            if shown != *typed {
                // A suggestion may repeat it, and cannot be escaped any more.
                error.remove(ContextKind::Suggested);
            }
            error.insert(kind, ContextValue::String(shown));
        }
    }
    error
}
