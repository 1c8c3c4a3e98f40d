//! Signing with a person's device: an OpenSSH key file of our own reading, or whatever
//! `ssh-keygen -Y sign` can reach (agents, FIDO2 tokens).

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_attest::{Context, PublicKey, sshsig};
use ed25519_dalek::SigningKey;
use ssh_key::PrivateKey;
use ssh_key::private::KeypairData;
use zeroize::Zeroizing;

use super::ask;
use crate::exit;
use crate::output::Failure;

/// A key that can sign, its passphrase asked for at most once.
pub(super) struct Device {
    public: PublicKey,
    signer: Signer,
}

enum Signer {
    /// In this process.
    Own(Box<SigningKey>),
    /// By `ssh-keygen -Y sign -f` with this file.
    Keygen(PathBuf),
}

impl Device {
    /// The key of `--key`: a private key file, or a `.pub` file for an agent or token.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let text = Zeroizing::new(read(path)?);
        if !text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----") {
            let public = public_key(path, &text)?;
            return Ok(Self {
                public,
                signer: Signer::Keygen(path.to_owned()),
            });
        }
        if let Some(key) = own_key(path, &text)? {
            let public = PublicKey::from_ed25519(key.verifying_key().as_bytes());
            let public = public.map_err(|error| unusable(path, &error.to_string()))?;
            return Ok(Self {
                public,
                signer: Signer::Own(Box::new(key)),
            });
        }
        // A token's handle, or a kind that only ssh-keygen knows: its public key lies beside it.
        let mut beside = path.as_os_str().to_owned();
        beside.push(".pub");
        let public = read_public(Path::new(&beside))?;
        Ok(Self {
            public,
            signer: Signer::Keygen(path.to_owned()),
        })
    }

    /// Its public key.
    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The binary SSHSIG blob over these bytes; checked as the service will check it.
    pub(super) fn sign(&self, context: Context, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let signature = match &self.signer {
            Signer::Own(key) => sshsig::sign_ed25519(key, context.as_str(), bytes),
            Signer::Keygen(path) => keygen(path, context, bytes)?,
        };
        countersign_attest::verify(context, &self.public, bytes, &signature).map_err(|error| {
            let failure = Failure::new(exit::USAGE, &error);
            match error {
                countersign_attest::verify::VerifyError::NotVerified { .. } => failure.hint(
                    "the token must ask for its PIN: ssh-keygen -t ed25519-sk -O verify-required",
                ),
                _ => failure,
            }
        })?;
        Ok(signature)
    }
}

/// The public key of a `.pub` file.
pub(super) fn read_public(path: &Path) -> Result<PublicKey, Failure> {
    public_key(path, &read(path)?)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot read the key {}: {cause}", path.display()),
        )
    })
}

fn public_key(path: &Path, line: &str) -> Result<PublicKey, Failure> {
    PublicKey::from_openssh_line(line).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, fault: &str) -> Failure {
    Failure::say(
        exit::USAGE,
        format!("the key {} cannot be used: {fault}", path.display()),
    )
}

/// The Ed25519 key of a key file; none when the file holds another kind.
fn own_key(path: &Path, text: &str) -> Result<Option<SigningKey>, Failure> {
    let Ok(mut key) = PrivateKey::from_openssh(text) else {
        return Ok(None);
    };
    if !matches!(key.algorithm(), ssh_key::Algorithm::Ed25519) {
        return Ok(None);
    }
    if key.is_encrypted() {
        let passphrase = ask::passphrase(&format!("Passphrase of {}: ", path.display()))?;
        key = key
            .decrypt(passphrase.as_bytes())
            .map_err(|_| unusable(path, "the passphrase is not that of this key"))?;
    }
    match key.key_data() {
        KeypairData::Ed25519(pair) => Ok(Some(SigningKey::from_bytes(&pair.private.to_bytes()))),
        _ => Ok(None),
    }
}

fn keygen(path: &Path, context: Context, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |fault: String| {
        Failure::say(
            exit::USAGE,
            format!("ssh-keygen did not sign with {}: {fault}", path.display()),
        )
        .hint("is the key in the agent, or the token plugged in? try: ssh-keygen -Y sign")
    };
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", context.as_str(), "-f"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|cause| failed(cause.to_string()))?;
    // It answers only after the end of the message; what it says of a failure is on stderr already.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(bytes));
    let signed = child
        .wait_with_output()
        .map_err(|cause| failed(cause.to_string()))?;
    if !signed.status.success() || !matches!(written, Some(Ok(()))) {
        return Err(failed(signed.status.to_string()));
    }
    let armoured = String::from_utf8_lossy(&signed.stdout);
    sshsig::unarmour(&armoured).map_err(|error| failed(error.to_string()))
}
