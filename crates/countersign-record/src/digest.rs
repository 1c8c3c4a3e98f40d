//! One type per meaning of 32 bytes, so that a leaf hash can never be passed as a root.

use alloc::string::String;
use core::fmt;

use sha2::Digest as _;

/// SHA-256 over the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = sha2::Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(digit).collect()
}

/// Reads exactly 32 bytes of lower-case hexadecimal.
pub fn unhex32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    unhex(text, &mut bytes).then_some(bytes)
}

/// Fills `bytes` from lower-case hexadecimal of exactly that length.
pub fn unhex(text: &str, bytes: &mut [u8]) -> bool {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    text.len() == bytes.len() * 2
        && text
            .as_bytes()
            .chunks_exact(2)
            .zip(bytes)
            .all(|(pair, byte)| match (digit(pair[0]), digit(pair[1])) {
                (Some(high), Some(low)) => {
                    *byte = high << 4 | low;
                    true
                }
                _ => false,
            })
}

macro_rules! digests {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            pub const fn bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )+};
}

digests! {
    /// `H_i`: the BLAKE3 chain value of an entry (record.md, part 2).
    EntryHash;
    /// SHA-256(0x00 ‖ entry bytes): an entry's place in the tree.
    LeafHash;
    /// The root of a Merkle tree over entries.
    RootHash;
    /// The root of the salted commitments of one body (record.md, part 3).
    BodyRoot;
    /// What will be run: tool, arguments, audience (record.md, part 4).
    ActionDigest;
    /// The salted, undisclosed likeness of an action of one party (record.md, part 4).
    FingerprintDigest;
    /// What a person was shown (record.md, part 5).
    ShownDigest;
    /// The policy document in force.
    PolicyDigest;
    /// A salted text: comment, typed target.
    TextDigest;
    /// SHA-256 of a bearer token; the token itself is never stored.
    TokenDigest;
    /// A signed statement's SHA-256.
    StatementDigest;
}
