//! Parts of a data directory that are not the newest: an index, or the log itself.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::acks::Acks;
use crate::client::Caller;
use crate::ledger::{Ledger, copy};
use crate::load::Client;
use crate::program::{Server, command};
use crate::random::Random;
use crate::setup::token;

const SEGMENT_BYTES: u64 = 64 * 1024;

/// A log with a call in it that ran; the call.
fn used(place: &Path) -> (Ledger, String) {
    let ledger = Ledger::make(place, SEGMENT_BYTES);
    let server = ledger.serve();
    let call = ran(&ledger, &server, 0);
    server.stop().unwrap();
    (ledger, call)
}

fn ran(ledger: &Ledger, server: &Server, number: u64) -> String {
    let acks = Arc::new(Mutex::new(Acks::default()));
    let mut client = Client::of(ledger, server, number, Random::new(number), &acks).unwrap();
    let asked = client.ask_wire().unwrap();
    let view = client.decide(&asked, "approve").unwrap();
    let claimed = client.redeem(&view, "bank").unwrap();
    client.report(&claimed, "bank", "succeeded").unwrap();
    claimed["call"].as_str().unwrap().to_owned()
}

fn trace(server: &Server, call: &str) -> Value {
    let auditor = Caller::new(server.audit(), Some(token("auditor")));
    let answer = auditor.get(&format!("/v1/trace/{call}")).unwrap();
    answer.good().unwrap()
}

/// Puts another directory in the place of the index, or none.
fn replace_index(ledger: &Ledger, with: Option<&Path>) {
    let index = ledger.directory.path().join("index");
    fs::remove_dir_all(&index).unwrap();
    if let Some(with) = with {
        copy(with, &index);
    }
}

#[test]
fn whatever_index_is_found_the_answers_are_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let place = scratch.path().join(name);
        fs::create_dir(&place).unwrap();
        place
    };
    let (ledger, first) = used(&place("own"));
    let older = scratch.path().join("older");
    copy(&ledger.directory.path().join("index"), &older);
    let server = ledger.serve();
    let second = ran(&ledger, &server, 2);
    let expected = [&first, &second].map(|call| trace(&server, call));
    server.stop().unwrap();
    let (other, _) = used(&place("other"));
    let foreign = other.directory.path().join("index");
    for index in [None, Some(older.as_path()), Some(foreign.as_path())] {
        replace_index(&ledger, index);
        let server = ledger.serve();
        let found = [&first, &second].map(|call| trace(&server, call));
        assert_eq!(found, expected, "{index:?}");
        server.stop().unwrap();
        ledger.fsck().unwrap();
        ledger.verify().unwrap();
    }
}

#[test]
fn a_directory_that_is_older_than_its_head_lock_is_not_served() {
    let scratch = tempfile::tempdir().unwrap();
    let (ledger, _) = used(scratch.path());
    let (directory, older) = (ledger.directory.path(), scratch.path().join("older"));
    copy(directory, &older);
    let server = ledger.serve();
    ran(&ledger, &server, 2);
    server.stop().unwrap();
    let newest = fs::read(directory.join("head.lock")).unwrap();
    fs::remove_dir_all(directory).unwrap();
    copy(&older, directory);
    fs::write(directory.join("head.lock"), newest).unwrap();
    let serve = command()
        .args(["serve", "--data"])
        .arg(&ledger.data)
        .output();
    let serve = serve.unwrap();
    let said = String::from_utf8_lossy(&serve.stderr);
    assert_eq!(serve.status.code(), Some(2), "{said}");
    assert!(said.contains("a checkpoint of "), "{said}");
    assert!(ledger.fsck().is_err());
    assert!(ledger.verify().is_err());
    let log = |directory: &Path| fs::read(directory.join("log/00000000000000000000.seg")).unwrap();
    assert_eq!(log(directory), log(&older), "nothing was changed");
}
