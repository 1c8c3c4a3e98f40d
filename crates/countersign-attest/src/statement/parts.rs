//! What several documents are made of.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use countersign_record::digest::{EntryHash, TextDigest, hex};
use countersign_record::id::{AgentId, CredentialId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::term::Independence;

use crate::document::{
    DocumentError, Members, blake3, blake3_text, parsed, sha256, sha256_text, whole,
};

/// A word that is not part of a statement's vocabulary.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not {expected}")]
pub struct PartError {
    expected: &'static str,
}

/// Where the ledger ended: a signature over it is not older than that entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// The last entry's place.
    pub seq: u64,
    /// The last entry's chain value.
    pub hash: EntryHash,
}

impl Head {
    pub(crate) fn object(&self) -> Result<Object, DocumentError> {
        Ok(Object::new()
            .with("seq", whole("head", self.seq)?)
            .with("hash", blake3_text(self.hash.bytes())))
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        has_only(value, &["seq", "hash"])?;
        Some(Self {
            seq: value.member("seq")?.as_u64()?,
            hash: EntryHash(blake3(value.member("hash")?)?),
        })
    }
}

/// 128 random bits that name one ceremony; 32 hex digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instance(pub [u8; 16]);

impl Instance {
    pub(crate) fn text(&self) -> String {
        hex(&self.0)
    }
}

/// 256 random bits, fresh for each opening; 64 hex digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Nonce(pub [u8; 32]);

impl Nonce {
    pub(crate) fn text(&self) -> String {
        hex(&self.0)
    }
}

/// SHA-256 of the assets that drew a page.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AssetDigest(pub [u8; 32]);

/// A renderer's name and version: `a-z`, `0-9`, `-`, `_`, `.`, `/`, 1 to 64 bytes, as `text/1`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RendererVersion(String);

impl RendererVersion {
    /// The version as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RendererVersion {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_./".contains(&byte)
        };
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PartError {
                expected: "a renderer version: 1 to 64 of a-z, 0-9, - _ . /",
            })
        }
    }
}

/// What drew the presentation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Renderer {
    /// Which rules it followed.
    pub version: RendererVersion,
    /// The page's assets; a renderer without any has none.
    pub asset_digest: Option<AssetDigest>,
}

impl Renderer {
    pub(crate) fn object(&self) -> Object {
        let object = Object::new().with("version", self.version.as_str());
        match self.asset_digest {
            None => object,
            Some(AssetDigest(digest)) => object.with("asset_digest", sha256_text(&digest)),
        }
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        has_only(value, &["version", "asset_digest"])?;
        let asset_digest = match value.member("asset_digest") {
            None => None,
            Some(digest) => Some(AssetDigest(sha256(digest)?)),
        };
        Some(Self {
            version: parsed(value.member("version")?)?,
            asset_digest,
        })
    }
}

/// One of the circle of those who asked.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Requester {
    /// The agent.
    Agent(AgentId),
    /// An operator's or responder's credential, of a control call.
    Credential(CredentialId),
    /// The agent's principal, the session's owner, the deployer.
    Person(PersonId),
}

impl fmt::Display for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => id.fmt(f),
            Self::Credential(id) => id.fmt(f),
            Self::Person(id) => id.fmt(f),
        }
    }
}

impl FromStr for Requester {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let agent = text.parse().map(Self::Agent);
        agent
            .or_else(|_| text.parse().map(Self::Credential))
            .or_else(|_| text.parse().map(Self::Person))
            .map_err(|_| PartError {
                expected: "an id of an agent, a credential or a person",
            })
    }
}

/// The way on which a person came to a question.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Channel {
    /// The person looked into the inbox.
    Inbox,
    /// A link in an e-mail.
    Email,
    /// A push by ntfy.
    Ntfy,
    /// A signed webhook.
    Webhook,
    /// A Slack message.
    Slack,
    /// A Teams message.
    Teams,
}

impl Channel {
    /// Every channel.
    pub const ALL: &[Self] = &[
        Self::Inbox,
        Self::Email,
        Self::Ntfy,
        Self::Webhook,
        Self::Slack,
        Self::Teams,
    ];

    /// The word as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Email => "email",
            Self::Ntfy => "ntfy",
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }
}

impl FromStr for Channel {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let mut channels = Self::ALL.iter().copied();
        channels
            .find(|channel| channel.as_str() == text)
            .ok_or(PartError {
                expected: "one of inbox, email, ntfy, webhook, slack, teams",
            })
    }
}

/// How far the approver's way is apart from the agent's, fact by fact; all are always stated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IndependenceFacts {
    /// The account at the channel.
    pub account: Independence,
    /// The channel.
    pub channel: Independence,
    /// The credential.
    pub credential: Independence,
    /// The device.
    pub device: Independence,
    /// The network.
    pub network: Independence,
}

impl IndependenceFacts {
    /// Nothing can be told.
    pub const UNKNOWN: Self = Self {
        account: Independence::Unknown,
        channel: Independence::Unknown,
        credential: Independence::Unknown,
        device: Independence::Unknown,
        network: Independence::Unknown,
    };

    pub(crate) fn object(self) -> Object {
        Object::new()
            .with("account", self.account.as_str())
            .with("channel", self.channel.as_str())
            .with("credential", self.credential.as_str())
            .with("device", self.device.as_str())
            .with("network", self.network.as_str())
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let names = ["account", "channel", "credential", "device", "network"];
        has_only(value, &names)?;
        Some(Self {
            account: parsed(value.member("account")?)?,
            channel: parsed(value.member("channel")?)?,
            credential: parsed(value.member("credential")?)?,
            device: parsed(value.member("device")?)?,
            network: parsed(value.member("network")?)?,
        })
    }
}

pub(crate) fn word(id: &impl ToString) -> String {
    id.to_string()
}

pub(crate) fn with_text(object: Object, name: &str, text: Option<TextDigest>) -> Object {
    match text {
        None => object,
        Some(digest) => object.with(name, sha256_text(digest.bytes())),
    }
}

pub(crate) fn text_digest(
    members: &mut Members<'_>,
    name: &'static str,
) -> Result<Option<TextDigest>, DocumentError> {
    Ok(members.optional(name, sha256)?.map(TextDigest))
}

/// Whether an object has no other members than these.
fn has_only(value: &Value, names: &[&str]) -> Option<()> {
    let object = value.as_object()?;
    object
        .iter()
        .all(|(name, _)| names.contains(&name))
        .then_some(())
}
