//! Event streams: in order, one's own only, resumed without a gap.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Ask;
use crate::world::{World, deletion};

struct Events(BufReader<TcpStream>);

impl Events {
    fn listen(ask: &Ask) -> Self {
        let mut events = Self(BufReader::new(ask.start()));
        let head: Vec<String> = std::iter::from_fn(|| Some(events.line()))
            .take_while(|line| !line.is_empty())
            .collect();
        assert!(head[0].contains(" 200 "), "{head:?}");
        assert!(
            head.iter()
                .any(|line| line == "content-type: text/event-stream"),
            "{head:?}"
        );
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads up to the first comment: from there on it is live.
    fn live(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.line() {
                line if line.starts_with(": listening") => return lines,
                line => lines.push(line),
            }
        }
    }

    /// Id, kind and call of the next event.
    fn next(&mut self) -> (u64, String, String) {
        let (mut id, mut kind) = (0, String::new());
        loop {
            let line = self.line();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().unwrap();
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("data: ") {
                let news: serde_json::Value = serde_json::from_str(text).unwrap();
                assert_eq!((&news["seq"], &news["kind"]), (&json!(id), &json!(kind)));
                return (id, kind, news["call"].as_str().unwrap().to_owned());
            }
        }
    }
}

fn all(world: &World) -> Ask {
    Ask::get(world.agent_plane(), "/v1/events").token("agent")
}

#[test]
fn an_agent_hears_of_its_own_calls_only() {
    let world = World::served();
    let mut events = Events::listen(&all(&world));
    events.live();
    let other = Ask::post(world.agent_plane(), "/v1/calls", &deletion("theirs"));
    assert_eq!(
        other
            .token("other-agent")
            .header("idempotency-key", "o")
            .send()
            .status,
        202
    );
    let mine = world.pending("mine");
    let (_, kind, call) = events.next();
    assert_eq!(
        (kind.as_str(), call.as_str()),
        ("call.evaluated", mine["call"].as_str().unwrap())
    );
    assert_eq!(events.next().1, "confirmation.opened");
}

#[test]
fn an_agent_is_told_of_its_own_calls_only_also_of_what_was_before() {
    let world = World::served();
    let other = Ask::post(world.agent_plane(), "/v1/calls", &deletion("theirs"));
    let other = other.token("other-agent").header("idempotency-key", "o");
    let theirs = other.send().json()["call"].as_str().unwrap().to_owned();
    let withdraw = format!("/v1/calls/{theirs}/withdraw");
    let withdraw = Ask::post(world.agent_plane(), &withdraw, &json!({}));
    assert_eq!(withdraw.token("other-agent").send().status, 200);
    let mine = world.pending("mine");
    for last in 0..100 {
        let mut events = Events::listen(&all(&world).header("last-event-id", &last.to_string()));
        let told = events.live();
        assert!(!told.iter().any(|line| line.contains(&theirs)), "{told:?}");
        let own = told
            .iter()
            .any(|line| line.contains(mine["call"].as_str().unwrap()));
        assert!(own || last > 0, "{told:?}");
    }
}

#[test]
fn a_stream_resumes_after_the_last_event_without_a_gap() {
    let world = World::served();
    let view = world.pending("one");
    let call = view["call"].as_str().unwrap();
    let mut events = Events::listen(&all(&world).header("last-event-id", "0"));
    let first = events.next();
    let second = events.next();
    assert_eq!(
        (first.1.as_str(), second.1.as_str()),
        ("call.evaluated", "confirmation.opened")
    );
    drop(events);
    world.decide("alice", call, "approve");
    let mut events = Events::listen(&all(&world).header("last-event-id", &second.0.to_string()));
    let kinds: Vec<String> = (0..3).map(|_| events.next().1).collect();
    assert_eq!(
        kinds,
        [
            "presentation.served",
            "vote.approve",
            "confirmation.approved"
        ]
    );
}

#[test]
fn a_call_has_its_own_stream() {
    let world = World::served();
    let (one, two) = (world.pending("one"), world.pending("two"));
    let call = two["call"].as_str().unwrap();
    let ask = Ask::get(world.agent_plane(), &format!("/v1/calls/{call}/events")).token("agent");
    let mut events = Events::listen(&ask.header("last-event-id", "0"));
    let heard: Vec<String> = (0..2).map(|_| events.next().2).collect();
    assert!(heard.iter().all(|it| it == call) && one["call"] != two["call"]);
}

#[test]
fn stopping_ends_streams() {
    let mut world = World::served();
    let mut events = Events::listen(&all(&world));
    events.live();
    let begun = Instant::now();
    world.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let mut rest = String::new();
    while events.0.read_line(&mut rest).unwrap_or(0) > 0 {}
}

/// Revokes the agent; the stream, which was live, ends by itself.
fn ends_with_the_agent(world: &World, mut events: Events) {
    let patience = Some(Duration::from_secs(10));
    events.0.get_ref().set_read_timeout(patience).unwrap();
    let body = json!({ "agent": "agt_aeaqcaibaeaqcaibaeaqcaibae", "cause": "compromised" });
    assert_eq!(
        Ask::post(world.audit_plane(), "/v1/revocations", &body)
            .token("responder")
            .send()
            .status,
        200
    );
    let begun = Instant::now();
    let mut rest = String::new();
    while events.0.read_line(&mut rest).unwrap() > 0 {}
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "it ended by itself"
    );
    assert_eq!(all(world).send().status, 401);
}

#[test]
fn a_revoked_agents_stream_ends() {
    let world = World::served();
    let mut events = Events::listen(&all(&world));
    events.live();
    ends_with_the_agent(&world, events);
}

#[test]
fn a_revoked_agents_stream_ends_whatever_it_says_to_have_read() {
    let world = World::served();
    let mut events = Events::listen(&all(&world).header("last-event-id", "1000000"));
    events.live();
    ends_with_the_agent(&world, events);
}
