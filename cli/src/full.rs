//! The commands of operators, approvers, agents and executors, and the demo.

mod adopt;
mod approver;
mod ask;
mod bench;
mod change;
mod credential;
mod demo;
mod entropy;
mod freeze;
mod fsck;
mod grant;
mod init;
mod key;
mod lift;
mod people;
mod place;
mod remote;
mod request;
mod serve;
mod sign;
mod token;

use clap::Subcommand;
use countersign_record::term::Role;

pub(crate) use adopt::AdoptArgs;
pub(crate) use place::RemoteArgs;

use crate::output::{Failure, Output};
use credential::Kind;

/// Commands that need the network, a server, or a log to change.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::DemoArgs),
    Bench(bench::BenchArgs),
    Init(init::InitArgs),
    Serve(serve::ServeArgs),
    Config(serve::ConfigArgs),
    Fsck(fsck::FsckArgs),
    Person(people::PersonArgs),
    Group(people::GroupArgs),
    Key(key::KeyArgs),
    Agent(credential::AgentArgs),
    /// Enrol executors, which run what was approved, or revoke them
    Executor(credential::CredentialArgs),
    /// Enrol auditors, who read the ledger, or revoke them
    Auditor(credential::CredentialArgs),
    /// Enrol responders, who read, freeze and revoke, or revoke them
    Responder(credential::CredentialArgs),
    /// Enrol operators, who ask for changes of the control, or revoke them
    Operator(credential::CredentialArgs),
    Inbox(approver::InboxArgs),
    Show(approver::ShowArgs),
    Approve(approver::ApproveArgs),
    Deny(approver::DenyArgs),
    Revoke(approver::RevokeArgs),
    Freeze(freeze::FreezeArgs),
    Lift(lift::LiftArgs),
    Request(request::RequestArgs),
    Grant(grant::GrantArgs),
    Outcome(grant::OutcomeArgs),
}

impl Command {
    /// Runs it; the exit code, or why it was not done.
    pub(crate) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        match self {
            Self::Demo(args) => args.run(output),
            Self::Bench(args) => args.run(output),
            Self::Init(args) => args.run(output),
            Self::Serve(args) => args.run(output),
            Self::Config(args) => args.run(output),
            Self::Fsck(args) => args.run(output),
            Self::Person(args) => args.run(output),
            Self::Group(args) => args.run(output),
            Self::Key(args) => args.run(output),
            Self::Agent(args) => args.run(output),
            Self::Executor(args) => args.run(output, Kind::Executor),
            Self::Auditor(args) => args.run(output, Kind::Office(Role::Auditor)),
            Self::Responder(args) => args.run(output, Kind::Office(Role::Responder)),
            Self::Operator(args) => args.run(output, Kind::Office(Role::Operator)),
            Self::Inbox(args) => args.run(output),
            Self::Show(args) => args.run(output),
            Self::Approve(args) => args.run(output),
            Self::Deny(args) => args.run(output),
            Self::Revoke(args) => args.run(output),
            Self::Freeze(args) => args.run(output),
            Self::Lift(args) => args.run(output),
            Self::Request(args) => args.run(output),
            Self::Grant(args) => args.run(output),
            Self::Outcome(args) => args.run(output),
        }
    }
}
