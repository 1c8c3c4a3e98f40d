//! Ids that the ledger makes: a prefix for the kind and 128 random bits (record.md, part 2).

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// Text that is not an id of the kind asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an id of the form {prefix}… with 26 characters of a-z and 2-7 after it")]
pub struct IdError {
    prefix: &'static str,
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// RFC 4648 base32 of 128 bits in lower case without padding: 26 characters, two spare bits zero.
fn base32(bits: [u8; 16]) -> [u8; 26] {
    let number = u128::from_be_bytes(bits);
    core::array::from_fn(|place| {
        let shift = 123 - 5 * i32::try_from(place).unwrap_or(0);
        let five = if shift >= 0 {
            number >> shift
        } else {
            number << -shift
        };
        ALPHABET[usize::try_from(five & 31).unwrap_or(0)]
    })
}

fn unbase32(text: &str) -> Option<[u8; 16]> {
    let letters: &[u8; 26] = text.as_bytes().try_into().ok()?;
    let digit = |byte: u8| match byte {
        b'a'..=b'z' => Some(u64::from(byte - b'a')),
        b'2'..=b'7' => Some(u64::from(byte - b'2' + 26)),
        _ => None,
    };
    let number = |letters: &[u8]| {
        let mut letters = letters.iter();
        letters.try_fold(0, |number, byte| Some(number << 5 | digit(*byte)?))
    };
    // 60 and 60 bits, 8 and the two spare ones.
    let (head, middle) = (number(&letters[..12])?, number(&letters[12..24])?);
    let tail = number(&letters[24..])?;
    let bits = u128::from(head) << 68 | u128::from(middle) << 8 | u128::from(tail >> 2);
    (tail.trailing_zeros() >= 2).then(|| bits.to_be_bytes())
}

macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &str = $prefix;

            /// The id made of these random bits.
            pub const fn new(bits: [u8; 16]) -> Self {
                Self(bits)
            }

            /// The random bits.
            pub const fn bits(self) -> [u8; 16] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let letters = base32(self.0);
                f.write_str(Self::PREFIX)?;
                f.write_str(core::str::from_utf8(&letters).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(Self::PREFIX)
                    .and_then(unbase32)
                    .map(Self)
                    .ok_or(IdError { prefix: Self::PREFIX })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A tool call that an agent wants to make.
    CallId = "call_";
    /// The open question to people.
    ConfirmationId = "cnf_";
    /// The single-use claim ticket of a call (`jti`).
    GrantId = "grt_";
    /// A person.
    PersonId = "per_";
    /// A key: a person's device key or one of the service's.
    KeyId = "key_";
    /// An agent.
    AgentId = "agt_";
    /// An executor: the audience of actions.
    ExecutorId = "exe_";
    /// An auditor's, responder's or operator's credential.
    CredentialId = "cred_";
    /// An agent's session.
    SessionId = "ses_";
    /// A batch of calls (reserved).
    BatchId = "bat_";
    /// A registered plan (reserved).
    PlanId = "pln_";
    /// An adopted policy version.
    PolicyId = "pol_";
    /// An erasure (reserved).
    ErasureId = "era_";
    /// A legal hold (reserved).
    HoldId = "hld_";
    /// A freeze.
    FreezeId = "frz_";
    /// An export.
    ExportId = "exp_";
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id = CallId::new(*b"0123456789abcdef");
        assert_eq!(id.to_string().len(), "call_".len() + 26);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn ids_are_rfc_4648() {
        // printf '\xff…' (16 bytes) | base32 | tr A-Z a-z
        assert_eq!(
            CallId::new([0xff; 16]).to_string(),
            "call_77777777777777777777777774"
        );
    }

    #[test]
    fn spare_bits_must_be_zero() {
        assert!("call_77777777777777777777777775".parse::<CallId>().is_err());
        assert!("cnf_77777777777777777777777774".parse::<CallId>().is_err());
        assert!("call_7777777777777777777777777".parse::<CallId>().is_err());
        assert!("call_7777777777777777777777777A".parse::<CallId>().is_err());
    }
}
