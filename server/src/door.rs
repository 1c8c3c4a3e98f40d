//! Who asks. Every plane has this door and lets in only its own kinds of credential.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use countersign_record::digest::{TokenDigest, sha256};
use countersign_record::entry::Party;
use countersign_record::id::{AgentId, CredentialId, ExecutorId, PersonId};
use countersign_record::term::Role;
use countersign_service::{Clock as _, Credentials, Service, SystemClock};

use crate::config::Limits;
use crate::pace::{Asker, Pace, Pass};
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
#[derive(Clone, Debug)]
pub(crate) struct Door {
    service: Service,
    sessions: Arc<Sessions>,
    pace: Arc<Pace>,
}

impl Door {
    pub(crate) fn new(service: Service, limits: &Limits) -> Self {
        Self {
            service,
            sessions: Arc::default(),
            pace: Arc::new(Pace::new(limits)),
        }
    }

    /// Lets in whoever `fits`; a known credential of another kind is refused, and that is recorded.
    pub(crate) async fn enter<T>(
        &self,
        headers: &HeaderMap,
        fits: impl FnOnce(Who) -> Option<T>,
    ) -> Result<Entered<T>, Problem> {
        let token = bearer(headers)?.ok_or_else(|| {
            let detail = "send a credential of this plane as `Authorization: Bearer <token>`";
            Problem::new(Code::Unauthenticated, detail)
        })?;
        let pass = self.pace.take(Asker::Token(token), Instant::now())?;
        let who = self.who(token).await?.ok_or_else(|| {
            let detail = "this log does not know the token, or it was revoked or has expired";
            Problem::new(Code::Unauthenticated, detail)
        })?;
        match fits(who) {
            Some(who) => Ok(Entered { who, pass }),
            None => Err(self.refuse(who).await),
        }
    }

    /// Lets in anybody but a known credential of another plane.
    pub(crate) async fn enter_unnamed(
        &self,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Result<Entered<()>, Problem> {
        let pass = self.pace.take(Asker::Peer(peer), Instant::now())?;
        let known = match bearer(headers)? {
            Some(token) => self.who(token).await?,
            None => None,
        };
        match known {
            None | Some(Who::Person(_)) => Ok(Entered { who: (), pass }),
            Some(other) => Err(self.refuse(other).await),
        }
    }

    /// Opens a session for reading.
    pub(crate) fn open_session(&self, person: PersonId) -> Result<Opened, Problem> {
        self.sessions.open(person, SystemClock::new().wall_ms())
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
            "this kind of credential does not do that, here or at all",
        )
    }

    async fn who(&self, token: [u8; 32]) -> Result<Option<Who>, Problem> {
        if let Some(person) = self.sessions.person(&token, SystemClock::new().wall_ms()) {
            // A session ends with the last of the person's keys.
            let standing = self.service.standing(person).await?;
            return Ok((!standing.keys.is_empty()).then_some(Who::Person(person)));
        }
        let known = self.service.credentials(TokenDigest(token)).await?;
        Ok(known.map(|known| match known {
            Credentials::Agent(id) => Who::Agent(id),
            Credentials::Executor(id) => Who::Executor(id),
            Credentials::Other(id, role) => Who::Credential(id, role),
        }))
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
