//! Who asks. Every plane has this door and lets in only its own kinds of credential.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use countersign_record::digest::{TokenDigest, sha256};
use countersign_record::entry::Party;
use countersign_record::id::{AgentId, CredentialId, ExecutorId, PersonId};
use countersign_record::term::Role;
use countersign_service::{Clock, Credentials, Service};

use crate::config::Limits;
use crate::extract::Peer;
use crate::pace::{Paces, Pass};
use crate::problem::{Code, Problem};
use crate::sessions::{Opened, Sessions};

/// A known credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    Agent(AgentId),
    Executor(ExecutorId),
    Credential(CredentialId, Role),
    /// An approver's session.
    Person(PersonId),
}

impl Who {
    fn party(self) -> Party {
        match self {
            Self::Agent(id) => Party::Agent(id),
            Self::Executor(id) => Party::Executor(id),
            Self::Credential(id, _) => Party::Credential(id),
            Self::Person(id) => Party::Person(id),
        }
    }
}

/// Somebody who was let in, with the room that the request takes.
#[derive(Debug)]
pub(crate) struct Entered<T> {
    pub(crate) who: T,
    pub(crate) pass: Pass,
}

/// Shared by the planes; it can tell who somebody is and note what they tried, nothing else.
#[derive(Clone)]
pub(crate) struct Door {
    service: Service,
    clock: Arc<dyn Clock + Sync>,
    sessions: Arc<Sessions>,
    paces: Arc<Paces>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Door({:?})", self.service)
    }
}

impl Door {
    pub(crate) fn new(service: Service, clock: Arc<dyn Clock + Sync>, limits: &Limits) -> Self {
        Self {
            service,
            clock,
            sessions: Arc::default(),
            paces: Arc::new(Paces::new(limits)),
        }
    }

    /// Lets in whoever `fits`; a known credential of another kind is refused, and that is recorded.
    pub(crate) async fn enter<T>(
        &self,
        parts: &Parts,
        fits: impl FnOnce(Who) -> Option<T>,
    ) -> Result<Entered<T>, Problem> {
        let token = bearer(&parts.headers)?.ok_or_else(|| {
            let detail = "send a credential of this plane as `Authorization: Bearer <token>`";
            Problem::new(Code::Unauthenticated, detail)
        })?;
        let (who, pass) = self.known(token, Peer::of(parts)?)?;
        match fits(who) {
            Some(who) => Ok(Entered { who, pass }),
            None => Err(self.refuse(who).await),
        }
    }

    /// Lets in anybody but a known credential of another plane, to log in.
    pub(crate) async fn enter_to_log_in(&self, parts: &Parts) -> Result<Pass, Problem> {
        let network = Peer::of(parts)?.into();
        let pass = self.paces.logins.take(network, Instant::now())?;
        self.no_other_plane(bearer(&parts.headers)?).await?;
        Ok(pass)
    }

    /// Lets in anybody but a known credential of another plane, to decide or take back. Saying no
    /// must always be possible: whoever names a session waits for nobody else, and whoever does not
    /// waits for no login and no invented token.
    pub(crate) async fn enter_to_decide(&self, parts: &Parts) -> Result<Pass, Problem> {
        let (token, now) = (bearer(&parts.headers)?, Instant::now());
        if let Some(person) = token.and_then(|token| self.session(&token)) {
            return self.paces.deciders.take(person, now);
        }
        let pass = self.paces.signers.take(Peer::of(parts)?.into(), now)?;
        self.no_other_plane(token).await?;
        Ok(pass)
    }

    /// Lets in anybody, where no token is looked at.
    pub(crate) fn enter_open(&self, parts: &Parts) -> Result<Pass, Problem> {
        self.paces
            .open
            .take(Peer::of(parts)?.into(), Instant::now())
    }

    /// Opens a session for reading.
    pub(crate) fn open_session(&self, person: PersonId) -> Result<Opened, Problem> {
        let (wall_ms, now_ms) = (self.clock.wall_ms(), self.clock.monotonic_ms());
        self.sessions.open(person, wall_ms, now_ms)
    }

    /// Whose session this is, while it lasts.
    fn session(&self, token: &[u8; 32]) -> Option<PersonId> {
        self.sessions.person(token, self.clock.monotonic_ms())
    }

    /// Whose token it is. One that was not seen yet is paced by where it comes from, before the log
    /// is asked: an invented token has no bucket of its own.
    fn known(&self, token: [u8; 32], peer: IpAddr) -> Result<(Who, Pass), Problem> {
        let (tokens, now) = (&self.paces.tokens, Instant::now());
        let seen = tokens.has(&token) || self.session(&token).is_some();
        let pass = if seen {
            tokens.take(token, now)?
        } else {
            self.paces.strangers.take(peer.into(), now)?
        };
        let Some(who) = self.who(token) else {
            tokens.forget(&token);
            let detail = "this log does not know the token, or it was revoked or has expired";
            return Err(Problem::new(Code::Unauthenticated, detail));
        };
        let pass = if seen { pass } else { tokens.take(token, now)? };
        Ok((who, pass))
    }

    async fn no_other_plane(&self, token: Option<[u8; 32]>) -> Result<(), Problem> {
        let Some(token) = token else { return Ok(()) };
        match self.who(token) {
            None | Some(Who::Person(_)) => Ok(()),
            Some(other) => Err(self.refuse(other).await),
        }
    }

    async fn refuse(&self, who: Who) -> Problem {
        let noted = self
            .service
            .note_refusal(who.party(), Code::Forbidden.slug())
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, "a refused attempt was not recorded");
        }
        Problem::new(
            Code::Forbidden,
            "this kind of credential does not do that, here or at all: agents and executors have the agent \
             plane, people's keys the approver plane, auditors, responders and operators the audit plane",
        )
    }

    fn who(&self, token: [u8; 32]) -> Option<Who> {
        if let Some(person) = self.session(&token) {
            if self.service.standing(person).keys.is_empty() {
                // A session ends with the last of the person's keys.
                self.sessions.end(&token);
                return None;
            }
            return Some(Who::Person(person));
        }
        let known = self.service.credentials(TokenDigest(token));
        known.map(|known| match known {
            Credentials::Agent(id) => Who::Agent(id),
            Credentials::Executor(id) => Who::Executor(id),
            Credentials::Other(id, role) => Who::Credential(id, role),
        })
    }
}

/// SHA-256 of the bearer token; what is there but not one is refused.
fn bearer(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (first, more) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "));
    let formed = |token: &&str| {
        (1..=TOKEN_BYTES_MAX).contains(&token.len())
            && token.bytes().all(|it| it.is_ascii_graphic())
    };
    match token.filter(formed) {
        Some(token) if more.is_none() => Ok(Some(sha256(&[token.as_bytes()]))),
        _ => {
            let detail = "send exactly one header `Authorization: Bearer <token>`";
            Err(Problem::new(Code::Unauthenticated, detail))
        }
    }
}

const TOKEN_BYTES_MAX: usize = 256;
