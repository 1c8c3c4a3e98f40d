//! Agents, people and executors with bad connections: they ask again, word for word, and hold the
//! service to its first answer.

use std::collections::BTreeMap;

use countersign_record::digest::ActionDigest;
use countersign_record::entry::{Fact, OutcomeStatus};
use countersign_record::id::{CallId, GrantId};
use countersign_record::term::Decision;
use countersign_service::{CallView, Level, Opened, Redeemed};

use crate::chance::Rng;
use crate::judge::Broken;
use crate::model::Model;
use crate::request::{Action, PATHS, Reply, Request, TOOLS};
use crate::template::PEOPLE;

/// How long the service knows an idempotency key.
const KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A submission's first answer, and when its call was asked.
struct Asked {
    action: Action,
    call: CallId,
    at: u64,
}

/// What one history's clients know.
#[derive(Default)]
pub(crate) struct Clients {
    names: u64,
    asked: BTreeMap<String, Asked>,
    pub(crate) calls: Vec<CallId>,
    grants: BTreeMap<GrantId, (CallId, ActionDigest)>,
    opened: Vec<(u8, Box<Opened>)>,
    decided: BTreeMap<Vec<u8>, u64>,
    redeemed: BTreeMap<GrantId, ([u8; 32], Redeemed)>,
    /// Sent, and no answer came.
    again: Vec<Request>,
    pub(crate) acknowledged: u64,
}

impl Clients {
    /// What somebody asks for next.
    pub(crate) fn ask(&mut self, rng: &mut Rng) -> Request {
        if !self.again.is_empty() && rng.below(3) == 0 {
            let place = rng.index(self.again.len());
            return self.again.swap_remove(place);
        }
        let drawn = match rng.below(100) {
            0..30 => None,
            30..52 => self.open(rng),
            52..74 => self.vote(rng),
            74..84 => self.redeem(rng),
            84..89 => rng.pick(&self.calls).copied().map(|call| {
                let statuses = [OutcomeStatus::Succeeded, OutcomeStatus::Failed];
                let status = statuses[rng.index(2)];
                Request::Report { call, status }
            }),
            89..92 => rng
                .pick(&self.calls)
                .map(|call| Request::Withdraw { call: *call }),
            92..97 => rng
                .pick(&self.calls)
                .map(|call| Request::Look { call: *call }),
            97 => (rng.below(6) == 0).then(|| Request::Freeze {
                tool: [Some("move"), Some("burn"), None][rng.index(3)],
            }),
            98 => (rng.below(4) == 0).then(|| Request::RevokeKey {
                of: PEOPLE[rng.index(2)],
            }),
            _ => Some(Request::AcceptClock),
        };
        drawn.unwrap_or_else(|| self.submit(rng))
    }

    fn submit(&mut self, rng: &mut Rng) -> Request {
        let old = rng.index(self.asked.len().max(1));
        let again = self
            .asked
            .iter()
            .nth(old)
            .map(|(name, asked)| (name.clone(), asked.action));
        let level = [Level::Durable, Level::Committed][rng.index(2)];
        if let (Some((name, action)), 0) = (again, rng.below(5)) {
            return Request::Submit {
                name,
                action,
                level,
            };
        }
        self.names += 1;
        let action = Action {
            tool: TOOLS[rng.index(TOOLS.len())],
            path: PATHS[rng.index(PATHS.len())],
        };
        let name = format!("c{}", self.names);
        Request::Submit {
            name,
            action,
            level,
        }
    }

    /// Mostly of a call that was asked lately.
    fn recent(&self, rng: &mut Rng) -> Option<CallId> {
        let from = self.calls.len().saturating_sub(3);
        let recent = &self.calls[from..];
        if rng.below(6) == 0 {
            rng.pick(&self.calls)
        } else {
            rng.pick(recent)
        }
        .copied()
    }

    fn open(&self, rng: &mut Rng) -> Option<Request> {
        let of = PEOPLE[rng.index(PEOPLE.len())];
        self.recent(rng).map(|call| Request::Open { call, of })
    }

    fn vote(&self, rng: &mut Rng) -> Option<Request> {
        let from = self.opened.len().saturating_sub(6);
        let (of, opened) = rng.pick(&self.opened[from..])?;
        let deny = rng.below(8) == 0;
        let decision = if deny {
            Decision::Deny
        } else {
            Decision::Approve
        };
        Request::vote(opened, *of, decision)
    }

    fn redeem(&self, rng: &mut Rng) -> Option<Request> {
        let place = rng.index(self.grants.len());
        let from_end = self.grants.iter().nth(place);
        let (grant, (_, action)) = from_end?;
        let known = self.redeemed.get(grant).map(|(nonce, _)| *nonce);
        // The same again, or a thief's.
        let nonce = known
            .filter(|_| rng.below(2) == 0)
            .unwrap_or_else(|| rng.bytes());
        Some(Request::Redeem {
            grant: *grant,
            nonce,
            action: *action,
        })
    }

    /// No answer came: it was sent or it was not.
    pub(crate) fn unanswered(&mut self, request: Request) {
        if self.again.len() < 8 {
            self.again.push(request);
        }
    }

