//! A call as its agent sees it: where it stands, and a sentence that says so.

use countersign_attest::Grant;
use countersign_flow::{Call, Pending, Stage};
use countersign_policy::quorum;
use countersign_record::digest::ActionDigest;
use countersign_record::entry::{Entry, Fact, OutcomeStatus, Verdict};
use countersign_record::id::{CallId, ConfirmationId, ExecutorId, GrantId};
use countersign_record::name::RuleName;
use countersign_record::words::check_words;

use crate::core::Core;
use crate::writer::Service;

/// Where a call stands; docs/spec/flow.md has the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallState {
    /// The policy lets it run; nobody was asked.
    Allowed,
    /// The policy refuses it.
    DeniedByPolicy,
    /// A freeze stands.
    Frozen,
    /// The same action was refused before.
    PreviouslyDenied,
    /// People are asked.
    Pending,
    /// The quorum is met.
    Approved,
    /// People refused.
    Denied,
    /// Nobody answered.
    Expired,
    /// The agent withdrew it.
    Withdrawn,
    /// The policy became stricter.
    Superseded,
    /// The approval was taken back.
    Revoked,
    /// Nobody redeemed it in time.
    Lapsed,
    /// It was claimed.
    Redeemed,
    /// It ran.
    Succeeded,
    /// It did not work.
    Failed,
    /// Nobody knows.
    OutcomeUnknown,
    /// It is known not to have run.
    NotExecuted,
}

impl CallState {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::DeniedByPolicy => "denied-by-policy",
            Self::Frozen => "frozen",
            Self::PreviouslyDenied => "previously-denied",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
            Self::Lapsed => "lapsed",
            Self::Redeemed => "redeemed",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::NotExecuted => "not-executed",
        }
    }

    /// Whether nothing more will happen by itself.
    pub const fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Allowed | Self::Pending | Self::Approved | Self::Redeemed
        )
    }

    /// Whether the executor may claim it.
    pub const fn is_redeemable(self) -> bool {
        matches!(self, Self::Allowed | Self::Approved)
    }
}

/// A call as its agent sees it.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Its id.
    pub call: CallId,
    /// Where it stands.
    pub state: CallState,
    /// Seq of the last entry about it.
    pub version: u64,
    /// Approvals that count, of those needed.
    pub have: u32,
    /// Approvals needed.
    pub need: u32,
    /// What is going on, for the person in front of the agent.
    pub message: String,
    /// When time ends what it is in, ms since 1970.
    pub deadline_ms: Option<u64>,
    /// What would run.
    pub action: ActionDigest,
    /// The salt of that digest, where it is known.
    pub action_salt: Option<[u8; 32]>,
    /// Who may run it.
    pub executor: ExecutorId,
    /// The rules that apply.
    pub rules: Vec<RuleName>,
    /// The question, when people are asked.
    pub confirmation: Option<ConfirmationId>,
    /// Four words to compare with the approver's screen.
    pub check_words: Option<String>,
    /// The grant's id.
    pub grant: Option<GrantId>,
    /// A token of the grant, while it may be redeemed.
    pub token: Option<String>,
}

impl CallView {
    /// The same for whoever sends signed bytes, who need not be the one that signed them.
    #[must_use]
    pub(super) fn unsalted(self) -> Self {
        Self {
            action_salt: None,
            ..self
        }
    }
}

/// A call and its grant, which others than the writer can sign.
pub(super) struct Unsigned {
    view: CallView,
    grant: Option<Grant>,
}

impl Core {
    /// A call of this log, open or ended, for whoever may look at it.
    pub(crate) fn view(&self, id: CallId) -> Option<CallView> {
        match self.state.calls.get(&id) {
            Some(call) => Some(open_view(call)),
            None => ended_view(id, None, &self.history(id)),
        }
    }

