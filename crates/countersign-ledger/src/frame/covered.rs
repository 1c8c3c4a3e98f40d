//! The hash over what a frame hash covers.

use alloc::vec::Vec;

use super::FrameHash;

const CONTEXT: &str = "countersign 2026 frame v1";

/// BLAKE3 hashes many chunks at once several times as fast as one by one, so pieces are gathered. A
/// power of two: it takes as many as are a whole part of its tree.
const GATHERED: usize = 64 * 1024;

pub(super) struct Covered {
    hasher: blake3::Hasher,
    gathered: Vec<u8>,
}

impl Covered {
    /// Of a frame of so many bytes, at most.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            hasher: blake3::Hasher::new_derive_key(CONTEXT),
            gathered: Vec::with_capacity(bytes.min(GATHERED)),
        }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = GATHERED - self.gathered.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.gathered.extend_from_slice(now);
            bytes = later;
            if self.gathered.len() == GATHERED {
                self.hasher.update(&self.gathered);
                self.gathered.clear();
            }
        }
    }

    pub(super) fn finish(mut self) -> FrameHash {
        self.hasher.update(&self.gathered);
        FrameHash(self.hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_have_the_hash_of_the_whole() {
        // Of a period that no block has, so that no two blocks are alike.
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * GATHERED + 7).collect();
        for len in [0, 1, GATHERED - 1, GATHERED, GATHERED + 1, bytes.len()] {
            let whole = blake3::derive_key(CONTEXT, &bytes[..len]);
            for piece in [1, 1000, GATHERED, bytes.len()] {
                let mut covered = Covered::new(len);
                bytes[..len]
                    .chunks(piece)
                    .for_each(|piece| covered.update(piece));
                assert_eq!(covered.finish().0, whole, "{len} bytes, {piece} at once");
            }
        }
    }
}
