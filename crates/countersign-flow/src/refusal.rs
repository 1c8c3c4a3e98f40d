//! Why a command is not admitted: the closed list of docs/spec/flow.md.

macro_rules! refusals {
    ($($(#[$doc:meta])+ $name:ident = $code:literal, $sentence:literal;)+) => {
        /// Why a command is not admitted. The code is stable; the sentence is for people.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, thiserror::Error)]
        pub enum Refusal { $($(#[$doc])+ #[error($sentence)] $name,)+ }

        impl Refusal {
            /// Every refusal.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

refusals! {
    /// An id that this log does not have.
    NotFound = "not-found", "there is no such thing in this log";
    /// The party may not do this at all.
    Forbidden = "forbidden", "this credential may not do that";
    /// The control is already armed, or not yet.
    NotArmed = "not-armed", "the log is not armed; confirm the setup with `countersign serve` first";
    /// After arming, changes of the control are calls.
    Armed = "forbidden", "the log is armed: make this change as a control call (armed: use --url)";
    /// The policy does not know the tool, or nobody may run it.
    UnknownTool = "unknown-tool", "nobody runs this tool: check its name; the policy's catalogue or the member `executor` must name an enrolled executor";
    /// The submitted members are not a call.
    MalformedArguments = "malformed-arguments", "the call's members are not of the form asked for";
    /// The digest does not belong to the arguments.
    DigestMismatch = "digest-mismatch", "the action digest is not that of what was shown";
    /// The key was used for other content.
    IdempotencyKeyReused = "idempotency-key-reused", "this idempotency key was used for another call";
    /// The presentation is larger than can be shown whole.
    CannotBeShown = "cannot-be-shown", "the call is too large to be shown whole; nobody was asked";
    /// An entry of the command would be longer than an entry may be.
    TooLarge = "too-large", "the record of this would be longer than an entry of the ledger may be";
    /// A freeze stands.
    Frozen = "frozen", "a freeze stands over this";
    /// Not one of those who may decide.
    NotEligible = "not-eligible", "this person is not one of those who may decide this call";
    /// Part of the requester circle.
    RequesterCannotApprove = "requester-cannot-approve", "whoever asks for a call cannot approve it";
    /// Too close to the agent's own channel.
    ChannelNotIndependent = "channel-not-independent", "the policy demands a channel more independent of the agent's";
    /// No opening of this person under this nonce.
    PresentationNotServed = "presentation-not-served", "open the call first: the presentation was not served to this person";
    /// Too soon.
    CoolingDown = "cooling-down", "approval is locked until the cool-down is over";
    /// A comment is demanded.
    ReasonRequired = "reason-required", "the policy demands a comment with an approval";
    /// One vote per person.
    AlreadyVoted = "already-voted", "this person has already voted";
    /// This person approved through this opening before.
    NonceUsed = "nonce-used", "this opening was already used; open the call again";
    /// Not open any more, or not yet.
    NotPending = "not-pending", "the call is not waiting for a decision";
    /// The decision deadline is over.
    Expired = "expired", "the time to decide is over; silence was cancel";
    /// The execution deadline is over.
    Lapsed = "lapsed", "the time to run the call is over";
    /// The approval was taken back.
    Revoked = "revoked", "the approval was taken back";
    /// The call ended because the policy became stricter.
    Superseded = "superseded", "the policy became stricter than what was asked for; ask again";
    /// The policy in force demands more; the call is about to end as superseded.
    PolicyStricter = "policy-stricter", "the policy in force demands more than was asked for";
    /// Nothing to redeem.
    NotApproved = "not-approved", "the call is not approved";
    /// Claimed before.
    AlreadyRedeemed = "already-redeemed", "the grant was already redeemed";
    /// Not the audience.
    WrongExecutor = "wrong-executor", "the call is for another executor";
    /// The signature does not verify over these bytes.
    SignatureInvalid = "signature-invalid", "the signature is not one of this key over this statement";
    /// The key is not enrolled, revoked, of too low a class or for another kind of client.
    KeyNotActive = "key-not-active", "the key is not active, not of the class, or not for this client";
    /// A second report says otherwise.
    OutcomeConflict = "outcome-conflict", "another outcome was already recorded; the conflict is recorded";
    /// The clock cannot be trusted.
    ClockUntrusted = "clock-untrusted", "the clock jumped; the operator must accept it first";
    /// Ids, head or time that the service drew do not fit the state; never a caller's fault.
    OutOfOrder = "internal", "the command does not fit the state of the log";
}
