//! Everything that people sign, and the grant: one form, and no bytes are two kinds of document.
#![no_main]

use countersign_attest::grant::{Expected, Grant};
use countersign_attest::statement::{AttestKey, Enrolment, Login, Revocation, Statement};
use countersign_record::id::{ExecutorId, KeyId};
use ed25519_dalek::SigningKey;
use libfuzzer_sys::fuzz_target;

/// Whether the bytes are such a document; then they are its only ones.
macro_rules! is {
    ($kind:ty, $bytes:expr) => {
        <$kind>::read($bytes).is_ok_and(|document| {
            assert_eq!(document.to_bytes().as_deref(), Ok($bytes));
            true
        })
    };
}

fuzz_target!(|bytes: &[u8]| {
    let kinds = [
        is!(Statement, bytes),
        is!(Enrolment, bytes),
        is!(AttestKey, bytes),
        is!(Revocation, bytes),
        is!(Login, bytes),
    ];
    assert!(kinds.iter().filter(|is| **is).count() <= 1);
    if let Ok(token) = str::from_utf8(bytes) {
        let key = SigningKey::from_bytes(&[0xe7; 32]).verifying_key();
        let expected = Expected {
            log: "ledger.example/acme",
            key: KeyId::new([0x39; 16]),
            executor: ExecutorId::new([0x38; 16]),
            now_s: 0,
        };
        assert!(
            Grant::verify(token, &key, &expected).is_err(),
            "a grant of another key"
        );
    }
});
