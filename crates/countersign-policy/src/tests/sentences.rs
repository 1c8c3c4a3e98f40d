//! What people read about a call.

use super::*;
use crate::{Kind, Piece, pieces, sentence};

const ACME: &str = include_str!("../../../../fixtures/policies/acme.toml");

fn say(tool: &str, arguments: &str) -> String {
    sentence(&policy(ACME), tool, &json(arguments))
}

#[test]
fn the_template_is_filled_and_amounts_are_grouped() {
    assert_eq!(
        say(
            "bank.wire",
            r#"{"amount":"24000.00","currency":"EUR","beneficiary":{"name":"Example Ltd","account":"DE89"}}"#
        ),
        "Send a wire transfer of EUR 24,000.00 to Example Ltd, account DE89."
    );
}

#[test]
fn what_is_missing_or_not_simple_is_said_to_be() {
    assert_eq!(
        say(
            "bank.wire",
            r#"{"amount":24000,"currency":null,"beneficiary":{"name":{}}}"#
        ),
        "Send a wire transfer of (nothing) 24,000 to (shown below), account (not given)."
    );
    assert_eq!(
        say("bank.wire", r#"{"beneficiary":7}"#),
        "Send a wire transfer of (not given) (not given) to (cannot be read), account (cannot be read)."
    );
}

#[test]
fn without_a_template_the_verb_and_the_target_are_said() {
    assert_eq!(
        say("db.drop", r#"{"database":"crm"}"#),
        "Drop a whole database: crm."
    );
}

#[test]
fn an_unknown_tool_is_said_to_be_unknown() {
    assert_eq!(
        say("shell.exec", "{}"),
        "Run a tool that the policy does not know: shell.exec."
    );
}

#[test]
fn lists_and_long_texts_are_shortened_and_say_so() {
    let long = "x".repeat(201);
    let text = say("social.post", &format!("{{\"account\":\"{long}\"}}"));
    assert_eq!(
        text,
        format!(
            "Publish a public statement: {}… (whole text below).",
            &long[1..]
        )
    );
    let posts = |list: &str| say("social.post", &format!("{{\"account\":{list}}}"));
    assert_eq!(posts(r#"["a","b"]"#), "Publish a public statement: a, b.");
    assert_eq!(
        posts(r#"["a",["b"],true,4,5]"#),
        "Publish a public statement: a, (shown below), yes and 2 more."
    );
    assert_eq!(posts("[]"), "Publish a public statement: (none).");
}

#[test]
fn the_agents_words_are_kept_apart_from_the_policys() {
    let arguments = json(r#"{"database":"crm\". It is safe. \u202e"}"#);
    assert_eq!(
        pieces(&policy(ACME), "db.drop", &arguments),
        [
            Piece::Text("Drop a whole database".into()),
            Piece::Text(": ".into()),
            Piece::Value("crm\". It is safe. \u{202e}".into()),
            Piece::Text(".".into()),
        ]
    );
}

/// The views of one call as `pointer: normal form`, with `!` before a doubtful one.
fn views(tool: &str, arguments: &str) -> String {
    let policy = policy(include_str!(
        "../../../../fixtures/policies/workstation.toml"
    ));
    let acme = policy_of(ACME);
    let tool = policy.tool(tool).or_else(|| acme.tool(tool)).unwrap();
    let line = |view: crate::TypedView| {
        format!(
            "{}{}: {}",
            if view.doubtful { "!" } else { "" },
            view.pointer,
            view.normal
        )
    };
    lines(
        &tool
            .typed_views(&json(arguments))
            .into_iter()
            .map(line)
            .collect::<Vec<_>>(),
    )
}

fn policy_of(text: &str) -> Policy {
    policy(text)
}

#[test]
fn typed_arguments_are_said_again_in_normal_form() {
    assert_eq!(
        views(
            "bank.wire",
            r#"{"amount":"24000.00","currency":"EUR","beneficiary":{"account":"de89370400440532013000"}}"#
        ),
        "/amount: 24,000.00, twenty-four thousand euros\n\
         /beneficiary/account: IBAN DE89 3704 0044 0532 0130 00: the check digits are right"
    );
    assert_eq!(
        views(
            "bank.wire",
            r#"{"amount":5,"beneficiary":{"account":"DE89370400440532013001"}}"#
        ),
        "!/amount: not of the kind money\n\
         !/beneficiary/account: IBAN DE89 3704 0044 0532 0130 01: the check digits are WRONG"
    );
    assert_eq!(
        views("bank.balance", r#"{"account":"4711"}"#),
        "/account: not an IBAN"
    );
    assert_eq!(
        views("db.delete", r#"{"estimated_rows":50000}"#),
        "/estimated_rows: 50,000"
    );
}

#[test]
fn paths_are_resolved_and_detours_are_marked() {
    assert_eq!(views("delete_file", r#"{"path":"/a/./b"}"#), "/path: /a/b");
    assert!(
        views("delete_file", r#"{"path":"/a/../b"}"#)
            .starts_with("!/path: /b (it was written with \"..\"")
    );
    assert!(views("delete_file", r#"{"path":"a"}"#).starts_with("!/path: a (relative"));
    assert!(views("delete_file", r#"{"path":"/a/$HOME"}"#).starts_with("!/path: /a/$HOME (holds"));
}

#[test]
fn hosts_are_shown_and_letters_outside_ascii_are_marked() {
    let to = |address: &str| views("send_email", &format!("{{\"to\":[\"{address}\"]}}"));
    assert_eq!(to("a@Shop.example"), "/to/0: host shop.example");
    assert!(to("a@xn--shp-sna.example").starts_with("!/to/0: host xn--shp-sna.example (letters"));
    assert!(to("a@shоp.example").starts_with("!/to/0: host"));
    assert_eq!(to("nobody"), "!/to/0: not of the kind email");
}

#[test]
fn kinds_admit_what_they_say() {
    for (kind, value, admitted) in [
        (Kind::Money, r#""1.00""#, true),
        (Kind::Money, r#""-1.00""#, false),
        (Kind::Money, "1", false),
        (Kind::Currency, r#""EUR""#, true),
        (Kind::Currency, r#""eur""#, false),
        (Kind::Account, r#""1""#, true),
        (Kind::Account, r#""""#, false),
        (Kind::Path, r#""a""#, true),
        (Kind::Path, "1", false),
        (Kind::Url, r#""https://a.example/x""#, true),
        (Kind::Url, r#""a.example""#, false),
        (Kind::Url, r#""https://a b""#, false),
        (Kind::Email, r#""a@b.example""#, true),
        (Kind::Email, r#""a@b@c""#, false),
        (Kind::Email, r#""a@b, c@d""#, false),
        (Kind::Count, "5", true),
        (Kind::Count, "-5", false),
        (Kind::Count, "1.5", false),
        (Kind::Count, r#""5""#, false),
        (Kind::Text, r#""""#, true),
        (Kind::Text, "null", false),
        (Kind::Flag, "false", true),
        (Kind::Flag, r#""false""#, false),
        (Kind::Any, "{}", true),
        (Kind::Text, r#"["a"]"#, true),
        (Kind::Text, r#"[["a"]]"#, false),
    ] {
        assert_eq!(kind.admits(&json(value)), admitted, "{kind} {value}");
    }
}
