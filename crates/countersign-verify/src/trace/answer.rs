//! The first line: who let it run.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Who let a call run, or why it did not. Only what the replay found legal makes an approval.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// People did.
    Approved {
        /// Each with key and class.
        by: Vec<String>,
        /// Under which rules.
        rules: String,
        /// What became of the approval, when it was not used.
        then: Option<&'static str>,
    },
    /// The policy did.
    Allowed {
        /// Under which rules.
        rules: String,
        /// The policy was re-evaluated.
        checked: bool,
    },
    /// People refused.
    Denied {
        /// Each with key and class.
        by: Vec<String>,
    },
    /// The policy refused.
    DeniedByPolicy {
        /// Under which rules.
        rules: String,
    },
    /// A freeze stood.
    Frozen,
    /// The same was refused before.
    PreviouslyDenied,
    /// Nobody answered in time.
    Expired,
    /// The agent no longer asked.
    Withdrawn,
    /// The policy became stricter before anybody had approved.
    Superseded,
    /// People are still asked.
    Waiting {
        /// Whom the rules need.
        whom: String,
    },
    /// Nobody did.
    Nobody {
        /// And yet it is reported, or was claimed, as executed.
        executed: bool,
    },
    /// Somebody did, but an executor reports that it ran without claiming the grant.
    NotRedeemed {
        /// Each with key and class; empty: the policy did.
        by: Vec<String>,
    },
    /// Somebody did, but an executor had reported before that it ran.
    TooLate {
        /// Each with key and class.
        by: Vec<String>,
    },
}

impl Answer {
    /// Something was run, or let run, that nobody had let run.
    pub const fn is_unapproved(&self) -> bool {
        matches!(
            self,
            Self::Nobody { .. } | Self::NotRedeemed { .. } | Self::TooLate { .. }
        )
    }

    /// The stable word for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Approved { .. } => "approved",
            Self::Allowed { .. } => "allowed",
            Self::Denied { .. } => "denied",
            Self::DeniedByPolicy { .. } => "denied-by-policy",
            Self::Frozen => "frozen",
            Self::PreviouslyDenied => "previously-denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Waiting { .. } => "waiting",
            Self::Nobody { executed: false } => "not-approved",
            Self::Nobody { executed: true } => "not-approved-but-executed",
            Self::NotRedeemed { .. } => "executed-without-redemption",
            Self::TooLate { .. } => "executed-before-approval",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approved { by, rules, then } => {
                write!(f, "APPROVED BY {} under {rules}", by.join(" and "))?;
                then.map_or(Ok(()), |then| write!(f, "; {then}"))
            }
            Self::Allowed { rules, checked } => {
                write!(f, "ALLOWED BY POLICY {rules}, nobody was asked")?;
                if *checked {
                    Ok(())
                } else {
                    f.write_str(" (not re-evaluated: the call or the policy is withheld)")
                }
            }
            Self::Denied { by } => write!(f, "DENIED BY {}", by.join(" and ")),
            Self::DeniedByPolicy { rules } => {
                write!(f, "DENIED BY POLICY {rules}, nobody was asked")
            }
            Self::Frozen => f.write_str("STOPPED BY A FREEZE, nobody was asked"),
            Self::PreviouslyDenied => {
                f.write_str("REFUSED: the same action was denied before, nobody was asked again")
            }
            Self::Expired => f.write_str("EXPIRED: nobody answered"),
            Self::Withdrawn => f.write_str("WITHDRAWN by the agent before anybody had approved"),
            Self::Superseded => {
                f.write_str("SUPERSEDED: the policy became stricter before anybody had approved")
            }
            Self::Waiting { whom } => write!(f, "WAITING FOR {whom}"),
            Self::Nobody { executed: false } => f.write_str("NOT APPROVED BY ANYONE"),
            Self::Nobody { executed: true } => {
                f.write_str("NOT APPROVED BY ANYONE, but reported as executed")
            }
            Self::NotRedeemed { by } if by.is_empty() => f.write_str(
                "ALLOWED BY POLICY, but reported as executed without redeeming the grant",
            ),
            Self::NotRedeemed { by } => write!(
                f,
                "APPROVED BY {}, but reported as executed without redeeming the grant",
                by.join(" and ")
            ),
            Self::TooLate { by } => write!(
                f,
                "APPROVED BY {}, but reported as executed before that",
                by.join(" and ")
            ),
        }
    }
}
