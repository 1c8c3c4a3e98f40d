//! A presentation that is not what this client would show is refused, whatever differs.

use countersign_flow::presentation_text;
use countersign_policy::{Facts, evaluate};
use countersign_record::id::{AgentId, CallId, ConfirmationId, ExecutorId};
use countersign_record::json::{self, Limits, Object, canonical_text};

use super::*;

const POLICY: &str = include_str!("../../../../../fixtures/policies/demo.toml");
const MINUTE_MS: u64 = 60_000;
/// When it is asked: Friday, 2027-01-15, 07:50 UTC.
const ASKED: u64 = 1_799_999_400_000;
const NOW: u64 = ASKED + MINUTE_MS;

#[test]
fn what_the_service_shows_is_rebuilt_byte_for_byte() {
    for reason in [None, Some("invoice \u{202e}7"), Some(&*"long ".repeat(100))] {
        let shown = shown("24000.00", reason);
        assert!(presentation_text(&shown).is_some());
        assert_eq!(
            rebuild(&shown, &policy(), digest(), NOW),
            Ok(None),
            "{reason:?}"
        );
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
        rebuild(&nothing, &policy(), digest(), NOW),
        Err(Difference::Form)
    );
}

#[test]
fn the_rules_of_the_hours_are_those_of_the_time_at_which_it_was_asked() {
    for at in [ASKED, ASKED + 20 * MINUTE_MS] {
        let shown = asked(&hours(), at, at);
        let checked = rebuild(&shown, &hours(), hours().digest(), at + MINUTE_MS);
        assert_eq!(checked, Ok(None));
    }
    let (night, day) = (ASKED, ASKED + 20 * MINUTE_MS);
    for (at, told) in [(night, day), (day, night)] {
        let shown = asked(&hours(), at, told);
        let checked = rebuild(&shown, &hours(), hours().digest(), at + MINUTE_MS);
        assert_eq!(checked, Err(Difference::Hours));
    }
}

#[test]
fn a_time_that_this_machines_clock_does_not_bear_out_is_said() {
    // 18:05 here; the service says that it was asked at 17:58.
    let at = ASKED + (10 * 60 + 8) * MINUTE_MS;
    let shown = asked(&hours(), at, at);
    let check = |now| rebuild(&shown, &hours(), hours().digest(), now).unwrap();
    let night = ClockDoubt::Hours {
        rules: "night".into(),
        minutes: 7,
    };
    assert_eq!(check(at + 7 * MINUTE_MS), Some(night));
    assert_eq!(check(at + MINUTE_MS), None);
    assert_eq!(check(at + 10 * MINUTE_MS), None, "nothing can be signed");
    assert_eq!(check(at - 5 * MINUTE_MS), None, "clocks differ");
    assert_eq!(
        check(at - 6 * MINUTE_MS),
        Some(ClockDoubt::Ahead { minutes: 6 })
    );
}

fn check_refused(right: &str, wrong: &str, expected: Difference) {
    let text = canonical_text(&shown("24000.00", Some("invoice 7")));
    assert!(text.contains(right), "{right} not in {text}");
    let bent = json::read(text.replace(right, wrong).as_bytes(), &Limits::DOCUMENT).unwrap();
    assert_eq!(rebuild(&bent, &policy(), digest(), NOW), Err(expected));
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
    let audience = ExecutorId::new([2; 16]);
    presented(&policy(), &transfer(audience, amount, reason), ASKED, ASKED)
}

/// A policy that wants more at night.
fn hours() -> Policy {
    let head = POLICY.replacen(
        "version       = 1",
        "version = 1\nutc_offset = \"+00:00\"",
        1,
    );
    let night = "[[rule]]\nid = \"night\"\ntitle = \"At night Ops agree too\"\ntool = \"bank.wire\"\n\
        when = [{ field = \"time\", outside_hours = \"mon-fri 08:00-18:00\" }]\n\
        confirm = { from = [\"ops\"], key_class = \"software\", expires = \"10m\", execute_within = \"5m\" }\n";
    let (rules, examples) = head.split_once("[[test]]").unwrap();
    Policy::parse(&format!("{rules}{night}\n[[test]]{examples}")).unwrap()
}

/// A transfer that is asked at one time, and shown under the rules of another.
fn asked(policy: &Policy, at: u64, told: u64) -> Value {
    let document = transfer(ExecutorId::new([2; 16]), "24000.00", None);
    presented(policy, &document, at, told)
}

fn presented(policy: &Policy, document: &CallDocument, at: u64, told: u64) -> Value {
    let (agent, audience) = (AgentId::new([1; 16]), document.audience);
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
    let question = Question {
        tool: &document.tool,
        arguments: &document.arguments,
        reason: document.reason.as_deref(),
    };
    let facts = Facts {
        at: Some(told),
        ..Facts::default()
    };
    let Verdict::Confirm(requirement) = evaluate(policy, &question, &facts).verdict else {
        panic!("the policy asks people")
    };
    let demand = demand(&requirement);
    let presentation = Presentation {
        roster: &roster,
        policy,
        policy_digest: policy.digest(),
        call: CallId::new([4; 16]),
        confirmation: ConfirmationId::new([5; 16]),
        document,
        requester: Requester {
            asker: Party::Agent(agent),
            principal: Some(principal),
        },
        rules: &requirement.rules,
        demand: &demand,
        decide_before: at + demand.decide_within,
    };
    presentation.value().unwrap()
}
