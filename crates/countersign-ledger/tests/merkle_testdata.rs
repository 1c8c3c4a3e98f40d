//! The proof vectors of github.com/transparency-dev/merkle (Apache-2.0), read from beside the
//! repository and never copied into it. SKIPPED where they are not there.
#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use countersign_ledger::merkle::{verify_consistency, verify_inclusion};
use countersign_record::digest::{LeafHash, RootHash};
use serde_json::Value;

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/vectors/tlog/merkle-testdata/testdata"
);

/// Vectors that hold by the letter and that we refuse: hashes that are not 32 bytes.
const NOT_HASHES: [&str; 1] =
    ["consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
}

fn hash(value: &Value) -> Option<[u8; 32]> {
    let text = value.as_str().unwrap_or_default();
    Base64::decode_vec(text).unwrap().try_into().ok()
}

fn hashes(value: &Value) -> Option<Vec<[u8; 32]>> {
    value.as_array().into_iter().flatten().map(hash).collect()
}

fn inclusion_holds(vector: &Value) -> Option<()> {
    let (index, size) = (vector["leafIdx"].as_u64()?, vector["treeSize"].as_u64()?);
    let (leaf, root) = (hash(&vector["leafHash"])?, hash(&vector["root"])?);
    let proof = hashes(&vector["proof"])?;
    verify_inclusion(LeafHash(leaf), index, size, &proof, RootHash(root)).ok()
}

fn consistency_holds(vector: &Value) -> Option<()> {
    let (old, new) = (vector["size1"].as_u64()?, vector["size2"].as_u64()?);
    let (old_root, new_root) = (hash(&vector["root1"])?, hash(&vector["root2"])?);
    let proof = hashes(&vector["proof"])?;
    verify_consistency(old, new, RootHash(old_root), RootHash(new_root), &proof).ok()
}

#[test]
fn all_196_vectors_come_out_as_said() {
    let files = files(Path::new(FOLDER));
    if files.is_empty() {
        println!("SKIPPED: no vectors at {FOLDER}");
        return;
    }
    assert_eq!(files.len(), 196);
    let mut refused_by_policy = Vec::new();
    for file in &files {
        let name = file.strip_prefix(FOLDER).unwrap().to_str().unwrap();
        let vector: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let holds = if name.starts_with("inclusion") {
            inclusion_holds(&vector)
        } else {
            consistency_holds(&vector)
        };
        let should_hold = !vector["wantErr"].as_bool().unwrap();
        if should_hold && NOT_HASHES.contains(&name) {
            refused_by_policy.push(name.to_owned());
            assert_eq!(holds, None, "{name}");
        } else {
            assert_eq!(holds.is_some(), should_hold, "{name}");
        }
    }
    assert_eq!(refused_by_policy, NOT_HASHES);
}
