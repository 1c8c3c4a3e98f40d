//! Who acted, and what an entry is about.

use core::fmt;
use core::str::FromStr;

use super::field::{FieldError, Fields, Reader, Writer, writes};
use crate::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, FreezeId, GrantId, IdError, KeyId,
    PersonId, PolicyId, SessionId,
};

/// A party that acts: each kind has its own credential, never interchangeable.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Party {
    /// An agent.
    Agent(AgentId),
    /// An executor; the service itself is one.
    Executor(ExecutorId),
    /// A person, by a device key.
    Person(PersonId),
    /// An auditor, responder or operator.
    Credential(CredentialId),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => id.fmt(f),
            Self::Executor(id) => id.fmt(f),
            Self::Person(id) => id.fmt(f),
            Self::Credential(id) => id.fmt(f),
        }
    }
}

impl FromStr for Party {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once('_').map_or("", |(kind, _)| kind) {
            "agt" => text.parse().map(Self::Agent),
            "exe" => text.parse().map(Self::Executor),
            "per" => text.parse().map(Self::Person),
            _ => text.parse().map(Self::Credential),
        }
    }
}

macro_rules! refs {
    ($($(#[$doc:meta])+ $field:ident: $type:ty,)+) => {
        /// The ids and entries that an entry is about, those that it creates among them.
        #[derive(Clone, Debug, Default, Eq, PartialEq)]
        pub struct Refs { $($(#[$doc])+ pub $field: Option<$type>,)+ }

        impl Fields for Refs {
            fn write<'w>(&'w self, writer: &mut Writer<'w>) {
                $(writer.put(stringify!($field), &self.$field);)+
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
                Ok(Self { $($field: reader.take(stringify!($field))?,)+ })
            }
        }
    };
}

refs! {
    /// A call.
    call: CallId,
    /// Its confirmation.
    confirmation: ConfirmationId,
    /// Its claim ticket.
    grant: GrantId,
    /// The call that a new one replaces.
    replaces: CallId,
    /// An agent.
    agent: AgentId,
    /// An executor.
    executor: ExecutorId,
    /// A person.
    person: PersonId,
    /// A key.
    key: KeyId,
    /// A credential.
    credential: CredentialId,
    /// A session.
    session: SessionId,
    /// A policy version.
    policy: PolicyId,
    /// A freeze.
    freeze: FreezeId,
    /// The opening that a vote answers: seq of its `presentation.served`.
    served: u64,
    /// The entry that ended the call, when the call is no longer open.
    ended: u64,
}

writes!(Refs);
