//! The beginning of a session on the approver plane. A session reads; it decides nothing.

use alloc::string::String;

use countersign_record::id::{KeyId, PersonId};
use countersign_record::json::{Object, Value};

use super::parts::{Nonce, word};
use super::signed_document;
use crate::context::Context;
use crate::document::{self, DocumentError, Members, Schema, origin, parsed, whole};

/// "Let me in": signed over the service's nonce.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// The ledger's origin.
    pub log: String,
    /// Who comes.
    pub person: PersonId,
    /// With which key.
    pub key: KeyId,
    /// What the service asked to be signed; good once.
    pub nonce: Nonce,
    /// After this the signature opens no session, ms since 1970.
    pub expires_at_ms: u64,
}

signed_document!(Login, "countersign.login.v1", Context::Login);

impl Schema for Login {
    const TYPE: &'static str = Self::TYPE;

    fn members(&self) -> Result<Object, DocumentError> {
        Ok(Object::new()
            .with("log", self.log.as_str())
            .with("person", word(&self.person))
            .with("key", word(&self.key))
            .with("nonce", self.nonce.text())
            .with("expires_at", whole("expires_at", self.expires_at_ms)?))
    }

    fn from_members(members: &mut Members<'_>) -> Result<Self, DocumentError> {
        Ok(Self {
            log: members.required("log", origin)?,
            person: members.required("person", parsed)?,
            key: members.required("key", parsed)?,
            nonce: members.required("nonce", document::bytes).map(Nonce)?,
            expires_at_ms: members.required("expires_at", Value::as_u64)?,
        })
    }
}
