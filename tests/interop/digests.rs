//! `b3sum` and `sha256sum`.

use std::fs;
use std::process::Command;

use countersign_ledger::chain::{genesis, leaf_hash, link};
use countersign_record::action::policy_digest;
use countersign_record::digest::hex;
use countersign_record::entry::{Draft, Entry, Party, Refs, ServiceStopped};
use countersign_record::id::ExecutorId;
use countersign_tests::{root, run};
use tempfile::TempDir;

const ORIGIN: &str = "log.example/acme";

fn entry() -> Vec<u8> {
    let draft = Draft {
        by: Party::Executor(ExecutorId::new([7; 16])),
        refs: Refs::default(),
        sources: Vec::new(),
        fact: ServiceStopped {}.into(),
        bodies: countersign_record::entry::Bodies::default(),
    };
    Entry {
        seq: 0,
        prev: genesis(ORIGIN),
        at: 1_763_700_000_000,
        n: Some(1),
        keyring: None,
        draft,
    }
    .encode()
}

/// The digest that a program prints first.
fn digest(program: &str, arguments: &[&str], input: &[u8]) -> Option<String> {
    let output = run(Command::new(program).args(arguments), input)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    let printed = String::from_utf8(output.stdout).expect("text");
    printed.split_whitespace().next().map(str::to_owned)
}

#[test]
fn b3sum_of_an_entry_file_is_its_link_in_the_chain() {
    let folder = TempDir::new().expect("a scratch folder");
    let file = folder.path().join("0000000000.cbor");
    fs::write(&file, entry()).expect("a scratch file");
    let file = file.to_str().expect("text");
    let context = "countersign 2026 ledger chain v1";
    if let Some(found) = digest("b3sum", &["--derive-key", context, file], b"") {
        assert_eq!(found, link(&entry()).to_string());
    }
}

#[test]
fn b3sum_of_the_origin_is_the_genesis() {
    let context = "countersign 2026 ledger genesis v1";
    if let Some(found) = digest("b3sum", &["--derive-key", context], ORIGIN.as_bytes()) {
        assert_eq!(found, genesis(ORIGIN).to_string());
    }
}

#[test]
fn sha256sum_of_a_zero_and_the_entry_is_its_leaf() {
    let leaf = [&[0], entry().as_slice()].concat();
    if let Some(found) = digest("sha256sum", &[], &leaf) {
        assert_eq!(found, leaf_hash(&entry()).to_string());
    }
}

#[test]
fn sha256sum_of_a_policy_with_its_context_is_its_digest() {
    for name in ["acme", "demo", "workstation"] {
        let file = root().join(format!("fixtures/policies/{name}.toml"));
        let toml = fs::read(&file).expect("a policy");
        let prefixed = [b"countersign/policy/v1\n", toml.as_slice()].concat();
        if let Some(found) = digest("sha256sum", &[], &prefixed) {
            assert_eq!(found, hex(&policy_digest(&toml).0), "{name}");
        }
    }
}
