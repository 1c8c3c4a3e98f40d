//! The fold: what an entry does to the state. It never refuses: the auditor folds what stands in the
//! log, also after a finding.

mod roster;

use alloc::collections::BTreeSet;

use countersign_policy::{Doubt, Facts, Policy};
use countersign_record::action::shown_digest;
use countersign_record::digest::{BodyRoot, EntryHash};
use countersign_record::entry::{
    CallEvaluated, ConfirmationOpened, Entry, Fact, Fingerprint, FreezeSet, GrantRedeemed, Head,
    OutcomeStatus, Party, PresentationServed, Refs, UnixMillis, Verdict,
};
use countersign_record::id::CallId;
use countersign_record::json::Value;
use countersign_record::term::Decision;

use crate::call::CallDocument;
use crate::request_key;
use crate::state::{
    Call, Denial, Epoch, Freeze, Granted, InForce, Ledger, Opening, Pending, Redeemed, Request,
    Requester, Session, Stage, State, Vote,
};

/// What is over leaves the state once in each hour of the log's time.
const SWEEP_MS: u64 = 60 * 60 * 1000;

/// What is disclosed of one entry's bodies.
pub trait Bodies {
    /// The value of the body of that name; `None` where withheld.
    fn value(&self, name: &str) -> Option<Value>;

    /// The body `call` of a call that was evaluated, for who has read it already.
    fn document(&self) -> Option<CallDocument> {
        CallDocument::read(&self.value("call")?).ok()
    }
}

impl<F: Fn(&str) -> Option<Value>> Bodies for F {
    fn value(&self, name: &str) -> Option<Value> {
        self(name)
    }
}

pub(crate) type Disclosed<'a> = &'a dyn Bodies;

/// Folds one entry, with its chain value and those of its bodies that are disclosed.
pub fn apply(
    state: &mut State,
    entry: &Entry,
    hash: EntryHash,
    bodies: &dyn Fn(&str) -> Option<Value>,
) {
    fold(state, entry, hash, &bodies);
}

/// The same for somebody who has read the bodies before.
pub fn fold(state: &mut State, entry: &Entry, hash: EntryHash, bodies: Disclosed<'_>) {
    if entry.at / SWEEP_MS != state.last_at / SWEEP_MS {
        state.forget(entry.at);
    }
    let about = entry.draft.refs.call;
    let before = about.and_then(|call| state.place(call));
    state.people_and_setup(entry, bodies);
    state.calls_and_votes(entry, bodies);
    if let Some(call) = about {
        state.lookups.moved(call, before, state.place(call));
    }
    state.size = entry.seq.saturating_add(1);
    state.last_at = entry.at;
    state.keyring = entry.keyring.unwrap_or(state.keyring);
    state.head = Some(Head {
        seq: entry.seq,
        hash,
    });
}

impl State {
    fn people_and_setup(&mut self, entry: &Entry, bodies: Disclosed<'_>) {
        let refs = &entry.draft.refs;
        match &entry.draft.fact {
            Fact::LedgerCreated(created) => {
                if let Party::Executor(service) = entry.draft.by {
                    self.ledger = Some(Ledger {
                        created: created.clone(),
                        service,
                    });
                }
            }
            Fact::PolicyAdopted(adopted) => {
                let text = bodies.value("policy").and_then(|body| text(&body, "toml"));
                let policy = text.and_then(|toml| Policy::parse(&toml).ok());
                if let Some(id) = refs.policy {
                    self.looks_back(policy.as_ref(), entry.at);
                    self.policy = Some(InForce {
                        id,
                        digest: adopted.digest,
                        policy,
                    });
                }
            }
            Fact::ServiceArmed(_) => self.armed = true,
            Fact::FreezeSet(set) => self.froze(refs, set, bodies),
            Fact::FreezeLifted(_) => {
                refs.freeze.map(|freeze| self.freezes.remove(&freeze));
            }
            Fact::DenialLifted(_) => {
                if let Some(call) = refs.call {
                    self.lift_denial(call);
                }
            }
            Fact::SessionRegistered(_) => {
                if let (Some(id), Some(agent)) = (refs.session, refs.agent) {
                    let name = bodies.value("session").and_then(|body| text(&body, "name"));
                    let session = Session {
                        agent,
                        name,
                        last_used: entry.at,
                    };
                    self.add_session(id, session);
                }
            }
            _ => self.roster.changed(entry, bodies),
        }
    }

