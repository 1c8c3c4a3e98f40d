//! A presentation that is not what this client would show is refused, whatever differs.

use countersign_flow::presentation_text;
use countersign_policy::{Facts, evaluate};
use countersign_record::id::{AgentId, CallId, ConfirmationId, ExecutorId};
use countersign_record::json::{self, Limits, Object, canonical_text};

use super::*;

const POLICY: &str = include_str!("../../../../../fixtures/policies/demo.toml");

#[test]
fn what_the_service_shows_is_rebuilt_byte_for_byte() {
    for reason in [None, Some("invoice \u{202e}7"), Some(&*"long ".repeat(100))] {
        let shown = shown("24000.00", reason);
        assert!(presentation_text(&shown).is_some());
        assert_eq!(rebuild(&shown, &policy(), digest()), Ok(()), "{reason:?}");
    }
}

#[test]
fn another_sentence_is_refused() {
    check_refused("EUR 24,000.00 to", "EUR 24.00 to", Difference::Content);
}

#[test]
fn another_parameter_line_is_refused() {
    check_refused(
        r#""value":"\"24000.00\"""#,
        r#""value":"\"24.00\"""#,
        Difference::Content,
    );
}

#[test]
fn another_rule_is_refused() {
    check_refused(r#""need":2"#, r#""need":1"#, Difference::Content);
    check_refused(
        r#"{"rule":"money","title""#,
        r#"{"rule":"deletion","title""#,
        Difference::Content,
    );
}

#[test]
fn a_weaker_warning_is_refused() {
    check_refused(
        r#""irreversible":true"#,
        r#""irreversible":false"#,
        Difference::Content,
    );
}

#[test]
fn another_action_under_the_same_words_is_refused() {
    check_refused(
        r#""amount":"24000.00""#,
        r#""amount":"90000.00""#,
        Difference::Content,
    );
}

#[test]
fn a_call_that_its_policy_asks_nobody_about_is_refused() {
    check_refused(
        r#""tool":"bank.wire""#,
        r#""tool":"format_disk""#,
        Difference::Verdict,
    );
}

#[test]
fn another_executor_than_the_policys_is_refused() {
    check_refused(
        r#""name":"bank""#,
        r#""name":"files""#,
        Difference::Executor,
    );
}

#[test]
fn something_else_is_no_presentation() {
    let nothing = Object::new().into();
    assert_eq!(
        rebuild(&nothing, &policy(), digest()),
        Err(Difference::Form)
    );
}

fn check_refused(right: &str, wrong: &str, expected: Difference) {
    let text = canonical_text(&shown("24000.00", Some("invoice 7")));
    assert!(text.contains(right), "{right} not in {text}");
    let bent = json::read(text.replace(right, wrong).as_bytes(), &Limits::DOCUMENT).unwrap();
    assert_eq!(rebuild(&bent, &policy(), digest()), Err(expected));
}

fn policy() -> Policy {
    Policy::parse(POLICY).unwrap()
}

fn digest() -> PolicyDigest {
    policy().digest()
}

/// What the agent asks for.
fn transfer(audience: ExecutorId, amount: &str, reason: Option<&str>) -> CallDocument {
    let beneficiary = Object::new()
        .with("name", "Example Ltd")
        .with("account", "DE89370400440532013000");
    let arguments = Object::new()
        .with("amount", amount)
        .with("currency", "EUR")
        .with("beneficiary", beneficiary)
        .with("note", "not in the catalogue");
    CallDocument {
        tool: "bank.wire".into(),
        arguments: arguments.into(),
        audience,
        action_salt: [9; 32],
        tool_call_id: "one".into(),
        session: Some("demo".into()),
        reason: reason.map(Into::into),
        plan: None,
        trace_id: None,
        replaces: None,
    }
}

/// As a service shows a transfer.
fn shown(amount: &str, reason: Option<&str>) -> Value {
    let (agent, audience) = (AgentId::new([1; 16]), ExecutorId::new([2; 16]));
    let principal = PersonId::new([3; 16]);
    let mut roster = Roster::default();
    roster.people.insert(
        principal,
        Person {
            name: Some("Dora".into()),
            ..Person::default()
        },
    );
    enter(
        &mut roster,
        Party::Agent(agent),
        Some(principal),
        "bookkeeper".into(),
    );
    let name = "bank".parse().unwrap();
    roster.executors.insert(
        audience,
        Executor {
            name,
            token: NO_TOKEN,
            revoked: false,
        },
    );
    let document = transfer(audience, amount, reason);
    let policy = policy();
    let question = Question {
        tool: &document.tool,
        arguments: &document.arguments,
        reason: document.reason.as_deref(),
    };
    let Verdict::Confirm(requirement) = evaluate(&policy, &question, &Facts::default()).verdict
    else {
        panic!("the policy asks people")
    };
    let presentation = Presentation {
        roster: &roster,
        policy: &policy,
        policy_digest: digest(),
        call: CallId::new([4; 16]),
        confirmation: ConfirmationId::new([5; 16]),
        document: &document,
        requester: Requester {
            asker: Party::Agent(agent),
            principal: Some(principal),
        },
        rules: &requirement.rules,
        demand: &demand(&requirement),
        decide_before: 1_800_000_000_000,
    };
    presentation.value().unwrap()
}
