//! What an approver may ask for: log in, look, open, decide, take back.

use std::sync::{Arc, PoisonError};

use countersign_attest::sshsig::Blob as Sshsig;
use countersign_attest::statement::Revocation as RevocationStatement;
use countersign_attest::{Context, Statement, Verified, verify};
use countersign_flow::{Command, Decide, Open, PastStage, Refusal, Revocation, Stage, statement};
use countersign_record::body::Disclosure;
use countersign_record::digest::hex;
use countersign_record::entry::{Blob, Compared, DenyCause, Entry, Fact, Party, Refs};
use countersign_record::id::{
    AgentId, CallId, CredentialId, ExecutorId, FreezeId, GrantId, KeyId, PersonId, PolicyId,
};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Decision as Verdict, Independence};

use super::view::{CallState, CallView};
use crate::core::Core;
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};
use crate::writer::{Level, Proven, Service};

/// How a presentation is asked for.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Which call.
    pub call: CallId,
    /// By whom.
    pub person: PersonId,
    /// Through which kind of client.
    pub client: Client,
    /// Whether the approver came from another network address than the agent; `None` when unknown.
    pub network_differs: Option<bool>,
}

/// The presentation and what may be signed over it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Where the call stands.
    pub view: CallView,
    /// The presentation with the salts of its commitments.
    pub shown: Arc<Disclosure>,
    /// The salt of the action digest.
    pub action_salt: [u8; 32],
    /// Statements to sign, by key and decision.
    pub statements: Vec<(KeyId, Verdict, Vec<u8>)>,
}

/// The same before the statements are spelled, which others than the writer can do.
struct Served {
    view: CallView,
    shown: Arc<Disclosure>,
    action_salt: [u8; 32],
    statements: Vec<Statement>,
}

impl Served {
    fn spelled(self) -> Result<Opened, Unavailable> {
        let spelled = |it: Statement| Some((it.key, it.decision, it.to_bytes().ok()?));
        let statements = self.statements.into_iter().map(spelled);
        Ok(Opened {
            view: self.view,
            shown: self.shown,
            action_salt: self.action_salt,
            statements: statements
                .collect::<Option<_>>()
                .ok_or(Unavailable::Internal)?,
        })
    }
}

/// A signed decision.
#[derive(Clone, Debug)]
pub struct NewDecision {
    /// Which call.
    pub call: CallId,
    /// The exact bytes signed.
    pub statement: Vec<u8>,
    /// The signature: a binary SSHSIG blob.
    pub signature: Vec<u8>,
    /// The comment that the statement's digest covers: salt and text.
    pub comment: Option<([u8; 32], String)>,
    /// Why, of a refusal.
    pub cause: DenyCause,
}

/// A recorded decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Seq of the vote.
    pub seq: u64,
    /// What.
    pub decision: Verdict,
    /// Where the call stands now.
    pub view: CallView,
}

/// Why a decision was not recorded.
pub type DecisionError = CommandError;

impl Service {
    /// Serves the presentation with statements to sign; the serving is recorded.
    pub async fn open(&self, opening: Opening) -> Result<Opened, CommandError> {
        let done = self.act(Level::Durable, move |core| Ok((core.open(&opening)?, None)));
        let served: Result<Proven<Served>, CommandError> = done.await;
        Ok(served?.value.spelled()?)
    }

    /// Records a signed decision; the answer is proof that it is in the log.
    pub async fn decide(&self, new: NewDecision) -> Result<Proven<Decision>, DecisionError> {
        let proof = self.verified(Context::Approval, &new.statement, &new.signature);
        let done = self.act(Level::Committed, move |core| {
            let answer = core.decide(&new, proof.as_ref());
            let seq = answer.as_ref().ok().map(|it| it.seq);
            Ok::<_, CommandError>((answer, seq))
        });
        // The refusal's own entries are durable before the refusal is told.
        let Proven { value, proof } = done.await?;
        let value = value?;
        Ok(Proven { value, proof })
    }

    /// Checks a signature where the writer need not wait for it. A key that nobody enrolled costs
    /// nothing; whose key it is, and whether it still counts, the writer asks.
    fn verified(&self, context: Context, statement: &[u8], signature: &[u8]) -> Option<Verified> {
        let named = Sshsig::read(signature).ok()?.public_key;
        if !self.reading.published.now().known.is_key(named) {
            return None;
        }
        let key = {
            let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
            signers.key(named)?.clone()
        };
        verify(context, &key, statement, signature).ok()
    }

