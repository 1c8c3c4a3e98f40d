//! Refusals of the HTTP edge: who asks, and in which form.

use serde_json::json;

use crate::codes::refused;
use crate::people::SESSION_MS;
use crate::setup::token;
use crate::world::{World, text, wire};

fn body() -> serde_json::Value {
    json!({ "tool": "bank.wire", "arguments": wire("5.00").1 })
}

#[test]
fn nobody_is_let_in_without_a_known_credential() {
    let world = World::served();
    let stranger = world.stranger();
    let response = stranger.post_keyed("/v1/calls", "c1", &body());
    refused("unauthenticated", &response);
    assert_eq!(response.header("WWW-Authenticate"), "Bearer");
    refused("unauthenticated", &world.agent("nobody").get("/v1/events"));
    refused("unauthenticated", &world.approver(None).get("/v1/inbox"));
    let forged = world.approver(Some(token("session")));
    refused("unauthenticated", &forged.get("/v1/inbox"));
}

#[test]
fn a_credential_of_one_plane_opens_no_door_of_another() {
    let world = World::served();
    refused("forbidden", &world.audit("agent").get("/v1/head"));
    refused("forbidden", &world.audit("bank").get("/v1/head"));
    let session = token("agent");
    refused("forbidden", &world.approver(Some(session)).get("/v1/inbox"));
    for name in ["auditor", "operator", "responder"] {
        let response = world.agent(name).post_keyed("/v1/calls", "c1", &body());
        refused("forbidden", &response);
    }
    let session = world.session("alice");
    assert_eq!(session.get("/v1/me").done()["handle"], "alice");
    let login = world.sessions.borrow()["alice"].0.clone();
    let elsewhere = world.audit("auditor").with_token(login);
    refused("forbidden", &elsewhere.get("/v1/head"));
}

#[test]
fn a_session_runs_out_and_a_signature_still_counts() {
    let world = World::served();
    let session = world.approver(Some(world.log_in("alice")));
    world.clock.pass(SESSION_MS - 1);
    assert_eq!(session.get("/v1/me").done()["handle"], "alice");
    let asked = world.ask("c1", &wire("240.00"));
    let opened = world.open_call("alice", &asked["call"]);
    world.clock.pass(1);
    refused("unauthenticated", &session.get("/v1/me"));
    let denied = world.decide("alice", &opened, "deny").done();
    assert_eq!(denied["call"]["state"], "denied");
    let again = world.session("alice");
    assert_eq!(again.get("/v1/me").done()["handle"], "alice");
}

#[test]
fn a_role_does_what_is_its_own() {
    let world = World::served();
    let freeze = json!({ "all": true, "reason": "x" });
    for name in ["auditor", "operator"] {
        refused("forbidden", &world.audit(name).post("/v1/freezes", &freeze));
    }
    let auditor = world.audit("auditor");
    let lift = json!({ "tool": "countersign.freeze.lift", "arguments": {} });
    refused(
        "forbidden",
        &auditor.post_keyed("/v1/control-calls", "k1", &lift),
    );
    let responder = world.audit("responder");
    refused("forbidden", &responder.post("/v1/clock:accept", &json!({})));
    let executor = world.agent("bank");
    refused(
        "forbidden",
        &executor.post_keyed("/v1/calls", "c1", &body()),
    );
}

#[test]
fn what_is_not_there_and_what_is_not_yours_answer_alike() {
    let world = World::served();
    let asked = world.ask("c1", &wire("5.00"));
    let path = format!("/v1/calls/{}", text(&asked["call"]));
    let other = world.agent("other");
    let foreign = refused("not-found", &other.get(&path));
    let absent = "/v1/calls/call_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let unknown = refused("not-found", &world.agent("agent").get(absent));
    assert_eq!(foreign["detail"], unknown["detail"]);
    let withdraw = format!("{path}/withdraw");
    refused("not-found", &other.post(&withdraw, &json!({})));
    refused("not-found", &world.agent("agent").get("/v1/freezes"));
    refused("not-found", &world.agent("agent").get("//v1/events"));
    assert_eq!(world.agent("bank").get(&path).done()["call"], asked["call"]);
}

#[test]
fn a_request_of_another_form_is_refused_with_its_fault() {
    let world = World::served();
    let agent = world.agent("agent");
    let put = agent.put("/v1/calls");
    refused("method-not-allowed", &put);
    assert_eq!(put.header("Allow"), "POST");
    let plain = [("Content-Type", "text/plain"), ("Idempotency-Key", "c1")];
    let bytes = body().to_string();
    refused(
        "unsupported-media-type",
        &agent.send("/v1/calls", &plain, bytes.as_bytes()),
    );
    let mut more = body();
    more["shown_to"] = "nobody".into();
    refused("unknown-field", &agent.post_keyed("/v1/calls", "c1", &more));
    refused(
        "unknown-field",
        &world.audit("auditor").get("/v1/entries?to=7"),
    );
    refused("malformed-arguments", &agent.post("/v1/calls", &body()));
    let twice = br#"{"tool":"bank.wire","tool":"list_files","arguments":{}}"#;
    let keyed = [("Idempotency-Key", "c1")];
    refused(
        "arguments-not-canonical",
        &agent.send("/v1/calls", &keyed, twice),
    );
}

#[test]
fn everything_has_a_limit_that_is_named() {
    let world = World::served();
    let agent = world.agent("agent");
    let long = "k".repeat(257);
    refused("too-large", &agent.post_keyed("/v1/calls", &long, &body()));
    let mut large = body();
    large["arguments"]["reference"] = "x".repeat(256 * 1024).into();
    let problem = refused("too-large", &agent.post_keyed("/v1/calls", "c1", &large));
    assert_eq!(problem["limit"], 256 * 1024);
    let answer = agent.announce("/v1/calls", 400 * 1024);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains(r#""code":"too-large""#), "{answer}");
}

#[test]
fn one_agents_flood_is_its_own() {
    let mut world = World::planned(&crate::setup::Plan::default());
    world.limits.requests_at_once = 1;
    world.serve();
    let asked = world.ask("c1", &wire("240.00"));
    let path = format!("/v1/calls/{}", text(&asked["call"]));
    // A stream is a request that is under way for as long as somebody listens.
    let listening = world.agent("agent").listen("/v1/events", None);
    let response = world.agent("agent").get(&path);
    refused("rate-limited", &response);
    assert_eq!(response.header("Retry-After"), "1");
    assert_eq!(world.agent("bank").get(&path).status, 200, "others go on");
    assert_eq!(world.approve("alice", &asked["call"])["state"], "approved");
    drop(listening);
}
