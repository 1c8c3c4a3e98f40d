//! Devices: software keys and keys in tokens, and what they sign.

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::{AttestKey, Enrolment, Head, Nonce};
use countersign_attest::{Context, PublicKey};
use countersign_flow::key_enrolled;
use countersign_record::digest::{StatementDigest, sha256};
use countersign_record::entry::{Blob, Endorsement, KeyEnrolled};
use countersign_record::id::{KeyId, PersonId};
use countersign_record::term::Client;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha512};

use crate::draw::Draw;

/// What FIDO2 tokens call the "relying party" of an SSH key.
const APPLICATION: &[u8] = b"ssh:countersign";
/// Touched, and PIN checked.
const FLAGS: u8 = 5;

pub(crate) enum Secret {
    Software(SigningKey),
    Ed25519Token(SigningKey),
    EcdsaToken(p256::ecdsa::SigningKey),
}

/// A key of a person.
pub(crate) struct Device {
    pub(crate) person: PersonId,
    pub(crate) key: KeyId,
    secret: Secret,
    public_key: PublicKey,
}

impl Device {
    pub(crate) fn draw(draw: &mut Draw, person: PersonId) -> Self {
        let seed: [u8; 32] = draw.bytes();
        let secret = match draw.below(4) {
            0 => Secret::Ed25519Token(SigningKey::from_bytes(&seed)),
            1 => Secret::EcdsaToken(p256::ecdsa::SigningKey::from_slice(&seed).unwrap()),
            _ => Secret::Software(SigningKey::from_bytes(&seed)),
        };
        Self {
            person,
            key: KeyId::new(draw.bytes()),
            public_key: PublicKey::from_ssh_wire(&wire(&secret)).unwrap(),
            secret,
        }
    }

    /// A binary SSHSIG.
    pub(crate) fn sign(&self, draw: &mut Draw, context: Context, message: &[u8]) -> Vec<u8> {
        let namespace = context.as_str();
        let signature = match &self.secret {
            Secret::Software(key) => return sign_ed25519(key, namespace, message),
            Secret::Ed25519Token(key) => {
                let (signed, end) = token(draw, namespace, message);
                let raw = key.sign(&signed).to_bytes();
                let parts = [string(self.scheme()), string(&raw), end];
                parts.concat()
            }
            Secret::EcdsaToken(key) => {
                let (signed, end) = token(draw, namespace, message);
                let made: p256::ecdsa::Signature =
                    p256::ecdsa::signature::Signer::sign(key, &signed);
                let (r, s) = made.split_bytes();
                let raw = [mpint(&r), mpint(&s)].concat();
                [string(self.scheme()), string(&raw), end].concat()
            }
        };
        let parts = [
            b"SSHSIG\0\0\0\x01".to_vec(),
            string(&self.public_key.to_ssh_wire()),
            string(namespace.as_bytes()),
            string(b""),
            string(b"sha512"),
            string(&signature),
        ];
        parts.concat()
    }

    const fn scheme(&self) -> &'static [u8] {
        scheme(&self.secret)
    }

    /// What shows that the device is there.
    pub(crate) fn enrolment(&self, draw: &mut Draw, log: &str, head: Head) -> Enrolment {
        Enrolment {
            log: log.into(),
            person: self.person,
            public_key: self.public_key.clone(),
            usage: [Client::Cli, Client::Cli, Client::External]
                [usize::try_from(draw.below(3)).unwrap()],
            nonce: Nonce(draw.bytes()),
            head,
        }
    }

    /// The entry that enrols it.
    pub(crate) fn enrolled(
        &self,
        draw: &mut Draw,
        enrolment: &Enrolment,
        voucher: Option<&Self>,
    ) -> KeyEnrolled {
        let bytes = enrolment.to_bytes().unwrap();
        let signature = self.sign(draw, Context::Enrolment, &bytes);
        let endorsed = voucher.map(|voucher| voucher.vouches(draw, &enrolment.log, &bytes));
        key_enrolled(enrolment, Blob(bytes), Blob(signature), endorsed)
    }

    fn vouches(&self, draw: &mut Draw, log: &str, enrolment: &[u8]) -> Endorsement {
        let statement = AttestKey {
            log: log.into(),
            enrolment: StatementDigest(sha256(&[enrolment])),
            person: self.person,
            key: self.key,
        };
        let statement = statement.to_bytes().unwrap();
        Endorsement {
            key: self.key,
            signature: Blob(self.sign(draw, Context::AttestKey, &statement)),
            statement: Blob(statement),
        }
    }
}

const fn scheme(secret: &Secret) -> &'static [u8] {
    match secret {
        Secret::Software(_) => b"ssh-ed25519",
        Secret::Ed25519Token(_) => b"sk-ssh-ed25519@openssh.com",
        Secret::EcdsaToken(_) => b"sk-ecdsa-sha2-nistp256@openssh.com",
    }
}

fn wire(secret: &Secret) -> Vec<u8> {
    let name = string(scheme(secret));
    match secret {
        Secret::Software(key) => [name, string(key.verifying_key().as_bytes())].concat(),
        Secret::Ed25519Token(key) => {
            let point = string(key.verifying_key().as_bytes());
            [name, point, string(APPLICATION)].concat()
        }
        Secret::EcdsaToken(key) => {
            let point = string(key.verifying_key().to_sec1_point(false).as_bytes());
            [name, string(b"nistp256"), point, string(APPLICATION)].concat()
        }
    }
}

/// The bytes that a token signs, and what stands behind its signature.
fn token(draw: &mut Draw, namespace: &str, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let parts = [
        b"SSHSIG".to_vec(),
        string(namespace.as_bytes()),
        string(b""),
        string(b"sha512"),
        string(&Sha512::digest(message)),
    ];
    let signed = sha256(&[&parts.concat()]);
    let counter: [u8; 4] = draw.bytes();
    let end = [[FLAGS].as_slice(), &counter].concat();
    let token = [sha256(&[APPLICATION]).as_slice(), &end, &signed].concat();
    (token, end)
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [length.as_slice(), bytes].concat()
}

fn mpint(number: &[u8]) -> Vec<u8> {
    let start = number.iter().take_while(|byte| **byte == 0).count();
    let digits = &number[start..];
    let sign: &[u8] = if digits.first().is_some_and(|byte| *byte >= 128) {
        &[0]
    } else {
        &[]
    };
    string(&[sign, digits].concat())
}
