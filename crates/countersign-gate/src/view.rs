//! A call as the service tells it.

use std::fmt;
use std::str::FromStr;

use countersign_record::digest::{ActionDigest, unhex32};
use countersign_record::id::{CallId, ConfirmationId, ExecutorId, GrantId};
use countersign_record::json::Value;

/// An answer that is not a call, and the member that shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a call: {member}")]
pub struct NotAView {
    member: &'static str,
}

macro_rules! states {
    ($($(#[$doc:meta])+ $name:ident = $word:literal;)+) => {
        /// Where a call stands.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum CallState { $($(#[$doc])+ $name,)+ }

        impl CallState {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }

        impl FromStr for CallState {
            type Err = NotAView;

            fn from_str(word: &str) -> Result<Self, NotAView> {
                match word { $($word => Ok(Self::$name),)+ _ => Err(NotAView { member: "state" }) }
            }
        }
    };
}

states! {
    /// The policy lets it run; nobody was asked.
    Allowed = "allowed";
    /// The policy refuses it.
    DeniedByPolicy = "denied-by-policy";
    /// A freeze stands.
    Frozen = "frozen";
    /// The same action was refused before.
    PreviouslyDenied = "previously-denied";
    /// People are asked.
    Pending = "pending";
    /// The quorum is met.
    Approved = "approved";
    /// People refused.
    Denied = "denied";
    /// Nobody answered.
    Expired = "expired";
    /// The agent withdrew it.
    Withdrawn = "withdrawn";
    /// The policy became stricter.
    Superseded = "superseded";
    /// The approval was taken back.
    Revoked = "revoked";
    /// Nobody redeemed it in time.
    Lapsed = "lapsed";
    /// It was claimed.
    Redeemed = "redeemed";
    /// It ran.
    Succeeded = "succeeded";
    /// It did not work.
    Failed = "failed";
    /// Nobody knows.
    OutcomeUnknown = "outcome-unknown";
    /// It is known not to have run.
    NotExecuted = "not-executed";
}

impl CallState {
    /// Whether the executor may claim it.
    pub const fn is_redeemable(self) -> bool {
        matches!(self, Self::Allowed | Self::Approved)
    }

    /// Whether people are still asked.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Pending)
    }

    /// Whether silence ended it.
    pub const fn is_timed_out(self) -> bool {
        matches!(self, Self::Expired | Self::Lapsed)
    }
}

impl fmt::Display for CallState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The grant of a call that may be redeemed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GrantTicket {
    /// Its id.
    pub jti: GrantId,
    /// The signed ticket, while it may be redeemed.
    pub token: Option<String>,
}

/// A call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallView {
    /// Its id.
    pub call: CallId,
    /// Where it stands.
    pub state: CallState,
    /// Seq of the last entry about it.
    pub version: u64,
    /// Approvals so far.
    pub have: u64,
    /// Approvals needed.
    pub need: u64,
    /// A sentence for the agent's own surface.
    pub message: String,
    /// When time ends what it is in, ms since 1970.
    pub deadline_ms: Option<u64>,
    /// The digest of what would run.
    pub action: ActionDigest,
    /// Its salt, where the service tells it.
    pub action_salt: Option<[u8; 32]>,
    /// Who may run it.
    pub executor: ExecutorId,
    /// The rules that apply.
    pub rules: Vec<String>,
    /// The question to people.
    pub confirmation: Option<ConfirmationId>,
    /// Four words to compare with the approver's screen.
    pub check_words: Option<String>,
    /// The grant, once there is one.
    pub grant: Option<GrantTicket>,
    /// It was asked before.
    pub known: bool,
}

impl CallView {
    /// Reads the service's answer.
    pub fn read(value: &Value) -> Result<Self, NotAView> {
        let wrong = |member| NotAView { member };
        let text = |member| {
            value
                .member(member)
                .and_then(Value::as_str)
                .ok_or(wrong(member))
        };
        let number = |member| {
            value
                .member(member)
                .and_then(Value::as_u64)
                .ok_or(wrong(member))
        };
        let rules = value
            .member("rules")
            .and_then(Value::as_array)
            .ok_or(wrong("rules"))?;
        let rules = rules
            .iter()
            .map(|rule| rule.as_str().map(ToOwned::to_owned));
        Ok(Self {
            call: text("call")?.parse().map_err(|_| wrong("call"))?,
            state: text("state")?.parse()?,
            version: number("version")?,
            have: number("have")?,
            need: number("need")?,
            message: text("message")?.to_owned(),
            deadline_ms: optional(value, "deadline_ms", Value::as_u64)?,
            action: optional(value, "action_digest", sha256)?.ok_or(wrong("action_digest"))?,
            action_salt: optional(value, "action_salt", |salt| unhex32(salt.as_str()?))?,
            executor: text("executor")?.parse().map_err(|_| wrong("executor"))?,
            rules: rules.collect::<Option<_>>().ok_or(wrong("rules"))?,
            confirmation: optional(value, "confirmation", |id| id.as_str()?.parse().ok())?,
            check_words: optional(value, "check_words", |words| {
                Some(words.as_str()?.to_owned())
            })?,
            grant: optional(value, "grant", grant)?,
            known: optional(value, "known", Value::as_bool)?.unwrap_or_default(),
        })
    }
}

fn optional<T>(
    value: &Value,
    member: &'static str,
    form: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, NotAView> {
    match value.member(member) {
        None | Some(Value::Null) => Ok(None),
        Some(found) => form(found).map(Some).ok_or(NotAView { member }),
    }
}

fn sha256(value: &Value) -> Option<ActionDigest> {
    unhex32(value.as_str()?.strip_prefix("sha256:")?).map(ActionDigest)
}

fn grant(value: &Value) -> Option<GrantTicket> {
    let jti = value.member("jti")?.as_str()?.parse().ok()?;
    let token = value
        .member("token")
        .and_then(Value::as_str)
        .map(ToOwned::to_owned);
    Some(GrantTicket { jti, token })
}
