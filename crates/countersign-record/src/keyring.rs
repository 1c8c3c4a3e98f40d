//! The keys of sealed bodies, one of which can be destroyed without the others, and the salts of
//! fingerprints (docs/spec/body.md, part 6). Reading and replacing the file: `countersign-store`.

mod block;
mod bytes;
mod snapshot;

use alloc::collections::BTreeMap;
use alloc::string::String;

use zeroize::ZeroizeOnDrop;

pub use block::{Block, BodyKey, IndexKey};
pub use bytes::KeyringError;
pub use snapshot::SnapshotKey;

/// Entries whose body keys come from one secret.
pub const BLOCK_ENTRIES: u64 = block::ENTRIES;

/// Whose actions are compared with each other: an agent on behalf of a principal.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Party {
    /// The agent's id.
    pub agent: String,
    /// The id of the person that it acts for.
    pub principal: String,
}

/// The salt under which one party's actions are compared for a while. Never disclosed.
#[derive(Clone, Eq, PartialEq, ZeroizeOnDrop)]
pub struct FingerprintSalt {
    /// 32 random bytes.
    pub salt: [u8; 32],
    /// When the epoch began, in milliseconds since 1970.
    pub started_at: u64,
}

/// Everything in one log's keyring file.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Keyring {
    generation: u64,
    snapshot_key: Option<SnapshotKey>,
    blocks: BTreeMap<u64, Block>,
    fingerprint_salts: BTreeMap<(Party, u64), FingerprintSalt>,
}

/// A secret that the keyring already has. Replacing it would make what it protects unreadable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the keyring already has a secret there")]
pub struct Taken;

impl Keyring {
    /// A keyring without secrets, generation 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often the keyring was changed. A file of a lower generation than the ledger last
    /// recorded is an old copy, and must be refused.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The key of the body sealed with entry `seq`; `None` when it was destroyed, or when its block
    /// has no secret yet ([`Keyring::has_block`]).
    pub fn body_key(&self, seq: u64) -> Option<BodyKey> {
        let (block, place) = Block::of(seq);
        self.blocks.get(&block)?.body_key(place)
    }

    /// Whether the block of entry `seq` has its secret, or had it.
    pub fn has_block(&self, seq: u64) -> bool {
        self.blocks.contains_key(&Block::of(seq).0)
    }

    /// Gives the block of entry `seq` its secret: 32 random bytes, durable before their first use.
    pub fn add_block(&mut self, seq: u64, secret: [u8; 32]) -> Result<(), Taken> {
        if self.has_block(seq) {
            return Err(Taken);
        }
        self.blocks.insert(Block::of(seq).0, Block::new(secret));
        self.generation += 1;
        Ok(())
    }

    /// The key under which values of the bodies of entry `seq` are searched for; `None` from the
    /// first destroyed key of its block on.
    pub fn index_key(&self, seq: u64) -> Option<IndexKey> {
        self.blocks.get(&Block::of(seq).0)?.index_key()
    }

    /// The blocks that have, or had, a secret, each by its first entry, with its index key.
    pub fn index_keys(&self) -> impl DoubleEndedIterator<Item = (u64, Option<IndexKey>)> {
        self.blocks
            .iter()
            .map(|(block, secrets)| (block * BLOCK_ENTRIES, secrets.index_key()))
    }

    /// The key of snapshots; `None` before there is one, and after a key of a body was destroyed.
    pub fn snapshot_key(&self) -> Option<&SnapshotKey> {
        self.snapshot_key.as_ref()
    }

    /// Gives snapshots a new key: 32 random bytes.
    pub fn set_snapshot_key(&mut self, key: [u8; 32]) {
        self.snapshot_key = Some(SnapshotKey(key));
        self.generation += 1;
    }

    /// Destroys the key of entry `seq` and no other body's, with the index key of its block and the
    /// key of all snapshots; `false` when there is none to destroy.
    pub fn puncture(&mut self, seq: u64) -> bool {
        let (block, place) = Block::of(seq);
        let block = self.blocks.get_mut(&block);
        let destroyed = block.is_some_and(|block| block.puncture(place));
        if destroyed {
            self.snapshot_key = None;
        }
        self.generation += u64::from(destroyed);
        destroyed
    }

    /// The salt of one party and epoch.
    pub fn fingerprint_salt(&self, party: &Party, epoch: u64) -> Option<&FingerprintSalt> {
        self.fingerprint_salts.get(&(party.clone(), epoch))
    }

    /// The epochs of one party with their salts, oldest first.
    pub fn fingerprint_salts(
        &self,
        party: &Party,
    ) -> impl DoubleEndedIterator<Item = (u64, &FingerprintSalt)> {
        self.fingerprint_salts
            .range((party.clone(), 0)..=(party.clone(), u64::MAX))
            .map(|((_, epoch), salt)| (*epoch, salt))
    }

    /// Begins an epoch of one party.
    pub fn add_fingerprint_salt(
        &mut self,
        party: Party,
        epoch: u64,
        salt: FingerprintSalt,
    ) -> Result<(), Taken> {
        if self.fingerprint_salt(&party, epoch).is_some() {
            return Err(Taken);
        }
        self.fingerprint_salts.insert((party, epoch), salt);
        self.generation += 1;
        Ok(())
    }

    /// Destroys the salt of one party and epoch; `false` when there is none to destroy.
    pub fn end_fingerprint_salt(&mut self, party: &Party, epoch: u64) -> bool {
        let ended = self.fingerprint_salts.remove(&(party.clone(), epoch));
        self.generation += u64::from(ended.is_some());
        ended.is_some()
    }
}

#[cfg(test)]
mod tests;
