//! What an approver may ask for: log in, look, open, decide, take back.

use std::collections::BTreeMap;

use countersign_attest::statement::{Login, Nonce, Revocation as RevocationStatement};
use countersign_attest::{Context, PublicKey, Statement, verify};
use countersign_flow::{Command, Decide, Open, PastStage, Refusal, Revocation, Stage, statement};
use countersign_record::body::Disclosure;
use countersign_record::digest::{TokenDigest, hex};
use countersign_record::entry::{Blob, Compared, DenyCause, Entry, Fact, Party, Refs, UnixMillis};
use countersign_record::id::{
    AgentId, CallId, CredentialId, ExecutorId, FreezeId, GrantId, KeyId, PersonId, PolicyId,
};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Decision as Verdict, Independence, Role};

use super::view::{CallState, CallView};
use crate::core::Core;
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};
use crate::writer::{Level, Proven, Service};

/// How long a login may take, in ms.
const LOGIN_MS: u64 = 2 * 60 * 1000;
/// At most so many logins are under way at once.
const LOGINS_MAX: usize = 10_000;

/// Whose token was presented.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Credentials {
    /// An agent's.
    Agent(AgentId),
    /// An executor's.
    Executor(ExecutorId),
    /// An auditor's, responder's or operator's.
    Other(CredentialId, Role),
}

/// Why nobody was let in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LoginError {
    /// Not an enrolled key, or not its signature over a fresh login statement.
    #[error("this key does not open a session here: enrol it, or log in again")]
    Refused,
    /// The service cannot.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A confirmation that waits for this person.
#[derive(Clone, Debug)]
pub struct InboxItem {
    /// The call.
    pub view: CallView,
    /// The presentation's first sentence, escaped.
    pub sentence: String,
    /// The person has voted.
    pub voted: Option<Verdict>,
}

/// A person's keys.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Who.
    pub person: PersonId,
    /// Their handle.
    pub handle: Option<String>,
    /// Keys that count today, with what they are enrolled as.
    pub keys: Vec<(KeyId, String, String)>,
}

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
    pub shown: Disclosure,
    /// The salt of the action digest.
    pub action_salt: [u8; 32],
    /// Statements to sign, by key and decision.
    pub statements: Vec<(KeyId, Verdict, Vec<u8>)>,
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
    /// Whose token this is, while it counts.
    pub async fn credentials(
        &self,
        token: TokenDigest,
    ) -> Result<Option<Credentials>, Unavailable> {
        self.ask(move |core| core.credentials(token)).await
    }

    /// The statement with which a key opens a session.
    pub async fn login_statement(&self, public_key: Vec<u8>) -> Result<Vec<u8>, LoginError> {
        self.ask(move |core| core.login_statement(&public_key))
            .await?
    }

    /// Opens a session for the person whose key signed the login statement.
    pub async fn login(
        &self,
        statement: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<PersonId, LoginError> {
        self.ask(move |core| {
            core.login(&statement, &signature)
                .ok_or(LoginError::Refused)
        })
        .await?
    }

    /// What waits for this person.
    pub async fn inbox(&self, person: PersonId) -> Result<Vec<InboxItem>, Unavailable> {
        self.ask(move |core| core.inbox(person)).await
    }

    /// Who this person is here.
    pub async fn standing(&self, person: PersonId) -> Result<Standing, Unavailable> {
        self.ask(move |core| core.standing(person)).await
    }

    /// The policy text of a digest.
    pub async fn policy_text(
        &self,
        digest: countersign_record::digest::PolicyDigest,
    ) -> Result<Option<String>, Unavailable> {
        self.ask(move |core| core.policy_text(digest)).await
    }

    /// The presentation, to look at: nothing can be signed over it.
    pub async fn presentation(
        &self,
        person: PersonId,
        call: CallId,
    ) -> Result<Option<(CallView, Disclosure)>, Unavailable> {
        self.ask(move |core| {
            core.concerns(person, call)
                .then(|| Some((core.view(call)?, core.shown(call)?)))
                .flatten()
        })
        .await
    }

    /// Serves the presentation with statements to sign; the serving is recorded.
    pub async fn open(&self, opening: Opening) -> Result<Opened, CommandError> {
        let done = self.act(Level::Durable, move |core| Ok((core.open(&opening)?, None)));
        done.await.map(|proven| proven.value)
    }

    /// Records a signed decision; the answer is proof that it is in the log.
    pub async fn decide(&self, new: NewDecision) -> Result<Proven<Decision>, DecisionError> {
        let done = self.act(Level::Committed, move |core| {
            let answer = core.decide(&new);
            Ok::<_, CommandError>((answer, None))
        });
        // The refusal's own entries are durable before the refusal is told.
        let decision = done.await?.value?;
        let seq = decision.seq;
        let proof = self.ask(move |core| core.proof(seq)).await?;
        Ok(Proven {
            value: decision,
            proof,
        })
    }

    /// Takes an approval back.
    pub async fn revoke(
        &self,
        call: CallId,
        statement: Vec<u8>,
        signature: Vec<u8>,
    ) -> Result<Proven<CallState>, CommandError> {
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
            let entries = core.run(&Command::Revoke(revocation))?;
            Ok((CallState::Revoked, entries.first().map(|entry| entry.seq)))
        })
        .await
    }
}

