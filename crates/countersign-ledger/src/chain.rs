//! The two hashes of an entry: its link in the BLAKE3 chain and its leaf in the SHA-256 tree.
//!
//! Both are over the stored bytes as they are. An entry names the hash of the one before it inside
//! those bytes, so a root that somebody else cosigned pins the whole chain (ledger.md, part 1).

use countersign_record::digest::{EntryHash, LeafHash, sha256};

/// `H_-1`: what the first entry of the log with this origin names as the one before it.
pub fn genesis(origin: &str) -> EntryHash {
    EntryHash(blake3::derive_key(GENESIS_CONTEXT, origin.as_bytes()))
}

/// `H_i`: what the next entry names as the one before it. `b3sum --derive-key` of the entry file.
pub fn link(entry_bytes: &[u8]) -> EntryHash {
    EntryHash(blake3::derive_key(CHAIN_CONTEXT, entry_bytes))
}

/// The entry's leaf in the tree: SHA-256(0x00 ‖ entry bytes), RFC 6962 part 2.1.
pub fn leaf_hash(entry_bytes: &[u8]) -> LeafHash {
    LeafHash(sha256(&[&[0], entry_bytes]))
}

const GENESIS_CONTEXT: &str = "countersign 2026 ledger genesis v1";
const CHAIN_CONTEXT: &str = "countersign 2026 ledger chain v1";

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    // The values are those of stock tools:
    // printf 'log.example/acme' | b3sum --derive-key 'countersign 2026 ledger genesis v1'
    // printf 'entry' | b3sum --derive-key 'countersign 2026 ledger chain v1'
    // printf '\0entry' | sha256sum

    #[test]
    fn genesis_is_what_b3sum_says() {
        assert_eq!(
            genesis("log.example/acme").to_string(),
            "1a6ecb74efd9d3d4d5460dca64526782126e30eb8f409584750be8a6bd77bf8a"
        );
    }

    #[test]
    fn a_link_is_what_b3sum_says() {
        assert_eq!(
            link(b"entry").to_string(),
            "2563a5a2b2c551febfc6188cfd6ed307007508848e8722a1cddd9e918c2957e1"
        );
    }

    #[test]
    fn a_leaf_is_what_sha256sum_says() {
        assert_eq!(
            leaf_hash(b"entry").to_string(),
            "d9c2d66b522c2522728f539ff9f67b85d40defff095fc8a528c994f4f35bb3de"
        );
    }
}
