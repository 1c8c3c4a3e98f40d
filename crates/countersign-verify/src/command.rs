//! Which command made these entries: each group of entries is turned back into the one command that
//! could have appended it (docs/spec/verify.md, part 3).

mod submit;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use countersign_flow::{
    Bootstrap, Command, Decide, Freezing, Open, Outcome, Record, Redeem, Revocation, RevokeKey,
    State,
};
use countersign_record::entry::{DenyCause, Entry, Fact, OutcomeCause, OutcomeStatus, Party, Refs};
use countersign_record::id::{
    AgentId, CallId, CredentialId, ExecutorId, GrantId, KeyId, PersonId, PolicyId,
};
use countersign_record::json::Value;
use countersign_record::term::Decision;

use crate::known::Known;
use crate::prepare::Content;
use crate::read::Read;

/// Entries that no command makes.
#[derive(Debug)]
pub(crate) struct NoCommand {
    /// The finding's id.
    pub(crate) id: &'static str,
    /// What is wrong, to follow "illegal transition: ".
    pub(crate) why: String,
}

impl NoCommand {
    fn alone(kind: &str) -> Self {
        let why = alloc::format!("no command appends {kind} in this place");
        Self {
            id: "no-command",
            why,
        }
    }

    fn lacks(member: &str) -> Self {
        Self {
            id: "no-command",
            why: alloc::format!("the entry names no {member}"),
        }
    }
}

type Rebuilt<T> = Result<T, NoCommand>;

/// The command that could have made this group in this state.
pub(crate) fn rebuild(state: &State, group: &[Read], known: &Known) -> Rebuilt<Command> {
    let Some((first, rest)) = group.split_first() else {
        return Err(NoCommand::alone("nothing"));
    };
    let command = match first.fact() {
        Fact::SessionRegistered(_) | Fact::CallEvaluated(_) => {
            return submit::submit(state, group).map(|submit| Command::Submit(Box::new(submit)));
        }
        Fact::CallAttached(attached) if !attached.left => {
            return submit::submit(state, group).map(|submit| Command::Submit(Box::new(submit)));
        }
        Fact::VoteApprove(_) | Fact::VoteDeny(_) => return decide(first, rest),
        Fact::FreezeSet(_) => return freeze(first, rest),
        _ => single(first, known)?,
    };
    match rest.first() {
        None => Ok(command),
        Some(extra) => Err(NoCommand::alone(extra.entry.kind())),
    }
}

/// Commands that append one entry.
fn single(read: &Read, known: &Known) -> Rebuilt<Command> {
    let entry = &read.entry;
    let refs = &entry.draft.refs;
    let by = entry.draft.by;
    Ok(match read.fact() {
        Fact::LedgerCreated(_)
        | Fact::PolicyAdopted(_)
        | Fact::PersonEnrolled(_)
        | Fact::PersonLeft(_)
        | Fact::GroupChanged(_)
        | Fact::KeyEnrolled(_)
        | Fact::AgentEnrolled(_)
        | Fact::ExecutorEnrolled(_)
        | Fact::CredentialEnrolled(_)
        | Fact::DenialLifted(_)
        | Fact::FreezeLifted(_) => Command::Bootstrap(change(read)?),
        Fact::ServiceArmed(_) => Command::Arm,
        Fact::PresentationServed(served) => Command::Open(Open {
            call: call(refs)?,
            person: person(refs)?,
            nonce: served.nonce,
            client: served.client,
            independence: served.independence.clone(),
            head: served.head.clone(),
        }),
        Fact::CallAttached(_) | Fact::ConfirmationWithdrawn(_) | Fact::GrantWithdrawn(_) => {
            Command::Withdraw {
                by,
                call: call(refs)?,
            }
        }
        Fact::ConfirmationExpired(_) | Fact::GrantLapsed(_) => Command::Tick { call: call(refs)? },
        Fact::ConfirmationSuperseded(_) | Fact::GrantSuperseded(_) => {
            Command::Supersede { call: call(refs)? }
        }
        Fact::GrantRedeemed(redeemed) => Command::Redeem(Redeem {
            grant: refs.grant.ok_or_else(|| NoCommand::lacks("grant"))?,
            executor: refs.executor.ok_or_else(|| NoCommand::lacks("executor"))?,
            nonce: redeemed.nonce,
            action: redeemed.action,
        }),
        Fact::OutcomeRecorded(recorded) if recorded.cause == OutcomeCause::Deadline => {
            Command::Tick { call: call(refs)? }
        }
        Fact::OutcomeRecorded(recorded) if recorded.cause != OutcomeCause::Control => {
            outcome(read, known, recorded.status, recorded.cause)?
        }
        Fact::OutcomeDisputed(disputed) => {
            outcome(read, known, disputed.status, OutcomeCause::Reported)?
        }
        Fact::ConfirmationRevoked(revoked) => Command::Revoke(Revocation {
            call: call(refs)?,
            person: person(refs)?,
            key: refs.key.ok_or_else(|| NoCommand::lacks("key"))?,
            statement: revoked.statement.clone().unwrap_or_default(),
            signature: revoked.signature.clone().unwrap_or_default(),
        }),
        Fact::KeyRevoked(revoked) => Command::RevokeKey(RevokeKey {
            by,
            key: refs.key.ok_or_else(|| NoCommand::lacks("key"))?,
            cause: revoked.cause,
        }),
        Fact::CredentialRevoked(revoked) => Command::RevokeCredential {
            by,
            of: credential(refs)?,
            cause: revoked.cause,
        },
        _ => Command::Record(record(entry, known)?),
    })
}

