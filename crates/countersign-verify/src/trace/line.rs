//! One entry in one line, and on whose word it stands.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_flow::{CallDocument, State, Unchecked, escape};
use countersign_policy::sentence;
use countersign_record::entry::{Demand, Fact, OutcomeCause, Party, Refs, Slot, UnixMillis};
use countersign_record::id::{KeyId, PersonId};
use countersign_record::json::Value;
use countersign_record::name::{GroupName, RuleName};

use crate::read::Read;
use crate::replay::Judged;

/// One line of a timeline.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The entry.
    pub seq: u64,
    /// Server time, in ms since 1970.
    pub at: UnixMillis,
    /// One word: asked, opened, served, approve, deny, approved, redeemed, outcome, …
    pub what: &'static str,
    /// What happened, escaped.
    pub text: String,
    /// On whose word.
    pub word: Word,
}

/// On whose word a line stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Word {
    /// The replay of signatures, policy and flow found it so.
    Checked,
    /// The server says so.
    Server,
    /// The executor says so.
    Executor,
    /// It needs a body that is withheld, or an incomplete command.
    NotChecked,
    /// The replay found that it should not stand there.
    Illegal,
}

impl Word {
    /// As it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Server => "asserted by the server",
            Self::Executor => "asserted by the executor",
            Self::NotChecked => "not checked",
            Self::Illegal => "ILLEGAL",
        }
    }
}

/// `place` is that of the entry in its group.
pub(super) fn line(state: &State, read: &Read, place: usize, judged: Option<&Judged>) -> Line {
    let entry = &read.entry;
    let text = text(state, read);
    let word = word(read, place, judged);
    let fault = judged.and_then(|judged| judged.fault.as_ref());
    let text = match (word, fault) {
        (Word::Illegal, Some(fault)) => format!("{text}: illegal transition: {}", fault.why),
        _ => text,
    };
    Line {
        seq: entry.seq,
        at: entry.at,
        what: what(read.fact()),
        text,
        word,
    }
}

fn word(read: &Read, place: usize, judged: Option<&Judged>) -> Word {
    let Some(judged) = judged else {
        return Word::NotChecked;
    };
    if judged
        .fault
        .as_ref()
        .is_some_and(|fault| fault.seq <= read.place)
    {
        return Word::Illegal;
    }
    match read.fact() {
        Fact::CallEvaluated(_) if judged.unchecked.contains(&Unchecked::Policy) => Word::NotChecked,
        Fact::ConfirmationOpened(_)
            if judged.unchecked.contains(&Unchecked::Presentation)
                || judged.not_compared.contains(&(place, "shown")) =>
        {
            Word::NotChecked
        }
        Fact::OutcomeRecorded(outcome) if outcome.cause != OutcomeCause::Deadline => Word::Executor,
        Fact::OutcomeDisputed(_) => Word::Executor,
        Fact::PresentationServed(_)
        | Fact::CallAttached(_)
        | Fact::RefusalRecorded(_)
        | Fact::GrantReplayed(_)
        | Fact::ConfirmationWithdrawn(_)
        | Fact::GrantWithdrawn(_)
        | Fact::SessionRegistered(_) => Word::Server,
        _ => Word::Checked,
    }
}

const fn what(fact: &Fact) -> &'static str {
    match fact {
        Fact::CallEvaluated(_) | Fact::CallAttached(_) => "asked",
        Fact::ConfirmationOpened(_) => "opened",
        Fact::PresentationServed(_) => "served",
        Fact::VoteApprove(_) => "approve",
        Fact::VoteDeny(_) => "deny",
        Fact::ConfirmationApproved(_) => "approved",
        Fact::ConfirmationDenied(_) => "denied",
        Fact::ConfirmationExpired(_) => "expired",
        Fact::ConfirmationRevoked(_) | Fact::GrantRevoked(_) | Fact::KeyRevoked(_) => "revoked",
        Fact::GrantRedeemed(_) => "redeemed",
        Fact::GrantReplayed(_) => "replayed",
        Fact::OutcomeRecorded(_) | Fact::OutcomeDisputed(_) => "outcome",
        Fact::RefusalRecorded(_) => "refused",
        Fact::KeyEnrolled(_) => "enrolled",
        _ => "noted",
    }
}

