//! A submission, from the entries that answered it.

use countersign_flow::{CallDocument, Claimed, DocumentError, State, Submit};
use countersign_record::digest::FingerprintDigest;
use countersign_record::entry::{
    CallAttached, CallEvaluated, ConfirmationOpened, Fact, Fingerprint, Party, UnixMillis, Verdict,
};
use countersign_record::id::{CallId, ConfirmationId, GrantId};
use countersign_record::json::Value;

use super::{NoCommand, Rebuilt, call};
use crate::read::Read;

/// A party's fingerprint epoch takes new calls this long (docs/spec/flow.md).
const EPOCH_MS: u64 = 30 * 24 * 60 * 60 * 1000;

pub(super) fn submit(state: &State, group: &[Read]) -> Rebuilt<Submit> {
    let (new_session, rest) = match group {
        [first, rest @ ..] if matches!(first.fact(), Fact::SessionRegistered(_)) => {
            (Some(session_name(first)), rest)
        }
        _ => (None, group),
    };
    let submit = match rest {
        [answer] => answered(state, answer, None)?,
        [answer, question] => match question.fact() {
            Fact::ConfirmationOpened(opened) => answered(state, answer, Some((question, opened)))?,
            other => return Err(NoCommand::alone(other.kind())),
        },
        [_, _, extra, ..] => return Err(NoCommand::alone(extra.entry.kind())),
        [] => return Err(NoCommand::alone("session.registered")),
    };
    Ok(Submit {
        new_session,
        ..submit
    })
}

fn session_name(read: &Read) -> Option<alloc::string::String> {
    read.whole("session")?
        .member("name")
        .and_then(Value::as_str)
        .map(Into::into)
}

fn answered(
    state: &State,
    answer: &Read,
    question: Option<(&Read, &ConfirmationOpened)>,
) -> Rebuilt<Submit> {
    match answer.fact() {
        Fact::CallEvaluated(evaluated) => judged(answer, evaluated, question),
        Fact::CallAttached(CallAttached { left: false }) if question.is_none() => {
            attached(state, answer)
        }
        other => Err(NoCommand::alone(other.kind())),
    }
}

fn judged(
    answer: &Read,
    evaluated: &CallEvaluated,
    question: Option<(&Read, &ConfirmationOpened)>,
) -> Rebuilt<Submit> {
    let refs = &answer.entry.draft.refs;
    let document = answer.document.as_ref().map(Result::as_ref);
    let document = document.transpose().map_err(malformed)?;
    let claimed = Claimed {
        tool: evaluated.tool.clone(),
        verdict: evaluated.verdict,
        rules: evaluated.rules.clone(),
        demand: question.map(|(_, opened)| opened.demand.clone()),
    };
    let confirmation = question.and_then(|(read, _)| read.entry.draft.refs.confirmation);
    Ok(Submit {
        by: answer.entry.draft.by,
        session: refs.session,
        new_session: None,
        call: call(refs)?,
        replaces: refs.replaces,
        executor: refs.executor.ok_or_else(|| NoCommand::lacks("executor"))?,
        action: evaluated.action,
        fp: evaluated.fp.clone(),
        older: evaluated.same_as.iter().cloned().collect(),
        document: document.map(|document| CallDocument::clone(document)),
        claimed: Some(claimed),
        grant: refs.grant.unwrap_or(GrantId::new([0; 16])),
        confirmation: confirmation.unwrap_or(ConfirmationId::new([0; 16])),
        instance: question.map_or([0; 16], |(_, opened)| opened.instance),
    })
}

fn malformed(error: &DocumentError) -> NoCommand {
    NoCommand {
        id: "call",
        why: alloc::format!("the body call is {error}"),
    }
}

/// A caller who joined a call. The entry holds what is the caller's own; the rest is the call's.
fn attached(state: &State, answer: &Read) -> Rebuilt<Submit> {
    let refs = &answer.entry.draft.refs;
    let joined = call(refs)?;
    let twin = state.calls.get(&joined);
    let unknown = || NoCommand {
        id: "not-found",
        why: "the call that was joined is not open".into(),
    };
    let twin = twin.ok_or_else(unknown)?;
    let document = match (&twin.document, answer.whole("call")) {
        (Some(document), Some(body)) => {
            Some(document.joined(body).map_err(|error| malformed(&error))?)
        }
        _ => None,
    };
    let claimed = Claimed {
        tool: twin.tool.clone(),
        verdict: Verdict::Confirm,
        rules: twin.rules.clone(),
        demand: None,
    };
    let (fp, older) = likeness(state, answer.entry.draft.by, &twin.fp, answer.entry.at);
    Ok(Submit {
        by: answer.entry.draft.by,
        session: refs.session,
        new_session: None,
        call: CallId::new([0; 16]),
        replaces: None,
        executor: twin.executor,
        action: twin.action,
        fp,
        older,
        document,
        claimed: Some(claimed),
        grant: GrantId::new([0; 16]),
        confirmation: ConfirmationId::new([0; 16]),
        instance: [0; 16],
    })
}

/// The likeness under which the joined call was found: that of the party's epoch at that time, or an
/// older one.
fn likeness(
    state: &State,
    by: Party,
    joined: &Fingerprint,
    at: UnixMillis,
) -> (Fingerprint, alloc::vec::Vec<Fingerprint>) {
    let epoch = state
        .epochs
        .iter()
        .find(|(requester, _)| requester.asker == by);
    let number = epoch.map_or(0, |(_, epoch)| {
        let is_over = at >= epoch.first_at.saturating_add(EPOCH_MS);
        epoch.number.saturating_add(u64::from(is_over))
    });
    if number == joined.epoch {
        return (joined.clone(), [].into());
    }
    let unseen = Fingerprint {
        epoch: number,
        digest: FingerprintDigest([0; 32]),
    };
    (unseen, [joined.clone()].into())
}