fn record(entry: &Entry, known: &Known) -> Rebuilt<Record> {
    let refs = &entry.draft.refs;
    let by = entry.draft.by;
    Ok(match &entry.draft.fact {
        Fact::ServiceStarted(started) => Record::Started {
            software: started.software.clone(),
        },
        Fact::ServiceStopped(_) => Record::Stopped,
        Fact::RefusalRecorded(refused) => Record::Refused {
            by,
            code: refused.code.clone(),
            call: refs.call,
            count: refused.count,
        },
        Fact::GrantReplayed(replayed) => {
            let executor = refs.executor.ok_or_else(|| NoCommand::lacks("executor"))?;
            Record::Replayed {
                by: executor,
                grant: refs.grant.ok_or_else(|| NoCommand::lacks("grant"))?,
                call: call(refs)?,
                past: known.past(entry)?,
                count: replayed.count,
            }
        }
        Fact::AccessRecorded(accessed) => match by {
            Party::Credential(by) => Record::Accessed {
                by,
                what: accessed.what,
                count: accessed.count,
            },
            _ => return Err(NoCommand::lacks("credential that read")),
        },
        Fact::ClockAccepted(accepted) => Record::ClockAccepted {
            by,
            old: accepted.old,
            new: accepted.new,
        },
        Fact::LogRecovered(recovered) => Record::Recovered {
            cut_bytes: recovered.cut_bytes,
            digest: recovered.digest,
        },
        Fact::RepairRecorded(repaired) => Record::Repaired {
            what: repaired.what.clone(),
        },
        other => return Err(NoCommand::alone(other.kind())),
    })
}

/// A vote, with what it brought about: the grant, and the change of a control call.
fn decide(vote: &Read, rest: &[Read]) -> Rebuilt<Command> {
    let refs = &vote.entry.draft.refs;
    let (decision, statement, signature, raw, cause) = match vote.fact() {
        Fact::VoteDeny(it) => (
            Decision::Deny,
            &it.statement,
            &it.signature,
            &it.raw,
            it.cause,
        ),
        Fact::VoteApprove(it) => (
            Decision::Approve,
            &it.statement,
            &it.signature,
            &it.raw,
            DenyCause::Other,
        ),
        other => return Err(NoCommand::alone(other.kind())),
    };
    let comment = vote.body("comment").map(|_| vote.whole("comment").cloned());
    let grant = rest.iter().find_map(|read| read.entry.draft.refs.grant);
    let is_change = |read: &&Read| {
        !matches!(
            read.fact(),
            Fact::ConfirmationApproved(_)
                | Fact::ConfirmationDenied(_)
                | Fact::ConfirmationRevoked(_)
                | Fact::GrantRedeemed(_)
                | Fact::OutcomeRecorded(_)
        )
    };
    let changes: Vec<&Read> = rest.iter().filter(is_change).collect();
    let enacted = changes
        .first()
        .map_or_else(unused_ids, |read| read.entry.draft.refs.clone());
    let claimed: Vec<_> = changes.into_iter().map(change).collect::<Rebuilt<_>>()?;
    let failed = |read: &Read| matches!(read.fact(), Fact::OutcomeRecorded(it) if it.status != OutcomeStatus::Succeeded);
    Ok(Command::Decide(Box::new(Decide {
        call: call(refs)?,
        person: person(refs)?,
        key: refs.key.ok_or_else(|| NoCommand::lacks("key"))?,
        served: refs.served.ok_or_else(|| NoCommand::lacks("opening"))?,
        decision,
        statement: statement.clone(),
        signature: signature.clone(),
        raw: raw.clone(),
        cause,
        comment,
        grant: grant.unwrap_or(GrantId::new([0; 16])),
        enacted: Some(enacted),
        claimed: (!rest.iter().any(failed)).then_some(claimed),
    })))
}

