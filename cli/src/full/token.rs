//! Bearer tokens: made here, shown once; the ledger holds their SHA-256 alone.

use countersign_record::digest::{TokenDigest, sha256};

use super::entropy::random;
use crate::output::Failure;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A token.
pub(super) struct Token(String);

impl Token {
    /// `cst_` and 32 random bytes in lower-case base32.
    pub(super) fn make() -> Result<Self, Failure> {
        Ok(Self(format!("cst_{}", base32(&random::<32>()?))))
    }

    /// The text, for the one who is to use it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What the ledger holds.
    pub(super) fn digest(&self) -> TokenDigest {
        TokenDigest(sha256(&[self.0.as_bytes()]))
    }
}

/// RFC 4648 base32 without padding, in lower case.
fn base32(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let five = |bits: &[u8]| {
        bits.iter()
            .chain([0; 5].iter())
            .take(5)
            .fold(0, |index, bit| index << 1 | bit)
    };
    let letter = |bits: &[u8]| {
        ALPHABET
            .get(usize::from(five(bits)))
            .copied()
            .map_or('a', char::from)
    };
    bits.chunks(5).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_rfc_4648() {
        // printf foobar | base32 | tr A-Z a-z | tr -d =
        for (bytes, text) in [
            ("", ""),
            ("f", "my"),
            ("foob", "mzxw6yq"),
            ("foobar", "mzxw6ytboi"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_token_has_the_documented_length_and_is_never_the_same() {
        let (one, other) = (Token::make().unwrap(), Token::make().unwrap());
        assert_eq!(one.as_str().len(), 56);
        assert_ne!(one.as_str(), other.as_str());
    }
}
