//! The rules that no history may break, read from the entries alone: who voted, what was let run,
//! how often. Written apart from the flow, which it judges.

use std::collections::{BTreeMap, BTreeSet};

use countersign_attest::{Context, PublicKey, Statement, verify};
use countersign_ledger::chain::link;
use countersign_record::digest::{ActionDigest, EntryHash};
use countersign_record::entry::{ConfirmationOpened, Entry, Fact, Verdict};
use countersign_record::id::{CallId, KeyId, PersonId};
use countersign_record::term::Decision;

/// A broken rule, as a sentence.
pub(crate) type Broken = String;

/// Where a call stands by its entries.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Judged,
    Allowed { until: u64 },
    Pending(Box<Question>),
    Approved { until: u64 },
    Redeemed,
    Ended(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Question {
    opened: ConfirmationOpened,
    approved: BTreeSet<PersonId>,
    denied: BTreeSet<PersonId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) stage: Stage,
    pub(crate) asked_at: u64,
    action: ActionDigest,
    tool: String,
    nonces: BTreeMap<[u8; 32], PersonId>,
    redeemed: u32,
}

#[derive(Clone, Debug)]
struct Key {
    person: PersonId,
    public: PublicKey,
    revoked: bool,
}

/// Everything that follows from a log's entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judge {
    pub(crate) size: u64,
    prev: Option<EntryHash>,
    pub(crate) at: u64,
    origin: String,
    pub(crate) calls: BTreeMap<CallId, Case>,
    keys: BTreeMap<KeyId, Key>,
    groups: BTreeMap<PersonId, BTreeSet<String>>,
    frozen_tools: BTreeSet<String>,
    all_frozen: bool,
}

impl Case {
    pub(crate) const fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Ended(_))
    }
}

impl Judge {
    /// Whether everything is frozen.
    pub(crate) const fn is_frozen(&self) -> bool {
        self.all_frozen
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let seq = self.size;
        let broken = |what: String| format!("entry {seq}: {what}");
        let entry = Entry::decode(bytes).map_err(|error| broken(format!("unreadable: {error}")))?;
        if entry.seq != seq {
            return Err(broken(format!("it says that it is entry {}", entry.seq)));
        }
        if self.prev.is_some_and(|prev| prev != entry.prev) {
            return Err(broken("it does not follow the entry before it".into()));
        }
        if entry.at < self.at {
            return Err(broken(format!(
                "time goes back from {} to {}: what had expired could live again",
                self.at, entry.at
            )));
        }
        self.size += 1;
        self.at = entry.at;
        self.prev = Some(link(bytes));
        self.fact(&entry).map_err(broken)
    }

    fn fact(&mut self, entry: &Entry) -> Result<(), Broken> {
        let refs = &entry.draft.refs;
        match &entry.draft.fact {
            Fact::LedgerCreated(it) => self.origin.clone_from(&it.origin),
            Fact::GroupChanged(it) => {
                if let Some(person) = refs.person {
                    let groups = self.groups.entry(person).or_default();
                    groups.insert(it.group.to_string());
                }
            }
            Fact::KeyEnrolled(it) => {
                let public = PublicKey::from_ssh_wire(&it.public_key.0)
                    .map_err(|_| "a key that is none was enrolled".to_owned())?;
                if let (Some(id), Some(person)) = (refs.key, refs.person) {
                    let revoked = false;
                    self.keys.insert(
                        id,
                        Key {
                            person,
                            public,
                            revoked,
                        },
                    );
                }
            }
            Fact::KeyRevoked(_) => {
                if let Some(key) = refs.key.and_then(|id| self.keys.get_mut(&id)) {
                    key.revoked = true;
                }
            }
            Fact::FreezeSet(it) => {
                self.all_frozen |= it.all;
                self.frozen_tools.extend(it.tool.clone());
            }
            _ => {}
        }
        match refs.call {
            Some(call) => self.of_call(call, entry),
            None => Ok(()),
        }
    }

