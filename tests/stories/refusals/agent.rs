//! Refusals that agents and executors meet.

use serde_json::json;

use crate::codes::refused;
use crate::setup::Plan;
use crate::world::{World, file, wire};

#[test]
fn nothing_is_asked_before_the_log_is_armed() {
    let mut world = World::planned(&Plan::default());
    world
        .serve_with(countersign_service::Options::default())
        .unwrap();
    refused("not-armed", &world.submit("c1", &wire("5.00")));
}

#[test]
fn a_tool_that_nobody_runs_is_unknown() {
    let world = World::served();
    refused("unknown-tool", &world.submit("c1", &("shell", json!({}))));
    let mut body = json!({ "tool": "shell", "arguments": {}, "executor": "files" });
    let agent = world.agent("agent");
    refused(
        "denied-by-policy",
        &agent.post_keyed("/v1/calls", "c2", &body),
    );
    body["executor"] = "nobody".into();
    refused("unknown-tool", &agent.post_keyed("/v1/calls", "c3", &body));
}

#[test]
fn an_agent_has_no_reserved_tools() {
    let world = World::served();
    let lift = ("countersign.freeze.lift", json!({ "freeze": "x" }));
    refused("forbidden", &world.submit("c1", &lift));
    refused(
        "forbidden",
        &world.submit("c2", &("countersign.anything", json!({}))),
    );
}

#[test]
fn a_call_that_cannot_be_shown_whole_is_refused_and_nobody_is_asked() {
    let world = World::served();
    let reversing = "\u{202e}".repeat(80 * 1024);
    let call = ("delete", json!({ "path": "/srv/a", "note": reversing }));
    refused("cannot-be-shown", &world.submit("c1", &call));
    assert!(world.inbox("alice").is_empty());
}

#[test]
fn arguments_that_are_not_as_declared_are_for_people_to_judge() {
    let world = World::served();
    let odd = json!({ "amount": 240, "currency": "EUR", "account": "somewhere" });
    let asked = world.ask("c1", &("bank.wire", odd));
    assert_eq!(asked["state"], "pending");
    assert_eq!(asked["rules"], json!(["money", "money-large"]));
}

#[test]
fn only_the_executor_of_the_call_claims_and_reports_it() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let view = world.approve("alice", &asked["call"]);
    refused("wrong-executor", &world.redeem("files", &view, "01"));
    refused(
        "wrong-executor",
        &world.report("files", &view["call"], "failed"),
    );
    let mut other = view.clone();
    other["action_digest"] = format!("sha256:{}", "0".repeat(64)).into();
    refused("digest-mismatch", &world.redeem("bank", &other, "01"));
    other["grant"]["jti"] = "grt_aaaaaaaaaaaaaaaaaaaaaaaaaa".into();
    refused("not-found", &world.redeem("bank", &other, "01"));
    assert_eq!(world.redeem("bank", &view, "01").status, 200);
    refused("already-redeemed", &world.withdraw(&view["call"]));
}

#[test]
fn a_denied_call_was_never_approved() {
    let world = World::served();
    let asked = world.ask("c1", &file("list_files", "/srv"));
    world.report("files", &asked["call"], "failed").done();
    assert_eq!(world.state(&asked["call"]), "allowed");
    let pending = world.ask("c2", &wire("24000.00"));
    let mut guessed = pending.clone();
    guessed["grant"] = json!({ "jti": asked["grant"]["jti"] });
    refused("wrong-executor", &world.redeem("bank", &guessed, "01"));
    let view = world.approve("alice", &pending["call"]);
    assert!(view["grant"].is_null(), "no grant before the quorum");
}

#[test]
fn a_revoked_agent_asks_nothing_and_what_it_asked_does_not_run() {
    let world = World::served();
    let asked = world.ask("c1", &wire("240.00"));
    let view = world.approve("alice", &asked["call"]);
    let agent = countersign_record::id::AgentId::new([1; 16]).to_string();
    let revocation = json!({ "agent": agent, "cause": "compromised" });
    let responder = world.audit("responder");
    responder.post("/v1/revocations", &revocation).done();
    refused("unauthenticated", &world.submit("c2", &wire("5.00")));
    refused("revoked", &world.redeem("bank", &view, "01"));
    refused("not-found", &responder.post("/v1/revocations", &revocation));
}

#[test]
fn a_target_in_which_something_hides_is_refused_by_its_place() {
    let world = World::served();
    for hidden in ['\u{202e}', '\u{200b}', '\u{7}', '\u{e0041}'] {
        let path = format!("/srv/{hidden}a");
        let problem = refused(
            "malformed-arguments",
            &world.submit("c1", &("delete", json!({ "path": path, "note": "x" }))),
        );
        let detail = problem["detail"].as_str().unwrap_or_default();
        let named = format!("at /arguments/path: U+{:04X} ", u32::from(hidden));
        assert!(detail.starts_with(&named), "{detail}");
        let tried = json!({ "tool": "delete", "arguments": { "path": path } });
        let tried = world.agent("agent").post("/v1/calls:dry-run", &tried);
        assert_eq!(refused("malformed-arguments", &tried)["detail"], detail);
    }
    // Nothing was recorded under the key, and elsewhere such text is shown escaped.
    let taken = world.submit(
        "c1",
        &("delete", json!({ "path": "/srv/a", "note": "\u{202e}" })),
    );
    assert_eq!(taken.done()["state"], "pending");
}
