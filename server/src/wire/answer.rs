//! What the service answers.

use std::collections::BTreeMap;

use countersign_policy::{Assessment, Fact, Requirement, Slot, Verdict};
use countersign_record::entry::{self, OutcomeStatus};
use countersign_record::id::{
    CallId, ConfirmationId, ExecutorId, FreezeId, GrantId, KeyId, PersonId,
};
use countersign_record::json::Value;
use countersign_record::name::{GroupName, RuleName};
use countersign_record::term::{Client, Decision, KeyClass};
use countersign_service::{CallView, HeadView, InboxItem, Page, Record, Standing};
use serde::Serialize;

use super::bytes::{Base64Bytes, Hex, Sha256};

/// Where a call stands.
#[derive(Serialize)]
pub(crate) struct View {
    call: CallId,
    state: &'static str,
    version: u64,
    have: u32,
    need: u32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    action_digest: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_salt: Option<Hex<32>>,
    executor: ExecutorId,
    rules: Vec<RuleName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<ConfirmationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_words: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<Ticket>,
}

#[derive(Serialize)]
struct Ticket {
    jti: GrantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<CallView> for View {
    fn from(view: CallView) -> Self {
        let token = view.token;
        Self {
            call: view.call,
            state: view.state.as_str(),
            version: view.version,
            have: view.have,
            need: view.need,
            message: view.message,
            deadline_ms: view.deadline_ms,
            action_digest: Sha256(view.action.0),
            action_salt: view.action_salt.map(Hex),
            executor: view.executor,
            rules: view.rules,
            confirmation: view.confirmation,
            check_words: view.check_words,
            grant: view.grant.map(|jti| Ticket { jti, token }),
        }
    }
}

/// An answered submission.
#[derive(Serialize)]
pub(crate) struct Accepted {
    #[serde(flatten)]
    pub(crate) view: View,
    pub(crate) known: bool,
}

/// What the policy would say.
#[derive(Serialize)]
pub(crate) struct Dry {
    verdict: &'static str,
    rules: Vec<RuleName>,
    why: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requirement: Option<Demanded>,
}

#[derive(Serialize)]
struct Demanded {
    slots: Vec<Seats>,
    key_class: KeyClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Client>,
    decide_within_ms: u64,
    execute_within_ms: u64,
    outcome_within_ms: u64,
    cool_down_ms: u64,
    reason_required: bool,
    deny_threshold: u32,
    self_confirm: bool,
    after_denial_ms: u64,
    independence: Vec<String>,
}

#[derive(Serialize)]
struct Seats {
    rule: RuleName,
    groups: Vec<GroupName>,
    need: u32,
}

impl From<Assessment> for Dry {
    fn from(assessment: Assessment) -> Self {
        let (verdict, requirement) = match assessment.verdict {
            Verdict::Allow => ("allow", None),
            Verdict::Deny => ("deny", None),
            Verdict::Confirm(requirement) => ("confirm", Some(requirement.into())),
        };
        Self {
            verdict,
            rules: assessment.rules,
            why: assessment.why,
            requirement,
        }
    }
}

impl From<Requirement> for Demanded {
    fn from(it: Requirement) -> Self {
        let seats = |slot: Slot| Seats {
            rule: slot.rule,
            groups: slot.groups,
            need: slot.need,
        };
        Self {
            slots: it.slots.into_iter().map(seats).collect(),
            key_class: it.key_class,
            client: it.client,
            decide_within_ms: it.decide_within_ms,
            execute_within_ms: it.execute_within_ms,
            outcome_within_ms: it.outcome_within_ms,
            cool_down_ms: it.cool_down_ms,
            reason_required: it.reason_required,
            deny_threshold: it.deny_threshold,
            self_confirm: it.self_confirm,
            after_denial_ms: it.after_denial_ms,
            independence: it.independence.iter().map(Fact::to_string).collect(),
        }
    }
}

/// Permission to run.
#[derive(Serialize)]
pub(crate) struct RedeemedAnswer {
    pub(crate) call: CallId,
    pub(crate) grant: GrantId,
    pub(crate) seq: u64,
    pub(crate) outcome_before_ms: u64,
    pub(crate) proof: Option<String>,
}

/// A recorded report.
#[derive(Serialize)]
pub(crate) struct OutcomeAnswer {
    pub(crate) call: CallId,
    pub(crate) seq: u64,
    pub(crate) status: OutcomeStatus,
}

/// News about a call.
#[derive(Serialize)]
pub(crate) struct Event {
    pub(crate) call: CallId,
    pub(crate) seq: u64,
    pub(crate) kind: &'static str,
}

/// Bytes to sign.
#[derive(Serialize)]
pub(crate) struct Statement {
    pub(crate) statement: Base64Bytes,
}

/// A session.
#[derive(Serialize)]
pub(crate) struct Login {
    pub(crate) session: String,
    pub(crate) person: PersonId,
    pub(crate) expires_ms: u64,
}

/// Who somebody is here.
#[derive(Serialize)]
pub(crate) struct Me {
    person: PersonId,
    handle: Option<String>,
    keys: Vec<MeKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<LedgerHead>,
}

/// Where the ledger ends: what a revocation names.
#[derive(Serialize)]
struct LedgerHead {
    seq: u64,
    hash: String,
}

/// A key that counts.
#[derive(Serialize)]
pub(crate) struct MeKey {
    key: KeyId,
    client: String,
    class: String,
}

impl Me {
    pub(crate) fn new(standing: Standing, head: Option<entry::Head>) -> Self {
        let keys = standing.keys.into_iter();
        Self {
            person: standing.person,
            handle: standing.handle,
            keys: keys
                .map(|(key, client, class)| MeKey { key, client, class })
                .collect(),
            head: head.map(|head| LedgerHead {
                seq: head.seq,
                hash: format!("blake3:{}", head.hash),
            }),
        }
    }
}

/// What waits for somebody.
#[derive(Serialize)]
pub(crate) struct Inbox {
    pub(crate) items: Vec<InboxLine>,
}

/// One of them.
#[derive(Serialize)]
pub(crate) struct InboxLine {
    #[serde(flatten)]
    view: View,
    sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    voted: Option<Decision>,
}

impl From<InboxItem> for InboxLine {
    fn from(item: InboxItem) -> Self {
        Self {
            view: item.view.into(),
            sentence: item.sentence,
            voted: item.voted,
        }
    }
}

/// What is shown, to look at.
#[derive(Serialize)]
pub(crate) struct Presentation {
    pub(crate) view: View,
    pub(crate) shown: Value,
}

/// A policy's text.
#[derive(Serialize)]
pub(crate) struct Policy {
    pub(crate) digest: Sha256,
    pub(crate) toml: String,
}

/// What is shown, and what may be signed over it.
#[derive(Serialize)]
pub(crate) struct OpenedAnswer {
    pub(crate) call: View,
    pub(crate) shown: Value,
    pub(crate) action_salt: Hex<32>,
    pub(crate) statements: Vec<StatementLine>,
}

/// One statement to sign.
#[derive(Serialize)]
pub(crate) struct StatementLine {
    pub(crate) key: KeyId,
    pub(crate) decision: Decision,
    pub(crate) statement: Base64Bytes,
}

/// A recorded decision.
#[derive(Serialize)]
pub(crate) struct Decided {
    pub(crate) seq: u64,
    pub(crate) decision: Decision,
    pub(crate) call: View,
    pub(crate) proof: Option<String>,
}

/// An approval taken back.
#[derive(Serialize)]
pub(crate) struct RevokedAnswer {
    pub(crate) call: CallId,
    pub(crate) state: &'static str,
    pub(crate) proof: Option<String>,
}

/// A stretch of headers.
#[derive(Serialize)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<EntryLine>,
}