    /// Takes an approval back.
    pub async fn revoke(
        &self,
        call: CallId,
        statement: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<Proven<CallState>, CommandError> {
        let proof = self.verified(Context::Revocation, &statement, &signature);
        self.act(Level::Committed, move |core| {
            let stated =
                RevocationStatement::read(&statement).map_err(|_| Refusal::SignatureInvalid)?;
            let revocation = Revocation {
                call,
                person: stated.person,
                key: stated.key,
                statement: Blob(statement),
                signature: Blob(signature),
            };
            core.is_approved(call)?;
            let entries = core.run_proven(&Command::Revoke(revocation), proof.as_ref())?;
            Ok((CallState::Revoked, entries.first().map(|entry| entry.seq)))
        })
        .await
    }
}

impl Core {
    fn open(&mut self, opening: &Opening) -> Result<Served, CommandError> {
        let head = self.state.head.clone().ok_or(Refusal::OutOfOrder)?;
        let ended = !self.state.calls.contains_key(&opening.call);
        if ended {
            return Err(self.ended_refusal(opening.call).into());
        }
        let command = Open {
            call: opening.call,
            person: opening.person,
            nonce: draw(&mut *self.entropy)?,
            client: opening.client,
            independence: independence(opening),
            head,
        };
        let by = Party::Person(opening.person);
        let entries = self.run_noted(by, Some(opening.call), &Command::Open(command))?;
        let served = entries.first().ok_or(Unavailable::Internal)?.seq;
        self.served(opening, served)
            .ok_or_else(|| Unavailable::Internal.into())
    }

    fn served(&self, opening: &Opening, served: u64) -> Option<Served> {
        let call = self.state.calls.get(&opening.call)?;
        let pending = call.question()?;
        let at = pending.openings.get(&served)?;
        let mut statements = Vec::new();
        for (key, enrolled) in self.state.roster.keys_of(opening.person) {
            if enrolled.enrolled.client != opening.client {
                continue;
            }
            for decision in Verdict::ALL {
                statements.push(statement(&self.state, call, pending, at, *key, *decision)?);
            }
        }
        Some(Served {
            view: self.view(opening.call)?,
            shown: self.shown(opening.call)?,
            action_salt: call.document.as_ref()?.action_salt,
            statements,
        })
    }

    fn decide(
        &mut self,
        new: &NewDecision,
        proof: Option<&Verified>,
    ) -> Result<Decision, DecisionError> {
        let stated = Statement::read(&new.statement).map_err(|_| Refusal::SignatureInvalid)?;
        if stated.call != new.call || stated.log != self.state.origin() {
            return Err(Refusal::DigestMismatch.into());
        }
        if let Some(decision) = self.decided(new, &stated, proof) {
            return Ok(decision);
        }
        let Some(call) = self.state.calls.get(&new.call).cloned() else {
            return Err(self.ended_refusal(new.call).into());
        };
        let Some(pending) = call.question() else {
            let refusal = match call.stage {
                Stage::Redeemed(_) => Refusal::AlreadyRedeemed,
                Stage::Judged | Stage::Allowed(_) | Stage::Pending(_) | Stage::Approved(..) => {
                    Refusal::NotPending
                }
            };
            return Err(self.note_vote(new, &stated, proof, refusal));
        };
        let mut openings = pending.openings.iter();
        let served = openings.find(|(_, opening)| opening.nonce == stated.nonce.0);
        let Some(served) = served.map(|(seq, _)| *seq) else {
            return Err(self.note_vote(new, &stated, proof, Refusal::PresentationNotServed));
        };
        let control = Party::Executor(call.executor) == self.service();
        let decide = self.command(new, &stated, served, control)?;
        match self.run_proven(&Command::Decide(Box::new(decide)), proof) {
            Ok(entries) => {
                let seq = entries.first().ok_or(Unavailable::Internal)?.seq;
                let view = self.view_after(new.call, Some(&call), &entries);
                let view = view.ok_or(Unavailable::Internal)?.unsalted();
                Ok(Decision {
                    seq,
                    decision: stated.decision,
                    view,
                })
            }
            Err(CommandError::Refused(Refusal::PolicyStricter)) => {
                self.run(&Command::Supersede { call: new.call })?;
                Err(Refusal::PolicyStricter.into())
            }
            Err(CommandError::Refused(refusal)) => {
                Err(self.note_vote(new, &stated, proof, refusal))
            }
            Err(error) => Err(error),
        }
    }

    /// Only an approval that nobody has used can be taken back.
    fn is_approved(&self, call: CallId) -> Result<(), Refusal> {
        match self.state.calls.get(&call).map(|call| &call.stage) {
            Some(Stage::Approved(..)) => Ok(()),
            Some(Stage::Redeemed(_)) => Err(Refusal::AlreadyRedeemed),
            Some(Stage::Judged | Stage::Allowed(_) | Stage::Pending(_)) => {
                Err(Refusal::NotApproved)
            }
            None => Err(self.past_refusal(call)),
        }
    }

