//! Changes of the control after arming: calls like any other, run by the service itself.

use countersign_flow::{CallDocument, Command, Submit};
use countersign_record::action::fingerprint;
use countersign_record::entry::{
    CredentialEnrolled, Draft, Fact, Fingerprint, OutcomeStatus, Party, Refs,
};
use countersign_record::id::{CallId, ConfirmationId, CredentialId, GrantId, PersonId};
use countersign_record::object;
use countersign_record::term::Decision;
use countersign_verify::{BodyState, trace};

use crate::book::{Bodies, Book, only_fault};

fn ask(book: &mut Book, tool: &str, arguments: countersign_record::json::Object) -> CallId {
    let service = book.state.ledger.as_ref().unwrap().service;
    let document = CallDocument {
        tool: tool.into(),
        arguments: arguments.into(),
        audience: service,
        action_salt: [6; 32],
        tool_call_id: "change".into(),
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

/// Alice approves; what Omar's approval then makes.
fn decided(book: &mut Book, call: CallId) -> (Vec<Draft>, Bodies) {
    let (alice, omar) = (book.alice.clone(), book.omar.clone());
    book.vote(call, &alice, Decision::Approve);
    let Command::Decide(mut decide) = book.ballot(call, &omar, Decision::Approve) else {
        unreachable!()
    };
    decide.enacted = Some(Refs {
        person: Some(PersonId::new(book.draw())),
        ..Refs::default()
    });
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
    for stored in &mut given.records {
        stored
            .bodies
            .values_mut()
            .for_each(|body| *body = BodyState::Withheld);
    }
    let report = book.verdict_on(&given);
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    let line = trace(&book.shelf(), &call.to_string()).unwrap().to_text();
    assert!(line.starts_with("APPROVED BY Alice Martin"), "{line}");
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
    assert_eq!(only_fault(&book.examine()), ("entry-differs", Some(seq)));
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
    assert_eq!(only_fault(&book.examine()), ("entry-differs", Some(seq)));
}

#[test]
fn an_approved_change_that_was_suppressed_is_found() {
    let mut book = Book::new();
    let call = add_person(&mut book);
    let (mut drafts, mut bodies) = decided(&mut book, call);
    drafts.drain(3..5);
    bodies.clear();
    let Fact::OutcomeRecorded(outcome) = &mut drafts[3].fact else {
        unreachable!()
    };
    outcome.status = OutcomeStatus::Failed;
    let seq = book.append(drafts, &bodies) + 3;
    assert_eq!(only_fault(&book.examine()), ("entry-differs", Some(seq)));
}