    fn of_call(&mut self, id: CallId, entry: &Entry) -> Result<(), Broken> {
        if let Fact::CallEvaluated(it) = &entry.draft.fact {
            let stage = match (it.verdict, it.execute_before) {
                (Verdict::Allow, Some(until)) => Stage::Allowed { until },
                (Verdict::Confirm, _) => Stage::Judged,
                _ => Stage::Ended("refused at once"),
            };
            let case = Case {
                stage,
                asked_at: entry.at,
                action: it.action,
                tool: it.tool.clone(),
                nonces: BTreeMap::new(),
                redeemed: 0,
            };
            if self.calls.insert(id, case).is_some() {
                return Err(format!("{id} is judged twice"));
            }
            return Ok(());
        }
        let Some(mut case) = self.calls.remove(&id) else {
            return Ok(()); // refusals may name calls that never were
        };
        let done = self.advance(&mut case, entry);
        self.calls.insert(id, case);
        done.map_err(|what| format!("{id}: {what}"))
    }

    fn advance(&self, case: &mut Case, entry: &Entry) -> Result<(), Broken> {
        let (at, kind) = (entry.at, entry.kind());
        match &entry.draft.fact {
            Fact::ConfirmationOpened(it) => {
                let question = Question {
                    opened: it.clone(),
                    approved: BTreeSet::new(),
                    denied: BTreeSet::new(),
                };
                enter(case, kind, &["judged"], Stage::Pending(Box::new(question)))
            }
            Fact::PresentationServed(it) => {
                if let Some(person) = entry.draft.refs.person {
                    case.nonces.insert(it.nonce, person);
                }
                Ok(())
            }
            Fact::VoteApprove(it) => {
                let person = self.vote(
                    case,
                    entry,
                    &it.statement.0,
                    &it.signature.0,
                    Decision::Approve,
                )?;
                self.approve(case, person, at)
            }
            Fact::VoteDeny(it) => {
                let person = self.vote(
                    case,
                    entry,
                    &it.statement.0,
                    &it.signature.0,
                    Decision::Deny,
                )?;
                if let Stage::Pending(question) = &mut case.stage {
                    question.approved.remove(&person);
                    question.denied.insert(person);
                }
                Ok(())
            }
            Fact::ConfirmationApproved(it) => self.approved(case, at, it.execute_before),
            Fact::GrantRedeemed(it) => self.redeemed(case, at, it.action),
            Fact::OutcomeRecorded(_) => {
                if matches!(case.stage, Stage::Redeemed) {
                    case.stage = Stage::Ended("reported");
                }
                Ok(())
            }
            _ => ended(case, entry),
        }
    }

    /// A vote's signature, whoever it is said to be from.
    fn vote(
        &self,
        case: &Case,
        entry: &Entry,
        statement: &[u8],
        signature: &[u8],
        decision: Decision,
    ) -> Result<PersonId, Broken> {
        let refs = &entry.draft.refs;
        let stated =
            Statement::read(statement).map_err(|_| "a vote over no statement".to_owned())?;
        let key = refs.key.and_then(|id| self.keys.get(&id));
        let key = key.ok_or("a vote by an unknown key")?;
        let fits = stated.log == self.origin
            && Some(stated.call) == refs.call
            && Some(stated.key) == refs.key
            && stated.person == key.person
            && refs.person == Some(key.person)
            && stated.decision == decision
            && stated.action_digest == case.action
            && case.nonces.get(&stated.nonce.0) == Some(&key.person);
        if !fits {
            return Err("a vote over a statement of something else".into());
        }
        if key.revoked {
            return Err("a vote by a revoked key".into());
        }
        verify(Context::Approval, &key.public, statement, signature)
            .map_err(|_| "a vote whose signature does not hold".to_owned())?;
        Ok(key.person)
    }

    fn approve(&self, case: &mut Case, person: PersonId, at: u64) -> Result<(), Broken> {
        let Stage::Pending(question) = &mut case.stage else {
            return Err(format!("an approval while it is {}", word(&case.stage)));
        };
        if at >= question.opened.decide_before {
            return Err("an approval after the deadline".into());
        }
        if question.denied.contains(&person) || !question.approved.insert(person) {
            return Err("a person approves twice, or after refusing".into());
        }
        if self.is_stopped(&case.tool) {
            return Err("an approval under a freeze".into());
        }
        Ok(())
    }