/// One header: exactly the bytes that are hashed.
#[derive(Serialize)]
pub(crate) struct EntryLine {
    pub(crate) seq: u64,
    pub(crate) entry: Base64Bytes,
}

/// Entries with content.
#[derive(Serialize)]
pub(crate) struct Records {
    records: Vec<RecordLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// One of them, with those bodies that can be opened.
#[derive(Serialize)]
pub(crate) struct RecordLine {
    seq: u64,
    entry: Base64Bytes,
    bodies: BTreeMap<String, Value>,
}

impl From<Page> for Records {
    fn from(page: Page) -> Self {
        let records = page.records.into_iter();
        Self {
            records: records.map(RecordLine::from).collect(),
            next: page.next,
        }
    }
}

impl From<Record> for RecordLine {
    fn from(record: Record) -> Self {
        let bodies = record.bodies.into_iter();
        Self {
            seq: record.entry.seq,
            entry: Base64Bytes(record.bytes),
            bodies: bodies
                .map(|(name, body)| (name, body.disclose_all().to_json()))
                .collect(),
        }
    }
}

/// A freeze that stands.
#[derive(Serialize)]
pub(crate) struct Froze {
    pub(crate) freeze: FreezeId,
    pub(crate) killed: u64,
    pub(crate) proof: Option<String>,
}

/// Something recorded.
#[derive(Serialize)]
pub(crate) struct Recorded {
    pub(crate) seq: u64,
    pub(crate) proof: Option<String>,
}

/// Where the log stands.
#[derive(Serialize)]
pub(crate) struct Head {
    origin: String,
    size: u64,
    checkpoint: Option<String>,
    armed: bool,
    clock_trusted: bool,
    read_only: Option<String>,
    disk_full: bool,
    open_calls: u64,
}

impl From<HeadView> for Head {
    fn from(head: HeadView) -> Self {
        Self {
            origin: head.origin,
            size: head.size,
            checkpoint: head.checkpoint,
            armed: head.armed,
            clock_trusted: head.clock_trusted,
            read_only: head.read_only,
            disk_full: head.disk_full,
            open_calls: head.open_calls,
        }
    }
}
