use super::*;

const NAMESPACE: &str = "countersign.approval.v1";

fn signed() -> Vec<u8> {
    sign_ed25519(&SigningKey::from_bytes(&[7; 32]), NAMESPACE, b"statement")
}

/// A good blob with one part changed.
fn blob(change: impl FnOnce(&mut Parts)) -> Vec<u8> {
    let good = signed();
    let read = Blob::read(&good).expect("a good blob");
    let mut parts = Parts {
        magic: MAGIC.to_vec(),
        version: VERSION,
        strings: [read.public_key, read.namespace, b"", HASH, read.signature].map(<[u8]>::to_vec),
    };
    change(&mut parts);
    let mut bytes = parts.magic;
    bytes.extend_from_slice(&parts.version.to_be_bytes());
    for string in &parts.strings {
        put_string(&mut bytes, string);
    }
    bytes
}

struct Parts {
    magic: Vec<u8>,
    version: u32,
    /// Public key, namespace, reserved, hash, signature.
    strings: [Vec<u8>; 5],
}

#[test]
fn a_blob_reads_and_writes_back() {
    let bytes = signed();
    assert_eq!(blob(|_| ()), bytes);
    let read = Blob::read(&bytes).expect("a good blob");
    assert_eq!(read.namespace, NAMESPACE.as_bytes());
    assert_eq!(read.write(), bytes);
}

#[test]
fn another_version_is_refused() {
    for version in [0, 2, 0x0100_0000, u32::MAX] {
        let refused = Blob::read(&blob(|parts| parts.version = version)).err();
        assert_eq!(refused, Some(BlobError::Version { found: version }));
    }
}

#[test]
fn another_magic_is_refused() {
    let refused = |magic: &[u8]| Blob::read(&blob(|parts| parts.magic = magic.to_vec())).err();
    assert_eq!(refused(b"SSHSIH"), Some(BlobError::Magic));
    assert_eq!(refused(b""), Some(BlobError::Magic));
    assert_eq!(Blob::read(b"").err(), Some(BlobError::Magic));
}

#[test]
fn a_reserved_field_with_something_in_it_is_refused() {
    let refused = Blob::read(&blob(|parts| parts.strings[2] = b"x".to_vec())).err();
    assert_eq!(refused, Some(BlobError::Reserved));
}

#[test]
fn every_hash_but_sha512_is_refused() {
    for hash in [&b"sha256"[..], b"SHA512", b"sha512 ", b""] {
        let refused = Blob::read(&blob(|parts| parts.strings[3] = hash.to_vec())).err();
        assert_eq!(refused, Some(BlobError::Hash));
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let bytes = [signed(), Vec::from([0])].concat();
    assert_eq!(Blob::read(&bytes).err(), Some(BlobError::Trailing));
}

#[test]
fn a_blob_cut_short_is_refused_at_every_length() {
    let bytes = signed();
    for length in 0..bytes.len() {
        assert!(Blob::read(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_length_over_the_end_is_refused() {
    let good = signed();
    let mut at = MAGIC.len() + 4;
    for _ in 0..5 {
        for length in [u32::MAX, 0x7fff_ffff, 2000] {
            let mut bytes = good.clone();
            bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
            assert_eq!(Blob::read(&bytes).err(), Some(BlobError::Truncated));
        }
        let length = u32::from_be_bytes(good[at..at + 4].try_into().expect("four bytes"));
        at += 4 + usize::try_from(length).expect("small");
    }
    assert_eq!(at, good.len());
}

#[test]
fn a_huge_blob_is_refused_before_it_is_read() {
    let refused = Blob::read(&blob(|parts| {
        parts.strings[4] = [0; BLOB_BYTES_MAX].to_vec();
    }))
    .err();
    assert_eq!(refused, Some(BlobError::TooLong));
}

#[test]
fn armour_reads_back_with_and_without_its_last_newline() {
    let bytes = signed();
    let text = armour(&bytes);
    assert_eq!(unarmour(&text), Ok(bytes.clone()));
    assert_eq!(unarmour(text.trim_end()), Ok(bytes));
}

#[test]
fn armour_of_every_length_reads_back() {
    for length in 0..300 {
        let bytes = alloc::vec![0xa5; length];
        let text = armour(&bytes);
        assert!(text.lines().all(|line| line.len() <= COLUMNS));
        if length > 0 {
            assert!(text.lines().all(|line| !line.is_empty()));
            assert_eq!(unarmour(&text), Ok(bytes), "{length}");
        }
    }
}

#[test]
fn armour_in_any_other_form_is_refused() {
    let good = armour(&signed());
    for text in [
        good.replace('\n', "\r\n"),
        good.replacen('\n', "\n\n", 2),
        good.replace("SSH SIGNATURE", "SIGNATURE"),
        good.to_lowercase(),
        good.replacen("U1NI", "U1N I", 1),
        good.replacen("U1NI", "U1N-", 1),
        good.replacen("U1NI", "U1N", 1),
        good.replacen("U1NIU", "U1NI\nU", 1),
        good.clone() + "\n",
        good.clone() + &good,
        String::from(" ") + &good,
        String::new(),
    ] {
        assert_eq!(unarmour(&text), Err(BlobError::Armour), "{text}");
    }
}
