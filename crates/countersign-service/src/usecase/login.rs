//! Who somebody is: tokens of agents, executors and others; sessions of approvers, opened by a
//! signature of their device key. A session reads; it decides nothing.

use std::collections::BTreeMap;

use countersign_attest::statement::{Login, Nonce};
use countersign_attest::{Context, PublicKey, verify};
use countersign_record::digest::TokenDigest;
use countersign_record::entry::UnixMillis;
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId};
use countersign_record::term::Role;

use crate::core::Core;
use crate::entropy::draw;
use crate::error::Unavailable;
use crate::writer::Service;

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

impl Service {
    /// Whose token this is, while it counts.
    pub fn credentials(&self, token: TokenDigest) -> Option<Credentials> {
        self.reading.published.now().known.credentials(&token)
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

    /// Who this person is here.
    pub fn standing(&self, person: PersonId) -> Standing {
        self.reading.published.now().known.standing(person)
    }
}

/// Logins under way: the nonce and when it ends.
#[derive(Debug, Default)]
pub(crate) struct Logins(BTreeMap<[u8; 32], UnixMillis>);

impl Core {
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
        let now = self.time.wall_ms();
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
        let now = self.time.wall_ms();
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
}
