//! Limits of connections, and of what one asker sends altogether. Those of one request: `bounds`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::{Answer, Ask};
use crate::world::{World, deletion};

fn assert_too_large(answer: &Answer, limit: u64) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "too-large"),
        "{}",
        answer.text()
    );
    assert_eq!(answer.json()["limit"], limit);
    assert!(
        answer.detail().contains(&limit.to_string()),
        "{}",
        answer.detail()
    );
}

#[test]
fn a_body_has_its_limit_without_a_declared_length_too() {
    let world = World::served();
    let limit = 320 * 1024;
    let call = deletion("chunked").to_string();
    let send = |length: usize| {
        let mut stream = TcpStream::connect(world.agent_plane()).unwrap();
        let head = "POST /v1/calls:dry-run HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
            authorization: Bearer agent\r\ncontent-type: application/json\r\n\
            transfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let blanks = " ".repeat(length - call.len());
        let chunk = format!("{length:x}\r\n{call}{blanks}\r\n0\r\n\r\n");
        drop(stream.write_all(chunk.as_bytes()));
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes));
        Answer::read(&bytes)
    };
    assert_eq!(send(limit).status, 200);
    assert_too_large(&send(limit + 1), 320 * 1024);
}

#[test]
fn one_agents_flood_is_refused_and_does_not_delay_another() {
    let world = World::served_with(|config| {
        config.limits.requests_per_second = 1;
        config.limits.request_burst = 3;
    });
    let dry = |token: &str| {
        Ask::post(world.agent_plane(), "/v1/calls:dry-run", &deletion("x"))
            .token(token)
            .send()
    };
    (0..3).for_each(|_| assert_eq!(dry("agent").status, 200));
    let over = dry("agent");
    assert_eq!((over.status, over.code().as_str()), (429, "rate-limited"));
    assert_eq!(over.header("retry-after").as_deref(), Some("1"));
    assert_eq!(over.json()["limit"], 1);
    let said = over.detail();
    assert!(said.contains("1 requests per second"), "{said}");
    assert_eq!(dry("other-agent").status, 200);
}

/// Few enough that a test can use them up.
fn slow() -> World {
    World::served_with(|config| {
        config.limits.requests_per_second = 1;
        config.limits.request_burst = 10;
    })
}

/// Asks until that is too much.
fn flood(ask: impl Fn(usize) -> Answer) {
    let refused = (0..1000).map(ask).find(|answer| answer.status == 429);
    assert_eq!(refused.expect("a limit").code(), "rate-limited");
}

#[test]
fn a_flood_of_logins_delays_no_decision_with_or_without_a_session() {
    let world = slow();
    let call = world.pending("f")["call"].as_str().unwrap().to_owned();
    let denial = world.opened("alice", &call, "deny");
    let session = world.login("omar");
    let begin = json!({ "public_key": "AAAA" });
    let login = Ask::post(world.approver_plane(), "/v1/login:begin", &begin);
    let path = format!("/v1/calls/{call}/decisions");
    let decide = Ask::post(world.approver_plane(), &path, &denial);
    for _ in 0..20 {
        flood(|_| login.send());
        assert_eq!(decide.send().status, 200);
        assert_eq!(decide.clone().token(&session).send().status, 200);
    }
    assert_eq!(world.look(&call)["state"], "denied");
}

#[test]
fn strangers_who_sign_nonsense_delay_nobody_with_a_session() {
    let world = slow();
    let call = world.pending("s")["call"].as_str().unwrap().to_owned();
    let denial = world.opened("alice", &call, "deny");
    let session = world.login("omar");
    for route in ["decisions", "revocations"] {
        let path = format!("/v1/calls/{call}/{route}");
        let nonsense = json!({ "statement": "AAAA", "signature": "AAAA" });
        flood(|_| Ask::post(world.approver_plane(), &path, &nonsense).send());
    }
    let path = format!("/v1/calls/{call}/decisions");
    let decide = Ask::post(world.approver_plane(), &path, &denial).token(&session);
    (0..20).for_each(|_| assert_eq!(decide.send().status, 200));
}

#[test]
fn invented_tokens_are_counted_by_where_they_come_from() {
    let world = slow();
    let dry = |token: &str| {
        Ask::post(world.agent_plane(), "/v1/calls:dry-run", &deletion("x"))
            .token(token)
            .send()
    };
    assert_eq!(dry("agent").status, 200);
    flood(|number| dry(&format!("invented-{number}")));
    assert_eq!(
        dry("agent").status,
        200,
        "whom the log knows is not delayed"
    );
}

