//! Route × credential, as docs/spec/http.md has it. A credential that is let in may still meet
//! another refusal: what counts is that it is not turned away at the door.

use std::io::Read as _;

use serde_json::json;

use crate::http::{Answer, Ask};
use crate::world::World;

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

const CREDENTIALS: [&str; 8] = [
    "none",
    "agent",
    "bank",
    "auditor",
    "responder",
    "operator",
    "session",
    "garbage",
];
const AGENT: &[&str] = &["agent"];
const EXECUTOR: &[&str] = &["bank"];
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
    route("agent", "GET", "/v1/calls/ID", &["agent", "bank"]),
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
        let address = match route.plane {
            "agent" => world.agent_plane(),
            "approver" => world.approver_plane(),
            _ => world.audit_plane(),
        };
        let path = ids.iter().fold(route.path.to_owned(), |path, (name, id)| {
            path.replace(name, id)
        });
        for credential in CREDENTIALS {
            // The body is wrong everywhere, so that nothing happens behind the door.
            let ask = match route.method {
                "GET" => Ask::get(address, &path),
                _ => Ask::post(address, &path, &json!({ "wrong": true })),
            };
            let ask = match credential {
                "none" => ask,
                "session" => ask.token(&session),
                token => ask.token(token),
            };
            let found = if path == "/v1/events" && credential == "agent" {
                let mut status = [0; 12];
                ask.start().read_exact(&mut status).unwrap();
                assert_eq!(&status, b"HTTP/1.1 200", "a stream does not end by itself");
                Door::In
            } else {
                door(&ask.send())
            };
            let what = (route.plane, route.method, route.path, credential);
            assert_eq!(found, expected(route, credential), "{what:?}");
        }
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
    let entries: serde_json::Value = serde_json::from_str(&records).unwrap();
    let noted = entries["records"].as_array().unwrap().iter().any(|record| {
        use base64ct::{Base64, Encoding as _};
        let entry = Base64::decode_vec(record["entry"].as_str().unwrap()).unwrap();
        entry.windows(wanted.len()).any(|window| window == wanted)
    });
    assert!(noted, "{records}");
}
