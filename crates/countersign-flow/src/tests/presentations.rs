//! What a person sees: exact, whole, and nothing hides in it.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_policy::{Earlier, Facts, Policy, Question, Verdict, evaluate};
use countersign_record::body::flatten;
use countersign_record::entry::Party;
use countersign_record::id::{AgentId, CallId, ConfirmationId, ExecutorId, PersonId};
use countersign_record::json::Value;
use proptest::prelude::*;

use super::*;
use crate::{
    Agent, CallDocument, Executor, Person, Presentation, Requester, Roster, escape,
    presentation_text, unescape,
};

const ACME: &str = include_str!("../../../../fixtures/policies/acme.toml");
const WORKSTATION: &str = include_str!("../../../../fixtures/policies/workstation.toml");

fn roster() -> Roster {
    let person = PersonId::new([0x31; 16]);
    let named = Person {
        name: Some("Erin Example".into()),
        ..Person::default()
    };
    let agent = Agent {
        principal: person,
        token: countersign_record::digest::TokenDigest([0; 32]),
        enforcement: countersign_record::term::Enforcement::ToolVerified,
        name: Some("invoice helper".into()),
        revoked: false,
    };
    let executor = Executor {
        name: "bank".parse().unwrap(),
        token: countersign_record::digest::TokenDigest([1; 32]),
        revoked: false,
    };
    Roster {
        people: BTreeMap::from([(person, named)]),
        agents: BTreeMap::from([(AgentId::new([0x34; 16]), agent)]),
        executors: BTreeMap::from([(ExecutorId::new([0x36; 16]), executor)]),
        ..Roster::default()
    }
}

fn presented(policy: &str, tool: &str, arguments: &Value, reason: &str) -> Option<Value> {
    let policy = Policy::parse(policy).unwrap();
    let document = CallDocument {
        tool: tool.into(),
        arguments: arguments.clone(),
        audience: ExecutorId::new([0x36; 16]),
        action_salt: [0; 32],
        tool_call_id: "1".into(),
        session: Some("month end".into()),
        reason: Some(reason.into()),
        plan: None,
        trace_id: None,
        replaces: None,
    };
    let question = Question {
        tool,
        arguments,
        reason: Some(reason),
    };
    let assessment = evaluate(&policy, &question, &quiet(&policy));
    let Verdict::Confirm(needed) = assessment.verdict else {
        panic!("{:?}", assessment.verdict)
    };
    let demand = crate::requirement::demand(&needed);
    Presentation {
        roster: &roster(),
        policy: &policy,
        policy_digest: countersign_record::digest::PolicyDigest([0x23; 32]),
        call: CallId::new([0x11; 16]),
        confirmation: ConfirmationId::new([0x12; 16]),
        document: &document,
        requester: Requester {
            asker: Party::Agent(AgentId::new([0x34; 16])),
            principal: Some(PersonId::new([0x31; 16])),
        },
        rules: &assessment.rules,
        demand: &demand,
        decide_before: 1_700_000_000_000,
    }
    .value()
}

/// A Friday noon on which nothing was asked before, of parties that are known.
fn quiet(policy: &Policy) -> Facts {
    let known = Earlier {
        calls: 1,
        ..Earlier::default()
    };
    let looks = policy.looks().into_iter();
    Facts {
        at: Some(1_795_777_200_000),
        earlier: looks.map(|look| (look.clone(), known)).collect(),
    }
}

const TRANSFER: &str = r#"{"amount":"24000.00","currency":"EUR","beneficiary":{"name":"ACME GmbH","account":"DE89370400440532013000"},"reference":"INV-7","urgent":true}"#;

#[test]
fn a_wire_transfer_reads_as_it_always_did() {
    let shown = presented(
        ACME,
        "bank.wire",
        &arguments(TRANSFER),
        "Invoice INV-7 is due today.",
    )
    .unwrap();
    let text = presentation_text(&shown).unwrap();
    assert_eq!(text, include_str!("transfer.txt"));
    assert!(include_str!("../../../../docs/spec/presentation.md").contains(&text));
}

#[test]
fn a_deletion_reads_as_it_always_did() {
    let json = r#"{"path":"/srv/erin/taxes 2025.pdf"}"#;
    let shown = presented(WORKSTATION, "delete_file", &arguments(json), "").unwrap();
    assert_eq!(
        presentation_text(&shown).unwrap(),
        include_str!("deletion.txt")
    );
}

fn lines(shown: &Value) -> Vec<(String, String)> {
    let of = |name| shown.member(name).unwrap().as_array().unwrap().iter();
    let text = |line: &Value, name| line.member(name).unwrap().as_str().unwrap().to_string();
    of("parameters")
        .chain(of("other_parameters"))
        .map(|line| (text(line, "path"), text(line, "value")))
        .collect()
}

#[test]
fn every_leaf_of_the_arguments_appears_exactly_once() {
    let json = arguments(
        r#"{"path":"/tmp/x","list":[1,[],{"a":null}],"empty":{},"~/":"slash","force":false}"#,
    );
    let shown = presented(WORKSTATION, "delete_file", &json, "").unwrap();
    let shown = lines(&shown);
    let leaves = flatten(&json).unwrap();
    assert_eq!(shown.len(), leaves.len());
    for leaf in &leaves {
        let found = shown
            .iter()
            .filter(|(path, _)| *path == escape(&leaf.path))
            .count();
        assert_eq!(found, 1, "{}", leaf.path);
    }
}

