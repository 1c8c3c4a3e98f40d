//! Where the hashes of complete subtrees lie when they are written one after the other, each as soon
//! as its last entry is there: an entry's leaf, then every subtree that it completes, smallest first.
//! So each hash has one place for ever, and a growing tree is a file that is only appended to.

use crate::merkle::SIZE_MAX;

/// How many complete subtrees the tree of `size` entries has; `None` above [`SIZE_MAX`].
///
/// Entry n completes one subtree for each trailing one bit of n, beside its leaf; over all entries
/// that is twice their number, less one for each subtree that still waits for its other half.
pub fn stored_count(size: u64) -> Option<u64> {
    let within = (size <= SIZE_MAX).then_some(size)?;
    within
        .checked_mul(2)?
        .checked_sub(u64::from(within.count_ones()))
}

/// The place, from 0, of the subtree of `2^level` entries that begins with entry `index · 2^level`.
pub fn stored_index(level: u8, index: u64) -> Option<u64> {
    let end = index
        .checked_add(1)?
        .checked_mul(1_u64.checked_shl(u32::from(level))?)?;
    stored_count(end.checked_sub(1)?)?.checked_add(u64::from(level))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn each_complete_subtree_has_the_next_place_when_its_last_entry_comes() {
        let mut places = Vec::new();
        for seq in 0..600_u64 {
            assert_eq!(stored_count(seq), Some(places.len() as u64));
            places.push((0, seq));
            for level in 1..=seq.trailing_ones() {
                places.push((u8::try_from(level).unwrap(), seq >> level));
            }
        }
        for (place, (level, index)) in places.iter().enumerate() {
            let expected = Some(u64::try_from(place).unwrap());
            assert_eq!(stored_index(*level, *index), expected, "{level} {index}");
        }
    }

    #[test]
    fn what_no_tree_has_has_no_place() {
        for (level, index) in [(0, u64::MAX), (63, 1), (64, 0), (255, 0), (1, u64::MAX / 2)] {
            assert_eq!(stored_index(level, index), None, "{level} {index}");
        }
        assert_eq!(stored_count(SIZE_MAX + 1), None);
    }
}
