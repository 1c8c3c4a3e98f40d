//! How a key comes to a person: its own proof of possession, and another person's word for it.

use alloc::string::String;

use base64ct::{Base64, Encoding};
use countersign_record::digest::StatementDigest;
use countersign_record::id::{KeyId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Scheme};

use super::parts::{Head, Nonce, word};
use super::signed_document;
use crate::context::Context;
use crate::document::{self, DocumentError, Members, Schema, origin, parsed, sha256, sha256_text};
use crate::key::PublicKey;

/// Signed by the key that is enrolled. Reading it gates the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Enrolment {
    /// The ledger's origin.
    pub log: String,
    /// Whose key it is.
    pub person: PersonId,
    /// The key; its scheme stands beside it.
    pub public_key: PublicKey,
    /// The one kind of client with which it may sign.
    pub usage: Client,
    /// Fresh for each enrolment.
    pub nonce: Nonce,
    /// Where the ledger ended when the enrolment was asked for.
    pub head: Head,
}

signed_document!(Enrolment, "countersign.enrolment.v1", Context::Enrolment);

impl Schema for Enrolment {
    const TYPE: &'static str = Self::TYPE;

    fn members(&self) -> Result<Object, DocumentError> {
        let wire = self.public_key.to_ssh_wire();
        Ok(Object::new()
            .with("log", self.log.as_str())
            .with("person", word(&self.person))
            .with("scheme", self.public_key.scheme().as_str())
            .with("public_key", Base64::encode_string(&wire))
            .with("use", self.usage.as_str())
            .with("nonce", self.nonce.text())
            .with("head", self.head.object()?))
    }

    fn from_members(members: &mut Members<'_>) -> Result<Self, DocumentError> {
        let scheme: Scheme = members.required("scheme", parsed)?;
        let public_key = members.required("public_key", public_key)?;
        if public_key.scheme() != scheme {
            return Err(DocumentError::Malformed { name: "scheme" });
        }
        Ok(Self {
            log: members.required("log", origin)?,
            person: members.required("person", parsed)?,
            public_key,
            usage: members.required("use", parsed)?,
            nonce: members.required("nonce", document::bytes).map(Nonce)?,
            head: members.required("head", Head::from_value)?,
        })
    }
}

fn public_key(value: &Value) -> Option<PublicKey> {
    let wire = Base64::decode_vec(value.as_str()?).ok()?;
    PublicKey::from_ssh_wire(&wire).ok()
}

/// Signed by somebody else's enrolled key: "I know that this new key is this person's".
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttestKey {
    /// The ledger's origin.
    pub log: String,
    /// SHA-256 of the enrolment's bytes.
    pub enrolment: StatementDigest,
    /// Who vouches.
    pub person: PersonId,
    /// With which key.
    pub key: KeyId,
}

signed_document!(AttestKey, "countersign.attest-key.v1", Context::AttestKey);

impl Schema for AttestKey {
    const TYPE: &'static str = Self::TYPE;

    fn members(&self) -> Result<Object, DocumentError> {
        Ok(Object::new()
            .with("log", self.log.as_str())
            .with("enrolment", sha256_text(self.enrolment.bytes()))
            .with("person", word(&self.person))
            .with("key", word(&self.key)))
    }

    fn from_members(members: &mut Members<'_>) -> Result<Self, DocumentError> {
        Ok(Self {
            log: members.required("log", origin)?,
            enrolment: members.required("enrolment", sha256).map(StatementDigest)?,
            person: members.required("person", parsed)?,
            key: members.required("key", parsed)?,
        })
    }
}
