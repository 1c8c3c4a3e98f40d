//! The keys that the entries name, in the forms that stock tools read. They show what the log says;
//! trust in the log's own key comes from elsewhere.

use base64ct::{Base64, Encoding as _};
use countersign_attest::PublicKey;
use countersign_record::digest::{hex, sha256};
use countersign_record::entry::{Entry, Fact, LedgerCreated, ServiceKey};

/// The files of one entry: name and text.
pub(super) fn files(entry: &Entry) -> Vec<(String, Vec<u8>)> {
    match &entry.draft.fact {
        Fact::LedgerCreated(created) => {
            let mut files = Vec::from([
                ("log.vkey".into(), vkey(created).into_bytes()),
                ("log.pem".into(), pem(&created.log_key).into_bytes()),
            ]);
            let service = [&created.grant_key, &created.seal_key, &created.webhook_key];
            files.extend(
                service.map(|ServiceKey { id, key }| (format!("{id}.pem"), pem(key).into_bytes())),
            );
            files
        }
        Fact::KeyEnrolled(enrolled) => {
            let Some(id) = entry.draft.refs.key else {
                return Vec::new();
            };
            let file = match PublicKey::from_ssh_wire(&enrolled.public_key.0) {
                Ok(key) => (
                    format!("{id}.pub"),
                    format!("{} {id}\n", key.to_openssh_line()).into_bytes(),
                ),
                Err(_) => (format!("{id}.bin"), enrolled.public_key.0.clone()),
            };
            Vec::from([file])
        }
        _ => Vec::new(),
    }
}

/// The line of a key in `allowed_signers`; its principal is the key's id.
pub(super) fn allowed_signer(entry: &Entry) -> Option<String> {
    let (Fact::KeyEnrolled(enrolled), Some(id)) = (&entry.draft.fact, entry.draft.refs.key) else {
        return None;
    };
    let key = PublicKey::from_ssh_wire(&enrolled.public_key.0).ok()?;
    Some(format!("{id} {}\n", key.to_openssh_line()))
}

/// The log's verifier key as notes' readers write it: `name+hash+base64` (c2sp.org/signed-note).
fn vkey(created: &LedgerCreated) -> String {
    let typed = [&[ED25519], created.log_key.as_slice()].concat();
    let digest = sha256(&[created.origin.as_bytes(), b"\n", &typed]);
    format!(
        "{}+{}+{}\n",
        created.origin,
        hex(&digest[..4]),
        Base64::encode_string(&typed)
    )
}

/// An Ed25519 public key as openssl reads it (RFC 8410).
fn pem(key: &[u8; 32]) -> String {
    let der = [&SPKI, key.as_slice()].concat();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        Base64::encode_string(&der)
    )
}

/// The signature type of a log's checkpoints.
const ED25519: u8 = 0x01;
/// What openssl reads (`SubjectPublicKeyInfo`) of an Ed25519 key, up to the key.
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
