//! `countersign serve`, `countersign config`

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_flow::Refusal;
use countersign_record::json::Object;
use countersign_server::{Config, Effective, Running, Sources, StartError, environment, run};
use countersign_service::CommandError;
use countersign_store::layout::LayoutError;
use tokio::signal::unix::{SignalKind, signal};

use super::place::start_failure;
use crate::exit;
use crate::output::{Failure, Output};

/// Serve a log: agents, approvers and auditors on listeners of their own
///
/// Arms the log when it is not armed yet: from then on every change of the control is a call that
/// people confirm. Runs until SIGINT or SIGTERM.
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Look at the configuration, without serving
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say whether file, environment and flags make a configuration
    Check(SettingsArgs),
    /// Print every setting that has a value
    Show(ShowArgs),
}

#[derive(Args, Debug)]
struct ShowArgs {
    /// Say also where each value came from
    #[arg(long)]
    effective: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Args, Debug)]
struct SettingsArgs {
    /// A TOML file with settings
    #[arg(
        long,
        value_name = "FILE",
        env = "COUNTERSIGN_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    /// The data directory
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// Which log of the data directory, when it holds several
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    /// Where agents and executors connect [default: 127.0.0.1:7600]; port 0 is any
    #[arg(long, value_name = "ADDR")]
    agent: Option<String>,
    /// Where approvers connect [default: localhost:7601]
    #[arg(long, value_name = "ADDR")]
    approver: Option<String>,
    /// Where auditors, responders and operators connect [default: 127.0.0.1:7602]
    #[arg(long, value_name = "ADDR")]
    audit: Option<String>,
    /// off (loopback only), self-signed or files
    #[arg(long, value_name = "MODE")]
    tls: Option<String>,
    /// Take the log as it is although head.lock is missing; recorded
    #[arg(long)]
    adopt_head: bool,
    /// Vouch for the machine's clock; recorded
    #[arg(long)]
    accept_clock: bool,
}

impl SettingsArgs {
    fn load(self) -> Result<Effective, Failure> {
        let given = [
            ("data", self.data),
            ("log", self.log),
            ("agent", self.agent),
            ("approver", self.approver),
            ("audit", self.audit),
            ("tls.mode", self.tls),
            (
                "start.adopt_head",
                self.adopt_head.then(|| "true".to_owned()),
            ),
            (
                "start.accept_clock",
                self.accept_clock.then(|| "true".to_owned()),
            ),
        ];
        let flags: Vec<(&'static str, String)> = given
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        let sources = Sources {
            file: self.config.as_deref(),
            environment: &environment,
            flags: &flags,
        };
        Config::load(sources).map_err(|error| Failure::new(exit::USAGE, &error))
    }
}

impl ServeArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let config = self.settings.load()?.config;
        log_to_stderr();
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|cause| Failure::say(exit::USAGE, format!("cannot start threads: {cause}")))?;
        runtime.block_on(async {
            // Before the log is opened: a signal that comes early must still end it in good order.
            let failed =
                |cause| Failure::say(exit::USAGE, format!("cannot listen to signals: {cause}"));
            let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
            let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
            let running = run(&config).await.map_err(|error| not_served(&error))?;
            tell(output, &config, &running);
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            output.hint("stopping");
            running.stop().await;
            Ok(exit::GOOD)
        })
    }
}

fn tell(output: &mut Output, config: &Config, running: &Running) {
    let it = &running.addresses;
    output.line(&format!("agent    {}", it.agent.url));
    output.line(&format!("approver {}", it.approver.url));
    output.line(&format!("audit    {}", it.audit.url));
    if let Some(fingerprint) = &running.fingerprint {
        output.line(&format!("pin      {fingerprint}"));
    }
    output.hint(&format!(
        "serving {}; stop with Ctrl-C",
        config.data.display()
    ));
    let document = Object::new()
        .with("agent", it.agent.url.as_str())
        .with("approver", it.approver.url.as_str())
        .with("audit", it.audit.url.as_str());
    output.document(match &running.fingerprint {
        Some(fingerprint) => document.with("pin", fingerprint.as_str()),
        None => document,
    });
}

/// Why nothing is served, with what to do.
fn not_served(error: &StartError) -> Failure {
    let cause = match error {
        StartError::Log(cause) => cause,
        StartError::Layout(LayoutError::Disk { .. }) => {
            return Failure::new(exit::USAGE, error)
                .hint("run it as the user to whom the data directory belongs");
        }
        _ => return Failure::new(exit::USAGE, error),
    };
    match cause {
        countersign_service::StartError::Command {
            cause: CommandError::Refused(Refusal::NotArmed),
            ..
        } => Failure::say(
            exit::USAGE,
            "the log cannot be armed: with any one person lost, nobody could change the control any more",
        )
        .hint(
            "enrol one more person with a key in the groups that [governance] of the policy names, \
             or make the log with init --solo",
        ),
        _ => start_failure(cause),
    }
}

/// The operator's log: lines for a terminal, JSON for everything else.
fn log_to_stderr() {
    let filter = environment("COUNTERSIGN_TRACING").unwrap_or_else(|| "info".into());
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // It fails only where a log is set up already.
    let _already = if std::io::stderr().is_terminal() {
        builder.with_ansi(false).try_init()
    } else {
        builder.json().try_init()
    };
}

impl ConfigArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let (effective, values, sources) = match self.command {
            ConfigCommand::Check(settings) => (settings.load()?, false, false),
            ConfigCommand::Show(ShowArgs {
                effective,
                settings,
            }) => (settings.load()?, true, effective),
        };
        if !values {
            output.line("the configuration is good");
            output.document(Object::new().with("good", true));
            return Ok(exit::GOOD);
        }
        let mut settings = Vec::new();
        for (key, value, source) in &effective.values {
            output.line(&if sources {
                format!("{key} = {value}  # {source}")
            } else {
                format!("{key} = {value}")
            });
            let setting = Object::new()
                .with("key", *key)
                .with("value", value.as_str());
            settings.push(setting.with("source", source.to_string()));
        }
        output.document(Object::new().with("settings", settings));
        Ok(exit::GOOD)
    }
}
