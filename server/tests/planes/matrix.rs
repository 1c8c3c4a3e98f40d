//! Route × credential, as docs/spec/http.md has it. A credential that is let in may still meet
//! another refusal: what counts is that it is not turned away at the door.

use std::io::Read as _;

use base64ct::{Base64, Encoding as _};
use countersign_record::action::policy_digest;
use countersign_record::entry::Entry;
use serde_json::{Value, json};

use crate::http::{Answer, Ask};
use crate::world::{POLICY, World};

/// How a credential fares at a door.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Door {
    In,
    Unauthenticated,
    Forbidden,
}

fn door(answer: &Answer) -> Door {
    match answer.status {
        401 if answer.code() == "unauthenticated" => Door::Unauthenticated,
        403 if answer.code() == "forbidden" => Door::Forbidden,
        _ => Door::In,
    }
}

/// The credentials that a route lets in; `anybody` also without one.
struct Route {
    plane: &'static str,
    method: &'static str,
    path: &'static str,
    lets_in: &'static [&'static str],
    anybody: bool,
}

const CREDENTIALS: [&str; 9] = [
    "none",
    "agent",
    "bank",
    "files",
    "auditor",
    "responder",
    "operator",
    "session",
    "garbage",
];
const AGENT: &[&str] = &["agent"];
const EXECUTOR: &[&str] = &["bank", "files"];
const SESSION: &[&str] = &["session"];
const READERS: &[&str] = &["auditor", "responder", "operator"];
const CONTROLLERS: &[&str] = &["responder", "operator"];

const fn route(
    plane: &'static str,
    method: &'static str,
    path: &'static str,
    lets_in: &'static [&'static str],
) -> Route {
    Route {
        plane,
        method,
        path,
        lets_in,
        anybody: false,
    }
}

impl Route {
    /// With a body that is wrong everywhere, so that nothing happens behind the door.
    fn ask(&self, world: &World, ids: &[(&str, &str)], (credential, session): (&str, &str)) -> Ask {
        let address = match self.plane {
            "agent" => world.agent_plane(),
            "approver" => world.approver_plane(),
            _ => world.audit_plane(),
        };
        let path = ids.iter().fold(self.path.to_owned(), |path, (name, id)| {
            path.replace(name, id)
        });
        let ask = match self.method {
            "GET" => Ask::get(address, &path),
            _ => Ask::post(address, &path, &json!({ "wrong": true })),
        };
        match credential {
            "none" => ask,
            "session" => ask.token(session),
            token => ask.token(token),
        }
    }
}

