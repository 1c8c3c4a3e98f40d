//! `countersign grant`, `countersign outcome`: the executor's side on a command line.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_attest::Grant;
use countersign_attest::grant::Expected;
use countersign_gate::{Claim, ExecutorClient, Report};
use countersign_record::digest::hex;
use countersign_record::entry::{Entry, Fact};
use countersign_record::id::{CallId, ExecutorId};
use countersign_record::json::Object;
use countersign_service::{Clock as _, SystemClock};
use countersign_verify::Source as _;
use ed25519_dalek::VerifyingKey;

use super::entropy::random;
use super::place::ServiceArgs;
use super::request::{arguments, gate_failure};
use crate::exit;
use crate::output::{Failure, Output, number};

/// Redeem a grant, or look at one
#[derive(Args, Debug)]
pub(crate) struct GrantArgs {
    #[command(subcommand)]
    command: GrantCommand,
}

#[derive(Debug, Subcommand)]
enum GrantCommand {
    /// Claim an approved call for exactly this tool and these arguments, once
    ///
    /// 0: it may run now, once; anything else: it may not.
    Redeem(RedeemArgs),
    /// Check a grant's signature offline; that alone permits nothing
    ///
    /// 3: signature only, it may be revoked or used; 1: not a grant of this log.
    Verify(VerifyArgs),
}

#[derive(Args, Debug)]
struct RedeemArgs {
    /// The call
    call: CallId,
    /// The tool that is about to run
    #[arg(long)]
    tool: String,
    /// A file with the arguments that it will run with, as JSON; - is standard input
    #[arg(long, value_name = "FILE")]
    arguments: String,
    /// Say the same nonce again to get a lost answer again: 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = nonce)]
    nonce: Option<[u8; 32]>,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Args, Debug)]
struct VerifyArgs {
    /// The grant
    token: String,
    /// A bundle or data directory of the log whose grant it is
    #[arg(long = "in", value_name = "PATH")]
    path: PathBuf,
    /// The executor that reads it
    #[arg(long, value_name = "ID")]
    executor: ExecutorId,
}

/// Report what became of a call that was redeemed
#[derive(Args, Debug)]
pub(crate) struct OutcomeArgs {
    /// The call
    call: CallId,
    /// What became of it
    #[arg(long, value_enum)]
    status: Status,
    /// In the executor's words
    #[arg(long, value_name = "TEXT")]
    detail: Option<String>,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Status {
    /// It ran
    Succeeded,
    /// It did not work
    Failed,
    /// Nobody knows
    Unknown,
}

fn nonce(text: &str) -> Result<[u8; 32], &'static str> {
    countersign_record::digest::unhex32(text).ok_or("expected 64 lower-case hex digits")
}

impl GrantArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        match self.command {
            GrantCommand::Redeem(args) => redeem(output, &args),
            GrantCommand::Verify(args) => verify(output, &args),
        }
    }
}

fn redeem(output: &mut Output, args: &RedeemArgs) -> Result<u8, Failure> {
    let executor = ExecutorClient::new(args.service.connect()?);
    let nonce = match args.nonce {
        Some(nonce) => nonce,
        None => random()?,
    };
    let arguments = arguments(&args.arguments)?;
    let claim = Claim {
        call: args.call,
        tool: &args.tool,
        arguments: &arguments,
        nonce,
    };
    let redeemed = executor
        .redeem(&claim)
        .map_err(|error| gate_failure(&error))?;
    output.line(&format!(
        "redeemed {} as entry {}: run it now, once",
        redeemed.call, redeemed.seq
    ));
    output.hint(&format!(
        "then report: countersign outcome {} --status succeeded|failed|unknown",
        args.call
    ));
    let document = Object::new()
        .with("call", redeemed.call.to_string())
        .with("grant", redeemed.grant.to_string())
        .with("seq", number(redeemed.seq))
        .with("nonce", hex(&nonce))
        .with("outcome_before_ms", number(redeemed.outcome_before_ms));
    output.document(match redeemed.proof {
        Some(proof) => document.with("proof", proof),
        None => document,
    });
    Ok(exit::GOOD)
}

fn verify(output: &mut Output, args: &VerifyArgs) -> Result<u8, Failure> {
    let source = countersign_evidence::open(&args.path)
        .map_err(|error| Failure::new(exit::USAGE, &error))?;
    let first = source
        .record(0)
        .and_then(|stored| Entry::decode(&stored.entry).ok());
    let Some(Fact::LedgerCreated(created)) = first.map(|entry| entry.draft.fact) else {
        let sentence = format!("{} does not begin with ledger.created", args.path.display());
        return Err(Failure::say(exit::UNPROVEN, sentence));
    };
    let key = VerifyingKey::from_bytes(&created.grant_key.key)
        .map_err(|error| Failure::say(exit::TAMPERED, format!("the log's grant key: {error}")))?;
    let expected = Expected {
        log: &created.origin,
        key: created.grant_key.id,
        executor: args.executor,
        now_s: SystemClock::new().wall_ms() / 1000,
    };
    let grant = Grant::verify(&args.token, &key, &expected)
        .map_err(|error| Failure::new(exit::TAMPERED, &error))?;
    output.line(&format!(
        "{} for {} of {}",
        grant.id,
        grant.tool.as_str(),
        grant.call
    ));
    output.line("signature only: may be revoked or used; only the reply to redeem permits");
    let document = Object::new()
        .with("grant", grant.id.to_string())
        .with("call", grant.call.to_string())
        .with("tool", grant.tool.as_str())
        .with("executor", grant.executor.to_string())
        .with("action_digest", format!("sha256:{}", grant.action_digest))
        .with("expires_at_s", number(grant.expires_at_s))
        .with("shows", "signature only: may be revoked or used");
    output.document(document);
    Ok(exit::UNPROVEN)
}

impl OutcomeArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let executor = ExecutorClient::new(self.service.connect()?);
        let status = match self.status {
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
        };
        let report = Report {
            call: self.call,
            status,
            detail: self.detail.as_deref(),
        };
        let reported = executor
            .report(&report)
            .map_err(|error| gate_failure(&error))?;
        output.line(&format!(
            "recorded {} for {} as entry {}",
            reported.status, self.call, reported.seq
        ));
        let document = Object::new()
            .with("call", self.call.to_string())
            .with("seq", number(reported.seq))
            .with("status", reported.status);
        output.document(document);
        Ok(exit::GOOD)
    }
}
