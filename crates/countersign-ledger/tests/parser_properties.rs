//! Every reader of this crate against any good text or bytes, and against the same with one change.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use countersign_hostile::{mutated, mutated_text};
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::frame::{
    BODIES_MAX, BODY_BYTES_MAX, COUNT_MAX, ENTRY_BYTES_MAX, Frame, FrameHash, Record, encode,
};
use countersign_ledger::merkle::{SIZE_MAX, Tree};
use countersign_ledger::note::{
    NOTE_BYTES_MAX, Note, SIGNATURES_MAX, Signer, VerifierKey, WitnessKey,
};
use countersign_ledger::proof::InclusionProof;
use countersign_ledger::segment;
use countersign_ledger::tiles::{TileContent, TilePath, decode_bundle, encode_bundle};
use countersign_record::digest::RootHash;
use ed25519_dalek::SigningKey;
use proptest::prelude::*;

const ORIGIN: &str = "log.example/acme";

fn signer(seed: [u8; 32]) -> Signer {
    Signer::new(ORIGIN, SigningKey::from_bytes(&seed)).unwrap()
}

fn checkpoint() -> impl Strategy<Value = Checkpoint> {
    (2..=SIZE_MAX, any::<[u8; 32]>()).prop_map(|(size, root)| Checkpoint {
        origin: ORIGIN.into(),
        size,
        root: RootHash(root),
    })
}

/// The signed note of a checkpoint, with further lines of keys that nobody here knows.
fn note() -> impl Strategy<Value = (String, String)> {
    let others = prop::collection::vec(any::<[u8; 32]>(), 0..3);
    (checkpoint(), others).prop_map(|(checkpoint, others)| {
        let text = checkpoint.text();
        let mut note = checkpoint.sign(&signer([7; 32])).unwrap().note().to_owned();
        for seed in others {
            let name = format!("witness-{}", seed[0]);
            let other = Signer::new(&name, SigningKey::from_bytes(&seed)).unwrap();
            let signed = other.sign(&text).unwrap();
            note += signed.rsplit_once("\n\n").unwrap().1;
        }
        (text, note)
    })
}

/// Of one entry of a small log.
fn proof() -> impl Strategy<Value = (InclusionProof, u64)> {
    let extra = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    (2..40_u64, any::<u64>(), extra).prop_map(|(size, index, extra)| {
        let mut tree = Tree::new();
        tree.extend((0..size).map(|number| leaf_hash(&number.to_be_bytes())));
        let index = index % size;
        let root = tree.root_at(size).unwrap();
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size,
            root,
        };
        let proof = InclusionProof {
            extra,
            index,
            path: tree.inclusion(index, size).unwrap(),
            checkpoint: checkpoint.sign(&signer([7; 32])).unwrap().note().to_owned(),
        };
        (proof, index)
    })
}

fn tile() -> impl Strategy<Value = TilePath> {
    let content = prop_oneof![
        Just(TileContent::Entries),
        (0..=63_u8).prop_map(|level| TileContent::Hashes { level }),
    ];
    let index = prop_oneof![0..2000_u64, any::<u64>()];
    (content, index, 1..=256_u16)
        .prop_map(|(content, index, width)| TilePath::new(content, index, width).unwrap())
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 1..most);
    let records = prop::collection::vec((bytes(60), prop::collection::vec(bytes(40), 0..3)), 1..5);
    (0..1_u64 << 40, any::<[u8; 32]>(), records).prop_map(|(first, previous, records)| {
        let bodies: Vec<Vec<&[u8]>> = records
            .iter()
            .map(|(_, bodies)| bodies.iter().map(Vec::as_slice).collect())
            .collect();
        let records: Vec<Record<'_>> = records
            .iter()
            .zip(&bodies)
            .map(|((entry, _), bodies)| Record { entry, bodies })
            .collect();
        encode(first, FrameHash(previous), &records).unwrap().bytes
    })
}

fn near_text(text: impl Strategy<Value = String>) -> impl Strategy<Value = (String, String)> {
    text.prop_flat_map(|text| (Just(text.clone()), mutated_text(&text)))
}