/// Logins under way: the nonce and when it ends.
#[derive(Debug, Default)]
pub(crate) struct Logins(BTreeMap<[u8; 32], UnixMillis>);

impl Core {
    fn credentials(&self, token: TokenDigest) -> Option<Credentials> {
        let roster = &self.state.roster;
        let agent = roster
            .agents
            .iter()
            .find(|(_, it)| !it.revoked && it.token == token);
        let executor = roster
            .executors
            .iter()
            .find(|(_, it)| !it.revoked && it.token == token);
        let other = roster
            .credentials
            .iter()
            .find(|(_, it)| !it.revoked && it.token == token);
        agent
            .map(|(id, _)| Credentials::Agent(*id))
            .or(executor.map(|(id, _)| Credentials::Executor(*id)))
            .or(other.map(|(id, it)| Credentials::Other(*id, it.role)))
    }

    fn login_statement(&mut self, public_key: &[u8]) -> Result<Vec<u8>, LoginError> {
        let found = self
            .state
            .roster
            .keys
            .iter()
            .find(|(_, key)| key.revoked.is_none() && key.enrolled.public_key.0 == public_key);
        let (key, person) = found
            .map(|(id, key)| (*id, key.person))
            .ok_or(LoginError::Refused)?;
        let now = self.now();
        self.logins.0.retain(|_, ends| now < *ends);
        if self.logins.0.len() >= LOGINS_MAX {
            return Err(LoginError::Refused);
        }
        let nonce = draw(&mut *self.entropy).map_err(|_| Unavailable::Internal)?;
        let expires_at_ms = now + LOGIN_MS;
        self.logins.0.insert(nonce, expires_at_ms);
        let login = Login {
            log: self.state.origin().into(),
            person,
            key,
            nonce: Nonce(nonce),
            expires_at_ms,
        };
        login.to_bytes().map_err(|_| Unavailable::Internal.into())
    }

    fn login(&mut self, statement: &[u8], signature: &[u8]) -> Option<PersonId> {
        let stated = Login::read(statement).ok()?;
        let now = self.now();
        let ends = self.logins.0.remove(&stated.nonce.0)?;
        let key = self.state.roster.keys.get(&stated.key)?;
        let person = self.state.roster.people.get(&key.person)?;
        let fits = stated.log == self.state.origin()
            && stated.person == key.person
            && stated.expires_at_ms == ends
            && now < ends
            && key.revoked.is_none()
            && !person.left;
        let public = PublicKey::from_ssh_wire(&key.enrolled.public_key.0).ok()?;
        let signed = verify(Context::Login, &public, statement, signature).is_ok();
        (fits && signed).then_some(key.person)
    }

    fn concerns(&self, person: PersonId, call: CallId) -> bool {
        match self.state.calls.get(&call) {
            Some(call) => call
                .question()
                .is_some_and(|it| it.pinned.contains_key(&person)),
            None => self
                .history(call)
                .iter()
                .any(|entry| entry.draft.refs.person == Some(person)),
        }
    }

    fn inbox(&mut self, person: PersonId) -> Vec<InboxItem> {
        let pending = self
            .state
            .calls
            .values()
            .filter_map(|call| match &call.stage {
                Stage::Pending(pending) if pending.pinned.contains_key(&person) => Some((
                    call.id,
                    pending.votes.get(&person).map(|vote| vote.decision),
                )),
                _ => None,
            });
        let pending: Vec<_> = pending.collect();
        let item = |(call, voted)| {
            let sentence = self
                .shown(call)
                .and_then(|shown| sentence(&shown))
                .unwrap_or_default();
            Some(InboxItem {
                view: self.view(call)?,
                sentence,
                voted,
            })
        };
        pending.into_iter().filter_map(item).collect()
    }

    fn standing(&self, person: PersonId) -> Standing {
        let keys = self.state.roster.keys_of(person).map(|(id, key)| {
            (
                *id,
                key.enrolled.client.to_string(),
                key.enrolled.class.to_string(),
            )
        });
        let handle = self
            .state
            .roster
            .people
            .get(&person)
            .and_then(|it| it.handle.clone());
        Standing {
            person,
            handle,
            keys: keys.collect(),
        }
    }

