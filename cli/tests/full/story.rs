//! From an empty directory to a verified log.

use super::world::{DEVICE, World, keygen, run};

const WIRE: &str = r#"{"amount":"24000.00","currency":"EUR","beneficiary":{"name":"Example Ltd","account":"DE89370400440532013000"},"reference":"INV-7"}"#;

#[test]
fn a_transfer_is_asked_approved_run_once_reported_and_proven() {
    let world = World::set();
    let served = world.serve();
    let call = served.ask("bank.wire", WIRE).good().text("/call");
    let comment = [
        "approve",
        &call,
        "--comment",
        "the invoice is right",
        DEVICE,
    ];
    assert_eq!(served.by("ada", &comment).good().text("/state"), "pending");
    assert_eq!(
        served
            .by("ben", &["approve", &call, DEVICE])
            .good()
            .text("/state"),
        "approved"
    );
    let arguments = world.text("arguments.json");
    let redeem = [
        "grant",
        "redeem",
        &call,
        "--tool",
        "bank.wire",
        "--arguments",
        &arguments,
    ];
    let redeemed = served.with_token("agent", "bank", &redeem).good();
    assert!(
        redeemed
            .text("/proof")
            .starts_with("c2sp.org/tlog-proof@v1\n")
    );
    served
        .with_token("agent", "bank", &redeem)
        .complains(&["already-redeemed"]);
    served
        .with_token(
            "agent",
            "bank",
            &["outcome", &call, "--status", "succeeded"],
        )
        .good();
    served.stop();
    let (data, key) = (world.data(), format!("@{}", world.text("vkey")));
    run(&["verify", &data, "--trusted-log-key", &key, "--no-memory"]).good();
    let trace = run(&["trace", &call, "--data", &data]).good();
    let first = trace.out.lines().next().unwrap();
    assert!(
        first.starts_with("APPROVED BY") && first.contains("ada") && first.contains("ben"),
        "{first}"
    );
    assert!(trace.out.contains("the invoice is right") && trace.out.contains("replayed"));
}

#[test]
fn a_call_that_nobody_approved_but_that_was_reported_as_executed_is_a_finding() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    let report = ["outcome", &call, "--status", "succeeded"];
    served.with_token("agent", "files", &report).good();
    served.stop();
    let trace = run(&["trace", &call, "--data", &world.data()]).exits(4);
    let first = trace.out.lines().next().unwrap();
    assert_eq!(first, "NOT APPROVED BY ANYONE, but reported as executed");
}

#[test]
fn an_auditor_traces_and_exports_from_the_service() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    served.by("ada", &["deny", &call, DEVICE]).good();
    let trace = served
        .with_token("audit", "auditor", &["trace", &call])
        .good();
    assert!(trace.out.contains("\"unapproved\":false"), "{}", trace.out);
    let bundle = world.text("evidence");
    let export = ["export", "--case", "c", "--out", &bundle];
    served.with_token("audit", "auditor", &export).good();
    let key = format!("@{}", world.text("vkey"));
    run(&["verify", &bundle, "--trusted-log-key", &key, "--no-memory"]).good();
}

#[test]
fn other_arguments_than_those_approved_are_not_redeemed() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    served.by("cleo", &["approve", &call, DEVICE]).good();
    let other = world.write("other.json", r#"{"path":"/srv/b"}"#);
    let redeem = [
        "grant",
        "redeem",
        &call,
        "--tool",
        "delete_file",
        "--arguments",
        &other,
    ];
    served.with_token("agent", "files", &redeem).exits(1);
    let right = world.text("arguments.json");
    let redeem = [
        "grant",
        "redeem",
        &call,
        "--tool",
        "delete_file",
        "--arguments",
        &right,
    ];
    served.with_token("agent", "bank", &redeem).exits(2);
    served.with_token("agent", "files", &redeem).good();
}

