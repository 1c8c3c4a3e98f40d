//! What a party wants to happen: everything that the shell drew or was given. The verifier rebuilds
//! each command from the entries it appended.

use alloc::string::String;
use alloc::vec::Vec;

use countersign_record::digest::ActionDigest;
use countersign_record::entry::{
    Blob, Compared, Demand, DenyCause, Disclosed, Fact, Fingerprint, Head, OutcomeCause,
    OutcomeStatus, Party, Refs, RevocationCause, Verdict,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, FreezeId, GrantId, KeyId, PersonId,
    SessionId,
};
use countersign_record::json::Value;
use countersign_record::name::RuleName;
use countersign_record::term::{Client, Decision};

use crate::call::CallDocument;

/// A command.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "commands come one at a time and are not kept"
)]
pub enum Command {
    /// The operator sets the log up, before arming.
    Bootstrap(Bootstrap),
    /// From here on changes of the control are calls.
    Arm,
    /// The service itself notes something.
    Record(Record),
    /// An agent asks for a call.
    Submit(alloc::boxed::Box<Submit>),
    /// An approver asks for the presentation and statements.
    Open(Open),
    /// An approver decides.
    Decide(alloc::boxed::Box<Decide>),
    /// An agent no longer wants a call.
    Withdraw {
        /// Who.
        by: Party,
        /// Which.
        call: CallId,
    },
    /// Time is up for a call.
    Tick {
        /// Which.
        call: CallId,
    },
    /// The policy in force is stricter than the one that asked.
    Supersede {
        /// Which.
        call: CallId,
    },
    /// An executor claims a grant.
    Redeem(Redeem),
    /// An executor reports.
    Outcome(Outcome),
    /// Somebody entitled takes an approval back.
    Revoke(Revocation),
    /// A responder stops things.
    Freeze(Freezing),
    /// Somebody revokes a key.
    RevokeKey(RevokeKey),
    /// Somebody revokes an agent, executor or credential.
    RevokeCredential {
        /// Who does.
        by: Party,
        /// Whose credential.
        of: Party,
        /// Why.
        cause: RevocationCause,
    },
}

/// One change of the setup.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// What it is about.
    pub refs: Refs,
    /// The change.
    pub fact: Fact,
    /// Its bodies; a value is absent where it is withheld.
    pub bodies: Vec<(&'static str, Option<Value>)>,
}

/// Something that the service itself notes.
#[derive(Clone, Debug)]
pub enum Record {
    /// It runs.
    Started {
        /// Software and version.
        software: String,
    },
    /// It stopped in good order.
    Stopped,
    /// Attempts were refused.
    Refused {
        /// Whose.
        by: Party,
        /// The error code.
        code: String,
        /// About which call.
        call: Option<CallId>,
        /// How often.
        count: u64,
    },
    /// Somebody tried to redeem again.
    Replayed {
        /// Who.
        by: ExecutorId,
        /// Which grant.
        grant: GrantId,
        /// Its call.
        call: CallId,
        /// Its ending, when the call has ended.
        past: Option<Past>,
        /// How often.
        count: u64,
    },
    /// Content was read.
    Accessed {
        /// By whom.
        by: CredentialId,
        /// What.
        what: Disclosed,
        /// How often.
        count: u64,
    },
    /// The operator vouched for the clock.
    ClockAccepted {
        /// Who.
        by: Party,
        /// The last time recorded.
        old: u64,
        /// The time accepted.
        new: u64,
    },
    /// A torn tail was cut.
    Recovered {
        /// How many bytes.
        cut_bytes: u64,
        /// SHA-256 of them.
        digest: [u8; 32],
    },
    /// The operator vouched for the head.
    Repaired {
        /// What was repaired.
        what: String,
    },
}

/// A call to judge.
#[derive(Clone, Debug)]
pub struct Submit {
    /// Who asks: an agent; for a control call an operator or responder.
    pub by: Party,
    /// In which session, when one was named.
    pub session: Option<SessionId>,
    /// The session is new: its name, absent where withheld.
    pub new_session: Option<Option<String>>,
    /// The call's id.
    pub call: CallId,
    /// The call that it replaces.
    pub replaces: Option<CallId>,
    /// Who would run it.
    pub executor: ExecutorId,
    /// What would run.
    pub action: ActionDigest,
    /// Its likeness in the party's present epoch.
    pub fp: Fingerprint,
    /// Its likeness in older epochs that still count.
    pub older: Vec<Fingerprint>,
    /// The document; absent where it is withheld.
    pub document: Option<CallDocument>,
    /// What the entries say, for a reader without the document.
    pub claimed: Option<Claimed>,
    /// The grant, should it be allowed.
    pub grant: GrantId,
    /// The confirmation, should people be asked.
    pub confirmation: ConfirmationId,
    /// 128 bits for the statements.
    pub instance: [u8; 16],
}

