//! Sealing a snapshot of the fold (docs/spec/disk.md, part 7).

use alloc::vec::Vec;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// The key of snapshots of the fold: they hold what open bodies say, so it goes with any key of
/// those.
#[derive(Clone, Eq, PartialEq, ZeroizeOnDrop)]
pub struct SnapshotKey(pub(super) [u8; 32]);

impl SnapshotKey {
    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// nonce (24) ‖ ciphertext ‖ tag (16); `place` says of what it is, and is not stored. `None`
    /// for more than can be sealed at once.
    pub fn seal(&self, nonce: [u8; 24], place: &[u8], content: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: content,
            aad: place,
        };
        let cipher = XChaCha20Poly1305::new(&self.0.into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed under this key for this place; `None` for anything else.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
        let payload = Payload {
            msg: sealed,
            aad: place,
        };
        let cipher = XChaCha20Poly1305::new(&self.0.into());
        let opened = cipher.decrypt(&XNonce::from(*nonce), payload);
        opened.ok().map(Zeroizing::new)
    }
}