#[test]
fn a_flood_of_routes_without_a_token_is_limited_and_hits_nothing_else() {
    let world = slow();
    let ask = |path: &str| Ask::get(world.audit_plane(), path);
    for path in ["/checkpoint", "/tile/0/000.p/2", "/metrics", "/readyz"] {
        flood(|_| ask(path).send());
    }
    assert_eq!(ask("/healthz").send().status, 200, "it lives");
    assert_eq!(ask("/v1/head").token("auditor").send().status, 200);
}

#[test]
fn connections_are_capped_and_the_one_too_many_is_told() {
    let world = World::served_with(|config| config.limits.connections = 2);
    let held: Vec<TcpStream> = (0..2)
        .map(|_| TcpStream::connect(world.agent_plane()).unwrap())
        .collect();
    let over = Ask::get(world.agent_plane(), "/v1/events").send();
    assert_eq!((over.status, over.code().as_str()), (429, "rate-limited"));
    assert_eq!(over.header("retry-after").as_deref(), Some("1"));
    assert_eq!(over.header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(over.json()["limit"], 2);
    let said = over.detail();
    assert!(said.contains("2 connections"), "{said}");
    let other = Ask::get(world.audit_plane(), "/healthz").send();
    assert_eq!(other.status, 200, "other planes have their own");
    drop(held);
    let begun = Instant::now();
    while Ask::get(world.agent_plane(), "/v1/events").send().status != 401 {
        assert!(begun.elapsed() < Duration::from_secs(5), "room comes back");
    }
}

#[test]
fn open_calls_of_a_party_and_grants_of_a_log_have_their_limits() {
    let world = World::served_with(|config| {
        config.limits.requests_per_second = 1_000_000;
        config.limits.request_burst = 1_000_000;
    });
    let ask = |agent, n| {
        let arguments = json!({ "path": format!("/srv/{agent}/{n}") });
        let call = json!({ "tool": "list_files", "arguments": arguments });
        Ask::post(world.agent_plane(), "/v1/calls", &call)
            .token(agent)
            .header("idempotency-key", &format!("{n}"))
            .send()
    };
    let is_over = |answer: Answer, limit: u64, what: &str| {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (429, "rate-limited")
        );
        assert_eq!(answer.json()["limit"], limit);
        assert!(answer.detail().contains(what), "{}", answer.detail());
    };
    (0..1000).for_each(|n| assert_eq!(ask("agent", n).status, 200, "call {n}"));
    is_over(ask("agent", 1000), 1000, "open calls");
    (0..500).for_each(|n| assert_eq!(ask("other-agent", n).status, 200, "call {n}"));
    is_over(ask("other-agent", 500), 1500, "grants");
}

/// What is answered to a request that never ends, and after how long.
fn unfinished(world: &World, begin: &str) -> (Duration, Vec<u8>) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(world.agent_plane()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(begin.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    (started.elapsed(), bytes)
}

#[test]
fn a_slow_head_and_a_slow_body_are_not_waited_for() {
    let world = World::served_with(|config| {
        config.limits.header = Duration::from_secs(1);
        config.limits.body = Duration::from_secs(1);
    });
    let patience = Duration::from_secs(1)..Duration::from_secs(5);
    let (waited, _) = unfinished(&world, "POST /v1/calls HTTP/1.1\r\nhost: t\r\n");
    assert!(patience.contains(&waited), "a head: {waited:?}");

    let head = "POST /v1/calls:dry-run HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
        authorization: Bearer agent\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    let (waited, bytes) = unfinished(&world, head);
    assert!(patience.contains(&waited), "a body: {waited:?}");
    let answer = Answer::read(&bytes);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "malformed-arguments")
    );
    assert_eq!(answer.json()["limit"], 1);
    let said = answer.detail();
    assert!(said.contains("within 1 s"), "{said}");
}

#[test]
fn a_head_has_its_limit() {
    let world = World::served();
    let padded = |length: usize| {
        Ask::get(world.audit_plane(), "/healthz").header("x-padding", &"x".repeat(length))
    };
    let padding = 16 * 1024 - padded(0).bytes().len();
    assert_eq!(padded(padding).send().status, 200);
    let over = padded(padding + 1).send();
    // hyper answers before there is a request: no problem document, and no limit named in it.
    assert_eq!((over.status, over.text().as_str()), (431, ""));
}