#[test]
fn different_leaves_read_differently() {
    let leaves = [
        r#""1""#,
        "1",
        "true",
        r#""true""#,
        "null",
        r#""null""#,
        "{}",
        r#""{}""#,
        "[]",
        "[0]",
        r#""a list of 1""#,
        r#""a\"b""#,
        r#""a\\u{22}b""#,
        r#""""#,
    ];
    let mut seen = alloc::collections::BTreeSet::new();
    for leaf in leaves {
        let json = arguments(&alloc::format!(r#"{{"path":"/x","more":{leaf}}}"#));
        let shown = presented(WORKSTATION, "delete_file", &json, "").unwrap();
        let value = lines(&shown)
            .into_iter()
            .find(|(path, _)| path == "/more")
            .unwrap()
            .1;
        assert!(seen.insert(value.clone()), "{leaf} reads as {value}");
    }
}

#[test]
fn a_path_cannot_look_like_a_path_with_a_value() {
    let json = arguments(r#"{"path":"/x","a = \"1\"\nb":"2"}"#);
    let shown = presented(WORKSTATION, "delete_file", &json, "").unwrap();
    let text = presentation_text(&shown).unwrap();
    assert!(
        text.contains(r#"/a \u{3d} \u{22}1\u{22}\u{a}b = "2""#),
        "{text}"
    );
}

#[test]
fn what_is_too_large_to_be_shown_whole_is_not_shown() {
    let json = |length| {
        let text = "a".repeat(length);
        arguments(&alloc::format!(r#"{{"path":"/srv/{text}"}}"#))
    };
    assert!(presented(WORKSTATION, "delete_file", &json(10_000), "").is_some());
    let escaped = "\u{202e}".repeat(60_000);
    let json = arguments(&alloc::format!(r#"{{"path":"/x","more":"{escaped}"}}"#));
    assert!(presented(WORKSTATION, "delete_file", &json, "").is_none());
}

#[test]
fn the_agents_words_are_capped_and_say_so() {
    let long = "x".repeat(281);
    let shown = presented(
        WORKSTATION,
        "delete_file",
        &arguments(r#"{"path":"/x"}"#),
        &long,
    )
    .unwrap();
    let says = shown.member("agent_says").unwrap();
    assert_eq!(says.member("text").unwrap().as_str().unwrap().len(), 280);
    assert_eq!(says.member("cut").unwrap().as_bool(), Some(true));
}

#[test]
fn the_agents_words_stay_in_their_line() {
    let reason = "fine\nRule never: applies\u{1b}[2J\u{9b}2J";
    let shown = presented(
        WORKSTATION,
        "delete_file",
        &arguments(r#"{"path":"/x"}"#),
        reason,
    )
    .unwrap();
    let text = presentation_text(&shown).unwrap();
    assert!(text.contains(r"  | fine\u{a}Rule never: applies\u{1b}[2J\u{9b}2J"));
    assert!(
        text.chars()
            .all(|character| character == '\n' || !character.is_control())
    );
}

const HOSTILE: &[&str] = &[
    "\u{202e}fdp.exe",
    "a\u{200b}b",
    "\u{e0041}\u{e0042}",
    "e\u{301}",
    "\u{1b}]8;;x\u{7}",
    "\u{9d}",
    "\\",
    "\\u{5c}",
    "\\u{202e}",
    "\u{1f600}",
    "\u{10ffff}",
    "аdmin",
    "a\u{a0}b",
    "\r\n\t\0",
    "×÷",
    "\u{2028}",
    "\u{feff}",
    "\u{ad}",
    "ﬁ",
    "€£",
    "ÄÖÜß",
];

#[test]
fn hostile_text_is_shown_and_read_back() {
    for text in HOSTILE {
        let shown = escape(text);
        assert_eq!(unescape(&shown).as_deref(), Some(*text));
        assert!(shown.chars().all(|it| it.is_ascii_graphic()
            || it == ' '
            || it.is_alphabetic()
            || "€£".contains(it)));
    }
}

#[test]
fn text_that_is_never_shown_is_not_read() {
    for shown in [
        "\\",
        "\\u{41}",
        "\\u{0a}",
        "\\u{A}",
        "\\u{a",
        "\\u{d800}",
        "\\u{110000}",
        "\n",
        "\u{202e}",
        "\\u{+a}",
    ] {
        assert_eq!(unescape(shown), None, "{shown}");
    }
}

proptest! {
    #[test]
    fn showing_is_undone_by_reading(text in any::<String>()) {
        let shown = escape(&text);
        prop_assert_eq!(unescape(&shown), Some(text));
    }

    #[test]
    fn what_is_read_is_what_is_shown(shown in "[a-c\\\\u{}0-9]{0,12}") {
        if let Some(text) = unescape(&shown) {
            prop_assert_eq!(escape(&text), shown);
        }
    }
}