    /// The log was set back: what the clients knew is void.
    pub(crate) fn forget(&mut self) {
        let names = self.names;
        *self = Self {
            names,
            acknowledged: self.acknowledged,
            ..Self::default()
        };
    }

    /// Holds an answer against the log and against the answers before it.
    pub(crate) fn hear(
        &mut self,
        request: &Request,
        reply: Reply,
        model: &mut Model,
    ) -> Result<(), Broken> {
        match (request, reply) {
            (Request::Submit { name, action, .. }, Reply::Submitted(Ok(done))) => {
                self.acknowledged += 1;
                let view = &done.value.view;
                if let Some(proof) = &done.proof {
                    model.proof(view.version, proof)?;
                }
                self.submitted(name, *action, view, model)
            }
            (Request::Open { of, .. }, Reply::Opened(Ok(opened))) => {
                self.acknowledged += 1;
                self.see(&opened.view);
                self.opened.push((*of, opened));
                Ok(())
            }
            (Request::Decide { statement, .. }, Reply::Decided(Ok(done))) => {
                self.acknowledged += 1;
                self.see(&done.value.view);
                self.voted(statement, done.value.seq, done.proof.as_deref(), model)
            }
            (Request::Redeem { grant, nonce, .. }, Reply::Redeemed(Ok(done))) => {
                self.acknowledged += 1;
                self.claimed(*grant, *nonce, done.value, done.proof.as_deref(), model)
            }
            (Request::Report { call, .. }, Reply::Reported(Ok(done))) => {
                self.acknowledged += 1;
                let entry = model
                    .entry(done.seq)
                    .ok_or("a report was acknowledged, not recorded")?;
                let recorded = matches!(entry.draft.fact, Fact::OutcomeRecorded(_));
                expect(
                    recorded && entry.draft.refs.call == Some(*call),
                    "a report is not where it was said",
                )
            }
            (_, Reply::Withdrawn(Ok(view))) => {
                self.acknowledged += 1;
                self.see(&view);
                Ok(())
            }
            (_, Reply::Done(Ok(Some((seq, proof))))) => {
                self.acknowledged += 1;
                expect(
                    model.entry(seq).is_some(),
                    "an order was acknowledged, not recorded",
                )?;
                proof.map_or(Ok(()), |proof| model.proof(seq, &proof))
            }
            (_, Reply::Looked(Ok(Some(view)))) => {
                self.see(&view);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn see(&mut self, view: &CallView) {
        if let Some(grant) = view.grant {
            self.grants.insert(grant, (view.call, view.action));
        }
    }

    fn submitted(
        &mut self,
        name: &str,
        action: Action,
        view: &CallView,
        model: &Model,
    ) -> Result<(), Broken> {
        self.see(view);
        let case = model.judge.calls.get(&view.call);
        let case = case.ok_or("a call was acknowledged, not recorded")?;
        if !self.calls.contains(&view.call) {
            self.calls.push(view.call);
        }
        let first = self.asked.entry(name.to_owned()).or_insert(Asked {
            action,
            call: view.call,
            at: case.asked_at,
        });
        // A key is kept for 30 days; the clock may have been set beyond them, also between this answer
        // and the end of its batch.
        let now = model.judge.at;
        if first.call != view.call && now >= first.at.saturating_add(KEPT_MS) {
            (first.call, first.at) = (view.call, case.asked_at);
        }
        expect(
            first.call == view.call,
            "the same key and content got another call",
        )
    }

    fn voted(
        &mut self,
        statement: &[u8],
        seq: u64,
        proof: Option<&str>,
        model: &mut Model,
    ) -> Result<(), Broken> {
        let entry = model
            .entry(seq)
            .ok_or("a vote was acknowledged, not recorded")?;
        let signed = match &entry.draft.fact {
            Fact::VoteApprove(vote) => &vote.statement.0,
            Fact::VoteDeny(vote) => &vote.statement.0,
            _ => return Err(format!("entry {seq} was acknowledged as a vote")),
        };
        expect(
            signed == statement,
            "another vote was recorded than the one signed",
        )?;
        let first = *self.decided.entry(statement.to_vec()).or_insert(seq);
        expect(first == seq, "the same vote is recorded twice")?;
        proof.map_or(Ok(()), |proof| model.proof(seq, proof))
    }

    fn claimed(
        &mut self,
        grant: GrantId,
        nonce: [u8; 32],
        reply: Redeemed,
        proof: Option<&str>,
        model: &mut Model,
    ) -> Result<(), Broken> {
        let entry = model
            .entry(reply.seq)
            .ok_or("a redemption was acknowledged, not recorded")?;
        let recorded = matches!(&entry.draft.fact, Fact::GrantRedeemed(it) if it.nonce == nonce);
        expect(
            recorded && entry.draft.refs.grant == Some(grant),
            "a redemption is not where it was said",
        )?;
        let first = *self.redeemed.entry(grant).or_insert((nonce, reply));
        expect(first == (nonce, reply), "one grant was redeemed twice")?;
        proof.map_or(Ok(()), |proof| model.proof(reply.seq, proof))
    }
}

fn expect(holds: bool, otherwise: &str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
