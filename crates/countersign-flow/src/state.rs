//! State is a fold of the ledger; calls that ended have left it.

mod lookback;
mod lookups;
mod roster;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use countersign_policy::{Facts, Policy};
use countersign_record::digest::{ActionDigest, PolicyDigest, ShownDigest};
use countersign_record::entry::{
    Compared, Demand, Fingerprint, Head, LedgerCreated, Party, UnixMillis,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, ExecutorId, FreezeId, GrantId, KeyId, PersonId, PolicyId,
    SessionId,
};
use countersign_record::json::Value;
use countersign_record::name::{GroupName, RuleName};
use countersign_record::term::{Client, Decision, Enforcement};
pub(crate) use lookback::{Counted, History, LookBack};
pub(crate) use lookups::Lookups;
pub use roster::{Agent, Credential, Executor, Key, Person, Roster};

use crate::call::CallDocument;

/// How long an idempotency key is remembered: 30 days.
const REQUEST_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Everything that decides what may happen next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// How many entries were applied.
    pub size: u64,
    /// The last entry, once there is one.
    pub head: Option<Head>,
    /// The last entry's time.
    pub last_at: UnixMillis,
    /// The keyring's generation as last recorded: an older copy of the keyring is refused.
    pub keyring: u64,
    /// The first entry's facts.
    pub ledger: Option<Ledger>,
    /// Whether changes of the control are themselves confirmed calls.
    pub armed: bool,
    /// The policy in force.
    pub policy: Option<InForce>,
    /// Who there is.
    pub roster: Roster,
    /// Calls that have not ended.
    pub calls: BTreeMap<CallId, Call>,
    /// Open and redeemable calls by their likeness.
    pub live: BTreeMap<(Requester, Fingerprint), CallId>,
    /// Grants of calls that have not ended.
    pub grants: BTreeMap<GrantId, CallId>,
    /// Refused actions that stay refused, by the call that was refused.
    pub denials: BTreeMap<CallId, Denial>,
    /// What must not run.
    pub freezes: BTreeMap<FreezeId, Freeze>,
    /// Fingerprint epochs.
    pub epochs: BTreeMap<Requester, Epoch>,
    /// Sessions.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Idempotency keys of the last 30 days, where call documents are disclosed.
    pub requests: BTreeMap<[u8; 32], Request>,
    /// Earlier calls that the policy in force looks back at.
    pub(crate) lookback: LookBack,
    pub(crate) lookups: Lookups,
}

/// What the log says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// The entry's facts.
    pub created: LedgerCreated,
    /// The service's own executor id.
    pub service: ExecutorId,
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq)]
pub struct InForce {
    /// Its id.
    pub id: PolicyId,
    /// The digest of its text.
    pub digest: PolicyDigest,
    /// The document, where its text is disclosed and reads.
    pub policy: Option<Policy>,
}

/// The party for which actions are compared, from its credential: an agent and the person that it
/// acts for; or, of a control call, an operator or responder.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Requester {
    /// Who asks.
    pub asker: Party,
    /// The person that an agent acts for.
    pub principal: Option<PersonId>,
}

/// A salt epoch of a party.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Epoch {
    /// Its number, from 0.
    pub number: u64,
    /// When its first call came.
    pub first_at: UnixMillis,
}

/// An agent's session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Whose.
    pub agent: AgentId,
    /// Its name, where disclosed.
    pub name: Option<String>,
    /// When a call last named it.
    pub last_used: UnixMillis,
}

/// A submission that was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Request {
    /// The call it made or joined.
    pub call: CallId,
    /// SHA-256 of its content.
    pub content: [u8; 32],
    /// When.
    pub at: UnixMillis,
}

impl Request {
    /// Whether the idempotency key still leads to its call.
    pub(crate) fn is_remembered(&self, now: UnixMillis) -> bool {
        now < self.at.saturating_add(REQUEST_MS)
    }
}

/// A refused action that stays refused for its party.
#[derive(Clone, Debug, PartialEq)]
pub struct Denial {
    /// The call that was refused.
    pub call: CallId,
    /// Whose.
    pub requester: Requester,
    /// Its likeness.
    pub fp: Fingerprint,
    /// Its tool, as in the header.
    pub tool: String,
    /// Its target, where disclosed.
    pub target: Option<String>,
    /// Until when.
    pub until: UnixMillis,
}

/// A freeze.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Freeze {
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
    /// Calls of a target.
    pub by_target: bool,
    /// The target, where disclosed.
    pub target: Option<String>,
    /// Everything.
    pub all: bool,
}

/// A call that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// Who asks, and for whom.
    pub requester: Requester,
    /// In which session.
    pub session: Option<SessionId>,
    /// The tool, as in the header.
    pub tool: String,
    /// Who may run it.
    pub executor: ExecutorId,
    /// What would run.
    pub action: ActionDigest,
    /// Its likeness.
    pub fp: Fingerprint,
    /// The policy that judged it.
    pub policy: PolicyDigest,
    /// The rules that apply.
    pub rules: Vec<RuleName>,
    /// How strong the stop is.
    pub enforcement: Enforcement,
    /// When it was asked.
    pub asked_at: UnixMillis,
    /// Seq of its `call.evaluated`.
    pub evaluated: u64,
    /// Seq of the last entry about it: its version.
    pub version: u64,
    /// How many callers wait for it.
    pub callers: u64,
    /// The document, where disclosed.
    pub document: Option<CallDocument>,
    /// What was known before it when it was asked; a vote or a claim looks at nothing later.
    pub facts: Facts,
    /// Where it stands.
    pub stage: Stage,
}