/// Ids that no entry has: with them a change that would have been possible is found, also where the
/// log says that it failed.
fn unused_ids() -> Refs {
    const BITS: [u8; 16] = [0; 16];
    Refs {
        agent: Some(AgentId::new(BITS)),
        executor: Some(ExecutorId::new(BITS)),
        person: Some(PersonId::new(BITS)),
        key: Some(KeyId::new(BITS)),
        credential: Some(CredentialId::new(BITS)),
        policy: Some(PolicyId::new(BITS)),
        ..Refs::default()
    }
}

fn freeze(set: &Read, rest: &[Read]) -> Rebuilt<Command> {
    let refs = &set.entry.draft.refs;
    let Fact::FreezeSet(fact) = set.fact() else {
        return Err(NoCommand::alone(set.entry.kind()));
    };
    let Party::Credential(by) = set.entry.draft.by else {
        return Err(NoCommand::lacks("responder"));
    };
    Ok(Command::Freeze(Freezing {
        freeze: refs.freeze.ok_or_else(|| NoCommand::lacks("freeze"))?,
        by,
        agent: refs.agent,
        key: refs.key,
        person: refs.person,
        tool: fact.tool.clone(),
        rule: fact.rule.clone(),
        by_target: fact.target,
        all: fact.all,
        detail: set.whole("freeze").cloned(),
        claimed: rest
            .iter()
            .filter_map(|read| read.entry.draft.refs.call)
            .collect(),
    }))
}

fn outcome(
    read: &Read,
    known: &Known,
    status: OutcomeStatus,
    cause: OutcomeCause,
) -> Rebuilt<Command> {
    let refs = &read.entry.draft.refs;
    Ok(Command::Outcome(Outcome {
        call: call(refs)?,
        by: read.entry.draft.by,
        status,
        cause,
        detail: read.body("outcome").map(|_| read.whole("outcome").cloned()),
        past: known.past(&read.entry)?,
    }))
}

/// One change of the setup, with those of its bodies that are disclosed.
fn change(read: &Read) -> Rebuilt<Bootstrap> {
    let named = |(name, content): &(String, Content)| {
        let name = ["policy", "person", "agent", "credential"]
            .into_iter()
            .find(|it| it == name)?;
        let value = match content {
            Content::Whole(value) => Some(value.clone()),
            Content::Part(_) | Content::Absent | Content::Unopened => None,
        };
        Some((name, value))
    };
    let bodies: Option<Vec<(&'static str, Option<Value>)>> =
        read.bodies.iter().map(named).collect();
    Ok(Bootstrap {
        refs: read.entry.draft.refs.clone(),
        fact: read.fact().clone(),
        bodies: bodies.ok_or_else(|| NoCommand::alone("a body of that name"))?,
    })
}

fn credential(refs: &Refs) -> Rebuilt<Party> {
    let parties = vec![
        refs.agent.map(Party::Agent),
        refs.executor.map(Party::Executor),
        refs.credential.map(Party::Credential),
    ];
    parties
        .into_iter()
        .flatten()
        .next()
        .ok_or_else(|| NoCommand::lacks("credential"))
}

fn call(refs: &Refs) -> Rebuilt<CallId> {
    refs.call.ok_or_else(|| NoCommand::lacks("call"))
}

fn person(refs: &Refs) -> Rebuilt<PersonId> {
    refs.person.ok_or_else(|| NoCommand::lacks("person"))
}
