//! Entries, their envelopes, and the CBOR below them: what reads has exactly the bytes it was read of.
#![no_main]

use countersign_record::cbor;
use countersign_record::entry::{Entry, Envelope};
use countersign_record::keyring::Keyring;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(item) = cbor::decode(bytes) {
        assert_eq!(cbor::encode(&item), bytes);
    }
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(entry.encode(), bytes);
        let envelope = Envelope::read(bytes).expect("an entry has an envelope");
        assert_eq!(
            (envelope.seq, envelope.kind.as_str()),
            (entry.seq, entry.kind())
        );
    }
    if let Ok(keyring) = Keyring::from_bytes(bytes) {
        assert_eq!(keyring.to_bytes().as_slice(), bytes);
    }
});
