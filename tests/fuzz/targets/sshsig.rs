//! SSHSIG blobs, armour, public keys: one form each, and no signature that the key did not make.
#![no_main]

use countersign_attest::sshsig::{Blob, armour, unarmour};
use countersign_attest::{Context, PublicKey, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(blob) = Blob::read(bytes)
        && let Ok(key) = PublicKey::from_ssh_wire(blob.public_key)
    {
        let message = b"never signed by anybody".as_slice();
        assert!(verify(Context::Approval, &key, message, bytes).is_err());
    }
    if let Ok(key) = PublicKey::from_ssh_wire(bytes) {
        assert_eq!(key.to_ssh_wire(), bytes);
        let line = key.to_openssh_line();
        assert_eq!(PublicKey::from_openssh_line(&line), Ok(key));
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(blob) = unarmour(text) {
        assert_eq!(armour(&blob).trim_end(), text.trim_end());
    }
    if let Ok(key) = PublicKey::from_openssh_line(text) {
        assert!(text.starts_with(&key.to_openssh_line()));
    }
});
