//! Changes of the control after arming: calls like any other, run by the service itself.

use base64ct::{Base64, Encoding};
use countersign_flow::{CallDocument, Command, Submit};
use countersign_record::action::fingerprint;
use countersign_record::entry::{
    CredentialEnrolled, Draft, Fact, Fingerprint, OutcomeStatus, Party, Refs,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, GrantId, KeyId, PersonId, PolicyId,
};
use countersign_record::json::Object;
use countersign_record::object;
use countersign_record::term::Decision;
use countersign_verify::{BodyState, trace};
use ed25519_dalek::SigningKey;

use crate::book::{Bodies, Book, POLICY, only_fault};

fn ask(book: &mut Book, tool: &str, arguments: Object) -> CallId {
    let service = book.state.ledger.as_ref().unwrap().service;
    let document = CallDocument {
        tool: tool.into(),
        arguments: arguments.into(),
        audience: service,
        action_salt: [6; 32],
        tool_call_id: tool.into(),
        session: None,
        reason: None,
        plan: None,
        trace_id: None,
        replaces: None,
    };
    let digest = fingerprint(&document.action(), &[7; 32]);
    let call = CallId::new(book.draw());
    let submit = Submit {
        by: Party::Credential(book.responder),
        session: None,
        new_session: None,
        call,
        replaces: None,
        executor: service,
        action: document.digest(),
        fp: Fingerprint { epoch: 0, digest },
        older: Vec::new(),
        document: Some(document),
        claimed: None,
        grant: GrantId::new(book.draw()),
        confirmation: ConfirmationId::new(book.draw()),
        instance: book.draw(),
    };
    book.run(&Command::Submit(Box::new(submit))).unwrap();
    call
}

fn add_person(book: &mut Book) -> CallId {
    let arguments = object! {
        "handle": "dana",
        "name": "Dana Roe",
        "email": "dana@example.com",
        "groups": vec!["treasury"],
    };
    ask(book, "countersign.person.add", arguments)
}

/// An id for whatever a change makes anew.
fn drawn(book: &mut Book) -> Refs {
    Refs {
        agent: Some(AgentId::new(book.draw())),
        credential: Some(CredentialId::new(book.draw())),
        executor: Some(ExecutorId::new(book.draw())),
        key: Some(KeyId::new(book.draw())),
        person: Some(PersonId::new(book.draw())),
        policy: Some(PolicyId::new(book.draw())),
        ..Refs::default()
    }
}

/// Alice approves; what Omar's approval then makes.
fn decided(book: &mut Book, call: CallId) -> (Vec<Draft>, Bodies) {
    let (alice, omar) = (book.alice.clone(), book.omar.clone());
    book.vote(call, &alice, Decision::Approve);
    let Command::Decide(mut decide) = book.ballot(call, &omar, Decision::Approve) else {
        unreachable!()
    };
    decide.enacted = Some(drawn(book));
    book.admit(&Command::Decide(decide)).unwrap()
}

#[test]
fn an_approved_change_is_rebuilt_whether_disclosed_or_withheld() {
    let mut book = Book::new();
    let call = add_person(&mut book);
    let (drafts, bodies) = decided(&mut book, call);
    assert_eq!(
        drafts.len(),
        6,
        "vote, approved, redeemed, enrolled, group, outcome"
    );
    book.append(drafts, &bodies);
    let mut given = book.shelf();
    let report = book.verdict_on(&given);
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    given.every_body(&BodyState::Withheld);
    let report = book.verdict_on(&given);
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    let of_call = trace(&book.shelf(), &call.to_string()).unwrap();
    let line = of_call.to_text();
    assert!(line.starts_with("APPROVED BY Alice Martin"), "{line}");
    // What it made names nobody who is followed; it is found by the new person's name.
    assert!(of_call.others.is_empty(), "{line}");
    let of_dana = trace(&book.shelf(), "dana").unwrap();
    assert_eq!(of_dana.others.len(), 2, "{}", of_dana.to_text());
}

