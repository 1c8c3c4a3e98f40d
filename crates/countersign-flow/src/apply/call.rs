//! The life of a call: asked, opened, voted on, claimed, ended.

use alloc::collections::{BTreeMap, BTreeSet};

use countersign_policy::Facts;
use countersign_record::action::shown_digest;
use countersign_record::digest::BodyRoot;
use countersign_record::entry::{
    CallEvaluated, ConfirmationOpened, EndCause, Entry, Fact, Fingerprint, GrantRedeemed,
    OutcomeStatus, Party, PresentationServed, Refs, UnixMillis, Verdict,
};
use countersign_record::id::CallId;
use countersign_record::json::Value;
use countersign_record::term::Decision;

use super::Disclosed;
use crate::call::CallDocument;
use crate::request_key;
use crate::state::{
    Call, Denial, Epoch, Granted, Opening, Pending, Redeemed, Request, Requester, Stage, State,
    Vote,
};

impl State {
    pub(super) fn calls_and_votes(&mut self, entry: &Entry, bodies: Disclosed<'_>) {
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
                if revoked.cause == EndCause::LateDeny {
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
            openings: BTreeMap::new(),
            votes: BTreeMap::new(),
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