    /// A call that was `before`, if it was, and that these entries may have ended: what is in hand is
    /// not read back.
    pub(super) fn view_after(
        &self,
        id: CallId,
        before: Option<&Call>,
        entries: &[Entry],
    ) -> Option<CallView> {
        match self.state.calls.get(&id) {
            Some(call) => Some(open_view(call)),
            None => ended_view(id, before, entries),
        }
    }

    /// The same for whoever has it run.
    pub(super) fn unsigned(&mut self, view: CallView) -> Unsigned {
        let now = self.now();
        let call = self.state.calls.get(&view.call);
        let grant = call.and_then(|call| self.grant(call, call.granted()?, now));
        Unsigned { view, grant }
    }
}

impl Service {
    /// The view with what the executor claims with.
    pub(super) fn with_token(&self, unsigned: Unsigned) -> CallView {
        let token = unsigned
            .grant
            .and_then(|grant| self.grant_key.token(&grant));
        CallView {
            token,
            ..unsigned.view
        }
    }
}

fn open_view(call: &Call) -> CallView {
    let (state, grant) = match &call.stage {
        Stage::Judged | Stage::Pending(_) => (CallState::Pending, None),
        Stage::Allowed(granted) => (CallState::Allowed, Some(granted.grant)),
        Stage::Approved(_, granted) => (CallState::Approved, Some(granted.grant)),
        Stage::Redeemed(redeemed) => (CallState::Redeemed, Some(redeemed.grant)),
    };
    let question = call.question();
    let (have, need) = question.map_or((0, 0), progress);
    let words = question.map(|it| check_words(&call.action, &it.shown).to_string());
    CallView {
        call: call.id,
        state,
        version: call.version,
        have,
        need,
        message: message(state, have, need, words.as_deref()),
        deadline_ms: Some(call.deadline()),
        action: call.action,
        action_salt: call.document.as_ref().map(|document| document.action_salt),
        executor: call.executor,
        rules: call.rules.clone(),
        confirmation: question.map(|pending| pending.confirmation),
        check_words: words,
        grant,
        token: None,
    }
}

/// A call that has ended, from entries about it: all of them, or those that came after it was
/// `before`.
fn ended_view(id: CallId, before: Option<&Call>, entries: &[Entry]) -> Option<CallView> {
    let about = || {
        let about = |entry: &&Entry| entry.draft.refs.call == Some(id);
        entries.iter().filter(about)
    };
    let evaluated = about().find_map(|entry| match &entry.draft.fact {
        Fact::CallEvaluated(it) => Some((it.action, entry.draft.refs.executor?, it.rules.clone())),
        _ => None,
    });
    let judged = |call: &Call| (call.action, call.executor, call.rules.clone());
    let (action, executor, rules) = evaluated.or_else(|| before.map(judged))?;
    let state = about().rev().find_map(ended_state)?;
    let confirmation = about().find_map(|entry| entry.draft.refs.confirmation);
    let asked = || Some(before?.question()?.confirmation);
    let grant = about().rev().find_map(|entry| entry.draft.refs.grant);
    let granted = || Some(before?.granted()?.grant);
    Some(CallView {
        call: id,
        state,
        version: about().next_back().map_or(0, |entry| entry.seq),
        have: 0,
        need: 0,
        message: message(state, 0, 0, None),
        deadline_ms: None,
        action,
        action_salt: None,
        executor,
        rules,
        confirmation: confirmation.or_else(asked),
        check_words: None,
        grant: grant.or_else(granted),
        token: None,
    })
}

/// Approvals that were cast, of those needed.
fn progress(pending: &Pending) -> (u32, u32) {
    let slots: Vec<_> = pending
        .demand
        .slots
        .iter()
        .map(|slot| countersign_policy::Slot {
            rule: slot.rule.clone(),
            groups: slot.groups.clone(),
            need: u32::try_from(slot.need).unwrap_or(u32::MAX),
        })
        .collect();
    let approved = pending
        .votes
        .iter()
        .filter(|(_, vote)| vote.decision == countersign_record::term::Decision::Approve);
    let approved: Vec<_> = approved
        .filter_map(|(person, _)| {
            Some((
                *person,
                pending.pinned.get(person)?.iter().cloned().collect(),
            ))
        })
        .collect();
    let progress = quorum::progress(&slots, &approved);
    (progress.have, progress.need)
}

