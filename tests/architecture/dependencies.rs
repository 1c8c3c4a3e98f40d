//! Who may know whom.

use std::collections::BTreeSet;

use crate::workspace::{PURE, linked, members};

/// Whatever waits, reads clocks, draws random numbers or talks to the world.
const IMPURE: [&str; 22] = [
    "async-std",
    "axum",
    "cc",
    "crossbeam-epoch",
    "fastrand",
    "fs2",
    "getrandom",
    "hyper",
    "jiff",
    "mio",
    "rand",
    "rcgen",
    "ring",
    "rustix",
    "rustls",
    "sled",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tracing",
    "ureq",
];

/// What the auditor must not have to trust, or to install.
const SERVING: [&str; 9] = [
    "axum",
    "countersign-gate",
    "countersign-server",
    "countersign-service",
    "countersign-store",
    "hyper",
    "rustls",
    "sled",
    "tokio",
];

/// Whom each crate may know among ours; cli and tests may know all.
const DIRECTION: [(&str, &[&str]); 11] = [
    ("record", &[]),
    ("ledger", &["record"]),
    ("attest", &["record"]),
    ("policy", &["record"]),
    ("flow", &["record", "attest", "policy"]),
    ("verify", &["record", "ledger", "attest", "policy", "flow"]),
    ("store", &["record", "ledger"]),
    (
        "service",
        &["record", "ledger", "attest", "policy", "flow", "store"],
    ),
    (
        "evidence",
        &["record", "ledger", "attest", "policy", "flow", "verify"],
    ),
    ("gate", &["record", "attest"]),
    (
        "server",
        &[
            "record", "ledger", "attest", "policy", "flow", "store", "service",
        ],
    ),
];

/// Who alone may name a dependency; tests and the dependency's own dependents aside.
const ONLY: [(&str, &[&str]); 5] = [
    ("sled", &["countersign-store"]),
    ("axum", &["countersign-server"]),
    ("rcgen", &["countersign-server"]),
    ("hyper", &["countersign-server"]),
    (
        "tokio",
        &["countersign-service", "countersign-server", "countersign"],
    ),
];

fn both(found: &BTreeSet<String>, unwanted: &[&str]) -> Vec<String> {
    found
        .iter()
        .filter(|name| unwanted.contains(&name.as_str()))
        .cloned()
        .collect()
}

#[test]
fn the_pure_crates_link_nothing_that_waits_or_talks() {
    for package in PURE {
        let found = linked(package, &[]);
        assert!(found.contains(package), "cargo tree was not understood");
        assert_eq!(both(&found, &IMPURE), [""; 0], "{package}");
    }
}

#[test]
fn the_verifier_never_sees_the_server() {
    for package in ["countersign-verify", "countersign-evidence"] {
        assert_eq!(both(&linked(package, &[]), &SERVING), [""; 0], "{package}");
    }
}

#[test]
fn the_auditors_build_has_no_server_no_network_and_no_database() {
    let found = linked("countersign", &["--no-default-features"]);
    assert!(
        found.contains("countersign-verify"),
        "the auditor's build does not verify"
    );
    assert_eq!(both(&found, &SERVING), [""; 0]);
}

#[test]
fn knowledge_flows_one_way() {
    for (name, may_know) in DIRECTION {
        let package = format!("countersign-{name}");
        let all = members();
        let member = all.iter().find(|it| it.name == package).expect("a member");
        for known in &member.needs {
            let ours = known.strip_prefix("countersign-");
            let allowed = ours.is_none_or(|ours| may_know.contains(&ours));
            assert!(allowed, "{package} may not know {known}");
        }
    }
}

#[test]
fn sled_axum_rcgen_and_tokio_stay_in_their_crates() {
    for (dependency, owners) in ONLY {
        for member in members() {
            let allowed = owners.contains(&member.name.as_str());
            let named = member.needs.contains(dependency);
            assert!(
                allowed || !named,
                "{} may not name {dependency}",
                member.name
            );
        }
    }
}
