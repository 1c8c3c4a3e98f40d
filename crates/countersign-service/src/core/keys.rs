//! The keyring before its first use, and the grant key.

use std::sync::Arc;

use countersign_attest::Grant;
use countersign_attest::statement::Head;
use countersign_flow::{Call, Granted};
use countersign_record::id::KeyId;
use countersign_record::keyring::Keyring;
use countersign_store::log::Urgency;
use ed25519_dalek::SigningKey;

use super::Core;
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};

/// How long one token of a grant lives, in seconds; a redeemable call gets new ones.
const TOKEN_S: u64 = 300;

/// The key that signs grants.
pub(crate) struct GrantKey {
    pub(crate) id: KeyId,
    pub(crate) key: SigningKey,
}

impl Core {
    /// The secrets of the blocks of `n` entries from `seq` on exist and are durable.
    pub(super) fn need_block(
        &mut self,
        seq: u64,
        n: u64,
        urgency: Urgency,
    ) -> Result<(), CommandError> {
        for seq in [seq, seq.saturating_add(n.saturating_sub(1))] {
            if self.keyring.has_block(seq) {
                continue;
            }
            let mut keyring = Keyring::clone(&self.keyring);
            let secret = draw(&mut *self.entropy)?;
            keyring
                .add_block(seq, secret)
                .map_err(|_| Unavailable::Internal)?;
            self.save_keyring(keyring, urgency)?;
        }
        Ok(())
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
        self.keyring = Arc::new(keyring);
        Ok(())
    }

    /// A fresh token of a redeemable grant.
    pub(crate) fn token(&mut self, call: &Call, granted: &Granted) -> Option<String> {
        let document = call.document.as_ref()?;
        let now = self.now();
        let head = self.state.head.as_ref()?;
        let issued_at_s = now / 1000;
        let grant = Grant {
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
        };
        let token = grant.sign(self.grant_key.id, &self.grant_key.key);
        token
            .inspect_err(|error| tracing::error!(%error, "the grant was not signed"))
            .ok()
    }
}