pub(super) fn ended_state(entry: &Entry) -> Option<CallState> {
    Some(match &entry.draft.fact {
        Fact::CallEvaluated(it) => match it.verdict {
            Verdict::Deny => CallState::DeniedByPolicy,
            Verdict::Frozen => CallState::Frozen,
            Verdict::PreviouslyDenied => CallState::PreviouslyDenied,
            Verdict::Allow | Verdict::Confirm => return None,
        },
        Fact::ConfirmationDenied(_) => CallState::Denied,
        Fact::ConfirmationExpired(_) => CallState::Expired,
        Fact::ConfirmationWithdrawn(_) | Fact::GrantWithdrawn(_) => CallState::Withdrawn,
        Fact::ConfirmationRevoked(_) | Fact::GrantRevoked(_) => CallState::Revoked,
        Fact::ConfirmationSuperseded(_) | Fact::GrantSuperseded(_) => CallState::Superseded,
        Fact::GrantLapsed(_) => CallState::Lapsed,
        Fact::OutcomeDisputed(_) => CallState::OutcomeUnknown,
        Fact::OutcomeRecorded(it) => match it.status {
            OutcomeStatus::Succeeded => CallState::Succeeded,
            OutcomeStatus::Failed => CallState::Failed,
            OutcomeStatus::Unknown => CallState::OutcomeUnknown,
            OutcomeStatus::NotExecuted => CallState::NotExecuted,
        },
        _ => return None,
    })
}

pub(super) fn message(state: CallState, have: u32, need: u32, words: Option<&str>) -> String {
    let text = match state {
        CallState::Pending => {
            let words = words.unwrap_or_default();
            return format!(
                "WAITING for people: {have} of {need} approvals. Not executed. Check words: {words}. \
                 No answer cancels it."
            );
        }
        CallState::Allowed => {
            "ALLOWED by policy; nobody was asked. Redeem the grant to run it once."
        }
        CallState::Approved => "APPROVED. Redeem the grant to run it once.",
        CallState::DeniedByPolicy => {
            "NOT EXECUTED (denied by policy). The policy refuses this call; nobody was asked."
        }
        CallState::Frozen => "NOT EXECUTED (frozen). A freeze stands over this; nobody was asked.",
        CallState::PreviouslyDenied => {
            "NOT EXECUTED (denied). A person refused this action before. The refusal is final for \
             this action; nobody was asked again."
        }
        CallState::Denied => {
            "NOT EXECUTED (denied). A person refused this call. The refusal is final for this \
             action; asking again will be refused automatically."
        }
        CallState::Expired => "NOT EXECUTED (expired). Nobody answered in time; silence is cancel.",
        CallState::Withdrawn => "NOT EXECUTED (withdrawn).",
        CallState::Superseded => {
            "NOT EXECUTED (superseded). The policy became stricter; ask again."
        }
        CallState::Revoked => "NOT EXECUTED (revoked). The approval was taken back.",
        CallState::Lapsed => "NOT EXECUTED (lapsed). Nobody ran it in time.",
        CallState::Redeemed => "CLAIMED by its executor; the outcome is not reported yet.",
        CallState::Succeeded => "EXECUTED (succeeded).",
        CallState::Failed => "EXECUTED (failed).",
        CallState::OutcomeUnknown => {
            "OUTCOME UNKNOWN. It was claimed and may have run; do not run it again."
        }
        CallState::NotExecuted => "NOT EXECUTED, as found out afterwards.",
    };
    text.into()
}
