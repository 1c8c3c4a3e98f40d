//! Tiles (c2sp.org/tlog-tiles): the tree and the entries as static files that any web server
//! serves and other people's software reads.

mod path;

use alloc::vec::Vec;

use crate::merkle::Nodes;

pub use path::{TileContent, TilePath, TilePathError};

/// Hashes in a whole tile, entries in a whole bundle.
pub const TILE_WIDTH: u16 = 256;

/// Entry bundles give each entry a length of two bytes.
pub const BUNDLED_ENTRY_BYTES_MAX: usize = 65_535;

/// Bytes that are not an entry bundle, or entries that cannot be one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A bundle has 1 to [`TILE_WIDTH`] entries.
    #[error("a bundle of {entries} entries")]
    Width {
        /// The number of entries; if there are too many, not all are counted.
        entries: usize,
    },
    /// Longer than [`BUNDLED_ENTRY_BYTES_MAX`].
    #[error("entry {number} of the bundle is {bytes} bytes long")]
    EntryTooLong {
        /// The entry, counted from 0 in the bundle.
        number: usize,
        /// Its length.
        bytes: usize,
    },
    /// The bundle ends inside an entry.
    #[error("the bundle ends inside entry {number}")]
    Cut {
        /// The entry, counted from 0 in the bundle.
        number: usize,
    },
}

/// The bytes of the hash tile at a path, or nothing if the tree lacks a hash of it or the path is
/// that of a bundle.
pub fn hash_tile<N: Nodes + ?Sized>(nodes: &N, path: TilePath) -> Option<Vec<u8>> {
    let TileContent::Hashes { level } = path.content() else {
        return None;
    };
    let level = level.checked_mul(8)?;
    let first = path.index().checked_mul(u64::from(TILE_WIDTH))?;
    let mut bytes = Vec::with_capacity(usize::from(path.width()) * 32);
    for place in 0..u64::from(path.width()) {
        bytes.extend_from_slice(&nodes.node(level, first.checked_add(place)?)?);
    }
    Some(bytes)
}

/// The bytes of an entry bundle: before each entry its length, two bytes, big-endian.
pub fn encode_bundle(entries: &[&[u8]]) -> Result<Vec<u8>, BundleError> {
    check_width(entries.len())?;
    let mut bundle = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let bytes = entry.len();
        let length = u16::try_from(bytes);
        let length = length.map_err(|_| BundleError::EntryTooLong { number, bytes })?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// The entries of a bundle, in order.
pub fn decode_bundle(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let cut = BundleError::Cut {
            number: entries.len(),
        };
        let (length, after) = rest.split_first_chunk().ok_or(cut)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, after) = after.split_at_checked(length).ok_or(cut)?;
        entries.push(entry);
        check_width(entries.len())?;
        rest = after;
    }
    check_width(entries.len())?;
    Ok(entries)
}

fn check_width(entries: usize) -> Result<(), BundleError> {
    if (1..=usize::from(TILE_WIDTH)).contains(&entries) {
        Ok(())
    } else {
        Err(BundleError::Width { entries })
    }
}

#[cfg(test)]
mod tests;