proptest! {
    #[test]
    fn a_checkpoint_reads_back_and_with_any_change_is_another_or_none(
        (good, changed) in near_text(checkpoint().prop_map(|it| it.text())),
    ) {
        prop_assert_eq!(Checkpoint::parse(&good).unwrap().text(), good);
        if let Ok(read) = Checkpoint::parse(&changed) {
            prop_assert_eq!(read.text(), changed);
        }
    }

    #[test]
    fn a_signed_note_opens_and_with_any_change_gives_no_other_text(
        (text, note, changed) in note()
            .prop_flat_map(|(text, note)| (Just(text), Just(note.clone()), mutated_text(&note))),
    ) {
        let key = signer([7; 32]).verifier_key();
        prop_assert_eq!(Note::parse(&note).unwrap().verify(&key), Ok(text.as_str()));
        prop_assert_eq!(Checkpoint::open(&note, &key).unwrap().text(), text.clone());
        if let Ok(Ok(verified)) = Note::parse(&changed).map(|note| note.verify(&key)) {
            prop_assert_eq!(verified, text);
        }
        let other = signer([8; 32]).verifier_key();
        prop_assert!(Checkpoint::open(&note, &other).is_err());
    }

    #[test]
    fn a_key_reads_back_and_with_any_change_is_another_or_none(
        (good, changed) in near_text(
            any::<[u8; 32]>().prop_map(|seed| signer(seed).verifier_key().to_string())
        ),
    ) {
        prop_assert_eq!(good.parse::<VerifierKey>().unwrap().to_string(), good.clone());
        prop_assert!(good.parse::<WitnessKey>().is_err());
        if let Ok(read) = changed.parse::<VerifierKey>() {
            prop_assert_eq!(read.to_string(), changed);
        }
    }

    #[test]
    fn a_proof_reads_back_and_with_any_change_proves_nothing_else(
        (proof, index, changed) in proof().prop_flat_map(|(proof, index)| {
            let text = proof.to_string();
            (Just(proof), Just(index), mutated_text(&text))
        }),
    ) {
        let key = signer([7; 32]).verifier_key();
        let leaf = leaf_hash(&index.to_be_bytes());
        let read: InclusionProof = proof.to_string().parse().unwrap();
        prop_assert!(read.verify(leaf, &key).is_ok());
        prop_assert_eq!(&read, &proof);
        if let Ok(read) = changed.parse::<InclusionProof>() {
            prop_assert_eq!(read.to_string(), changed);
            let holds = read.verify(leaf, &key).is_ok();
            prop_assert!(!holds || (read.index, &read.path) == (index, &proof.path));
        }
    }

    #[test]
    fn a_tile_path_with_any_change_is_another_or_none(
        (_, changed) in near_text(tile().prop_map(|it| it.to_string())),
    ) {
        if let Ok(read) = changed.parse::<TilePath>() {
            prop_assert_eq!(read.to_string(), changed);
        }
    }

    #[test]
    fn a_segments_name_with_any_change_is_another_or_none(
        (good, changed) in near_text((0..=SIZE_MAX).prop_map(segment::name)),
    ) {
        prop_assert_eq!(segment::parse_name(&good).map(segment::name), Some(good));
        if let Some(first) = segment::parse_name(&changed) {
            prop_assert_eq!(segment::name(first), changed);
        }
    }

    #[test]
    fn a_bundle_with_any_change_holds_other_entries_or_none(
        changed in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..8)
            .prop_flat_map(|entries| {
                let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
                mutated(encode_bundle(&entries).unwrap())
            }),
    ) {
        if let Ok(entries) = decode_bundle(&changed) {
            prop_assert_eq!(encode_bundle(&entries), Ok(changed.clone()));
        }
    }

    /// All but the bodies is under the frame's hash; a body's own hash tells whether it is intact.
    #[test]
    fn a_frame_with_any_change_is_refused_or_says_which_body_is_not_intact(
        changed in frame().prop_flat_map(mutated),
    ) {
        if let Ok(frame) = Frame::parse(&changed) {
            prop_assert!(!frame.bodies_are_intact());
        }
    }

    #[test]
    fn no_text_brings_a_reader_down(text in any::<String>()) {
        let signed = format!("{text}\n\n— {text} AAAA\n");
        let _any = (Note::parse(&text).is_ok(), Note::parse(&signed).is_ok());
        let _any = (Checkpoint::parse(&text).is_ok(), text.parse::<TilePath>().is_ok());
        let _any = (text.parse::<VerifierKey>().is_ok(), segment::parse_name(&text).is_some());
        prop_assert!(text.parse::<InclusionProof>().is_err());
        let _any = (decode_bundle(text.as_bytes()).is_ok(), Frame::parse(text.as_bytes()).is_ok());
    }
}

#[test]
fn a_note_has_its_longest_length_and_its_most_signatures_and_not_one_more() {
    let line = "— k AAAAAAA=\n";
    let lines = |count: usize| format!("text\n\n{}", line.repeat(count));
    assert!(Note::parse(&lines(SIGNATURES_MAX)).is_ok());
    assert!(Note::parse(&lines(SIGNATURES_MAX + 1)).is_err());
    let long = |length: usize| format!("{}\n\n{line}", "x".repeat(length - line.len() - 2));
    assert_eq!(long(NOTE_BYTES_MAX).len(), NOTE_BYTES_MAX);
    assert!(Note::parse(&long(NOTE_BYTES_MAX)).is_ok());
    assert!(Note::parse(&long(NOTE_BYTES_MAX + 1)).is_err());
}

#[test]
fn a_frame_takes_each_of_its_limits_and_not_one_more() {
    let frame = |count: usize, entry: usize, bodies: usize, body: usize| {
        let (entry, body) = (vec![1; entry], vec![2; body]);
        let bodies = vec![body.as_slice(); bodies];
        let record = Record {
            entry: &entry,
            bodies: &bodies,
        };
        encode(0, FrameHash([0; 32]), &vec![record; count]).is_ok()
    };
    let most = usize::try_from(COUNT_MAX).unwrap();
    assert!(frame(most, 1, 0, 0) && !frame(most + 1, 1, 0, 0));
    assert!(frame(1, ENTRY_BYTES_MAX, 0, 0) && !frame(1, ENTRY_BYTES_MAX + 1, 0, 0));
    assert!(frame(1, 1, BODIES_MAX, 1) && !frame(1, 1, BODIES_MAX + 1, 1));
    assert!(frame(1, 1, 1, BODY_BYTES_MAX) && !frame(1, 1, 1, BODY_BYTES_MAX + 1));
}
