//! Why something is an illegal transition, in words: which guard, and what of it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_flow::{Command, Decide, Refusal, Stage, State, escape};
use countersign_record::entry::{CallEvaluated, Draft, Entry, Fact};
use countersign_record::name::RuleName;

type Why = (&'static str, String);

/// The command is refused in this state.
pub(crate) fn refused(state: &State, entry: &Entry, command: &Command, refusal: Refusal) -> Why {
    let plain = (refusal.code(), refusal.to_string());
    match command {
        Command::Decide(decide) => decided(state, decide, refusal).unwrap_or(plain),
        Command::Redeem(_) => redeemed(state, entry, refusal).unwrap_or(plain),
        Command::Bootstrap(_) if refusal == Refusal::Armed => {
            let why = format!(
                "{}: after arming this change needs an approved control call",
                entry.kind()
            );
            ("control-unapproved", why)
        }
        _ => plain,
    }
}

fn decided(state: &State, decide: &Decide, refusal: Refusal) -> Option<Why> {
    let pending = state
        .calls
        .get(&decide.call)
        .and_then(countersign_flow::Call::question);
    match refusal {
        Refusal::KeyNotActive => {
            let id = decide.key;
            let Some(key) = state.roster.keys.get(&id) else {
                return Some(("key-unknown", format!("{id} was never enrolled")));
            };
            if let Some(seq) = key.revoked {
                return Some(("key-revoked", format!("{id} was revoked at entry {seq}")));
            }
            if key.person != decide.person {
                return Some((
                    "key-of-another",
                    format!("{id} is not a key of {}", decide.person),
                ));
            }
            let demand = &pending?.demand;
            let class = key.enrolled.class;
            if class < demand.class {
                let why = format!(
                    "{id} is of class {class}; the policy demands {}",
                    demand.class
                );
                return Some(("key-class", why));
            }
            Some((
                "key-client",
                format!("{id} does not sign through this kind of client"),
            ))
        }
        Refusal::Expired => {
            let why = format!("{refusal} (at {})", pending?.decide_before);
            Some((refusal.code(), why))
        }
        Refusal::RequesterCannotApprove => Some((
            refusal.code(),
            format!("{refusal}: {} is one of the requesters", decide.person),
        )),
        _ => None,
    }
}

fn redeemed(state: &State, entry: &Entry, refusal: Refusal) -> Option<Why> {
    let call = entry.draft.refs.call.and_then(|id| state.calls.get(&id));
    match (refusal, call.map(|call| &call.stage)) {
        (Refusal::AlreadyRedeemed, _) | (Refusal::NotFound, Some(Stage::Redeemed(_))) => {
            Some(("redeemed-twice", "the grant was redeemed before".into()))
        }
        (Refusal::NotFound | Refusal::NotApproved, Some(Stage::Pending(_) | Stage::Judged)) => {
            let why = "the call was redeemed while nobody had approved it";
            Some(("redeemed-unapproved", why.into()))
        }
        (Refusal::NotFound, _) => {
            let why = "no grant of that id can be redeemed: none was given, or it was used or ended before";
            Some(("redeemed-unapproved", why.into()))
        }
        (Refusal::DigestMismatch, _) => {
            let why = "what was redeemed is not the action that was approved or allowed";
            Some(("redeemed-other-action", why.into()))
        }
        _ => None,
    }
}

/// An entry that the command does not append.
pub(crate) fn surplus(entry: &Entry) -> Why {
    match &entry.draft.fact {
        Fact::ConfirmationApproved(_) => (
            "quorum-not-met",
            "the votes that count do not meet the quorum".into(),
        ),
        Fact::ConfirmationOpened(_) => (
            "policy-verdict",
            "the policy does not ask people about this call".into(),
        ),
        other => (
            "entry-surplus",
            format!("the command does not append {}", other.kind()),
        ),
    }
}

/// An entry that the command appends otherwise.
pub(crate) fn differs(entry: &Entry, made: &Draft) -> Why {
    match (&entry.draft.fact, &made.fact) {
        (Fact::CallEvaluated(found), Fact::CallEvaluated(made)) => evaluated(found, made),
        (Fact::ConfirmationOpened(found), Fact::ConfirmationOpened(expected))
            if found == expected && entry.draft.bodies != made.bodies =>
        {
            let why = "what was shown is not the presentation of this call under this policy";
            ("presentation", why.into())
        }
        (Fact::ConfirmationOpened(_), Fact::ConfirmationOpened(_)) => (
            "policy-demand",
            "the policy demands of this call something else than was asked".into(),
        ),
        (Fact::ConfirmationApproved(found), Fact::ConfirmationApproved(made)) if found != made => (
            "quorum-filled",
            "those named as approvers are not those whose votes count".into(),
        ),
        (found, made) if found.kind() == made.kind() => (
            "entry-differs",
            format!("the command appends another {}", found.kind()),
        ),
        (Fact::ConfirmationApproved(_), _) => surplus(entry),
        (found, made) => {
            let why = format!(
                "the command appends {} here, not {}",
                made.kind(),
                found.kind()
            );
            ("entry-differs", why)
        }
    }
}

fn evaluated(found: &CallEvaluated, made: &CallEvaluated) -> Why {
    if found.verdict != made.verdict {
        let why = format!(
            "the policy says {} ({}), the entry says {}",
            made.verdict,
            rules(&made.rules),
            found.verdict
        );
        return ("policy-verdict", why);
    }
    if found.rules != made.rules {
        let why = format!(
            "the policy applies {}, the entry says {}",
            rules(&made.rules),
            rules(&found.rules)
        );
        return ("policy-rules", why);
    }
    if found.tool != made.tool {
        return (
            "policy-tool",
            format!(
                "the tool is {}, the entry says {}",
                escape(&made.tool),
                escape(&found.tool)
            ),
        );
    }
    if found.policy != made.policy {
        return (
            "policy-digest",
            "the policy named is not the one in force".into(),
        );
    }
    (
        "entry-differs",
        "the command appends another call.evaluated".into(),
    )
}

fn rules(rules: &[RuleName]) -> String {
    let names: Vec<&str> = rules.iter().map(RuleName::as_str).collect();
    if names.is_empty() {
        "no rule".into()
    } else {
        format!("rule {}", names.join(", "))
    }
}