    /// The command of a decision, with the ids that it may need.
    fn command(
        &mut self,
        new: &NewDecision,
        stated: &Statement,
        served: u64,
        control: bool,
    ) -> Result<Decide, CommandError> {
        let enacted = if control {
            Some(self.fresh_ids()?)
        } else {
            None
        };
        let comment = new.comment.as_ref().map(|(salt, text)| {
            let comment = Object::new()
                .with("salt", hex(salt))
                .with("text", text.as_str());
            Some(Value::Object(comment))
        });
        Ok(Decide {
            call: new.call,
            person: stated.person,
            key: stated.key,
            served,
            decision: stated.decision,
            statement: Blob(new.statement.clone()),
            signature: Blob(new.signature.clone()),
            raw: None,
            cause: new.cause,
            comment,
            grant: GrantId::new(draw(&mut *self.entropy)?),
            enacted,
            claimed: None,
        })
    }

    /// A refused vote stands in the log only when the person's own key signed it: nobody else can
    /// write in their name.
    fn note_vote(
        &mut self,
        new: &NewDecision,
        stated: &Statement,
        proof: Option<&Verified>,
        refusal: Refusal,
    ) -> CommandError {
        if self.is_signed(new, stated, proof) {
            self.note_refusal(
                Party::Person(stated.person),
                refusal.code(),
                Some(stated.call),
            );
        }
        refusal.into()
    }

    /// Whether the proof is that the stated person's stated key signed it.
    fn is_signed(&self, new: &NewDecision, stated: &Statement, proof: Option<&Verified>) -> bool {
        let key = self.state.roster.keys.get(&stated.key);
        let key = key.filter(|key| key.person == stated.person);
        key.zip(proof).is_some_and(|(key, proof)| {
            proof.covers(Context::Approval, &new.statement)
                && proof.signer().to_ssh_wire() == key.enrolled.public_key.0
        })
    }

    fn service(&self) -> Party {
        let service = self.state.ledger.as_ref().map(|ledger| ledger.service);
        Party::Executor(service.unwrap_or(ExecutorId::new([0; 16])))
    }

    /// Ids for whatever a control call may make.
    fn fresh_ids(&mut self) -> Result<Refs, CommandError> {
        let mut id = || draw(&mut *self.entropy);
        Ok(Refs {
            person: Some(PersonId::new(id()?)),
            key: Some(KeyId::new(id()?)),
            agent: Some(AgentId::new(id()?)),
            executor: Some(ExecutorId::new(id()?)),
            credential: Some(CredentialId::new(id()?)),
            policy: Some(PolicyId::new(id()?)),
            freeze: Some(FreezeId::new(id()?)),
            ..Refs::default()
        })
    }

    /// An identical decision again gets the same answer.
    fn decided(
        &mut self,
        new: &NewDecision,
        stated: &Statement,
        proof: Option<&Verified>,
    ) -> Option<Decision> {
        let seq = match self.state.calls.get(&new.call) {
            Some(call) => {
                let vote = call.question()?.votes.get(&stated.person)?;
                (vote.decision == stated.decision).then_some(vote.seq)?
            }
            None => self.history(new.call).iter().find_map(|entry| {
                let mine = entry.draft.refs.person == Some(stated.person);
                (mine && signed(entry) == Some(new.statement.as_slice())).then_some(entry.seq)
            })?,
        };
        let stored = self.record(seq)?;
        if signed(&stored.entry) != Some(new.statement.as_slice())
            || !self.is_signed(new, stated, proof)
        {
            return None;
        }
        Some(Decision {
            seq,
            decision: stated.decision,
            view: self.view(new.call)?.unsalted(),
        })
    }

    /// The refusal that whoever comes too late meets.
    fn ended_refusal(&self, call: CallId) -> Refusal {
        match self.past_refusal(call) {
            Refusal::NotApproved => Refusal::NotPending,
            refusal => refusal,
        }
    }

    /// How a call ended, as a refusal of what it no longer is there for.
    fn past_refusal(&self, call: CallId) -> Refusal {
        match self.past(call).map(|past| past.stage) {
            None => Refusal::NotFound,
            Some(PastStage::NotExecuted(refusal)) => refusal,
            Some(PastStage::Reported(_) | PastStage::Disputed) => Refusal::AlreadyRedeemed,
        }
    }
}

fn signed(entry: &Entry) -> Option<&[u8]> {
    match &entry.draft.fact {
        Fact::VoteApprove(vote) => Some(&vote.statement.0),
        Fact::VoteDeny(vote) => Some(&vote.statement.0),
        _ => None,
    }
}

/// An agent's token and a device key are always different credentials and accounts; of the rest the
/// service knows only the network address.
fn independence(opening: &Opening) -> Vec<Compared> {
    let network = match opening.network_differs {
        Some(true) => Independence::Differs,
        Some(false) => Independence::Same,
        None => Independence::Unknown,
    };
    let facts = [
        ("account", Independence::Unknown),
        ("channel", Independence::Differs),
        ("credential", Independence::Differs),
        ("device", Independence::Unknown),
        ("network", network),
    ];
    facts
        .map(|(fact, found)| Compared {
            fact: fact.into(),
            found,
        })
        .into()
}
