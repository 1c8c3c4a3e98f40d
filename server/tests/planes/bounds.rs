//! The table of docs/spec/http.md, part 4, as far as it is about one request: as much as is said there
//! works, one more is refused, and the refusal names what and how much.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use countersign_attest::Context;
use countersign_attest::statement::Statement;
use countersign_record::action::text_digest;
use countersign_record::digest::hex;
use serde_json::{Value, json};

use crate::http::{Answer, Ask};
use crate::world::{World, deletion};

/// What is limited, how much of it works, and a request with so much of it.
struct Row<'w> {
    what: &'static str,
    most: usize,
    ask: Box<dyn Fn(usize) -> Ask + 'w>,
}

fn row<'w>(what: &'static str, most: usize, ask: impl Fn(usize) -> Ask + 'w) -> Row<'w> {
    let ask = Box::new(ask);
    Row { what, most, ask }
}

fn x(length: usize) -> String {
    "x".repeat(length)
}

fn assert_refused(row: &Row<'_>, answer: &Answer, refusal: (u16, &str)) {
    let (status, code) = refusal;
    let (what, said) = (row.what, answer.detail());
    assert_eq!((answer.status, &*answer.code()), (status, code), "{what}");
    assert_eq!(answer.json()["limit"], row.most, "{what}: {said}");
    assert!(said.contains(what), "{what}: {said}");
    assert!(said.contains(&row.most.to_string()), "{what}: {said}");
}

fn hold(rows: Vec<Row<'_>>, refusal: (u16, &str)) {
    for row in rows {
        let fits = (row.ask)(row.most).send();
        let is_good = (200..300).contains(&fits.status);
        assert!(is_good, "{}: {}", row.what, fits.text());
        assert_refused(&row, &(row.ask)(row.most + 1).send(), refusal);
    }
}

/// A dry run of a call.
fn dry(world: &World, body: &Value) -> Ask {
    Ask::post(world.agent_plane(), "/v1/calls:dry-run", body).token("agent")
}

/// A member of a call, as long as asked.
fn member<'w>(world: &'w World, what: &'static str, most: usize) -> Row<'w> {
    row(what, most, move |length| {
        let mut body = deletion(&format!("{what}-{length}"));
        body[what] = x(length).into();
        world.ask_submit(&format!("{what}-{length}"), &body)
    })
}

#[test]
fn what_an_agent_sends_has_its_limits() {
    let world = World::served();
    let mut rows = Vec::from([
        member(&world, "session", 256),
        member(&world, "plan", 256),
        member(&world, "trace_id", 256),
        member(&world, "reason", 8192),
    ]);
    rows.push(row("Idempotency-Key", 256, |n| {
        world.ask_submit(&x(n), &deletion(&format!("key-{n}")))
    }));
    rows.push(row("tool", 128, |n| {
        dry(&world, &json!({ "tool": x(n), "arguments": {} }))
    }));
    let empty = r#"{"path":""}"#.len();
    rows.push(row("arguments", 256 * 1024, |n| {
        let arguments = json!({ "path": x(n - empty) });
        dry(
            &world,
            &json!({ "tool": "list_files", "arguments": arguments }),
        )
    }));
    // Blanks around the document are of the body and of no member of it.
    let body = json!({ "tool": "list_files", "arguments": { "path": "/" } }).to_string();
    let to = world.agent_plane();
    rows.push(row("the body", 320 * 1024, move |n| {
        let body = body.clone() + &" ".repeat(n - body.len());
        Ask::post_raw(to, "/v1/calls:dry-run", &body)
            .header("content-type", "application/json")
            .token("agent")
    }));
    hold(rows, (413, "too-large"));
}