/// Where a call stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The policy wants people asked; the question follows in the same command.
    Judged,
    /// The policy lets it run; nobody was asked.
    Allowed(Granted),
    /// People are asked.
    Pending(Pending),
    /// The quorum is met.
    Approved(Pending, Granted),
    /// An executor claimed it.
    Redeemed(Redeemed),
}

/// A grant that may be redeemed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Granted {
    /// The grant.
    pub grant: GrantId,
    /// It ends then.
    pub execute_before: UnixMillis,
    /// Seq of the deciding entry.
    pub decided: u64,
}

/// The open question to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Its id.
    pub confirmation: ConfirmationId,
    /// Seq of `confirmation.opened`.
    pub opened: u64,
    /// When it was opened.
    pub opened_at: UnixMillis,
    /// Shared by all approvers' statements.
    pub instance: [u8; 16],
    /// The policy that asks.
    pub policy: PolicyDigest,
    /// What is demanded.
    pub demand: Demand,
    /// Silence until then cancels.
    pub decide_before: UnixMillis,
    /// The requester circle.
    pub requester: BTreeSet<Party>,
    /// What is shown.
    pub shown: ShownDigest,
    /// The renderer that made it.
    pub renderer: String,
    /// Who was eligible when it was opened, and through which groups.
    pub pinned: BTreeMap<PersonId, BTreeSet<GroupName>>,
    /// Openings by the seq of their entry.
    pub openings: BTreeMap<u64, Opening>,
    /// One vote per person.
    pub votes: BTreeMap<PersonId, Vote>,
}

/// A person was given the presentation and statements to sign.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Who.
    pub person: PersonId,
    /// A vote must carry it.
    pub nonce: [u8; 32],
    /// Through which kind of client.
    pub client: Client,
    /// Independence of agent and approver.
    pub independence: Vec<Compared>,
    /// When.
    pub at: UnixMillis,
    /// The head when it was served.
    pub head: Head,
}

/// A vote that counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Vote {
    /// By which key.
    pub key: KeyId,
    /// What.
    pub decision: Decision,
    /// The opening that it answered: seq of its `presentation.served`.
    pub served: u64,
    /// Seq of its entry.
    pub seq: u64,
}

/// A claimed grant; the point of no return.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Redeemed {
    /// The grant.
    pub grant: GrantId,
    /// The executor's nonce.
    pub nonce: [u8; 32],
    /// Seq of `grant.redeemed`.
    pub seq: u64,
    /// A report is due until then.
    pub outcome_before: UnixMillis,
    /// Its confirmation, when people were asked.
    pub confirmation: Option<ConfirmationId>,
}

impl Call {
    /// The open question, also while its approval waits to be used.
    pub fn question(&self) -> Option<&Pending> {
        match &self.stage {
            Stage::Pending(pending) | Stage::Approved(pending, _) => Some(pending),
            Stage::Judged | Stage::Allowed(_) | Stage::Redeemed(_) => None,
        }
    }

    /// The grant that may be redeemed.
    pub fn granted(&self) -> Option<&Granted> {
        match &self.stage {
            Stage::Allowed(granted) | Stage::Approved(_, granted) => Some(granted),
            Stage::Judged | Stage::Pending(_) | Stage::Redeemed(_) => None,
        }
    }

    /// When time ends what the call is in: decision, execution or report deadline.
    pub fn deadline(&self) -> UnixMillis {
        match &self.stage {
            Stage::Judged => self.asked_at,
            Stage::Allowed(granted) | Stage::Approved(_, granted) => granted.execute_before,
            Stage::Pending(pending) => pending.decide_before,
            Stage::Redeemed(redeemed) => redeemed.outcome_before,
        }
    }

    /// The target that the policy's catalogue names, where the document is disclosed.
    pub fn target(&self, policy: &Policy) -> Option<String> {
        let document = self.document.as_ref()?;
        policy_target(policy, &document.tool, &document.arguments)
    }
}

impl State {
    /// The log's name; empty before the first entry.
    pub fn origin(&self) -> &str {
        self.ledger
            .as_ref()
            .map_or("", |ledger| ledger.created.origin.as_str())
    }

    /// The policy document in force, where it is disclosed.
    pub fn document(&self) -> Option<&Policy> {
        self.policy
            .as_ref()
            .and_then(|in_force| in_force.policy.as_ref())
    }

    /// What is known before a call that is asked now.
    pub fn facts(&self, tool: &str, arguments: &Value, now: UnixMillis) -> Facts {
        self.lookback.facts(tool, arguments, now)
    }

    /// The call of a grant.
    pub fn call_of(&self, grant: &GrantId) -> Option<&Call> {
        self.grants.get(grant).and_then(|call| self.calls.get(call))
    }
}

/// The target that the policy's catalogue names.
pub(crate) fn policy_target(policy: &Policy, tool: &str, arguments: &Value) -> Option<String> {
    policy.tool(tool)?.target(arguments).map(Into::into)
}
