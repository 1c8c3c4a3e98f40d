//! Every error that the HTTP side itself gives, and each of the service's that a client can cause
//! with one or two requests.

use serde_json::json;

use crate::http::{Answer, Ask};
use crate::world::{World, deletion};

fn refused(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn raw_submit(world: &World, body: &str) -> Answer {
    Ask::post_raw(world.agent_plane(), "/v1/calls", body)
        .token("agent")
        .header("idempotency-key", "raw")
        .header("content-type", "application/json")
        .send()
}

#[test]
fn a_credential_is_needed_and_must_be_known() {
    let world = World::served();
    let path = "/v1/events";
    let none = Ask::get(world.agent_plane(), path).send();
    assert_eq!(refused(&none), is(401, "unauthenticated"));
    assert_eq!(none.header("www-authenticate").as_deref(), Some("Bearer"));
    let twice = Ask::get(world.agent_plane(), path)
        .token("agent")
        .token("agent")
        .send();
    assert_eq!(refused(&twice), is(401, "unauthenticated"));
    let basic = Ask::get(world.agent_plane(), path)
        .header("authorization", "Basic agent")
        .send();
    assert_eq!(refused(&basic), is(401, "unauthenticated"));
}

#[test]
fn a_revoked_credential_is_not_known_any_more() {
    let world = World::served();
    assert_eq!(world.submit("one", &deletion("one")).status, 202);
    let body = json!({ "agent": "agt_aeaqcaibaeaqcaibaeaqcaibae", "cause": "compromised" });
    let revoked = Ask::post(world.audit_plane(), "/v1/revocations", &body)
        .token("responder")
        .send();
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!(
        refused(&world.submit("two", &deletion("two"))),
        is(401, "unauthenticated")
    );
}

#[test]
fn an_unknown_path_or_id_is_not_found_and_a_wrong_method_names_the_right_one() {
    let world = World::served();
    for path in [
        "/v2/calls",
        "/v1//calls",
        "/v1/calls/",
        "/v1/%63alls",
        "/v1/x/../calls",
        "/",
    ] {
        let answer = Ask::get(world.agent_plane(), path).token("agent").send();
        assert_eq!(refused(&answer), is(404, "not-found"), "{path}");
    }
    for id in [
        "call_77777777777777777777777774",
        "call_7",
        "grt_77777777777777777777777774",
    ] {
        let path = format!("/v1/calls/{id}");
        let answer = Ask::get(world.agent_plane(), &path).token("agent").send();
        assert_eq!(refused(&answer), is(404, "not-found"), "{id}");
    }
    let put = Ask::get(world.agent_plane(), "/v1/calls")
        .method("DELETE")
        .token("agent")
        .send();
    assert_eq!(refused(&put), is(405, "method-not-allowed"));
    assert_eq!(put.header("allow").as_deref(), Some("POST"));
}

#[test]
fn another_agents_call_is_as_unknown_as_none() {
    let world = World::served();
    let call = world.pending("mine")["call"].as_str().unwrap().to_owned();
    let path = format!("/v1/calls/{call}");
    let other = Ask::get(world.agent_plane(), &path)
        .token("other-agent")
        .send();
    assert_eq!(refused(&other), is(404, "not-found"));
    let withdraw = Ask::post(world.agent_plane(), &format!("{path}/withdraw"), &json!({}));
    assert_eq!(
        refused(&withdraw.token("other-agent").send()),
        is(404, "not-found")
    );
    let audience = Ask::get(world.agent_plane(), &path).token("files").send();
    assert_eq!(
        audience.status, 200,
        "the executor that would run it may look"
    );
    let bank = Ask::get(world.agent_plane(), &path).token("bank").send();
    assert_eq!(refused(&bank), is(404, "not-found"));
}

#[test]
fn only_json_is_read() {
    let world = World::served();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json;charset=latin1",
    ] {
        let ask = Ask::post_raw(world.agent_plane(), "/v1/calls", "{}").token("agent");
        let answer = ask
            .header("idempotency-key", "k")
            .header("content-type", kind)
            .send();
        assert_eq!(
            refused(&answer),
            is(415, "unsupported-media-type"),
            "{kind}"
        );
    }
    let none = Ask::post_raw(world.agent_plane(), "/v1/calls:dry-run", "{}")
        .token("agent")
        .send();
    assert_eq!(refused(&none), is(415, "unsupported-media-type"));
}