#[test]
fn what_executors_and_responders_write_has_its_limits() {
    let world = World::served();
    let view = world.approved("redeemed");
    let redeemed = world.redeem("files", &view, 1, view["action_digest"].as_str().unwrap());
    assert_eq!(redeemed.status, 200, "{}", redeemed.text());
    let outcome = format!("/v1/calls/{}/outcome", view["call"].as_str().unwrap());
    let freeze =
        |body: &Value| Ask::post(world.audit_plane(), "/v1/freezes", body).token("responder");
    let rows = Vec::from([
        row("detail", 4096, |n| {
            let report = json!({ "status": "succeeded", "detail": x(n) });
            Ask::post(world.agent_plane(), &outcome, &report).token("files")
        }),
        row("reason", 8192, |n| {
            freeze(&json!({ "tool": "format_disk", "reason": x(n) }))
        }),
        row("target", 4096, |n| {
            freeze(&json!({ "target": x(n), "reason": "r" }))
        }),
    ]);
    hold(rows, (413, "too-large"));
}

#[test]
fn what_a_person_says_to_a_decision_has_its_limit() {
    let world = World::served();
    let decide = |length: usize| {
        let call = world.pending(&format!("said-{length}"))["call"].clone();
        let call = call.as_str().unwrap();
        let offered = world.opened("alice", call, "approve")["statement"].clone();
        let offered = Base64::decode_vec(offered.as_str().unwrap()).unwrap();
        let mut statement = Statement::read(&offered).unwrap();
        let (salt, text) = ([7; 32], x(length));
        statement.comment_digest = Some(text_digest(&salt, &text));
        let statement = Base64::encode_string(&statement.to_bytes().unwrap());
        let mut body = world.signed("alice", Context::Approval, &statement);
        body["comment"] = json!({ "salt": hex(&salt), "text": text });
        Ask::post(
            world.approver_plane(),
            &format!("/v1/calls/{call}/decisions"),
            &body,
        )
    };
    hold(
        Vec::from([row("comment.text", 4096, decide)]),
        (413, "too-large"),
    );
}

#[test]
fn waits_and_pages_have_their_limits() {
    let world = World::served();
    let call = world.pending("w")["call"].as_str().unwrap().to_owned();
    assert_eq!(world.decide("alice", &call, "deny").status, 200);
    let audit = |path: String| Ask::get(world.audit_plane(), &path).token("auditor");
    let rows = Vec::from([
        row("wait", 55, |n| {
            Ask::get(world.agent_plane(), &format!("/v1/calls/{call}?wait={n}")).token("agent")
        }),
        row("limit", 1000, |n| audit(format!("/v1/entries?limit={n}"))),
        row("limit", 500, |n| audit(format!("/v1/records?limit={n}"))),
        row("limit", 500, |n| {
            audit(format!("/v1/trace/{call}?limit={n}"))
        }),
    ]);
    hold(rows, (422, "malformed-arguments"));
    for path in ["entries".into(), "records".into(), format!("trace/{call}")] {
        assert_eq!(audit(format!("/v1/{path}?limit=1")).send().status, 200);
        assert_eq!(audit(format!("/v1/{path}?limit=0")).send().status, 422);
    }
}

#[test]
fn a_head_has_64_headers_and_not_one_more() {
    let world = World::served();
    let ask = |headers: usize| {
        // The client sends two of its own.
        let ask = Ask::get(world.audit_plane(), "/healthz");
        (2..headers)
            .fold(ask, |ask, number| ask.header(&format!("x-{number}"), "1"))
            .send()
    };
    assert_eq!(ask(64).status, 200);
    let over = ask(65);
    // hyper answers before there is a request: no problem document, and no limit named in it.
    assert_eq!((over.status, over.text().as_str()), (431, ""));
}

#[test]
fn so_many_requests_may_be_under_way_and_room_comes_back() {
    let world = World::served_with(|config| config.limits.requests_at_once = 2);
    let events = Ask::get(world.agent_plane(), "/v1/events").token("agent");
    let streams = [(); 2].map(|()| {
        let mut stream = events.start();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        stream
    });
    let dry = dry(&world, &deletion("x"));
    let over = dry.send();
    assert_eq!((over.status, over.code().as_str()), (429, "rate-limited"));
    assert_eq!(over.json()["limit"], 2);
    assert!(over.header("retry-after").is_some());
    drop(streams);
    let begun = Instant::now();
    while dry.send().status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "room comes back");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_connection_without_a_next_request_is_closed() {
    let world = World::served_with(|config| config.limits.header = Duration::from_secs(1));
    let mut stream = TcpStream::connect(world.audit_plane()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(Answer::read(&bytes).status, 200);
}
