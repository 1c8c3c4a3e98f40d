//! The end of an approval by somebody who did not vote. Who did vote signs a late deny instead.

use alloc::string::String;

use countersign_record::digest::TextDigest;
use countersign_record::id::{CallId, ConfirmationId, KeyId, PersonId};
use countersign_record::json::Object;

use super::parts::{Head, text_digest, with_text, word};
use super::signed_document;
use crate::context::Context;
use crate::document::{DocumentError, Members, Schema, origin, parsed};

/// "This call shall not run." It can only stop, so it needs no nonce: said twice, it says no more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// The ledger's origin.
    pub log: String,
    /// The call.
    pub call: CallId,
    /// Its confirmation; a call that policy allowed by itself has none.
    pub confirmation: Option<ConfirmationId>,
    /// Who revokes.
    pub person: PersonId,
    /// With which key.
    pub key: KeyId,
    /// Where the ledger ended when the revocation was made.
    pub head: Head,
    /// What the person wrote.
    pub comment_digest: Option<TextDigest>,
}

signed_document!(Revocation, "countersign.revocation.v1", Context::Revocation);

impl Schema for Revocation {
    const TYPE: &'static str = Self::TYPE;

    fn members(&self) -> Result<Object, DocumentError> {
        let mut object = Object::new()
            .with("log", self.log.as_str())
            .with("call", word(&self.call))
            .with("person", word(&self.person))
            .with("key", word(&self.key))
            .with("head", self.head.object()?);
        if let Some(confirmation) = &self.confirmation {
            object = object.with("confirmation", word(confirmation));
        }
        Ok(with_text(object, "comment_digest", self.comment_digest))
    }

    fn from_members(members: &mut Members<'_>) -> Result<Self, DocumentError> {
        Ok(Self {
            log: members.required("log", origin)?,
            call: members.required("call", parsed)?,
            confirmation: members.optional("confirmation", parsed)?,
            person: members.required("person", parsed)?,
            key: members.required("key", parsed)?,
            head: members.required("head", Head::from_value)?,
            comment_digest: text_digest(members, "comment_digest")?,
        })
    }
}