#[test]
fn exit_codes_tell_an_agent_how_a_call_ended() {
    let world = World::set();
    let served = world.serve();
    let denied = served.ask("format_disk", r#"{"disk":"sda"}"#).exits(126);
    assert_eq!(denied.text("/state"), "denied-by-policy");
    assert_eq!(
        served
            .ask("list_files", r#"{"path":"/srv"}"#)
            .good()
            .text("/state"),
        "allowed"
    );
    let machine = world.write("machine.json", r#"{"machine":"web-1"}"#);
    let ask = [
        "request",
        "--tool",
        "restart_machine",
        "--arguments",
        &machine,
        "--reason",
        "r",
        "--wait",
    ];
    assert_eq!(
        served
            .with_token("agent", "agent", &ask)
            .exits(124)
            .text("/state"),
        "expired"
    );
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    served
        .by("ada", &["deny", &call, "--cause", "suspicious", DEVICE])
        .good();
    let again = served.ask("delete_file", r#"{"path":"/srv/a"}"#).exits(126);
    assert_eq!(again.text("/state"), "previously-denied");
}

#[test]
fn an_approval_can_be_taken_back_before_it_was_used() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    served.by("ada", &["approve", &call, DEVICE]).good();
    assert_eq!(
        served
            .by("ben", &["revoke", &call, DEVICE])
            .good()
            .text("/state"),
        "revoked"
    );
    let arguments = world.text("arguments.json");
    let redeem = [
        "grant",
        "redeem",
        &call,
        "--tool",
        "delete_file",
        "--arguments",
        &arguments,
    ];
    served.with_token("agent", "files", &redeem).exits(2);
}

#[test]
fn after_arming_a_change_is_a_call_that_two_owners_confirm() {
    let world = World::set();
    let served = world.serve();
    let held = run(&["auditor", "add", "late", "--data", &world.data()]);
    held.complains(&["another server", "--url"]);
    let asked = served
        .with_token("audit", "operator", &["auditor", "add", "late"])
        .good();
    assert_eq!(
        (asked.text("/state"), asked.text("/needs")),
        ("pending".into(), "2 of owners".into())
    );
    let (call, token) = (asked.text("/call"), asked.text("/token"));
    world.write("late.token", &token);
    let read = ["key", "history"];
    served
        .with_token("audit", "late", &read)
        .complains(&["unauthenticated"]);
    served.by("ada", &["approve", &call, DEVICE]).good();
    assert_eq!(
        served
            .by("ben", &["approve", &call, DEVICE])
            .good()
            .text("/state"),
        "succeeded"
    );
    served.with_token("audit", "late", &read).good();
    served.stop();
    run(&["auditor", "add", "later", "--data", &world.data()]).complains(&["armed: use --url"]);
}

#[test]
fn a_second_key_needs_another_persons_word() {
    let world = World::set();
    let served = world.serve();
    let (key, statement) = (world.text("ada-2"), world.text("ada-2.json"));
    keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &key]);
    let public = format!("{key}.pub");
    let request = [
        "key",
        "request",
        "ada",
        "--ssh-public-key",
        &public,
        "--out",
        &statement,
    ];
    served.with_token("audit", "operator", &request).good();
    let vouched = world.text("word.json");
    served
        .by(
            "ben",
            &[
                "key",
                "endorse",
                "--statement",
                &statement,
                "--out",
                &vouched,
            ],
        )
        .good();
    let enrol = [
        "key",
        "enroll",
        "--statement",
        &statement,
        "--key",
        &key,
        "--endorsement",
        &vouched,
    ];
    let call = served
        .with_token("audit", "operator", &enrol)
        .good()
        .text("/call");
    served.by("ben", &["approve", &call, DEVICE]).good();
    assert_eq!(
        served
            .by("cleo", &["approve", &call, DEVICE])
            .good()
            .text("/state"),
        "succeeded"
    );
    let inbox = served.by("ada-2", &["inbox"]).good();
    assert_eq!(
        inbox.json().member("items").unwrap().as_array(),
        Some(&[][..])
    );
    let history = served
        .with_token("audit", "auditor", &["key", "history", "ada"])
        .good();
    assert_eq!(
        history
            .json()
            .member("events")
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_was_denied_is_asked_again_after_two_owners_lifted_the_denial() {
    let world = World::set();
    let served = world.serve();
    let ask = || served.ask("delete_file", r#"{"path":"/srv/a"}"#);
    let denied = ask().good().text("/call");
    served.by("ada", &["deny", &denied, DEVICE]).good();
    assert_eq!(ask().text("/state"), "previously-denied");
    let lift = ["lift", "--denial", &denied];
    let asked = served.with_token("audit", "operator", &lift).good();
    assert_eq!(
        (asked.text("/lifts"), asked.text("/needs")),
        (denied, "2 of owners".into())
    );
    for owner in ["ada", "ben"] {
        let approve = ["approve", &asked.text("/call"), DEVICE];
        served.by(owner, &approve).good();
    }
    assert_eq!(ask().text("/state"), "pending");
}

#[test]
fn a_freeze_kills_an_unredeemed_grant() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    served.by("ada", &["approve", &call, DEVICE]).good();
    let freeze = ["freeze", "--tool", "delete_file", "--reason", "an incident"];
    served
        .with_token("audit", "auditor", &freeze)
        .complains(&["forbidden"]);
    let frozen = served.with_token("audit", "responder", &freeze).good();
    assert_eq!(frozen.json().member("killed").unwrap().as_u64(), Some(1));
    let arguments = world.text("arguments.json");
    let redeem = [
        "grant",
        "redeem",
        &call,
        "--tool",
        "delete_file",
        "--arguments",
        &arguments,
    ];
    served.with_token("agent", "files", &redeem).exits(2);
    let state_of = |path: &str| {
        let asked = served.ask("delete_file", &format!(r#"{{"path":"{path}"}}"#));
        asked.text("/state")
    };
    assert_eq!(state_of("/srv/b"), "frozen");

    let lift = ["lift", "--freeze", &frozen.text("/freeze")];
    let asked = served.with_token("audit", "responder", &lift).good();
    assert_eq!(asked.text("/needs"), "2 of owners");
    served
        .by("ada", &["approve", &asked.text("/call"), DEVICE])
        .good();
    assert_eq!(state_of("/srv/c"), "frozen", "one of two has agreed");
    served
        .by("ben", &["approve", &asked.text("/call"), DEVICE])
        .good();
    assert_eq!(state_of("/srv/d"), "pending");
}

#[test]
fn a_grants_signature_alone_permits_nothing() {
    let world = World::set();
    let served = world.serve();
    let allowed = served.ask("list_files", r#"{"path":"/srv"}"#).good();
    let (token, executor) = (allowed.text("/grant/token"), allowed.text("/executor"));
    let data = world.data();
    let verify = [
        "grant",
        "verify",
        &token,
        "--in",
        &data,
        "--executor",
        &executor,
    ];
    let verified = run(&verify).exits(3);
    assert!(
        verified
            .out
            .contains("signature only: may be revoked or used"),
        "{}",
        verified.out
    );
    let bent = token.replace('.', ".e30");
    run(&[
        "grant",
        "verify",
        &bent,
        "--in",
        &data,
        "--executor",
        &executor,
    ])
    .exits(1);
}

#[test]
fn an_agents_key_signs_through_ssh_keygen() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    // Without an agent ssh-keygen finds the private file beside the public one.
    assert_eq!(
        served
            .by("ada.pub", &["approve", &call, DEVICE])
            .good()
            .text("/state"),
        "approved"
    );
}