/// Of an answer that may be without a body, or without an end.
fn status(ask: &Ask) -> u16 {
    let mut line = [0; 12];
    ask.start().read_exact(&mut line).unwrap();
    str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

/// A signature decides: no credential, an unknown one and a session are alike.
const fn signed(path: &'static str) -> Route {
    Route {
        plane: "approver",
        method: "POST",
        path,
        lets_in: &["none", "session", "garbage"],
        anybody: false,
    }
}

/// Not content: nobody is asked who they are.
const fn public(path: &'static str) -> Route {
    Route {
        plane: "audit",
        method: "GET",
        path,
        lets_in: &[],
        anybody: true,
    }
}

const ROUTES: &[Route] = &[
    route("agent", "POST", "/v1/calls", AGENT),
    route("agent", "POST", "/v1/calls:dry-run", AGENT),
    route("agent", "GET", "/v1/calls/ID", &["agent", "bank", "files"]),
    route("agent", "GET", "/v1/calls/ID/events", AGENT),
    route("agent", "GET", "/v1/events", AGENT),
    route("agent", "POST", "/v1/calls/ID/withdraw", AGENT),
    route("agent", "POST", "/v1/grants/GRANT/redeem", EXECUTOR),
    route("agent", "POST", "/v1/calls/ID/outcome", EXECUTOR),
    signed("/v1/login:begin"),
    signed("/v1/login"),
    route("approver", "GET", "/v1/me", SESSION),
    route("approver", "GET", "/v1/inbox", SESSION),
    route("approver", "GET", "/v1/policies/DIGEST", SESSION),
    route("approver", "GET", "/v1/calls/ID/presentation", SESSION),
    route("approver", "POST", "/v1/calls/ID/openings", SESSION),
    signed("/v1/calls/ID/decisions"),
    signed("/v1/calls/ID/revocations"),
    public("/healthz"),
    public("/readyz"),
    public("/metrics"),
    public("/checkpoint"),
    public("/tile/0/000.p/2"),
    route("audit", "GET", "/v1/head", READERS),
    route("audit", "GET", "/v1/entries", READERS),
    route("audit", "GET", "/v1/proofs/0", READERS),
    route("audit", "GET", "/v1/records", READERS),
    route("audit", "GET", "/v1/trace/ID", READERS),
    route("audit", "POST", "/v1/freezes", &["responder"]),
    route("audit", "POST", "/v1/revocations", CONTROLLERS),
    route("audit", "POST", "/v1/control-calls", CONTROLLERS),
    route("audit", "GET", "/v1/control-calls/ID", CONTROLLERS),
    route(
        "audit",
        "POST",
        "/v1/control-calls/ID/withdraw",
        CONTROLLERS,
    ),
    route("audit", "POST", "/v1/clock:accept", &["operator"]),
];

fn expected(route: &Route, credential: &str) -> Door {
    match credential {
        _ if route.anybody || route.lets_in.contains(&credential) => Door::In,
        "none" | "garbage" => Door::Unauthenticated,
        _ => Door::Forbidden,
    }
}

#[test]
fn no_route_is_missing_in_the_table() {
    let planes = [
        include_str!("../../src/plane/agent.rs"),
        include_str!("../../src/plane/approver.rs"),
        include_str!("../../src/plane/audit.rs"),
    ];
    let routes = planes.map(|plane| plane.matches(".route(\"").count());
    assert_eq!(routes.iter().sum::<usize>(), ROUTES.len());
}

#[test]
fn every_route_lets_in_exactly_the_credentials_of_the_table() {
    let world = World::served();
    let session = world.login("alice");
    let ids = [
        ("ID", "call_77777777777777777777777774"),
        ("GRANT", "grt_77777777777777777777777774"),
        (
            "DIGEST",
            "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ),
    ];
    for route in ROUTES {
        for credential in CREDENTIALS {
            let ask = route.ask(&world, &ids, (credential, &session));
            let found = if route.path == "/v1/events" && credential == "agent" {
                assert_eq!(status(&ask), 200, "a stream does not end by itself");
                Door::In
            } else {
                door(&ask.send())
            };
            let what = (route.plane, route.method, route.path, credential);
            assert_eq!(found, expected(route, credential), "{what:?}");
        }
    }
}

/// A preview of links or a scanner of mail follows every address, with whatever credential it has.
#[test]
fn whoever_reads_changes_no_call() {
    let world = World::served();
    let session = world.login("alice");
    let worded = format!("{POLICY}\n# read once more\n");
    let adoption = json!({ "tool": "countersign.policy.adopt", "arguments": { "toml": worded } });
    let adoption = Ask::post(world.audit_plane(), "/v1/control-calls", &adoption)
        .token("operator")
        .header("idempotency-key", "adopt")
        .send()
        .json();
    let id = |view: &Value| view["call"].as_str().unwrap().to_owned();
    let (pending, approved) = (id(&world.pending("p")), id(&world.approved("a")));
    let calls = [pending, approved, id(&adoption)];
    let views = || {
        let read = |at, path: String, token| Ask::get(at, &path).token(token).send().json();
        let control = format!("/v1/control-calls/{}", calls[2]);
        let control = read(world.audit_plane(), control, "operator");
        let mut approved = world.look(&calls[1]);
        approved["grant"]["token"].take(); // signed for each reader; it names the newest head
        [world.look(&calls[0]), approved, control]
    };
    let policy = format!("sha256:{}", policy_digest(POLICY.as_bytes()));
    let (before, begun) = (views(), kinds(&world).len());
    let grant = before[1]["grant"]["jti"].as_str().unwrap();
    for route in ROUTES {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let mut answers = Vec::new();
            for call in &calls {
                let ids = [("ID", call.as_str()), ("GRANT", grant), ("DIGEST", &policy)];
                for credential in CREDENTIALS {
                    let ask = route.ask(&world, &ids, (credential, &session));
                    answers.push(status(&ask.method(method)));
                }
            }
            let is_read = route.method == "GET" && method != "OPTIONS";
            let as_it_must = if is_read {
                answers.contains(&200)
            } else {
                answers.iter().all(|it| *it == 405)
            };
            assert!(as_it_must, "{method} {}: {answers:?}", route.path);
        }
    }
    assert_eq!(views(), before);
    let recorded = &kinds(&world)[begun..];
    let only = ["access.recorded", "refusal.recorded"];
    assert!(
        recorded.iter().all(|kind| only.contains(kind)),
        "{recorded:?}"
    );
}

/// The kinds of all entries.
fn kinds(world: &World) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    loop {
        let path = format!("/v1/entries?from={}&limit=100", kinds.len());
        let page = Ask::get(world.audit_plane(), &path)
            .token("auditor")
            .send()
            .json();
        let entries = page["entries"].as_array().unwrap();
        if entries.is_empty() {
            return kinds;
        }
        kinds.extend(entries.iter().map(|entry| {
            let bytes = Base64::decode_vec(entry["entry"].as_str().unwrap()).unwrap();
            Entry::decode(&bytes).unwrap().draft.fact.kind()
        }));
    }
}

#[test]
fn what_a_known_credential_tries_on_another_plane_is_recorded() {
    let world = World::served();
    let refused = Ask::get(world.approver_plane(), "/v1/inbox")
        .token("agent")
        .send();
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "forbidden")
    );
    let records = Ask::get(
        world.audit_plane(),
        "/v1/trace/agt_aeaqcaibaeaqcaibaeaqcaibae",
    )
    .token("auditor")
    .send()
    .text();
    // The header names the party and the code; CBOR keeps both as they are written.
    let wanted = "forbidden".as_bytes();
    let entries: Value = serde_json::from_str(&records).unwrap();
    let noted = entries["records"].as_array().unwrap().iter().any(|record| {
        let entry = Base64::decode_vec(record["entry"].as_str().unwrap()).unwrap();
        entry.windows(wanted.len()).any(|window| window == wanted)
    });
    assert!(noted, "{records}");
}