    /// Another policy looks at other calls; what it does not look at is forgotten.
    fn looks_back(&mut self, policy: Option<&Policy>, at: UnixMillis) {
        let withheld = self.policy.as_ref().is_some_and(|it| it.policy.is_none());
        let doubt = if withheld {
            Doubt::Withheld
        } else {
            Doubt::NotWatched
        };
        let were_calls = !self.epochs.is_empty();
        self.lookback
            .watch(policy, were_calls.then_some((at, doubt)));
        let Self {
            calls, lookback, ..
        } = self;
        for call in calls.values_mut() {
            call.facts.earlier.retain(|look, _| lookback.knows(look));
        }
    }

    fn froze(&mut self, refs: &Refs, set: &FreezeSet, bodies: Disclosed<'_>) {
        let freeze = Freeze {
            agent: refs.agent,
            key: refs.key,
            person: refs.person,
            tool: set.tool.clone(),
            rule: set.rule.clone(),
            by_target: set.target,
            target: bodies
                .value("freeze")
                .and_then(|body| text(&body, "target")),
            all: set.all,
        };
        refs.freeze.map(|id| self.freezes.insert(id, freeze));
    }

    fn calls_and_votes(&mut self, entry: &Entry, bodies: Disclosed<'_>) {
        let refs = &entry.draft.refs;
        let Some(id) = refs.call else { return };
        match &entry.draft.fact {
            Fact::CallEvaluated(evaluated) => self.evaluated(id, entry, evaluated, bodies),
            Fact::CallAttached(it) => self.attached(id, entry, it.left, bodies),
            Fact::ConfirmationOpened(opened) => self.opened(id, entry, opened),
            Fact::PresentationServed(served) => self.served(id, entry, served),
            Fact::VoteApprove(_) => self.voted(id, entry, Decision::Approve),
            Fact::VoteDeny(_) => self.voted(id, entry, Decision::Deny),
            Fact::ConfirmationApproved(approved) => {
                let before = approved.execute_before;
                if let Some(grant) = refs.grant {
                    let granted = Granted {
                        grant,
                        execute_before: before,
                        decided: entry.seq,
                    };
                    self.approved(id, granted);
                }
            }
            Fact::GrantRedeemed(it) => self.redeemed(id, entry, it),
            Fact::ConfirmationDenied(_) => {
                self.denied_until(id, entry.at);
                self.ended(id);
            }
            Fact::ConfirmationRevoked(revoked) => {
                if revoked.cause == countersign_record::entry::EndCause::LateDeny {
                    self.denied_until(id, entry.at);
                }
                self.ended(id);
            }
            // A report about a call that nobody claimed is a finding, and ends nothing.
            Fact::OutcomeRecorded(recorded) if self.is_redeemed(id) => {
                if recorded.status == OutcomeStatus::Succeeded {
                    self.succeeded(id);
                }
                self.ended(id);
            }
            Fact::OutcomeRecorded(recorded)
                if recorded.status == OutcomeStatus::NotExecuted
                    && !self.calls.contains_key(&id) =>
            {
                self.lookback.not_executed(id);
            }
            Fact::OutcomeDisputed(_) => self.lookback.disputed(id),
            Fact::ConfirmationExpired(_)
            | Fact::ConfirmationWithdrawn(_)
            | Fact::ConfirmationSuperseded(_)
            | Fact::GrantLapsed(_)
            | Fact::GrantRevoked(_)
            | Fact::GrantSuperseded(_)
            | Fact::GrantWithdrawn(_) => self.ended(id),
            _ => {}
        }
        if let Some(call) = self.calls.get_mut(&id) {
            call.version = entry.seq;
        }
    }