#[test]
fn another_change_than_the_one_that_was_approved_is_found() {
    let mut book = Book::new();
    let call = add_person(&mut book);
    let (mut drafts, bodies) = decided(&mut book, call);
    let Fact::GroupChanged(changed) = &mut drafts[4].fact else {
        unreachable!()
    };
    changed.group = "owners".parse().unwrap();
    let seq = book.append(drafts, &bodies) + 4;
    let report = book.examine();
    assert_eq!(only_fault(&report), ("entry-differs", Some(seq)));
    let sentence = &report.findings[0].sentence;
    assert!(
        sentence.ends_with("appends another group.changed"),
        "{sentence}"
    );
}

#[test]
fn a_change_more_than_was_approved_is_found() {
    let mut book = Book::new();
    let call = add_person(&mut book);
    let (mut drafts, bodies) = decided(&mut book, call);
    let more = CredentialEnrolled {
        role: countersign_record::term::Role::Operator,
        token: countersign_record::digest::TokenDigest([9; 32]),
        bootstrap: false,
    };
    let refs = Refs {
        credential: Some(CredentialId::new(book.draw())),
        ..Refs::default()
    };
    let extra = Draft {
        refs,
        fact: more.into(),
        ..drafts[4].clone()
    };
    drafts.insert(5, extra);
    let seq = book.append(drafts, &bodies) + 5;
    let report = book.examine();
    assert_eq!(only_fault(&report), ("entry-differs", Some(seq)));
    let sentence = &report.findings[0].sentence;
    let expected = "appends outcome.recorded here, not credential.enrolled";
    assert!(sentence.ends_with(expected), "{sentence}");
}

/// The change was approved and possible; the log says that it failed.
#[track_caller]
fn assert_suppression_found(book: &mut Book, call: CallId) {
    let (mut drafts, mut bodies) = decided(book, call);
    let mut outcome = drafts.pop().unwrap();
    let Fact::OutcomeRecorded(recorded) = &mut outcome.fact else {
        unreachable!()
    };
    assert_eq!(recorded.status, OutcomeStatus::Succeeded);
    recorded.status = OutcomeStatus::Failed;
    drafts.truncate(3);
    drafts.push(outcome);
    bodies.clear();
    let seq = book.append(drafts, &bodies) + 3;
    assert_eq!(only_fault(&book.examine()), ("entry-differs", Some(seq)));
}

#[test]
fn an_approved_change_that_was_suppressed_is_found() {
    let mut book = Book::new();
    let call = add_person(&mut book);
    assert_suppression_found(&mut book, call);
}

type Arguments<'a> = &'a dyn Fn(&mut Book) -> Object;

/// Which id was drawn for it, a suppressed change does not say.
#[test]
fn a_suppressed_change_is_found_whatever_it_makes_anew() {
    let token = "71".repeat(32);
    let of_pat = |book: &Book| book.pat.person.to_string();
    let asked: [(&str, Arguments<'_>); 5] = [
        ("countersign.agent.add", &|book| {
            object! {
                "name": "second",
                "principal": of_pat(book),
                "enforcement": "gateway",
                "token_digest": token.as_str(),
            }
        }),
        (
            "countersign.executor.add",
            &|_| object! { "name": "platform", "token_digest": token.as_str() },
        ),
        (
            "countersign.credential.add",
            &|_| object! { "name": "ops", "role": "auditor", "token_digest": token.as_str() },
        ),
        ("countersign.policy.adopt", &|_| {
            object! { "toml": POLICY.replace("version       = 1", "version       = 2") }
        }),
        ("countersign.key.enroll", &|book| first_key_of_dana(book)),
    ];
    for (tool, arguments) in asked {
        let mut book = Book::new();
        let arguments = arguments(&mut book);
        let call = ask(&mut book, tool, arguments);
        assert_suppression_found(&mut book, call);
    }
}

/// Dana joins, and has no key yet.
fn first_key_of_dana(book: &mut Book) -> Object {
    let call = add_person(book);
    let (drafts, bodies) = decided(book, call);
    let dana = drafts[3].refs.person.unwrap();
    book.append(drafts, &bodies);
    let Fact::KeyEnrolled(enrolled) = book.enrolment(dana, &SigningKey::from_bytes(&[0x66; 32]))
    else {
        unreachable!()
    };
    object! {
        "statement": Base64::encode_string(&enrolled.statement.0),
        "signature": Base64::encode_string(&enrolled.signature.0),
    }
}
