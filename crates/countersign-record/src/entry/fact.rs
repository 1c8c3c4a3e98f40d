//! What an entry records: one struct per kind, each with a CDDL rule in docs/spec/entry.cddl.

use alloc::string::String;
use alloc::vec::Vec;

pub use super::field::Blob;
use super::field::{FieldError, Fields, Reader, Writer};
use super::part::{Compared, Demand, Endorsement, Filled, Fingerprint, Head, ServiceKey, members};
use super::refs::Party;
use super::word::{
    Change, DenyCause, Disclosed, EndCause, OutcomeCause, OutcomeStatus, RevocationCause, Verdict,
};
use crate::digest::{ActionDigest, PolicyDigest, TokenDigest};
use crate::name::{ExecutorName, GroupName, RuleName};
use crate::term::{Client, Enforcement, KeyClass, Role, Scheme};

macro_rules! facts {
    ($($(#[$doc:meta])+ $name:ident = $kind:literal { $($fields:tt)* })+) => {
        members! { $($(#[$doc])+ $name { $($fields)* })+ }

        /// What happened, by kind.
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum Fact { $($(#[$doc])+ $name($name),)+ }

        impl Fact {
            /// The kinds that this version writes.
            pub const KINDS: &[&str] = &[$($kind),+];

            /// The kind's name.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind,)+ }
            }

            pub(super) fn write<'w>(&'w self, writer: &mut Writer<'w>) {
                writer.put("kind", &String::from(self.kind()));
                match self { $(Self::$name(fact) => fact.write(writer),)+ }
            }

            pub(super) fn read(kind: &str, reader: &mut Reader<'_>) -> Option<Result<Self, FieldError>> {
                match kind {
                    $($kind => Some($name::read(reader).map(Self::$name)),)+
                    _ => None,
                }
            }
        }

        $(impl From<$name> for Fact {
            fn from(fact: $name) -> Self {
                Self::$name(fact)
            }
        })+
    };
}

facts! {
    /// The log begins.
    LedgerCreated = "ledger.created" {
        /// The log's name: a schema-less URL.
        origin: String,
        /// Format version.
        format: u64,
        /// Ed25519 public key that signs checkpoints.
        log_key: [u8; 32],
        /// Signs grants.
        grant_key: ServiceKey,
        /// Signs export seals.
        seal_key: ServiceKey,
        /// Signs webhooks.
        webhook_key: ServiceKey,
        /// One person runs everything; printed in every report.
        solo: bool,
    }
    /// A policy is in force from here. Body `policy`: `{"toml": …}`, unsealed.
    PolicyAdopted = "policy.adopted" {
        /// Of the TOML bytes.
        digest: PolicyDigest,
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// A person may be asked. Body `person`: `{"handle": …, "name": …, "email": …}`.
    PersonEnrolled = "person.enrolled" {
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// A person is no longer asked; their keys no longer count.
    PersonLeft = "person.left" {
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// A person joins or leaves a group.
    GroupChanged = "group.changed" {
        /// The group, as the policy declares it.
        group: GroupName,
        /// Joins or leaves.
        change: Change,
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// A device key of a person counts from here.
    KeyEnrolled = "key.enrolled" {
        /// How it signs.
        scheme: Scheme,
        /// SSH wire form, or COSE for WebAuthn.
        public_key: Blob,
        /// How strongly it is tied to a device.
        class: KeyClass,
        /// The only kind of client it signs through.
        client: Client,
        /// The enrolment statement.
        statement: Blob,
        /// Proof of possession over it.
        signature: Blob,
        /// Another person's word; required for a further key after arming.
        endorsed: Option<Endorsement>,
        /// WebAuthn relying party (reserved).
        rp_id: Option<String>,
        /// WebAuthn origins (reserved).
        origins: Vec<String>,
        /// WebAuthn credential id (reserved).
        credential_id: Option<Blob>,
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// A key no longer counts.
    KeyRevoked = "key.revoked" {
        /// Why.
        cause: RevocationCause,
    }
    /// An agent may post calls. Body `agent`: `{"name": …}`. `ref.person` is its principal.
    AgentEnrolled = "agent.enrolled" {
        /// SHA-256 of its bearer token.
        token: TokenDigest,
        /// How strong its stop is.
        enforcement: Enforcement,
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// An executor may redeem.
    ExecutorEnrolled = "executor.enrolled" {
        /// Its name in the policy's catalogue.
        name: ExecutorName,
        /// SHA-256 of its bearer token.
        token: TokenDigest,
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// An auditor, responder or operator may use the audit plane. Body `credential`: `{"name": …}`.
    CredentialEnrolled = "credential.enrolled" {
        /// Which of them.
        role: Role,
        /// SHA-256 of its bearer token.
        token: TokenDigest,
        /// Before arming, by the operator.
        bootstrap: bool,
    }
    /// An agent's, executor's or other credential no longer counts.
    CredentialRevoked = "credential.revoked" {
        /// Why.
        cause: RevocationCause,
    }
    /// From here every change of the control is itself a confirmed call.
    ServiceArmed = "service.armed" {
        /// The policy in force.
        policy: PolicyDigest,
        /// One person runs everything.
        solo: bool,
    }
    /// The service runs.
    ServiceStarted = "service.started" {
        /// Software and version.
        software: String,
        /// Renderer and version.
        renderer: String,
    }
    /// The service stopped in good order.
    ServiceStopped = "service.stopped" {}
    /// An agent's session. Body `session`: `{"name": …}`.
    SessionRegistered = "session.registered" {}
    /// A call was judged. Body `call`: docs/spec/call.md.
    CallEvaluated = "call.evaluated" {
        /// The tool, where the policy declares it; else `*undeclared*`.
        tool: String,
        /// What would run.
        action: ActionDigest,
        /// Its likeness.
        fp: Fingerprint,
        /// The likeness under an older epoch that matched.
        same_as: Option<Fingerprint>,
        /// The policy that judged.
        policy: PolicyDigest,
        /// What it said.
        verdict: Verdict,
        /// The rules that apply, sorted.
        rules: Vec<RuleName>,
        /// How strong the stop is.
        enforcement: Enforcement,
        /// For an allowed call: the grant ends then.
        execute_before: Option<u64>,
    }
    /// Another caller waits for the same call, or one of them left. Body `call`.
    CallAttached = "call.attached" {
        /// The caller left.
        left: bool,
    }
    /// People are asked. Body `shown`: the presentation.
    ConfirmationOpened = "confirmation.opened" {
        /// 128 bits, shared by all approvers' statements.
        instance: [u8; 16],
        /// The policy that asks.
        policy: PolicyDigest,
        /// The rules that apply, sorted.
        rules: Vec<RuleName>,
        /// What they demand.
        demand: Demand,
        /// Silence until then cancels.
        decide_before: u64,
        /// The requester circle: ids, sorted.
        requester: Vec<Party>,
        /// Renderer and version that made the presentation.
        renderer: String,
        /// BCP 47 language of the presentation.
        language: String,
    }
    /// A person was given the presentation and statements to sign.
    PresentationServed = "presentation.served" {
        /// 256 bits; a vote must carry it.
        nonce: [u8; 32],
        /// By which kind of client.
        client: Client,
        /// Independence of agent and approver.
        independence: Vec<Compared>,
        /// The head when it was served.
        head: Head,
    }
    /// A person signed: let it run. Body `comment`, optional.
    VoteApprove = "vote.approve" {
        /// The exact bytes signed.
        statement: Blob,
        /// The device's signature.
        signature: Blob,
        /// Raw device bytes beside the signature (WebAuthn).
        raw: Option<Blob>,
    }
    /// A person signed: do not. Body `comment`, optional.
    VoteDeny = "vote.deny" {
        /// The exact bytes signed.
        statement: Blob,
        /// The device's signature.
        signature: Blob,
        /// Raw device bytes beside the signature (WebAuthn).
        raw: Option<Blob>,
        /// Why.
        cause: DenyCause,
    }
    /// A denied action may be asked again.
    DenialLifted = "denial.lifted" {}
    /// The quorum is met; `ref.grant` may be redeemed.
    ConfirmationApproved = "confirmation.approved" {
        /// The grant ends then.
        execute_before: u64,
        /// Who filled which slot.
        filled: Vec<Filled>,
    }
    /// People refused.
    ConfirmationDenied = "confirmation.denied" {
        /// By number, or because those left cannot fill the slots.
        cause: EndCause,
    }
    /// Nobody decided in time.
    ConfirmationExpired = "confirmation.expired" {
        /// Silence.
        cause: EndCause,
        /// The last opening of each person: seqs of `presentation.served`, ascending.
        served: Vec<u64>,
    }
    /// The agent no longer asks.
    ConfirmationWithdrawn = "confirmation.withdrawn" {}
    /// An approval was taken back before it was used.
    ConfirmationRevoked = "confirmation.revoked" {
        /// Freeze, late deny or revocation.
        cause: EndCause,
        /// The revoking person's statement.
        statement: Option<Blob>,
        /// Its signature.
        signature: Option<Blob>,
    }
    /// The policy in force demands more than was asked for.
    ConfirmationSuperseded = "confirmation.superseded" {}
    /// An executor claimed the grant; from here it may run, once.
    GrantRedeemed = "grant.redeemed" {
        /// The executor's own, so that a lost reply can be asked for again.
        nonce: [u8; 32],
        /// Recomputed by the executor from what it will run.
        action: ActionDigest,
        /// A report is due until then.
        outcome_before: u64,
    }
    /// Nobody claimed the grant in time.
    GrantLapsed = "grant.lapsed" {}
    /// An allowed call's grant was killed.
    GrantRevoked = "grant.revoked" {
        /// Freeze or revocation.
        cause: EndCause,
    }
    /// The policy in force no longer allows it.
    GrantSuperseded = "grant.superseded" {}
    /// The agent no longer wants an allowed call.
    GrantWithdrawn = "grant.withdrawn" {}
    /// Somebody tried to claim a grant again.
    GrantReplayed = "grant.replayed" {
        /// How often.
        count: u64,
    }
    /// What became of the call. Body `outcome`, optional.
    OutcomeRecorded = "outcome.recorded" {
        /// What.
        status: OutcomeStatus,
        /// Who says so.
        cause: OutcomeCause,
    }
    /// A second report says otherwise. Body `outcome`, optional.
    OutcomeDisputed = "outcome.disputed" {
        /// What it says.
        status: OutcomeStatus,
    }
    /// Nothing that matches runs from here. Body `freeze`: `{"reason": …, "target": …}`.
    FreezeSet = "freeze.set" {
        /// Calls of this tool.
        tool: Option<String>,
        /// Calls under this rule.
        rule: Option<RuleName>,
        /// Calls of the target in the body.
        target: bool,
        /// Every call.
        all: bool,
    }
    /// A freeze ends.
    FreezeLifted = "freeze.lifted" {}
    /// Attempts that were refused.
    RefusalRecorded = "refusal.recorded" {
        /// The error code.
        code: String,
        /// How often.
        count: u64,
    }
    /// Content was read.
    AccessRecorded = "access.recorded" {
        /// What.
        what: Disclosed,
        /// How often.
        count: u64,
    }
    /// The operator vouched for the clock.
    ClockAccepted = "clock.accepted" {
        /// The last time recorded.
        old: u64,
        /// The time accepted.
        new: u64,
    }
    /// A torn tail was cut at start.
    LogRecovered = "log.recovered" {
        /// How many bytes.
        cut_bytes: u64,
        /// SHA-256 of them.
        digest: [u8; 32],
    }
    /// The operator vouched for the head at start.
    RepairRecorded = "repair.recorded" {
        /// What was repaired: `adopt-head`.
        what: String,
    }
}

impl Fact {
    /// The name of the one body that an entry of this kind may have (docs/spec/entry.md, part 4).
    pub const fn body(&self) -> Option<&'static str> {
        Some(match self {
            Self::PolicyAdopted(_) => "policy",
            Self::PersonEnrolled(_) => "person",
            Self::AgentEnrolled(_) => "agent",
            Self::CredentialEnrolled(_) => "credential",
            Self::SessionRegistered(_) => "session",
            Self::CallEvaluated(_) | Self::CallAttached(_) => "call",
            Self::ConfirmationOpened(_) => "shown",
            Self::VoteApprove(_) | Self::VoteDeny(_) => "comment",
            Self::OutcomeRecorded(_) | Self::OutcomeDisputed(_) => "outcome",
            Self::FreezeSet(_) => "freeze",
            _ => return None,
        })
    }
}
