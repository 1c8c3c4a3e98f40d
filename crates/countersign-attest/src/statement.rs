//! The documents that people sign: canonical JSON, closed schemas, no personal data
//! (docs/spec/statement.md).

mod enrolment;
mod login;
mod parts;
mod revocation;

use alloc::collections::BTreeSet;
use alloc::string::String;

use countersign_record::digest::{ActionDigest, PolicyDigest, ShownDigest, TextDigest};
use countersign_record::id::{CallId, ConfirmationId, KeyId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;
use countersign_record::term::{Client, Decision};

use crate::context::Context;
use crate::document::{
    self, Members, Schema, list, origin, parsed, sha256, sha256_text, sorted, whole,
};

pub use crate::document::{DOCUMENT_BYTES_MAX, DocumentError};
pub use enrolment::{AttestKey, Enrolment};
pub use login::Login;
pub use parts::{
    AssetDigest, Channel, Head, IndependenceFacts, Instance, Nonce, PartError, Renderer,
    RendererVersion, Requester,
};
pub use revocation::Revocation;

/// Gives a document its public way in and out.
macro_rules! signed_document {
    ($name:ident, $type:literal, $context:expr) => {
        impl $name {
            /// The value of the member `type`.
            pub const TYPE: &str = $type;
            /// The context in which this document is signed.
            pub const CONTEXT: $crate::context::Context = $context;

            /// The canonical bytes, the only ones that are signed.
            pub fn to_bytes(
                &self,
            ) -> Result<alloc::vec::Vec<u8>, $crate::statement::DocumentError> {
                $crate::document::write(self)
            }

            /// Reads the document from its canonical bytes, and from no others.
            pub fn read(bytes: &[u8]) -> Result<Self, $crate::statement::DocumentError> {
                $crate::document::read(bytes)
            }
        }
    };
}
pub(crate) use signed_document;

/// One person's decision about one call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The ledger's origin.
    pub log: String,
    /// The call.
    pub call: CallId,
    /// The question that is answered.
    pub confirmation: ConfirmationId,
    /// The ceremony, one for all its approvers.
    pub instance: Instance,
    /// The answer.
    pub decision: Decision,
    /// What will be run.
    pub action_digest: ActionDigest,
    /// What the person was shown.
    pub shown_digest: ShownDigest,
    /// What drew it.
    pub renderer: Renderer,
    /// Which kind of client drew it; the `use` of the key's enrolment.
    pub client: Client,
    /// The policy in force.
    pub policy: PolicyDigest,
    /// The rules that ask for this confirmation.
    pub rules: BTreeSet<RuleName>,
    /// The circle of those who asked; none of them may approve.
    pub requester: BTreeSet<Requester>,
    /// Who decides.
    pub person: PersonId,
    /// With which key.
    pub key: KeyId,
    /// The way on which the person came to the question.
    pub channel: Channel,
    /// How far the person's way is apart from the agent's.
    pub independence: IndependenceFacts,
    /// Fresh for each opening.
    pub nonce: Nonce,
    /// When the presentation was served, ms since 1970.
    pub opened_at_ms: u64,
    /// When the question ends as expired, ms since 1970.
    pub deadline_ms: u64,
    /// How long after the approval the call may start, ms.
    pub execute_within_ms: u64,
    /// Where the ledger ended when the presentation was served.
    pub head: Head,
    /// The target as the person typed it.
    pub typed_target_digest: Option<TextDigest>,
    /// The number as the person matched it.
    pub matched_number_digest: Option<TextDigest>,
    /// What the person wrote.
    pub comment_digest: Option<TextDigest>,
}

signed_document!(Statement, "countersign.statement.v1", Context::Approval);

impl Schema for Statement {
    const TYPE: &'static str = Self::TYPE;

    fn members(&self) -> Result<Object, DocumentError> {
        let object = Object::new()
            .with("log", self.log.as_str())
            .with("call", parts::word(&self.call))
            .with("confirmation", parts::word(&self.confirmation))
            .with("instance", self.instance.text())
            .with("decision", self.decision.as_str())
            .with("action_digest", sha256_text(self.action_digest.bytes()))
            .with("shown_digest", sha256_text(self.shown_digest.bytes()))
            .with("renderer", self.renderer.object())
            .with("client", self.client.as_str())
            .with("policy", sha256_text(self.policy.bytes()))
            .with("rules", sorted(&self.rules))
            .with("requester", sorted(&self.requester))
            .with("person", parts::word(&self.person))
            .with("key", parts::word(&self.key))
            .with("channel", self.channel.as_str())
            .with("independence", self.independence.object())
            .with("nonce", self.nonce.text())
            .with("opened_at", whole("opened_at", self.opened_at_ms)?)
            .with("deadline", whole("deadline", self.deadline_ms)?)
            .with(
                "execute_within_ms",
                whole("execute_within_ms", self.execute_within_ms)?,
            )
            .with("head", self.head.object()?);
        let optional = [
            ("typed_target_digest", self.typed_target_digest),
            ("matched_number_digest", self.matched_number_digest),
            ("comment_digest", self.comment_digest),
        ];
        Ok(optional.into_iter().fold(object, |object, (name, text)| {
            parts::with_text(object, name, text)
        }))
    }

    fn from_members(members: &mut Members<'_>) -> Result<Self, DocumentError> {
        Ok(Self {
            log: members.required("log", origin)?,
            call: members.required("call", parsed)?,
            confirmation: members.required("confirmation", parsed)?,
            instance: members
                .required("instance", document::bytes)
                .map(Instance)?,
            decision: members.required("decision", parsed)?,
            action_digest: members
                .required("action_digest", sha256)
                .map(ActionDigest)?,
            shown_digest: members.required("shown_digest", sha256).map(ShownDigest)?,
            renderer: members.required("renderer", Renderer::from_value)?,
            client: members.required("client", parsed)?,
            policy: members.required("policy", sha256).map(PolicyDigest)?,
            rules: members.required("rules", list)?,
            requester: members.required("requester", list)?,
            person: members.required("person", parsed)?,
            key: members.required("key", parsed)?,
            channel: members.required("channel", parsed)?,
            independence: members.required("independence", IndependenceFacts::from_value)?,
            nonce: members.required("nonce", document::bytes).map(Nonce)?,
            opened_at_ms: members.required("opened_at", Value::as_u64)?,
            deadline_ms: members.required("deadline", Value::as_u64)?,
            execute_within_ms: members.required("execute_within_ms", Value::as_u64)?,
            head: members.required("head", Head::from_value)?,
            typed_target_digest: parts::text_digest(members, "typed_target_digest")?,
            matched_number_digest: parts::text_digest(members, "matched_number_digest")?,
            comment_digest: parts::text_digest(members, "comment_digest")?,
        })
    }
}
