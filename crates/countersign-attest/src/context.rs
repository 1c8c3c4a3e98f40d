//! What a signature is about: one context for each kind of document, so that no signature of one
//! kind can pass for another (docs/spec/statement.md, part 1).

use core::fmt;

use countersign_record::digest::sha256;

/// The kind of document that a person signs.
///
/// The text is the SSHSIG namespace and the prefix of the `WebAuthn` challenge. Grants and
/// checkpoints are signed by the service, in formats that separate themselves.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Context {
    /// One decision about one call, approve or deny.
    Approval,
    /// Decisions about several calls at once (reserved).
    BatchApproval,
    /// The end of an approval, by somebody who did not vote.
    Revocation,
    /// A key's proof of possession.
    Enrolment,
    /// A second person's word for somebody's new key.
    AttestKey,
    /// The beginning of a session on the approver plane.
    Login,
}

impl Context {
    /// Every context.
    pub const ALL: &[Self] = &[
        Self::Approval,
        Self::BatchApproval,
        Self::Revocation,
        Self::Enrolment,
        Self::AttestKey,
        Self::Login,
    ];

    /// The context as it is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "countersign.approval.v1",
            Self::BatchApproval => "countersign.batch-approval.v1",
            Self::Revocation => "countersign.revocation.v1",
            Self::Enrolment => "countersign.enrolment.v1",
            Self::AttestKey => "countersign.attest-key.v1",
            Self::Login => "countersign.login.v1",
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// SHA-256(context ‖ 0x00 ‖ bytes): what a `WebAuthn` device is asked to sign.
pub fn challenge(context: Context, bytes: &[u8]) -> [u8; 32] {
    sha256(&[context.as_str().as_bytes(), &[0], bytes])
}