    fn policy_text(&self, digest: countersign_record::digest::PolicyDigest) -> Option<String> {
        let in_force = self
            .state
            .policy
            .as_ref()
            .filter(|policy| policy.digest == digest);
        if let Some(policy) = in_force.and_then(|it| it.policy.as_ref()) {
            return Some(policy.text().into());
        }
        let frames = self.reader.frames(0).filter_map(Result::ok);
        frames.flat_map(|frame| frame.records).find_map(|stored| {
            let record = self.opened(stored.entry, &stored.bodies)?;
            match &record.entry.draft.fact {
                Fact::PolicyAdopted(it) if it.digest == digest => record
                    .body("policy")?
                    .member("toml")?
                    .as_str()
                    .map(Into::into),
                _ => None,
            }
        })
    }

    /// What is or was shown of a call.
    fn shown(&self, call: CallId) -> Option<Disclosure> {
        let opened = if let Some(call) = self.state.calls.get(&call) {
            call.question().map(|pending| pending.opened)?
        } else {
            let history = self.history(call);
            let opened = |entry: &&Entry| matches!(entry.draft.fact, Fact::ConfirmationOpened(_));
            history.iter().find(opened)?.seq
        };
        Some(
            self.record(opened)?
                .bodies
                .get("shown")?
                .disclose_all()
                .clone(),
        )
    }

    fn open(&mut self, opening: &Opening) -> Result<Opened, CommandError> {
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
        let entries = self.run(&Command::Open(command))?;
        let served = entries.first().ok_or(Unavailable::Internal)?.seq;
        self.opened_for(opening, served)
            .ok_or_else(|| Unavailable::Internal.into())
    }

    fn opened_for(&mut self, opening: &Opening, served: u64) -> Option<Opened> {
        let call = self.state.calls.get(&opening.call)?.clone();
        let pending = call.question()?;
        let at = pending.openings.get(&served)?;
        let mut statements = Vec::new();
        for (key, enrolled) in self.state.roster.keys_of(opening.person) {
            if enrolled.enrolled.client != opening.client {
                continue;
            }
            for decision in Verdict::ALL {
                let bytes = statement(&self.state, &call, pending, at, *key, *decision)?;
                statements.push((*key, *decision, bytes.to_bytes().ok()?));
            }
        }
        Some(Opened {
            view: self.view(opening.call)?,
            shown: self.shown(opening.call)?,
            action_salt: call.document.as_ref()?.action_salt,
            statements,
        })
    }

    fn decide(&mut self, new: &NewDecision) -> Result<Decision, DecisionError> {
        let stated = Statement::read(&new.statement).map_err(|_| Refusal::SignatureInvalid)?;
        if stated.call != new.call || stated.log != self.state.origin() {
            return Err(Refusal::DigestMismatch.into());
        }
        if let Some(decision) = self.decided(new, &stated) {
            return Ok(decision);
        }
        let Some(call) = self.state.calls.get(&new.call) else {
            return Err(self.ended_refusal(new.call).into());
        };
        let served = call.question().and_then(|pending| {
            pending
                .openings
                .iter()
                .find(|(_, opening)| opening.nonce == stated.nonce.0)
        });
        let Some(served) = served.map(|(seq, _)| *seq) else {
            return Err(self.note_vote(&stated, Refusal::PresentationNotServed));
        };
        let control = Party::Executor(call.executor) == self.service();
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
        let decide = Decide {
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
        };
        match self.run(&Command::Decide(Box::new(decide))) {
            Ok(entries) => {
                let seq = entries.first().ok_or(Unavailable::Internal)?.seq;
                let view = self.view(new.call).ok_or(Unavailable::Internal)?;
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
            Err(CommandError::Refused(refusal)) => Err(self.note_vote(&stated, refusal)),
            Err(error) => Err(error),
        }
    }

    fn note_vote(&mut self, stated: &Statement, refusal: Refusal) -> CommandError {
        let known = self.state.roster.people.contains_key(&stated.person);
        if known && refusal != Refusal::SignatureInvalid {
            self.note_refusal(
                Party::Person(stated.person),
                refusal.code(),
                Some(stated.call),
            );
        }
        refusal.into()
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
    fn decided(&mut self, new: &NewDecision, stated: &Statement) -> Option<Decision> {
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
        if signed(&stored.entry) != Some(new.statement.as_slice()) {
            return None;
        }
        Some(Decision {
            seq,
            decision: stated.decision,
            view: self.view(new.call)?,
        })
    }

    /// The refusal that whoever comes too late meets.
    fn ended_refusal(&self, call: CallId) -> Refusal {
        match self.past(call).map(|past| past.stage) {
            None => Refusal::NotFound,
            Some(PastStage::NotExecuted(Refusal::NotApproved)) => Refusal::NotPending,
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

fn sentence(shown: &Disclosure) -> Option<String> {
    let fields = shown
        .leaves
        .iter()
        .filter_map(countersign_record::body::Leaf::field);
    fields
        .into_iter()
        .find(|field| field.path == "/sentence")?
        .value
        .as_str()
        .map(Into::into)
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
