//! How it starts, how long polls wait, how it ends.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use countersign_record::action::policy_digest;
use countersign_server::{ListenError, StartError, run};
use serde_json::json;

use crate::http::Ask;
use crate::world::{POLICY, World};

#[test]
fn a_waiter_hears_of_a_decision_at_once() {
    let world = World::served();
    let view = world.pending("l");
    let call = view["call"].as_str().unwrap().to_owned();
    let path = format!("/v1/calls/{call}?wait=30");
    let ask = Ask::get(world.agent_plane(), &path).token("agent");
    // The opening is news too: wait for the version after it.
    let signed = world.opened("alice", &call, "approve");
    let version = world.look(&call)["version"].to_string();
    let waiter = thread::spawn(move || {
        (
            Instant::now(),
            ask.header("if-none-match", &format!("\"{version}\""))
                .send(),
            Instant::now(),
        )
    });
    thread::sleep(Duration::from_millis(300));
    let decided = Ask::post(
        world.approver_plane(),
        &format!("/v1/calls/{call}/decisions"),
        &signed,
    )
    .send();
    assert_eq!(decided.status, 200, "{}", decided.text());
    let (begun, answer, ended) = waiter.join().unwrap();
    assert_eq!(
        (answer.status, &answer.json()["state"]),
        (200, &json!("approved"))
    );
    assert!(ended - begun < Duration::from_secs(5));
    assert_eq!(
        answer.header("etag").unwrap(),
        format!("\"{}\"", answer.json()["version"])
    );
}

#[test]
fn an_unchanged_call_is_not_sent_again() {
    let world = World::served();
    let view = world.pending("u");
    let path = format!("/v1/calls/{}?wait=1", view["call"].as_str().unwrap());
    let begun = Instant::now();
    let tag = format!("\"{}\"", view["version"]);
    let answer = Ask::get(world.agent_plane(), &path)
        .token("agent")
        .header("if-none-match", &tag)
        .send();
    assert_eq!((answer.status, answer.header("etag")), (304, Some(tag)));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn stopping_ends_long_polls_and_answers_them() {
    let mut world = World::served();
    let view = world.pending("s");
    let path = format!("/v1/calls/{}?wait=50", view["call"].as_str().unwrap());
    let ask = Ask::get(world.agent_plane(), &path).token("agent");
    let waiter = thread::spawn(move || ask.send());
    thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    world.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let answer = waiter.join().unwrap();
    assert_eq!(
        (answer.status, &answer.json()["state"]),
        (200, &json!("pending"))
    );
}

#[test]
fn calls_outlive_a_restart() {
    let mut world = World::served();
    let call = world.pending("r")["call"].as_str().unwrap().to_owned();
    world.stop();
    world.serve(|_| {});
    assert_eq!(world.look(&call)["state"], "pending");
    assert_eq!(
        world.decide("alice", &call, "approve").json()["call"]["state"],
        "approved"
    );
}

#[test]
fn a_port_in_use_is_named_with_its_flag_and_nothing_is_started() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = world.config();
    config.audit = taken.local_addr().unwrap().to_string();
    let refused = world.block_on(run(&config)).unwrap_err();
    assert!(matches!(
        refused,
        StartError::Listen(ListenError::InUse { plane: "audit", .. })
    ));
    let text = refused.to_string();
    assert!(
        text.starts_with(&format!("--audit {}: the port is in use", config.audit)),
        "{text}"
    );
    config.audit = "127.0.0.1:0".into();
    let running = world.block_on(run(&config)).unwrap();
    world.block_on(running.stop());
}

#[test]
fn an_address_that_others_reach_needs_tls() {
    let world = World::new();
    let mut config = world.config();
    config.agent = "0.0.0.0:0".into();
    let refused = world.block_on(run(&config)).unwrap_err().to_string();
    assert!(
        refused.contains("--agent 0.0.0.0:0 is not loopback, so it needs TLS"),
        "{refused}"
    );
    config.agent = "nonsense".into();
    let refused = world.block_on(run(&config)).unwrap_err().to_string();
    assert!(
        refused.contains("--agent \"nonsense\" is not an address"),
        "{refused}"
    );
}

