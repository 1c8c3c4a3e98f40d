//! Closed vocabularies that stand in entry headers and statements.

/// A word that the vocabulary does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not one of the words of {vocabulary}")]
pub struct UnknownTerm {
    vocabulary: &'static str,
}

impl UnknownTerm {
    pub(crate) const fn of(vocabulary: &'static str) -> Self {
        Self { vocabulary }
    }
}

macro_rules! terms {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$variant_doc:meta])+ $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name { $($(#[$variant_doc])+ $variant,)+ }

        impl $name {
            /// Every word, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::term::UnknownTerm;

            fn from_str(text: &str) -> Result<Self, $crate::term::UnknownTerm> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|term| term.as_str() == text)
                    .ok_or($crate::term::UnknownTerm::of(stringify!($name)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <alloc::string::String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

pub(crate) use terms;

terms! {
    /// How strongly a key is tied to a device, from its enrolment evidence; ordered from least.
    KeyClass {
        /// Held by the service itself.
        Service = "service",
        /// A key file or an unattested token.
        Software = "software",
        /// A passkey that a provider copies between devices.
        Synced = "synced",
        /// Bound to one device.
        Device = "device",
        /// Bound to one device, with the maker's attestation.
        HardwareAttested = "hardware-attested",
    }
    /// Which kind of client showed the presentation.
    Client {
        /// A page that this service serves.
        Page = "page",
        /// The command line.
        Cli = "cli",
        /// Somebody's own application.
        External = "external",
    }
    /// What a person decided.
    Decision {
        /// Let it run.
        Approve = "approve",
        /// Do not.
        Deny = "deny",
    }
    /// How a key signs.
    Scheme {
        /// OpenSSH signature, Ed25519.
        SshEd25519 = "ssh-ed25519",
        /// OpenSSH signature by a FIDO2 token, Ed25519.
        SkEd25519 = "sk-ssh-ed25519@openssh.com",
        /// OpenSSH signature by a FIDO2 token, P-256.
        SkEcdsaP256 = "sk-ecdsa-sha2-nistp256@openssh.com",
        /// `WebAuthn` assertion (reserved).
        WebAuthn = "webauthn",
    }
    /// What a statement says about a fact of independence.
    Independence {
        /// The approver's differs from the agent's.
        Differs = "differs",
        /// Both are the same.
        Same = "same",
        /// It cannot be told.
        Unknown = "unknown",
    }
    /// The kinds of credential beside agents, executors and device keys.
    Role {
        /// Reads the ledger.
        Auditor = "auditor",
        /// Reads, freezes, asks for control calls.
        Responder = "responder",
        /// Asks for control calls, accepts the clock.
        Operator = "operator",
    }
    /// How strong the stop was (docs/guides/agents.md).
    Enforcement {
        /// The caller promises to wait.
        Cooperative = "cooperative",
        /// A gateway stands between.
        Gateway = "gateway",
        /// The tool itself redeems.
        ToolVerified = "tool_verified",
    }
}