    fn attached(&mut self, id: CallId, entry: &Entry, left: bool, bodies: Disclosed<'_>) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.callers = if left {
                call.callers.saturating_sub(1)
            } else {
                call.callers.saturating_add(1)
            };
        }
        self.used(&entry.draft.refs, entry.at);
        self.remember_attached(id, entry, bodies);
    }

    fn redeemed(&mut self, id: CallId, entry: &Entry, it: &GrantRedeemed) {
        let Some(grant) = entry.draft.refs.grant else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.stage = Stage::Redeemed(Redeemed {
            grant,
            nonce: it.nonce,
            seq: entry.seq,
            outcome_before: it.outcome_before,
            confirmation: call.question().map(|pending| pending.confirmation),
        });
        let likeness = (call.requester, call.fp.clone());
        self.no_longer_joined(id, &likeness);
    }

    fn evaluated(&mut self, id: CallId, entry: &Entry, it: &CallEvaluated, bodies: Disclosed<'_>) {
        let refs = &entry.draft.refs;
        let by = entry.draft.by;
        let principal = match by {
            Party::Agent(agent) => self.roster.agents.get(&agent).map(|agent| agent.principal),
            _ => None,
        };
        let requester = Requester {
            asker: by,
            principal,
        };
        self.lookback.forget(entry.at);
        self.used(refs, entry.at);
        self.epoch(requester, it.fp.epoch, entry.at);
        let document = bodies.document();
        if let Some(document) = &document {
            self.remember(id, entry.at, by, document);
        }
        let Some(executor) = refs.executor else {
            return;
        };
        let stage = match (it.verdict, refs.grant, it.execute_before) {
            (Verdict::Allow, Some(grant), Some(execute_before)) => {
                self.grants.insert(grant, id);
                Stage::Allowed(Granted {
                    grant,
                    execute_before,
                    decided: entry.seq,
                })
            }
            (Verdict::Confirm, ..) => Stage::Judged,
            _ => return,
        };
        let arguments = document.as_ref().map(|document| &document.arguments);
        let facts = self.facts_of(&it.tool, arguments, entry.at);
        self.lookback.asked((entry.at, id), &it.tool, arguments);
        let call = Call {
            id,
            requester,
            session: refs.session,
            tool: it.tool.clone(),
            executor,
            action: it.action,
            fp: it.fp.clone(),
            policy: it.policy,
            rules: it.rules.clone(),
            enforcement: it.enforcement,
            asked_at: entry.at,
            evaluated: entry.seq,
            version: entry.seq,
            callers: 1,
            document,
            facts,
            stage,
        };
        self.calls.insert(id, call);
    }

    fn facts_of(&self, tool: &str, arguments: Option<&Value>, at: UnixMillis) -> Facts {
        let withheld = Facts {
            at: Some(at),
            ..Facts::default()
        };
        arguments.map_or(withheld, |arguments| self.facts(tool, arguments, at))
    }

    fn epoch(&mut self, requester: Requester, number: u64, first_at: UnixMillis) {
        let new = Epoch { number, first_at };
        let epoch = self.epochs.entry(requester).or_insert(new);
        if epoch.number != number {
            *epoch = new;
        }
    }

    fn remember(&mut self, call: CallId, at: UnixMillis, by: Party, document: &CallDocument) {
        let key = request_key(by, document.session.as_deref(), &document.tool_call_id);
        let request = Request {
            call,
            content: document.content_digest(),
            at,
        };
        self.add_request(key, request);
    }

    fn used(&mut self, refs: &Refs, at: UnixMillis) {
        if let Some(id) = refs.session {
            self.use_session(id, at);
        }
    }

    /// An attached caller's key leads to the same call.
    fn remember_attached(&mut self, call: CallId, entry: &Entry, bodies: Disclosed<'_>) {
        let document = self.calls.get(&call).and_then(|call| call.document.clone());
        let (Some(body), Some(document)) = (bodies.value("call"), document) else {
            return;
        };
        if let Ok(attached) = document.joined(&body) {
            self.remember(call, entry.at, entry.draft.by, &attached);
        }
    }

    fn opened(&mut self, id: CallId, entry: &Entry, opened: &ConfirmationOpened) {
        let Some(confirmation) = entry.draft.refs.confirmation else {
            return;
        };
        let root = entry
            .draft
            .bodies
            .root("shown")
            .unwrap_or(BodyRoot([0; 32]));
        let roster = &self.roster;
        let pinned = roster
            .people
            .keys()
            .map(|id| (*id, roster.eligible(*id, &opened.demand)));
        let pinned = pinned.filter(|(_, groups)| !groups.is_empty()).collect();
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        // A question belongs to the command that judged the call: none is opened a second time.
        if call.stage != Stage::Judged {
            return;
        }
        call.stage = Stage::Pending(Pending {
            confirmation,
            opened: entry.seq,
            opened_at: entry.at,
            instance: opened.instance,
            policy: opened.policy,
            demand: opened.demand.clone(),
            decide_before: opened.decide_before,
            requester: opened.requester.iter().copied().collect::<BTreeSet<_>>(),
            shown: shown_digest(&root),
            renderer: opened.renderer.clone(),
            pinned,
            openings: alloc::collections::BTreeMap::new(),
            votes: alloc::collections::BTreeMap::new(),
        });
        let likeness = (call.requester, call.fp.clone());
        self.live.insert(likeness, id);
    }

    fn served(&mut self, id: CallId, entry: &Entry, served: &PresentationServed) {
        let Some(person) = entry.draft.refs.person else {
            return;
        };
        let Some(pending) = self.calls.get_mut(&id).and_then(question) else {
            return;
        };
        let opening = Opening {
            person,
            nonce: served.nonce,
            client: served.client,
            independence: served.independence.clone(),
            at: entry.at,
            head: served.head.clone(),
        };
        pending.openings.insert(entry.seq, opening);
    }

    fn voted(&mut self, id: CallId, entry: &Entry, decision: Decision) {
        let refs = &entry.draft.refs;
        let (Some(person), Some(key)) = (refs.person, refs.key) else {
            return;
        };
        let Some(pending) = self.calls.get_mut(&id).and_then(question) else {
            return;
        };
        let served = refs.served.unwrap_or_default();
        pending.votes.insert(
            person,
            Vote {
                key,
                decision,
                served,
                seq: entry.seq,
            },
        );
    }

    fn approved(&mut self, id: CallId, granted: Granted) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Stage::Pending(pending) = &call.stage else {
            return;
        };
        call.stage = Stage::Approved(pending.clone(), granted);
        self.grants.insert(granted.grant, id);
    }

    /// The same action of the same party stays refused for a while.
    fn denied_until(&mut self, id: CallId, at: UnixMillis) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let Some(pending) = call.question() else {
            return;
        };
        let target = self.document().and_then(|policy| call.target(policy));
        let denial = Denial {
            call: id,
            requester: call.requester,
            fp: call.fp.clone(),
            tool: call.tool.clone(),
            target,
            until: at.saturating_add(pending.demand.after_denial),
        };
        self.add_denial(denial);
    }

    fn succeeded(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let arguments = call.document.as_ref().map(|document| &document.arguments);
        self.lookback
            .succeeded((call.asked_at, id), &call.tool, arguments);
    }

    fn ended(&mut self, id: CallId) {
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        let grant = if let Stage::Redeemed(redeemed) = &call.stage {
            Some(redeemed.grant)
        } else {
            self.lookback.not_executed(id);
            call.granted().map(|granted| granted.grant)
        };
        grant.map(|grant| self.grants.remove(&grant));
        self.no_longer_joined(id, &(call.requester, call.fp));
    }

    fn no_longer_joined(&mut self, id: CallId, likeness: &(Requester, Fingerprint)) {
        if self.live.get(likeness) == Some(&id) {
            self.live.remove(likeness);
        }
    }

    fn is_redeemed(&self, id: CallId) -> bool {
        self.calls
            .get(&id)
            .is_some_and(|call| matches!(call.stage, Stage::Redeemed(_)))
    }
}

fn question(call: &mut Call) -> Option<&mut Pending> {
    match &mut call.stage {
        Stage::Pending(pending) | Stage::Approved(pending, _) => Some(pending),
        Stage::Judged | Stage::Allowed(_) | Stage::Redeemed(_) => None,
    }
}

fn text(value: &Value, member: &str) -> Option<alloc::string::String> {
    value.member(member).and_then(Value::as_str).map(Into::into)
}
