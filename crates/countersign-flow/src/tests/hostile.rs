//! Every text of the table (`fixtures/hostile/text.txt`) in every place where others put text into what
//! a person sees: it steers nothing, makes no line of its own, and can be read back.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use countersign_hostile::{steers, texts};
use countersign_policy::{Facts, Policy, Question, Verdict, evaluate};
use countersign_record::digest::{PolicyDigest, TokenDigest};
use countersign_record::entry::Party;
use countersign_record::id::{AgentId, CallId, ConfirmationId, ExecutorId, PersonId};
use countersign_record::json::{Object, Value, canonical};
use countersign_record::term::Enforcement;

use crate::{
    Agent, CallDocument, Person, Presentation, Requester, Roster, escape, presentation_text,
    requirement, unescape,
};

/// A TOML string of this text, every character by its number.
fn toml(text: &str) -> String {
    let digits = text.chars().map(|c| format!("\\U{:08x}", u32::from(c)));
    format!("\"{}\"", digits.collect::<Vec<_>>().concat())
}

/// Where a policy has free words: owner, verb, what a group is for, a rule's title.
fn policy(words: &str) -> Policy {
    let words = toml(&words.chars().take(2000).collect::<String>());
    let text = format!(
        "[policy]\nid = \"p\"\nversion = 1\nowner = {words}\ndefault = \"allow\"\n\
         unknown_tool = \"deny\"\non_error = \"confirm\"\nfallback_rule = \"rest\"\n\
         [tools.act]\nclass = \"change\"\nverb = {words}\ntarget = \"args.path\"\n\
         args = {{ path = \"text\" }}\nexecutor = \"bank\"\n\
         [groups]\nops = {words}\nowners = \"answer for the control\"\n\
         [[rule]]\nid = \"rest\"\ntitle = {words}\ntool = \"act\"\n\
         confirm = {{ from = [\"ops\"], key_class = \"software\", expires = \"1h\" }}\n"
    );
    Policy::parse(&text).unwrap()
}

fn roster(words: &str) -> Roster {
    let mut roster = Roster::default();
    let named = Person {
        name: Some(words.into()),
        ..Person::default()
    };
    roster.people.insert(PersonId::new([1; 16]), named);
    let agent = Agent {
        principal: PersonId::new([1; 16]),
        token: TokenDigest([0; 32]),
        enforcement: Enforcement::Gateway,
        name: Some(words.into()),
        revoked: false,
    };
    roster.agents.insert(AgentId::new([2; 16]), agent);
    roster
}

/// `words` stand in arguments, their names and depths; in reason, session, names and the policy.
fn presented(words: &str) -> Option<Value> {
    let (policy, roster) = (policy(words), roster(words));
    let inner = Object::new().with(words, Value::from(Vec::from([words])));
    let arguments = Object::new()
        .with("path", words)
        .with(format!("x{words}"), inner);
    let reason: String = words.chars().take(200).collect();
    let document = CallDocument {
        tool: "act".into(),
        arguments: Value::Object(arguments),
        audience: ExecutorId::new([3; 16]),
        action_salt: [0; 32],
        tool_call_id: words.into(),
        session: Some(words.into()),
        reason: Some(reason),
        plan: Some(words.into()),
        trace_id: Some(words.into()),
        replaces: None,
    };
    let question = Question {
        tool: "act",
        arguments: &document.arguments,
        reason: None,
    };
    let assessment = evaluate(&policy, &question, &Facts::default());
    let Verdict::Confirm(needed) = assessment.verdict else {
        panic!("{:?}", assessment.verdict)
    };
    let presentation = Presentation {
        roster: &roster,
        policy: &policy,
        policy_digest: PolicyDigest([4; 32]),
        call: CallId::new([5; 16]),
        confirmation: ConfirmationId::new([6; 16]),
        document: &document,
        requester: Requester {
            asker: Party::Agent(AgentId::new([2; 16])),
            principal: Some(PersonId::new([1; 16])),
        },
        rules: &assessment.rules,
        demand: &requirement::demand(&needed),
        decide_before: 1_700_000_000_000,
    };
    presentation.value()
}

/// The document without the action, which stands in it as it is.
fn shown(document: &Value) -> Value {
    let members = document.as_object().unwrap().iter();
    let shown = members.filter(|(name, _)| *name != "action");
    Value::Object(shown.fold(Object::new(), |object, (name, value)| {
        object.with(name, value.clone())
    }))
}

#[test]
fn no_text_steers_a_screen_or_makes_a_line_of_its_own() {
    // A mark is a line of ours, and some texts have one.
    let ours = |line: &&str| !line.starts_with("  NOT IN THE PARAMETERS: ");
    let lines = |text: &str| text.lines().filter(ours).count();
    let plain = lines(&presentation_text(&presented("plain").unwrap()).unwrap());
    for hostile in texts().into_iter().filter(|it| !it.refused) {
        let document = presented(&hostile.text).unwrap();
        let text = presentation_text(&document).unwrap();
        assert_eq!(steers(text.as_bytes()), None, "{}", hostile.name);
        assert_eq!(
            steers(&canonical(&shown(&document))),
            None,
            "{}",
            hostile.name
        );
        assert_eq!(lines(&text), plain, "{}\n{text}", hostile.name);
    }
}

#[test]
fn every_text_can_be_read_back_from_what_is_shown() {
    let mut seen = BTreeSet::new();
    for hostile in texts() {
        assert_eq!(
            unescape(&escape(&hostile.text)).as_deref(),
            Some(&*hostile.text)
        );
        let Some(document) = presented(&hostile.text) else {
            assert!(hostile.refused, "{} cannot be shown", hostile.name);
            continue;
        };
        assert!(!hostile.refused, "{}", hostile.name);
        let value = document
            .at("/parameters/0/value")
            .and_then(Value::as_str)
            .unwrap();
        let inner = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        let read = unescape(&inner.unwrap().replace("\\u{22}", "\""));
        assert_eq!(read.as_ref(), Some(&hostile.text), "{}", hostile.name);
        assert!(
            seen.insert(presentation_text(&document)),
            "{}",
            hostile.name
        );
    }
    assert!(seen.len() > 70, "the table was not read");
}
