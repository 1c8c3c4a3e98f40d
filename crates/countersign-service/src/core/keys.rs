//! The keyring before its first use, and the grant key.

use std::sync::{Arc, PoisonError};

use countersign_attest::Grant;
use countersign_attest::statement::Head;
use countersign_flow::{Call, Granted};
use countersign_record::id::KeyId;
use countersign_record::keyring::{BLOCK_ENTRIES, Keyring};
use countersign_store::log::Urgency;
use ed25519_dalek::SigningKey;

use super::Core;
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};

/// How long one token of a grant lives, in seconds; a redeemable call gets new ones.
const TOKEN_S: u64 = 300;

/// Blocks that are added at once: the keyring is written anew every 65,536 entries, and is 800 bytes
/// longer than it must be. More than the largest command needs.
const BLOCKS_AHEAD: u64 = 16;

/// The key that signs grants.
pub(crate) struct GrantKey {
    pub(crate) id: KeyId,
    pub(crate) key: SigningKey,
}

impl GrantKey {
    /// The token of a grant.
    pub(crate) fn token(&self, grant: &Grant) -> Option<String> {
        grant
            .sign(self.id, &self.key)
            .inspect_err(|error| tracing::error!(%error, "the grant was not signed"))
            .ok()
    }
}

impl Core {
    /// The secrets of the blocks of `n` entries from `seq` on exist and are durable. The file is
    /// replaced as a whole, so blocks are added well ahead.
    pub(super) fn need_block(
        &mut self,
        seq: u64,
        n: u64,
        urgency: Urgency,
    ) -> Result<(), CommandError> {
        let last = seq.saturating_add(n.saturating_sub(1));
        if self.keyring.has_block(seq) && self.keyring.has_block(last) {
            return Ok(());
        }
        let mut keyring = Keyring::clone(&self.keyring);
        for ahead in 0..BLOCKS_AHEAD {
            let seq = seq.saturating_add(ahead * BLOCK_ENTRIES);
            if !keyring.has_block(seq) {
                let secret = draw(&mut *self.entropy)?;
                keyring
                    .add_block(seq, secret)
                    .map_err(|_| Unavailable::Internal)?;
            }
        }
        if keyring.snapshot_key().is_none() {
            keyring.set_snapshot_key(draw(&mut *self.entropy)?);
        }
        self.save_keyring(keyring, urgency)
    }

    /// The keyring on disk first, then in use. For what must be recorded the disk reserve gives way.
    pub(super) fn save_keyring(
        &mut self,
        keyring: Keyring,
        urgency: Urgency,
    ) -> Result<(), CommandError> {
        let saved = loop {
            match self.keyring_file.save(&keyring) {
                Err(error)
                    if error.is_full()
                        && urgency == Urgency::Final
                        && self.log.release_reserve().unwrap_or(false) => {}
                other => break other,
            }
        };
        if let Err(error) = saved {
            tracing::error!(%error, "the keyring was not saved");
            // Otherwise the file may hold the new keyring or the old one, until the next start.
            return Err(if error.is_full() {
                Unavailable::DiskFull
            } else {
                self.stop(&format!("the keyring was not saved: {error}"))
            }
            .into());
        }
        let keyring = Arc::new(keyring);
        // The index reads entries of a new block only after this.
        self.shared_keyring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&keyring);
        self.keyring = keyring;
        Ok(())
    }

    /// What a fresh token of a redeemable grant says.
    pub(crate) fn grant(&self, call: &Call, granted: &Granted, now: u64) -> Option<Grant> {
        let document = call.document.as_ref()?;
        let head = self.state.head.as_ref()?;
        let issued_at_s = now / 1000;
        Some(Grant {
            log: self.state.origin().into(),
            executor: call.executor,
            id: granted.grant,
            call: call.id,
            tool: document.tool.parse().ok()?,
            action_digest: call.action,
            action_salt: document.action_salt,
            issued_at_s,
            expires_at_s: (issued_at_s + TOKEN_S).min(granted.execute_before.div_ceil(1000)),
            ledger: Head {
                seq: head.seq,
                hash: head.hash,
            },
        })
    }
}
