//! The whole mapping from what the service answers to what a client reads. No `_` arm: a new
//! refusal must be placed here.

use countersign_flow::Refusal;
use countersign_service::{
    CommandError, LoginError, OutcomeError, RedeemError, SubmitError, Unavailable,
};

use super::{Code, Problem};

impl From<Refusal> for Code {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::NotFound,
            Refusal::Forbidden | Refusal::Armed => Self::Forbidden,
            Refusal::NotArmed => Self::NotArmed,
            Refusal::UnknownTool => Self::UnknownTool,
            Refusal::MalformedArguments => Self::MalformedArguments,
            Refusal::DigestMismatch => Self::DigestMismatch,
            Refusal::IdempotencyKeyReused => Self::IdempotencyKeyReused,
            Refusal::CannotBeShown => Self::CannotBeShown,
            Refusal::TooLarge => Self::TooLarge,
            Refusal::Frozen => Self::Frozen,
            Refusal::NotEligible => Self::NotEligible,
            Refusal::RequesterCannotApprove => Self::RequesterCannotApprove,
            Refusal::ChannelNotIndependent => Self::ChannelNotIndependent,
            Refusal::PresentationNotServed => Self::PresentationNotServed,
            Refusal::CoolingDown => Self::CoolingDown,
            Refusal::ReasonRequired => Self::ReasonRequired,
            Refusal::AlreadyVoted => Self::AlreadyVoted,
            Refusal::NonceUsed => Self::NonceUsed,
            Refusal::NotPending => Self::NotPending,
            Refusal::Expired => Self::Expired,
            Refusal::Lapsed => Self::Lapsed,
            Refusal::Revoked => Self::Revoked,
            Refusal::Superseded => Self::Superseded,
            Refusal::PolicyStricter => Self::PolicyStricter,
            Refusal::NotApproved => Self::NotApproved,
            Refusal::AlreadyRedeemed => Self::AlreadyRedeemed,
            Refusal::WrongExecutor => Self::WrongExecutor,
            Refusal::SignatureInvalid => Self::SignatureInvalid,
            Refusal::KeyNotActive => Self::KeyNotActive,
            Refusal::OutcomeConflict => Self::OutcomeConflict,
            Refusal::ClockUntrusted => Self::ClockUntrusted,
            Refusal::OutOfOrder => Self::Internal,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.into(), refusal.to_string())
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        let problem = |code| Self::new(code, unavailable.to_string());
        match unavailable {
            Unavailable::DiskFull => problem(Code::DiskFull),
            Unavailable::ReadOnly(_) | Unavailable::Stopping => problem(Code::ReadOnly),
            Unavailable::Internal => problem(Code::Internal),
            Unavailable::Busy { limit, .. } => Self::rate_limited(unavailable.to_string(), limit),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let detail = error.to_string();
        match error {
            SubmitError::Command(error) => error.into(),
            SubmitError::PreviouslyDenied(call) => {
                let message = format!("NOT EXECUTED (denied). {detail}");
                Self::new(Code::PreviouslyDenied, detail).about(call, Some(message))
            }
            SubmitError::Policy(_) | SubmitError::UnseenInTarget { .. } => {
                Self::new(Code::MalformedArguments, detail)
            }
        }
    }
}

impl From<RedeemError> for Problem {
    fn from(error: RedeemError) -> Self {
        let detail = error.to_string();
        match error {
            RedeemError::Command(error) => error.into(),
            RedeemError::AlreadyRedeemed { call } => {
                Self::new(Code::AlreadyRedeemed, detail).about(call, None)
            }
        }
    }
}

impl From<OutcomeError> for Problem {
    fn from(error: OutcomeError) -> Self {
        let detail = error.to_string();
        match error {
            OutcomeError::Command(error) => error.into(),
            OutcomeError::Conflict { .. } => Self::new(Code::OutcomeConflict, detail),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        let detail = error.to_string();
        match error {
            LoginError::Refused => Self::new(Code::Unauthenticated, detail),
            LoginError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