#[test]
fn approvers_are_told_localhost_because_passkeys_need_a_name() {
    let world = World::served();
    let bound = &world.running().addresses.approver;
    assert_eq!(
        bound.url,
        format!("http://localhost:{}", bound.address.port())
    );
    assert!(bound.address.ip().is_loopback());
}

#[test]
fn a_directory_without_a_log_is_not_served() {
    let world = World::new();
    let scratch = tempfile::tempdir().unwrap();
    let mut config = world.config();
    config.data = scratch.path().into();
    let refused = world.block_on(run(&config)).unwrap_err();
    assert!(matches!(refused, StartError::Layout(_)), "{refused}");
}

#[test]
fn the_log_is_readable_as_tiles_proofs_and_entries() {
    let world = World::served();
    let get = |path: &str| Ask::get(world.audit_plane(), path).token("auditor").send();
    let note = get("/checkpoint").text();
    let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
    assert_eq!(note.lines().next(), Some("ledger.example/demo"));
    let tile = get(&format!("/tile/0/000.p/{size}"));
    assert_eq!(u64::try_from(tile.body.len()).unwrap(), 32 * size);
    assert_eq!(get("/tile/0/000.p/999").status, 404);
    assert!(
        get("/v1/proofs/0")
            .text()
            .starts_with("c2sp.org/tlog-proof@v1\n")
    );
    assert_eq!(get("/v1/proofs/999999").status, 404);
    let entries = get("/v1/entries?from=1&limit=2").json();
    let seqs: Vec<_> = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["seq"].clone())
        .collect();
    assert_eq!(seqs, [json!(1), json!(2)]);
    let records = get("/v1/records?from=1&limit=1").json();
    assert_eq!(records["records"][0]["seq"], 1);
    assert!(records["records"][0]["bodies"]["policy"]["leaves"].is_array());
    assert_eq!(get("/v1/head").json()["armed"], true);
}

#[test]
fn metrics_count_requests_and_name_no_ids() {
    let world = World::served();
    let call = world.pending("m")["call"].as_str().unwrap().to_owned();
    world.look(&call);
    let text = Ask::get(world.audit_plane(), "/metrics").send().text();
    let line = r#"countersign_requests_total{plane="agent",route="/v1/calls/{id}",status="200"} 1"#;
    assert!(text.contains(line), "{text}");
    assert!(
        text.contains(r#"countersign_submissions_total{state="pending"} 1"#),
        "{text}"
    );
    assert!(text.contains("countersign_open_calls 1"), "{text}");
    assert!(!text.contains(&call) && !text.contains("/srv/"), "{text}");
}

#[test]
fn an_approver_sees_what_waits_and_what_it_says() {
    let world = World::served();
    let view = world.pending("i");
    let session = world.login("alice");
    let get = |path: &str| {
        Ask::get(world.approver_plane(), path)
            .token(&session)
            .send()
    };
    let me = get("/v1/me").json();
    assert_eq!(
        (&me["handle"], &me["keys"][0]["class"]),
        (&json!("alice"), &json!("software"))
    );
    let inbox = get("/v1/inbox").json();
    assert_eq!(inbox["items"][0]["call"], view["call"]);
    assert_eq!(inbox["items"][0]["sentence"], "Delete the file /srv/i.");
    assert_eq!(inbox["items"][0]["check_words"], view["check_words"]);
    let path = format!("/v1/calls/{}/presentation", view["call"].as_str().unwrap());
    let shown = get(&path).json();
    assert!(shown["shown"]["leaves"].is_array() && shown["statements"].is_null());
    let digest = policy_digest(POLICY.as_bytes());
    assert_eq!(
        get(&format!("/v1/policies/sha256:{digest}")).json()["toml"],
        POLICY
    );
    let unknown = format!("/v1/policies/sha256:{}", "0".repeat(64));
    assert_eq!(get(&unknown).status, 404);
}

#[test]
fn an_approval_can_be_taken_back_by_its_own_statement_only() {
    let world = World::served();
    let call = world.approved("b")["call"].as_str().unwrap().to_owned();
    let path = format!("/v1/calls/{call}/revocations");
    let wrong = json!({ "statement": "AAAA", "signature": "AAAA" });
    let answer = Ask::post(world.approver_plane(), &path, &wrong).send();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "signature-invalid")
    );
    assert_eq!(world.look(&call)["state"], "approved");
}