#[test]
fn json_that_readers_disagree_about_is_refused_with_its_place() {
    let world = World::served();
    let cases = [
        (r#"{"tool":"t","arguments":{"a":1,"a":2}}"#, "/arguments/a"),
        (
            r#"{"tool":"t","arguments":{"a":9007199254740993}}"#,
            "/arguments/a",
        ),
        (r#"{"tool":"t","arguments":{"a":[0,-0]}}"#, "/arguments/a/1"),
        (r#"{"tool":"t","arguments":{"a":"\ud800"}}"#, "/arguments/a"),
        (r#"{"tool":"t","arguments":{}} {}"#, "after the document"),
        ("", "ends too early"),
    ];
    for (body, place) in cases {
        let answer = raw_submit(&world, body);
        assert_eq!(
            refused(&answer),
            is(422, "arguments-not-canonical"),
            "{body}"
        );
        assert!(answer.detail().contains(place), "{}", answer.detail());
    }
}

#[test]
fn members_are_known_and_of_their_type() {
    let world = World::served();
    let unknown = raw_submit(&world, r#"{"tool":"t","arguments":{},"reasons":"x"}"#);
    assert_eq!(refused(&unknown), is(422, "unknown-field"));
    assert!(
        unknown.detail().contains("`reasons`"),
        "{}",
        unknown.detail()
    );
    for body in [
        r#"{"tool":"t"}"#,
        r#"{"tool":5,"arguments":{}}"#,
        r#"{"tool":"t","arguments":{},"replaces":"c"}"#,
        "[]",
    ] {
        assert_eq!(
            refused(&raw_submit(&world, body)),
            is(422, "malformed-arguments"),
            "{body}"
        );
    }
    let query = Ask::get(world.audit_plane(), "/v1/entries?form=1")
        .token("auditor")
        .send();
    assert_eq!(refused(&query), is(422, "unknown-field"));
    let query = Ask::get(world.audit_plane(), "/v1/entries?from=x")
        .token("auditor")
        .send();
    assert_eq!(refused(&query), is(422, "malformed-arguments"));
    let none = Ask::post(world.agent_plane(), "/v1/calls", &deletion("x"))
        .token("agent")
        .send();
    assert_eq!(refused(&none), is(422, "malformed-arguments"));
    assert!(none.detail().contains("Idempotency-Key"));
}

#[test]
fn the_policys_refusals_name_the_call_and_say_that_nothing_ran() {
    let world = World::served();
    let format = json!({ "tool": "format_disk", "arguments": { "disk": "sda" } });
    let denied = world.submit("d", &format);
    assert_eq!(refused(&denied), is(403, "denied-by-policy"));
    assert!(denied.json()["call"].as_str().unwrap().starts_with("call_"));
    assert!(
        denied.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("NOT EXECUTED")
    );
    assert_eq!(
        refused(&world.submit("d", &format)),
        is(403, "denied-by-policy"),
        "also again"
    );
    let shell = json!({ "tool": "shell", "arguments": {} });
    assert_eq!(refused(&world.submit("s", &shell)), is(422, "unknown-tool"));
}

#[test]
fn a_key_is_for_one_call() {
    let world = World::served();
    let first = world.pending("k");
    let again = world.submit("k", &deletion("k"));
    assert_eq!(again.status, 202);
    assert_eq!(
        (&again.json()["call"], &again.json()["known"]),
        (&first["call"], &json!(true))
    );
    assert_eq!(
        refused(&world.submit("k", &deletion("other"))),
        is(422, "idempotency-key-reused")
    );
}

#[test]
fn a_denial_is_final_for_the_same_action() {
    let world = World::served();
    let call = world.pending("n")["call"].as_str().unwrap().to_owned();
    let denied = world.decide("alice", &call, "deny");
    assert_eq!(denied.status, 200, "{}", denied.text());
    let again = world.submit("n2", &deletion("n"));
    assert_eq!(refused(&again), is(409, "previously-denied"));
    assert!(again.json()["call"].is_string());
}

#[test]
fn a_grant_is_for_one_executor_one_action_and_one_time() {
    let world = World::served();
    let view = world.approved("g");
    let digest = view["action_digest"].as_str().unwrap().to_owned();
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        refused(&world.redeem("bank", &view, 1, &digest)),
        is(403, "wrong-executor")
    );
    assert_eq!(
        refused(&world.redeem("files", &view, 1, &other)),
        is(422, "digest-mismatch")
    );
    let redeemed = world.redeem("files", &view, 1, &digest);
    assert_eq!(redeemed.status, 200, "{}", redeemed.text());
    assert!(
        redeemed.json()["proof"]
            .as_str()
            .unwrap()
            .starts_with("c2sp.org/tlog-proof@v1")
    );
    assert_eq!(
        world.redeem("files", &view, 1, &digest).json(),
        redeemed.json(),
        "a lost reply"
    );
    assert_eq!(
        refused(&world.redeem("files", &view, 2, &digest)),
        is(409, "already-redeemed")
    );

    let path = format!("/v1/calls/{}/outcome", view["call"].as_str().unwrap());
    let report = |status: &str| {
        Ask::post(world.agent_plane(), &path, &json!({ "status": status }))
            .token("files")
            .send()
    };
    assert_eq!(report("succeeded").status, 200);
    assert_eq!(refused(&report("failed")), is(409, "outcome-conflict"));
    let reconciled = report("not-executed");
    assert_eq!(reconciled.status, 200, "{}", reconciled.text());
}

#[test]
fn a_decision_needs_a_good_signature_over_what_was_served() {
    let world = World::served();
    let (one, two) = (world.pending("one"), world.pending("two"));
    let (one, two) = (one["call"].as_str().unwrap(), two["call"].as_str().unwrap());
    let decide = |call: &str, body: &serde_json::Value| {
        Ask::post(
            world.approver_plane(),
            &format!("/v1/calls/{call}/decisions"),
            body,
        )
        .send()
    };
    let signed = world.opened("alice", one, "approve");
    assert_eq!(refused(&decide(two, &signed)), is(422, "digest-mismatch"));
    let mut forged = signed.clone();
    forged["signature"] = world.opened("alice", two, "approve")["signature"].clone();
    assert_eq!(refused(&decide(one, &forged)), is(422, "signature-invalid"));
    assert_eq!(decide(one, &signed).status, 200);
    let again = world.opened("alice", two, "approve");
    assert_eq!(decide(two, &again).status, 200);
    assert_eq!(
        decide(two, &again).status,
        200,
        "the same bytes again are the same decision"
    );
}

#[test]
fn whoever_answers_for_the_agent_cannot_approve_and_others_must_be_asked() {
    let world = World::served();
    let call = world.pending("r")["call"].as_str().unwrap().to_owned();
    let open = |who: &str| {
        let path = format!("/v1/calls/{call}/openings");
        let ask = Ask::post(world.approver_plane(), &path, &json!({ "client": "cli" }));
        ask.token(&world.login(who)).send()
    };
    // omar is not in ops; ines is, but she is the agent's principal.
    assert_eq!(refused(&open("omar")), is(403, "not-eligible"));
    assert_eq!(
        refused(&world.decide("ines", &call, "approve")),
        is(403, "requester-cannot-approve")
    );
}

#[test]
fn a_freeze_stops_calls() {
    let world = World::served();
    let freeze = json!({ "all": true, "reason": "something is wrong" });
    let frozen = Ask::post(world.audit_plane(), "/v1/freezes", &freeze)
        .token("responder")
        .send();
    assert_eq!(frozen.status, 200, "{}", frozen.text());
    assert!(frozen.json()["proof"].is_string());
    assert_eq!(
        refused(&world.submit("f", &deletion("f"))),
        is(403, "frozen")
    );
}

#[test]
fn a_clock_that_jumped_stops_calls_until_the_operator_accepts_it() {
    let world = World::served();
    let ready = || Ask::get(world.audit_plane(), "/readyz").send();
    assert_eq!(ready().status, 200);
    world.clock.jump(60 * 60 * 1000);
    assert_eq!(
        refused(&world.submit("c", &deletion("c"))),
        is(503, "clock-untrusted")
    );
    assert_eq!(ready().status, 503);
    let accept = Ask::post(world.audit_plane(), "/v1/clock:accept", &json!({})).token("operator");
    assert_eq!(accept.send().status, 200);
    assert_eq!(world.submit("c", &deletion("c")).status, 202);
    assert_eq!(ready().status, 200);
}

#[test]
fn a_login_by_a_key_that_nobody_enrolled_is_refused() {
    let world = World::served();
    let begin = json!({ "public_key": "AAAA" });
    let answer = Ask::post(world.approver_plane(), "/v1/login:begin", &begin).send();
    assert_eq!(refused(&answer), is(401, "unauthenticated"));
}

#[test]
fn control_calls_are_the_control_planes_and_no_agents() {
    let world = World::served();
    let lift = json!({ "tool": "countersign.policy.adopt", "arguments": { "toml": "x" } });
    assert_eq!(refused(&world.submit("p", &lift)), is(403, "forbidden"));
    let ask = Ask::post(world.audit_plane(), "/v1/control-calls", &deletion("x")).token("operator");
    assert_eq!(
        refused(&ask.header("idempotency-key", "k").send()),
        is(403, "forbidden")
    );
}