    fn approved(&self, case: &mut Case, at: u64, until: u64) -> Result<(), Broken> {
        let Stage::Pending(question) = &case.stage else {
            return Err(format!("approved while it is {}", word(&case.stage)));
        };
        if at >= question.opened.decide_before {
            return Err("approved after the deadline".into());
        }
        for slot in &question.opened.demand.slots {
            let groups: BTreeSet<String> = slot.groups.iter().map(ToString::to_string).collect();
            let fills = |person: &&PersonId| {
                let of = self.groups.get(person);
                of.is_some_and(|of| of.intersection(&groups).next().is_some())
            };
            let have = question.approved.iter().filter(fills).count();
            if u64::try_from(have).unwrap_or(0) < slot.need {
                return Err(format!(
                    "approved by {have} persons, {} are needed",
                    slot.need
                ));
            }
        }
        case.stage = Stage::Approved { until };
        Ok(())
    }

    fn redeemed(&self, case: &mut Case, at: u64, action: ActionDigest) -> Result<(), Broken> {
        case.redeemed += 1;
        if case.redeemed > 1 {
            return Err("redeemed twice".into());
        }
        let (Stage::Allowed { until } | Stage::Approved { until }) = &case.stage else {
            return Err(format!("redeemed while it is {}", word(&case.stage)));
        };
        if at >= *until {
            return Err("redeemed after its time".into());
        }
        if action != case.action {
            return Err("redeemed for another action".into());
        }
        if self.is_stopped(&case.tool) {
            return Err("redeemed under a freeze".into());
        }
        case.stage = Stage::Redeemed;
        Ok(())
    }

    fn is_stopped(&self, tool: &str) -> bool {
        self.all_frozen || self.frozen_tools.contains(tool)
    }
}

/// An entry that ends a call which nobody had redeemed.
fn ended(case: &mut Case, entry: &Entry) -> Result<(), Broken> {
    let (at, kind) = (entry.at, entry.kind());
    match &entry.draft.fact {
        Fact::ConfirmationDenied(_) => enter(case, kind, &["pending"], Stage::Ended("denied")),
        Fact::ConfirmationExpired(_) => {
            if let Stage::Pending(question) = &case.stage
                && at < question.opened.decide_before
            {
                return Err("it expired before its deadline".into());
            }
            enter(case, kind, &["pending"], Stage::Ended("expired"))
        }
        Fact::ConfirmationWithdrawn(_) | Fact::ConfirmationSuperseded(_) => enter(
            case,
            kind,
            &["pending", "approved"],
            Stage::Ended("withdrawn"),
        ),
        Fact::ConfirmationRevoked(_) => enter(case, kind, &["approved"], Stage::Ended("revoked")),
        Fact::GrantWithdrawn(_) | Fact::GrantSuperseded(_) | Fact::GrantRevoked(_) => {
            enter(case, kind, &["allowed"], Stage::Ended("revoked"))
        }
        Fact::GrantLapsed(_) => enter(case, kind, &["allowed", "approved"], Stage::Ended("lapsed")),
        _ => Ok(()),
    }
}

/// Only these stages lead there.
fn enter(case: &mut Case, kind: &str, from: &[&str], to: Stage) -> Result<(), Broken> {
    let stage = word(&case.stage);
    if !from.contains(&stage) {
        return Err(format!("{kind} while it is {stage}"));
    }
    case.stage = to;
    Ok(())
}

fn word(stage: &Stage) -> &'static str {
    match stage {
        Stage::Judged => "judged",
        Stage::Allowed { .. } => "allowed",
        Stage::Pending(_) => "pending",
        Stage::Approved { .. } => "approved",
        Stage::Redeemed => "redeemed",
        Stage::Ended(how) => how,
    }
}
