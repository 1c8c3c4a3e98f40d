use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::chain::leaf_hash;
use crate::merkle::{Tree, node};

fn hashes(level: u8, index: u64, width: u16) -> TilePath {
    TilePath::new(TileContent::Hashes { level }, index, width).unwrap()
}

#[test]
fn paths_are_those_of_the_specification() {
    assert_eq!(
        hashes(0, 1_234_067, 256).to_string(),
        "tile/0/x001/x234/067"
    );
    assert_eq!(hashes(1, 0, 17).to_string(), "tile/1/000.p/17");
    let entries = TilePath::new(TileContent::Entries, 273, 112).unwrap();
    assert_eq!(entries.to_string(), "tile/entries/273.p/112");
}

#[test]
fn a_tile_has_one_path() {
    for path in [
        "tile/0/67",
        "tile/0/x067",
        "tile/0/000/067",
        "tile/0/x000/067",
        "tile/0/001/x067",
        "tile/0/+67",
        "tile/0/0067",
        "tile/00/067",
        "tile/+0/067",
        "tile/64/067",
        "tile/-1/067",
        "tile/0/067.p/0",
        "tile/0/067.p/256",
        "tile/0/067.p/007",
        "tile/0/067.p/7/",
        "tile/0/067.p",
        "tile/0/",
        "/tile/0/067",
        "tile/8/0/067/",
        "tile/data/067",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(path.parse::<TilePath>(), Err(TilePathError), "{path}");
    }
    let last = "tile/0/x018/x446/x744/x073/x709/x551/615";
    assert_eq!(last.parse(), Ok(hashes(0, u64::MAX, 256)));
    assert!(TilePath::new(TileContent::Entries, 0, 0).is_err());
    assert!(TilePath::new(TileContent::Entries, 0, 257).is_err());
}

#[test]
fn a_tile_has_the_roots_of_whole_subtrees() {
    let leaves: Vec<_> = (0..300_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let mut tree = Tree::new();
    tree.extend(leaves.iter().copied());
    let first = hash_tile(&tree, hashes(0, 0, 256)).unwrap();
    let joined: Vec<u8> = leaves[..256].iter().flat_map(|leaf| leaf.0).collect();
    assert_eq!(first, joined);
    let mut row: Vec<_> = leaves[..256].iter().map(|leaf| leaf.0).collect();
    while row.len() > 1 {
        row = row.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
    }
    assert_eq!(hash_tile(&tree, hashes(1, 0, 1)), Some(row[0].to_vec()));
}

#[test]
fn a_tile_beyond_the_tree_is_not_made() {
    let mut tree = Tree::new();
    tree.extend((0..300_u32).map(|n| leaf_hash(&n.to_be_bytes())));
    assert!(hash_tile(&tree, hashes(0, 1, 44)).is_some());
    assert_eq!(hash_tile(&tree, hashes(0, 1, 45)), None);
    assert_eq!(hash_tile(&tree, hashes(1, 0, 2)), None);
    assert_eq!(hash_tile(&tree, hashes(63, 0, 1)), None);
    assert_eq!(hash_tile(&tree, hashes(0, u64::MAX, 1)), None);
}

#[test]
fn what_is_not_a_bundle_is_refused() {
    let too_long = BundleError::EntryTooLong {
        number: 1,
        bytes: 65_536,
    };
    let long = vec![0; 65_536];
    assert_eq!(encode_bundle(&[b"a", &long]), Err(too_long));
    assert!(encode_bundle(&[&long[1..]]).is_ok());
    assert_eq!(encode_bundle(&[]), Err(BundleError::Width { entries: 0 }));
    assert_eq!(
        encode_bundle(&[b"a".as_slice(); 257]),
        Err(BundleError::Width { entries: 257 })
    );
    assert_eq!(decode_bundle(&[]), Err(BundleError::Width { entries: 0 }));
    let many = vec![0; 2 * 257];
    assert_eq!(
        decode_bundle(&many),
        Err(BundleError::Width { entries: 257 })
    );
    assert_eq!(
        decode_bundle(&[0, 1, b'a', 0]),
        Err(BundleError::Cut { number: 1 })
    );
    assert_eq!(
        decode_bundle(&[0, 2, b'a']),
        Err(BundleError::Cut { number: 0 })
    );
}

proptest! {
    #[test]
    fn a_path_reads_back(level in 0..=63_u8, index: u64, width in 1..=256_u16, entries: bool) {
        let content = if entries { TileContent::Entries } else { TileContent::Hashes { level } };
        let path = TilePath::new(content, index, width).unwrap();
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn a_bundle_reads_back(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..40)
    ) {
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let bundle = encode_bundle(&entries).unwrap();
        prop_assert_eq!(decode_bundle(&bundle), Ok(entries));
    }
}
