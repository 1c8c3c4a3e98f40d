//! Bodies: plaintexts, stored bodies, disclosures.
#![no_main]

use countersign_record::body::{Body, Disclosure};
use countersign_record::digest::{BodyRoot, EntryHash};
use countersign_record::json::{Limits, canonical, read};
use countersign_record::keyring::Block;
use countersign_record::seal::{BodyPlace, open};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(body) = Body::from_plaintext(bytes) {
        assert_eq!(body.to_plaintext().as_slice(), bytes);
        assert_eq!(body.disclose_all().root(), Ok(body.root()));
    }
    let place = BodyPlace {
        genesis: EntryHash([1; 32]),
        seq: 7,
        root: BodyRoot([2; 32]),
    };
    let opened = open(bytes, &place, || Block::new([3; 32]).body_key(7));
    assert!(opened.is_err(), "a body of another root was opened");
    let disclosed = read(bytes, &Limits::DISCLOSURE).ok();
    if let Some(disclosure) = disclosed.and_then(|json| Disclosure::from_json(&json).ok()) {
        let written = canonical(&disclosure.to_json());
        let again = read(&written, &Limits::DISCLOSURE).expect("what is written reads");
        assert_eq!(Disclosure::from_json(&again), Ok(disclosure.clone()));
        let _any = (disclosure.root().is_ok(), disclosure.disclosed().is_ok());
    }
});
