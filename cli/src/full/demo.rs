//! `countersign demo`: the whole story on this machine, with real parts. Server and people are
//! processes of their own and run the commands that everybody runs; the agent's and the executors'
//! side is this process, through the agent plane.

mod scene;
mod server;
mod stage;

use std::path::PathBuf;

use clap::Args;
use countersign_record::json::{Object, Value};
use countersign_record::object;

use crate::exit;
use crate::output::{Failure, Output};
use scene::{Played, Scene};
use server::{Server, me, run_me};
pub(super) use stage::Stage;

/// See the whole story on this machine: an agent asks, people decide, it runs once, all is proven
///
/// Makes a ledger in ./countersign-demo, starts a service for it, and lets an agent ask to delete a
/// file and to send EUR 24,000. People decide in other terminals; with --yes scripted devices do. In
/// the end the log is verified, traced and exported. 0: everything held.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Let scripted software devices decide: two calls approved, one denied, one left to expire
    #[arg(long)]
    yes: bool,
    /// Where to make it; must not exist
    #[arg(long, value_name = "D", default_value = "countersign-demo")]
    dir: PathBuf,
}

/// What must hold, and whether it did.
#[derive(Debug, Default)]
pub(super) struct Held(Vec<(bool, String)>);

impl Held {
    fn check(&mut self, output: &mut Output, holds: bool, what: impl Into<String>) {
        let what = what.into();
        output.line(&format!(
            "  [{}] {what}",
            if holds { "ok" } else { "FAILED" }
        ));
        self.0.push((holds, what));
    }

    fn all(&self) -> bool {
        self.0.iter().all(|(held, _)| *held)
    }

    fn document(&self) -> Vec<Object> {
        let one = |(held, what): &(bool, String)| object! { "held": *held, "what": what.as_str() };
        self.0.iter().map(one).collect()
    }
}

impl DemoArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let mut held = Held::default();
        let stage = Stage::set(output, &self.dir)?;
        let server = Server::start(output, &stage)?;
        let mut scene = Scene {
            output: &mut *output,
            held: &mut held,
            stage: &stage,
            server: &server,
            yes: self.yes,
        };
        let played = scene.play()?;
        let live = run_me(&verify(&stage, "data"))?;
        held.check(
            output,
            live.code == exit::GOOD,
            "the ledger verifies while the service runs",
        );
        held.check(output, server.stop()?, "the service stopped in good order");
        prove(output, &mut held, &stage, &played)?;
        tell(output, &held, &stage);
        Ok(if held.all() {
            exit::GOOD
        } else {
            exit::TAMPERED
        })
    }
}

fn verify(stage: &Stage, what: &str) -> Vec<String> {
    let key = format!("@{}", stage.path("trusted.vkey"));
    vec![
        "verify".into(),
        stage.path(what),
        "--trusted-log-key".into(),
        key,
        "--no-memory".into(),
    ]
}

/// Export, verify, trace: the same commands as anybody's, on the files alone.
fn prove(
    output: &mut Output,
    held: &mut Held,
    stage: &Stage,
    played: &Played,
) -> Result<(), Failure> {
    let (data, evidence) = (stage.path("data"), stage.path("evidence"));
    let export = [
        "export", "--data", &data, "--case", "demo", "--out", &evidence,
    ]
    .map(str::to_owned);
    let trace = ["trace", &played.transfer, "--data", &data].map(str::to_owned);
    let verify = verify(stage, "evidence");
    let commands: [(&str, &[String]); 3] = [
        ("the evidence bundle was written", &export),
        ("the evidence bundle verifies", &verify),
        ("the transfer's trace names who let it run", &trace),
    ];
    let deletion = run_me(&["trace", &played.deletion, "--data", &data].map(str::to_owned))?;
    if played.redeemed {
        let replayed = deletion.stdout.contains(" replayed ");
        held.check(
            output,
            replayed,
            "the second redemption stands in the ledger",
        );
    }
    for (what, command) in commands {
        output.line(&format!("\n$ {} {}", me(), command.join(" ")));
        let done = run_me(command)?;
        output.line(done.stdout.trim_end());
        if done.code != exit::GOOD {
            output.hint(done.stderr.trim_end());
        }
        held.check(output, done.code == exit::GOOD, what);
    }
    Ok(())
}

fn tell(output: &mut Output, held: &Held, stage: &Stage) {
    output.line("");
    for (name, what) in [
        ("data", "the ledger"),
        (
            "evidence",
            "the evidence bundle, for somebody who trusts nobody",
        ),
        (
            "trusted.vkey",
            "the log's key: give it to them by another way",
        ),
    ] {
        output.line(&format!("{}  ({what})", stage.path(name)));
    }
    let failed = held.0.iter().filter(|(held, _)| !held).count();
    output.line(&match failed {
        0 => format!("everything held ({} checks)", held.0.len()),
        failed => format!("{failed} of {} checks FAILED", held.0.len()),
    });
    let document = Object::new()
        .with("held", held.all())
        .with("checks", Value::from(held.document()))
        .with("data", stage.path("data"))
        .with("evidence", stage.path("evidence"))
        .with("trusted_vkey", stage.path("trusted.vkey"));
    output.document(document);
}
