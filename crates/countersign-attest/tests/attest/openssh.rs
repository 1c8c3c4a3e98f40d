//! Stock OpenSSH accepts our signatures, and we accept its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use countersign_attest::verify::{Verified, VerifyError};
use countersign_attest::{Context, PublicKey, sshsig, verify};
use tempfile::TempDir;

use crate::samples::{SOFTWARE, approve, fixtures, public, secret};

/// A software token of Debian's package openssh-tests.
const PROVIDER: &str = "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so";
const PERSON: &str = "per_alice";

/// Said past the test harness, which keeps the output of what passes to itself.
fn skipped(reason: &str) {
    writeln!(std::io::stderr(), "SKIPPED: {reason}").expect("standard error");
}

fn ssh_keygen(arguments: &[&str], folder: &Path, input: Stdio) -> Option<Output> {
    let output = Command::new("ssh-keygen")
        .args(arguments)
        .current_dir(folder)
        .env("SSH_SK_PROVIDER", PROVIDER)
        .env_remove("SSH_AUTH_SOCK")
        .stdin(input)
        .output();
    match output {
        Ok(output) => Some(output),
        Err(cause) => {
            skipped(&format!("ssh-keygen cannot be run ({cause})"));
            None
        }
    }
}

fn has_token() -> bool {
    let there = Path::new(PROVIDER).exists();
    if !there {
        skipped("no software token; on Debian: apt-get install openssh-tests");
    }
    there
}

fn statement() -> Vec<u8> {
    approve().to_bytes().expect("a good statement")
}

/// What `ssh-keygen -Y verify` says about a signature.
fn stock_verify(line: &str, armoured: &str, message: &[u8], namespace: &str) -> Option<bool> {
    let folder = TempDir::new().expect("a scratch folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a scratch file");
        path
    };
    write("allowed_signers", format!("{PERSON} {line}\n").as_bytes());
    write("message.sig", armoured.as_bytes());
    let message = fs::File::open(write("message", message)).expect("the message");
    let arguments = [
        "-Y",
        "verify",
        "-f",
        "allowed_signers",
        "-I",
        PERSON,
        "-n",
        namespace,
        "-s",
        "message.sig",
    ];
    let output = ssh_keygen(&arguments, folder.path(), message.into())?;
    Some(output.status.success())
}

/// A signature by `ssh-keygen -Y sign` with a key file of fixtures/keys.
fn stock_sign(name: &str, message: &[u8], options: &[&str]) -> Option<String> {
    let folder = TempDir::new().expect("a scratch folder");
    let key = copy_key(name, folder.path());
    let file = folder.path().join("message");
    fs::write(&file, message).expect("a scratch file");
    let key = key.to_str().expect("a plain path");
    let namespace = Context::Approval.as_str();
    let arguments = [
        &["-Y", "sign", "-n", namespace, "-f", key],
        options,
        &["message"],
    ]
    .concat();
    let output = ssh_keygen(&arguments, folder.path(), Stdio::null())?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(fs::read_to_string(folder.path().join("message.sig")).expect("a signature"))
}

/// ssh-keygen refuses a private key that others may read, and a checkout does not keep modes.
fn copy_key(name: &str, folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let copy = folder.join("key");
    fs::copy(fixtures().join("keys").join(name), &copy).expect("a key file");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("its mode");
    let public = fixtures().join("keys").join(format!("{name}.pub"));
    fs::copy(public, folder.join("key.pub")).expect("its public half");
    copy
}

fn check(name: &str, armoured: &str) -> Result<Verified, VerifyError> {
    let line = fs::read_to_string(fixtures().join(format!("keys/{name}.pub"))).expect("a key");
    let key = PublicKey::from_openssh_line(&line).expect("a good key");
    let blob = sshsig::unarmour(armoured).expect("armour as ssh-keygen writes it");
    assert_eq!(sshsig::armour(&blob), armoured);
    verify(Context::Approval, &key, &statement(), &blob)
}

#[test]
fn ssh_keygen_accepts_our_signature() {
    let namespace = Context::Approval.as_str();
    let blob = sshsig::sign_ed25519(&secret(), namespace, &statement());
    let armoured = sshsig::armour(&blob);
    let line = public().to_openssh_line();
    let Some(accepted) = stock_verify(&line, &armoured, &statement(), namespace) else {
        return;
    };
    assert!(accepted);
    let login = Context::Login.as_str();
    assert_eq!(
        stock_verify(&line, &armoured, &statement(), login),
        Some(false)
    );
    let other = b"another statement";
    assert_eq!(
        stock_verify(&line, &armoured, other, namespace),
        Some(false)
    );
}

#[test]
fn we_accept_ssh_keygens_signature_and_it_is_the_same_as_ours() {
    let Some(armoured) = stock_sign("software-ed25519", &statement(), &[]) else {
        return;
    };
    let proof = check("software-ed25519", &armoured).expect("a good signature");
    assert!(proof.covers(Context::Approval, &statement()));
    assert!(SOFTWARE.starts_with(&proof.signer().to_openssh_line()));
    let ours = sshsig::sign_ed25519(&secret(), Context::Approval.as_str(), &statement());
    assert_eq!(sshsig::armour(&ours), armoured);
}

#[test]
fn a_sha256_signature_by_ssh_keygen_is_refused() {
    let options = ["-O", "hashalg=sha256"];
    let Some(armoured) = stock_sign("software-ed25519", &statement(), &options) else {
        return;
    };
    let refused = check("software-ed25519", &armoured).err();
    assert_eq!(refused, Some(VerifyError::Blob(sshsig::BlobError::Hash)));
}

#[test]
fn a_token_with_touch_and_pin_is_accepted() {
    for name in ["sk-ed25519-verify-required", "sk-ecdsa-verify-required"] {
        if !has_token() {
            return;
        }
        let Some(armoured) = stock_sign(name, &statement(), &[]) else {
            return;
        };
        let proof = check(name, &armoured).expect("a good signature");
        assert_eq!(proof.token().map(|token| token.flags), Some(5), "{name}");
    }
}

#[test]
fn a_token_with_touch_alone_is_refused_though_ssh_keygen_accepts_it() {
    for name in ["sk-ed25519", "sk-ecdsa"] {
        if !has_token() {
            return;
        }
        let Some(armoured) = stock_sign(name, &statement(), &[]) else {
            return;
        };
        let refused = check(name, &armoured).err();
        assert_eq!(
            refused,
            Some(VerifyError::NotVerified { flags: 1 }),
            "{name}"
        );
        let line = fs::read_to_string(fixtures().join(format!("keys/{name}.pub"))).expect("a key");
        let namespace = Context::Approval.as_str();
        let stock = stock_verify(line.trim_end(), &armoured, &statement(), namespace);
        assert_eq!(stock, Some(true), "{name}");
    }
}
