//! Sessions of approvers: in memory, short, for reading only. A decision needs its own signature.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_record::digest::sha256;
use countersign_record::id::PersonId;

use crate::problem::{Code, Problem};

/// A session just opened.
pub(crate) struct Opened {
    /// The bearer token; only its SHA-256 is kept.
    pub(crate) token: String,
    /// When it ends by the wall clock, ms since 1970: for the client to know, the server does not.
    pub(crate) expires_ms: u64,
}

/// Those that are open, by the SHA-256 of their token.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

#[derive(Clone, Copy, Debug)]
struct Session {
    person: PersonId,
    /// By the monotonic clock: setting the wall clock back lengthens nothing.
    end_ms: u64,
}

impl Sessions {
    /// Opens one.
    pub(crate) fn open(
        &self,
        person: PersonId,
        wall_ms: u64,
        now_ms: u64,
    ) -> Result<Opened, Problem> {
        let mut bits = [0; 32];
        let drawn = getrandom::fill(&mut bits);
        drawn.map_err(|_| Problem::new(Code::Internal, "the random generator does not answer"))?;
        let token = token(&bits);
        let expires_ms = wall_ms.saturating_add(SESSION_MS);
        let end_ms = now_ms.saturating_add(SESSION_MS);
        let mut sessions = self.locked();
        sessions.retain(|_, session| now_ms < session.end_ms);
        if sessions.len() >= SESSIONS_MAX {
            let detail = format!("{SESSIONS_MAX} sessions are open");
            let problem = Problem::rate_limited(detail, SESSIONS_MAX as u64);
            return Err(problem.retry_after(60));
        }
        sessions.insert(sha256(&[token.as_bytes()]), Session { person, end_ms });
        Ok(Opened { token, expires_ms })
    }

    /// Whose session this is, while it lasts.
    pub(crate) fn person(&self, token: &[u8; 32], now_ms: u64) -> Option<PersonId> {
        let sessions = self.locked();
        let session = sessions
            .get(token)
            .filter(|session| now_ms < session.end_ms)?;
        Some(session.person)
    }

    /// Ends one early.
    pub(crate) fn end(&self, token: &[u8; 32]) {
        self.locked().remove(token);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `cst_` and 52 characters of lower-case base32.
fn token(bits: &[u8; 32]) -> String {
    let mut text = String::from("cst_");
    let (mut held, mut width) = (0_u16, 0);
    for byte in bits.iter().chain(&[0]) {
        held = (held << 8) | u16::from(*byte);
        width += 8;
        while width >= 5 && text.len() < TOKEN_CHARS {
            width -= 5;
            text.push(char::from(ALPHABET[usize::from((held >> width) & 31)]));
        }
        held &= (1 << width) - 1;
    }
    text
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const TOKEN_CHARS: usize = 4 + 52;

/// How long a session lasts: 10 min.
const SESSION_MS: u64 = 10 * 60 * 1000;

/// At most so many are open at once.
const SESSIONS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_rfc_4648_in_lower_case_without_padding() {
        // printf '\xff…' (32 bytes) | base32
        let expected = format!("cst_{}q", "7".repeat(51));
        assert_eq!(token(&[0xff; 32]), expected);
        assert_eq!(token(&[0; 32]), format!("cst_{}", "a".repeat(52)));
    }

    #[test]
    fn a_session_is_its_tokens_and_ends() {
        let (sessions, person) = (Sessions::default(), PersonId::new([7; 16]));
        let begun = 7;
        let opened = sessions.open(person, 1000, begun).unwrap();
        assert_eq!(opened.expires_ms, 1000 + SESSION_MS);
        let key = sha256(&[opened.token.as_bytes()]);
        let after = |ms| sessions.person(&key, begun + ms);
        assert_eq!(after(SESSION_MS - 1), Some(person));
        assert_eq!(after(SESSION_MS), None);
        assert_eq!(sessions.person(&sha256(&[b"another"]), begun), None);
        sessions.end(&key);
        assert_eq!(after(0), None);
    }

    #[test]
    fn no_time_of_the_wall_clock_lengthens_a_session() {
        let (sessions, person) = (Sessions::default(), PersonId::new([7; 16]));
        let begun = 7;
        let far = 1_000 * SESSION_MS;
        let opened = sessions.open(person, far, begun).unwrap();
        let key = sha256(&[opened.token.as_bytes()]);
        assert_eq!(sessions.person(&key, begun + SESSION_MS), None);
    }
}
