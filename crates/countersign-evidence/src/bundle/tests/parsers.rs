//! What a bundle says of itself, for any bundle and with any change.

use std::collections::{BTreeMap, BTreeSet};

use countersign_hostile::{mutated, texts};
use countersign_record::digest::hex;
use proptest::prelude::*;

use super::super::description::Description;
use super::super::manifest::Manifest;

/// Texts of others stand in it: the case, names of bodies, reasons.
fn text() -> impl Strategy<Value = String> {
    let taken = texts().into_iter().filter(|it| !it.refused);
    let table: Vec<String> = taken.map(|it| it.text).collect();
    prop_oneof!["[a-z ]{0,12}", prop::sample::select(table)]
}

fn description() -> impl Strategy<Value = Description> {
    let body = || (0..1_u64 << 50, text());
    let missing = prop::collection::btree_map(body(), text(), 0..4);
    let withheld = prop::collection::btree_set(body(), 0..4);
    (text(), 0..1_u64 << 50, text(), missing, withheld).prop_map(
        |(origin, size, case, missing, withheld): (_, _, _, BTreeMap<_, _>, BTreeSet<_>)| {
            Description {
                origin,
                size,
                case,
                missing,
                withheld,
                ..Description::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(countersign_hostile::cases(64))]

    #[test]
    fn a_description_reads_back(description in description()) {
        let written = description.write();
        prop_assert_eq!(Description::read(written.as_bytes()), Ok(description));
    }

    #[test]
    fn a_changed_description_brings_no_reader_down(
        changed in description().prop_flat_map(|it| mutated(it.write().into_bytes())),
    ) {
        if let Ok(read) = Description::read(&changed) {
            // Whether the bytes are the only ones is for the check of the files to say.
            prop_assert_eq!(Description::read(read.write().as_bytes()), Ok(read));
        }
    }

    #[test]
    fn a_manifest_reads_back(
        files in prop::collection::btree_map("[a-z/.0-9-]{1,30}", any::<[u8; 32]>(), 1..8),
    ) {
        let written = Manifest(files.clone()).write();
        let read = Manifest::lines(&written);
        let digests = files.values().map(|digest| hex(digest));
        let expected: BTreeMap<String, String> = files.keys().cloned().zip(digests).collect();
        let own = |(path, digest): (&str, &str)| (path.to_owned(), digest.to_owned());
        prop_assert_eq!(read.into_iter().map(own).collect::<BTreeMap<_, _>>(), expected);
    }
}