fn text(state: &State, read: &Read) -> String {
    let refs = &read.entry.draft.refs;
    let by = party(state, read.entry.draft.by);
    let person = person(state, refs.person);
    match read.fact() {
        Fact::CallEvaluated(it) => {
            let asked = asked(state, read).unwrap_or_else(|| escape(&it.tool));
            let rules = rules(&it.rules);
            format!(
                "{by} asks: {asked}; the policy says {} ({rules})",
                it.verdict
            )
        }
        Fact::CallAttached(it) if it.left => format!("{by} no longer asks"),
        Fact::CallAttached(_) => format!("{by} asks for the same"),
        Fact::ConfirmationOpened(it) => format!("{} asked", whom(&it.demand)),
        Fact::PresentationServed(it) => format!("shown to {person} through {}", it.client),
        Fact::VoteApprove(_) => signer(state, refs) + &comment(read),
        Fact::VoteDeny(it) => {
            format!(
                "{}, cause {}{}",
                signer(state, refs),
                it.cause,
                comment(read)
            )
        }
        Fact::ConfirmationApproved(_) => "the quorum is met".into(),
        Fact::ConfirmationDenied(it) => format!("cause {}", it.cause),
        Fact::ConfirmationExpired(it) => {
            format!("nobody decided in time; opened {} times", it.served.len())
        }
        Fact::ConfirmationRevoked(it) => format!("cause {}", it.cause),
        Fact::GrantRevoked(it) => format!("cause {}", it.cause),
        Fact::GrantRedeemed(_) => format!("by {by}"),
        Fact::OutcomeRecorded(it) => format!("{} ({})", it.status, it.cause),
        Fact::OutcomeDisputed(it) => format!("disputed: {}", it.status),
        Fact::RefusalRecorded(it) => format!("{by}, {} ×, {}", it.count, escape(&it.code)),
        Fact::GrantReplayed(it) => format!("{by}, {} ×", it.count),
        Fact::KeyEnrolled(it) => format!("{}, {} of {person}", key(refs.key), it.class),
        Fact::KeyRevoked(it) => format!("{}, cause {}", key(refs.key), it.cause),
        other => format!("{} by {by}", other.kind()),
    }
}

/// The call as the policy's sentence says it, where both are disclosed.
fn asked(state: &State, read: &Read) -> Option<String> {
    let document = CallDocument::read(read.whole("call")?).ok()?;
    let policy = state.document()?;
    let sentence = sentence(policy, &document.tool, &document.arguments);
    Some(escape(sentence.trim_end_matches('.')))
}

fn comment(read: &Read) -> String {
    let text = read
        .whole("comment")
        .and_then(|body| body.member("text"))
        .and_then(Value::as_str);
    text.map(|text| format!(": \"{}\"", escape(text)))
        .unwrap_or_default()
}

/// A person with key and class: `Alice Martin (key_…, software)`.
pub(super) fn signer(state: &State, refs: &Refs) -> String {
    let class = refs
        .key
        .and_then(|id| state.roster.keys.get(&id))
        .map(|it| it.enrolled.class);
    let class = class.map_or("never enrolled", countersign_record::term::KeyClass::as_str);
    format!(
        "{} ({}, {class})",
        person(state, refs.person),
        key(refs.key)
    )
}

fn key(id: Option<KeyId>) -> String {
    id.map_or_else(|| "no key".into(), |id| id.to_string())
}

fn person(state: &State, id: Option<PersonId>) -> String {
    let Some(id) = id else { return "nobody".into() };
    let name = state
        .roster
        .people
        .get(&id)
        .and_then(|person| person.name.as_deref());
    name.map_or_else(|| id.to_string(), escape)
}

fn party(state: &State, party: Party) -> String {
    let name = match party {
        Party::Agent(id) => state
            .roster
            .agents
            .get(&id)
            .and_then(|agent| agent.name.clone()),
        Party::Executor(id) => state
            .roster
            .executors
            .get(&id)
            .map(|it| it.name.to_string()),
        Party::Credential(id) => state
            .roster
            .credentials
            .get(&id)
            .and_then(|it| it.name.clone()),
        Party::Person(id) => state.roster.people.get(&id).and_then(|it| it.name.clone()),
    };
    let id = party.to_string();
    name.map_or(id.clone(), |name| format!("{} ({id})", escape(&name)))
}

/// Whom a demand needs: `2 of finance (money-large)`.
pub(super) fn whom(demand: &Demand) -> String {
    let slot = |slot: &Slot| {
        let groups: Vec<&str> = slot.groups.iter().map(GroupName::as_str).collect();
        format!(
            "{} of {} (rule {})",
            slot.need,
            groups.join(" or "),
            slot.rule
        )
    };
    let slots: Vec<String> = demand.slots.iter().map(slot).collect();
    slots.join(" and ")
}

/// `rule a, b`, or that there is none.
pub(super) fn rules(rules: &[RuleName]) -> String {
    let names: Vec<&str> = rules.iter().map(RuleName::as_str).collect();
    if names.is_empty() {
        "its default".into()
    } else {
        format!("rule {}", names.join(", "))
    }
}
