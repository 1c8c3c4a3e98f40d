//! Hostile texts (`fixtures/hostile/text.txt`) wherever a request has room for text: every answer is strict
//! JSON, what is refused is a 4xx, and what is taken is given back as it came.

use countersign_hostile::texts;
use countersign_record::json::{Limits, read};
use serde_json::{Value, json};

use crate::http::{Answer, Ask};
use crate::world::{World, deletion};

/// Its body is JSON that our own readers take, and no control character stands in it as it is.
fn assert_strict(what: &str, answer: &Answer) {
    let depth = Limits::DOCUMENT.depth;
    let limits = Limits {
        depth,
        ..Limits::DISCLOSURE
    };
    assert!(
        (200..500).contains(&answer.status),
        "{what}: {}",
        answer.status
    );
    let strict = read(&answer.body, &limits);
    assert!(strict.is_ok(), "{what}: {strict:?}: {}", answer.text());
    let raw = answer.body.iter().find(|byte| **byte < b' ');
    assert_eq!(raw, None, "{what}: {}", answer.text());
    if answer.status >= 400 {
        answer.code();
    }
}

/// Requests that can have the text in all kinds of places, with what must become of them if it is
/// strict JSON's at all: `None` where grammars and limits speak.
fn asks(world: &World, key: &str, text: &str) -> Vec<(&'static str, Ask, Option<u16>)> {
    let cut = |most: usize| text.chars().take(most).collect::<String>();
    let mut call = deletion(key);
    call["arguments"]["note"] = json!({ (text): [text] });
    call["reason"] = cut(2000).into();
    for member in ["session", "plan", "trace_id"] {
        call[member] = cut(60).into();
    }
    let dry =
        |body: &Value| Ask::post(world.agent_plane(), "/v1/calls:dry-run", body).token("agent");
    let mut member = deletion("m");
    member[text] = 1.into();
    let tool = json!({ "tool": text, "arguments": {} });
    let freeze = json!({ "tool": "format_disk", "target": cut(1000), "reason": cut(2000) });
    let begin = json!({ "public_key": text });
    let vote = json!({ "statement": text, "signature": text });
    let nowhere = format!("/v1/calls/{}/decisions", "call_aaaaaaaaaaaaaaaaaaaaaaaaaa");
    Vec::from([
        ("call", world.ask_submit(key, &call), Some(202)),
        ("tool", dry(&tool), None),
        ("member", dry(&member), None),
        (
            "freeze",
            Ask::post(world.audit_plane(), "/v1/freezes", &freeze).token("responder"),
            None,
        ),
        (
            "login",
            Ask::post(world.approver_plane(), "/v1/login:begin", &begin),
            None,
        ),
        (
            "vote",
            Ask::post(world.approver_plane(), &nowhere, &vote),
            None,
        ),
        (
            "no JSON",
            Ask::post_raw(world.agent_plane(), "/v1/calls:dry-run", text)
                .header("content-type", "application/json")
                .token("agent"),
            None,
        ),
    ])
}

#[test]
fn every_answer_to_a_hostile_text_is_strict_json_and_none_is_our_fault() {
    let world = World::served_with(|config| config.limits.requests_per_second = 1000);
    let mut taken = 0;
    for (number, hostile) in texts().into_iter().enumerate() {
        for (what, ask, wanted) in asks(&world, &format!("h-{number}"), &hostile.text) {
            let (what, answer) = (format!("{what}, {}", hostile.name), ask.send());
            assert_strict(&what, &answer);
            if let Some(wanted) = wanted.filter(|_| !hostile.refused) {
                assert_eq!(answer.status, wanted, "{what}: {}", answer.text());
                taken += 1;
            }
            if hostile.refused {
                assert!(answer.status >= 400, "{what}: {}", answer.text());
            }
        }
    }
    assert!(taken > 70, "{taken}");
    for path in ["/v1/records?limit=500", "/v1/entries?limit=1000"] {
        let answer = Ask::get(world.audit_plane(), path).token("auditor").send();
        assert_strict(path, &answer);
        assert_eq!(answer.status, 200);
    }
    let inbox = Ask::get(world.approver_plane(), "/v1/inbox")
        .token(&world.login("alice"))
        .send();
    assert_strict("inbox", &inbox);
    assert!(
        inbox.json()["items"].as_array().unwrap().len() > 10,
        "{}",
        inbox.text()
    );
}

#[test]
fn a_hostile_text_is_given_back_to_the_approver_as_it_came() {
    let world = World::served();
    let session = world.login("alice");
    for (number, hostile) in texts()
        .into_iter()
        .enumerate()
        .filter(|(_, it)| !it.refused)
    {
        let mut call = deletion(&format!("back-{number}"));
        call["arguments"]["note"] = hostile.text.clone().into();
        let view = world.submit(&format!("back-{number}"), &call).json();
        let path = format!("/v1/calls/{}/openings", view["call"].as_str().unwrap());
        let opening = Ask::post(world.approver_plane(), &path, &json!({ "client": "cli" }));
        let opening = opening.token(&session).send();
        assert_strict(hostile.name, &opening);
        let shown = opening.json()["shown"].to_string();
        let text = Value::from(hostile.text).to_string();
        assert!(shown.contains(&text), "{}: {shown}", hostile.name);
    }
}
