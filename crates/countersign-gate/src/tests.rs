//! Against a service of a few lines: what is believed, and what is not.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use countersign_hostile::mutated;
use countersign_record::action::{action, action_digest};
use countersign_record::digest::hex;
use countersign_record::id::{CallId, ExecutorId};
use countersign_record::json::{Limits, Object, Value, canonical, canonical_text, read};
use proptest::prelude::{prop_assert_eq, proptest};

use super::*;

#[test]
fn a_call_is_believed_when_its_digest_is_that_of_what_was_asked() {
    let view = gate(&answer(&arguments("a.txt")))
        .submit(&new_call("a.txt"))
        .unwrap();
    assert_eq!((view.state, view.need), (CallState::Pending, 2));
}

#[test]
fn a_call_that_stands_for_another_action_is_not_believed() {
    let submitted = gate(&answer(&arguments("b.txt"))).submit(&new_call("a.txt"));
    assert!(
        matches!(submitted, Err(GateError::DigestMismatch { .. })),
        "{submitted:?}"
    );
}

#[test]
fn a_pending_call_without_its_salt_is_not_believed() {
    let bare: Object = answer(&arguments("a.txt"))
        .into_iter()
        .filter(|(name, _)| name != "action_salt")
        .fold(Object::new(), |object, (name, value)| {
            object.with(name, value)
        });
    let submitted = gate(&bare).submit(&new_call("a.txt"));
    assert!(
        matches!(submitted, Err(GateError::Unsalted { .. })),
        "{submitted:?}"
    );
}

#[test]
fn a_problem_is_an_error_with_its_code() {
    let problem = Object::new()
        .with("code", "denied-by-policy")
        .with("title", "The policy refuses this call")
        .with("detail", "Rule never-format")
        .with("retry", "never");
    let refused = gate_with(403, &problem)
        .submit(&new_call("a.txt"))
        .unwrap_err();
    assert_eq!(refused.to_string(), "Rule never-format (denied-by-policy)");
}

#[test]
fn duplicate_members_are_no_answer() {
    let url = serve(200, r#"{"call":"a","call":"b"}"#.into());
    let error = Connection::new(&url, None)
        .unwrap()
        .get("/v1/calls/x")
        .unwrap_err();
    assert!(matches!(error, RequestError::NotOurs { .. }), "{error}");
}

#[test]
fn a_token_never_travels_an_open_line_to_another_machine() {
    let refused = |url| Connection::new(url, None).unwrap_err();
    assert!(matches!(
        refused("http://192.0.2.1:7600"),
        ConnectError::Open(_)
    ));
    assert!(matches!(
        refused("http://localhost.example:7600"),
        ConnectError::Open(_)
    ));
    assert_eq!(refused("https://192.0.2.1:7600"), ConnectError::Unpinned);
    assert!(matches!(refused("ftp://localhost"), ConnectError::Url(_)));
    assert!(matches!(
        refused("http://localhost/a"),
        ConnectError::Url(_)
    ));
    for url in [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1/",
    ] {
        assert!(Connection::new(url, None).is_ok(), "{url}");
    }
}

#[test]
fn fingerprints_are_read_as_openssl_prints_them() {
    let plain: Pin = "ab".repeat(32).parse().unwrap();
    assert_eq!(format!("sha256:{}", "AB".repeat(32)).parse(), Ok(plain));
    assert_eq!(["AB"; 32].join(":").parse(), Ok(plain));
    assert_eq!("ab".parse::<Pin>(), Err(PinError));
}

proptest! {
    #[test]
    fn a_changed_answer_is_read_as_it_stands_or_not_at_all(
        bytes in mutated(canonical(&answer(&arguments("a.txt")).into()))
    ) {
        let Ok(document) = read(&bytes, &Limits::DOCUMENT) else {
            return Ok(());
        };
        let text = |member| document.member(member).and_then(Value::as_str).map(str::to_owned);
        let problem = Problem::read(409, &document);
        prop_assert_eq!(problem.message, text("message"));
        prop_assert_eq!(problem.code, text("code").unwrap_or_default());
        if let Ok(view) = CallView::read(&document) {
            prop_assert_eq!(Some(view.call.to_string()), text("call"));
            prop_assert_eq!(Some(view.executor.to_string()), text("executor"));
            prop_assert_eq!(Some(format!("sha256:{}", view.action)), text("action_digest"));
            prop_assert_eq!(view.action_salt.map(|salt| hex(&salt)), text("action_salt"));
            let number = |member| document.member(member).and_then(Value::as_u64);
            prop_assert_eq!(Some(view.version), number("version"));
            prop_assert_eq!((Some(view.have), Some(view.need)), (number("have"), number("need")));
            prop_assert_eq!(Some(view.state.as_str().to_owned()), text("state"));
        }
    }
}

fn arguments(path: &str) -> Value {
    Object::new().with("path", path).into()
}

fn new_call(path: &str) -> NewCall {
    NewCall {
        tool_call_id: "one".into(),
        tool: "delete_file".into(),
        arguments: arguments(path),
        reason: Some("because".into()),
        session: None,
    }
}

fn answer(arguments: &Value) -> Object {
    let (salt, executor) = ([7; 32], ExecutorId::new([3; 16]));
    let digest = action_digest(&action("delete_file", arguments, &executor), &salt);
    Object::new()
        .with("call", CallId::new([1; 16]).to_string())
        .with("state", "pending")
        .with("version", 9)
        .with("have", 0)
        .with("need", 2)
        .with("message", "WAITING for people")
        .with("action_digest", format!("sha256:{digest}"))
        .with("action_salt", hex(&salt))
        .with("executor", executor.to_string())
        .with("rules", vec!["deletion"])
}

fn gate(answer: &Object) -> Gate {
    gate_with(202, answer)
}

fn gate_with(status: u16, answer: &Object) -> Gate {
    let url = serve(status, canonical_text(&answer.clone().into()));
    Gate::new(Connection::new(&url, None).unwrap().with_token("cst_x"))
}

/// Answers one request.
fn serve(status: u16, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _read = stream.read(&mut request).unwrap();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    url
}