/// What a recorded call claims of itself.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The tool, as in the header.
    pub tool: String,
    /// The verdict, as in the header.
    pub verdict: Verdict,
    /// The rules that apply.
    pub rules: Vec<RuleName>,
    /// What they demand.
    pub demand: Option<Demand>,
}

/// A presentation to serve.
#[derive(Clone, Debug)]
pub struct Open {
    /// Which call.
    pub call: CallId,
    /// To whom.
    pub person: PersonId,
    /// 256 fresh bits.
    pub nonce: [u8; 32],
    /// Through which kind of client.
    pub client: Client,
    /// Independence of agent and approver.
    pub independence: Vec<Compared>,
    /// The head that the person is shown.
    pub head: Head,
}

/// A signed decision.
#[derive(Clone, Debug)]
pub struct Decide {
    /// Which call.
    pub call: CallId,
    /// Who.
    pub person: PersonId,
    /// By which key.
    pub key: KeyId,
    /// The opening it answers: seq of its `presentation.served`.
    pub served: u64,
    /// What.
    pub decision: Decision,
    /// The exact bytes signed.
    pub statement: Blob,
    /// The signature.
    pub signature: Blob,
    /// Raw device bytes.
    pub raw: Option<Blob>,
    /// Why, of a refusal.
    pub cause: DenyCause,
    /// A body `comment` exists: its value, absent where withheld.
    pub comment: Option<Option<Value>>,
    /// The grant, should the quorum be met.
    pub grant: GrantId,
    /// For a control call: the ids that its change makes, should the quorum be met.
    pub enacted: Option<Refs>,
    /// For a control call whose document is withheld: the changes that the entries claim.
    pub claimed: Option<Vec<Bootstrap>>,
}

/// A claim of a grant.
#[derive(Clone, Debug)]
pub struct Redeem {
    /// Which grant.
    pub grant: GrantId,
    /// Who.
    pub executor: ExecutorId,
    /// The executor's own nonce.
    pub nonce: [u8; 32],
    /// Recomputed from what will run.
    pub action: ActionDigest,
}

/// A report.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which call.
    pub call: CallId,
    /// Who: the call's executor.
    pub by: Party,
    /// What became of it.
    pub status: OutcomeStatus,
    /// Who says so, of a recorded one; decided from the call's state, never from here.
    pub cause: OutcomeCause,
    /// A body `outcome` exists: its value, absent where withheld.
    pub detail: Option<Option<Value>>,
    /// How the call ended, when it has.
    pub past: Option<Past>,
}

/// An entry that ended a call, read back from the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Past {
    /// Its seq.
    pub seq: u64,
    /// The call's executor.
    pub executor: ExecutorId,
    /// How it ended.
    pub stage: PastStage,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PastStage {
    /// It never became redeemable, or nobody redeemed it: the refusal that later commands meet.
    NotExecuted(crate::Refusal),
    /// It was redeemed, and this was reported.
    Reported(OutcomeStatus),
    /// Reports disagree.
    Disputed,
}

/// An approval taken back by somebody who did not vote.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// Which call.
    pub call: CallId,
    /// Who.
    pub person: PersonId,
    /// By which key.
    pub key: KeyId,
    /// The signed statement.
    pub statement: Blob,
    /// Its signature.
    pub signature: Blob,
}

/// A stop.
#[derive(Clone, Debug)]
pub struct Freezing {
    /// The freeze's id.
    pub freeze: FreezeId,
    /// Who.
    pub by: CredentialId,
    /// Calls of this agent.
    pub agent: Option<AgentId>,
    /// Votes of this key.
    pub key: Option<KeyId>,
    /// Calls for, and votes of, this person.
    pub person: Option<PersonId>,
    /// Calls of this tool.
    pub tool: Option<String>,
    /// Calls under this rule.
    pub rule: Option<RuleName>,
    /// Calls of the target in the body.
    pub by_target: bool,
    /// Everything.
    pub all: bool,
    /// The body: reason and target, absent where withheld.
    pub detail: Option<Value>,
    /// For a reader without the body: the calls that the entries say it killed.
    pub claimed: Vec<CallId>,
}

/// A key to revoke.
#[derive(Clone, Debug)]
pub struct RevokeKey {
    /// Who: the operator, a responder.
    pub by: Party,
    /// Which.
    pub key: KeyId,
    /// Why.
    pub cause: RevocationCause,
}
