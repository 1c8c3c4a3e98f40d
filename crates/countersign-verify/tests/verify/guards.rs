//! A dishonest server: for each guard a ledger in which only that guard was passed over. Chain, tree
//! and signatures of the log are sound in all of them; the replay must name the first bad entry.

use std::collections::BTreeMap;

use countersign_flow::{Bootstrap, Command, Granted, Record, Refusal, RevokeKey, Stage};
use countersign_policy::Policy;
use countersign_record::digest::ActionDigest;
use countersign_record::entry::{
    Bodies, ConfirmationApproved, Draft, Entry, ExecutorEnrolled, Fact, OutcomeStatus, Party, Refs,
    RevocationCause,
};
use countersign_record::id::{ExecutorId, GrantId};
use countersign_record::term::{Decision, KeyClass};
use countersign_verify::{CheckId, Report, Severity, Status};

use crate::book::{Book, POLICY, only_fault};

fn status(report: &Report, id: CheckId) -> Status {
    report
        .checks
        .iter()
        .find(|check| check.id == id)
        .unwrap()
        .status
}

#[track_caller]
fn assert_illegal(book: &Book, id: &str, seq: u64, failed: CheckId) {
    let report = book.examine();
    assert_eq!(only_fault(&report), (id, Some(seq)), "{}", report.to_text());
    assert_eq!(
        status(&report, failed),
        Status::Fail,
        "{}",
        report.to_text()
    );
    assert_eq!(status(&report, CheckId::Flow), Status::Fail);
    assert_eq!(status(&report, CheckId::Tree), Status::Pass);
    assert_eq!(report.exit_code(), 1);
}

/// What the only finding says.
fn sentence(book: &Book) -> String {
    let report = book.examine();
    only_fault(&report);
    report.findings[0].sentence.clone()
}

#[test]
fn an_approval_without_a_quorum_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let alice = book.alice.clone();
    let vote = book.ballot(call, &alice, Decision::Approve);
    let (mut drafts, bodies) = book.admit(&vote).unwrap();
    let refs = Refs {
        person: None,
        key: None,
        served: None,
        grant: Some(GrantId::new(book.draw())),
        ..drafts[0].refs.clone()
    };
    let by = book.state.ledger.as_ref().unwrap().service;
    drafts.push(Draft {
        by: Party::Executor(by),
        refs,
        sources: Vec::new(),
        fact: ConfirmationApproved {
            execute_before: book.now + 600_000,
            filled: Vec::new(),
        }
        .into(),
        bodies: Bodies::default(),
    });
    let seq = book.append(drafts, &bodies) + 1;
    assert_illegal(&book, "quorum-not-met", seq, CheckId::Quorum);
    // The vote that stands before it was examined, and holds.
    let report = book.examine();
    assert_eq!(status(&report, CheckId::Signatures), Status::Pass);
    assert_eq!(status(&report, CheckId::Keys), Status::Pass);
}

#[test]
fn a_requester_who_approves_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let pat = book.pat.clone();
    let vote = book.ballot(call, &pat, Decision::Approve);
    let (drafts, bodies) = book.admit_in(
        |state| match &mut state.calls.get_mut(&call).unwrap().stage {
            Stage::Pending(pending) => pending.demand.self_confirm = true,
            _ => unreachable!(),
        },
        &vote,
    );
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "requester-cannot-approve", seq, CheckId::Flow);
    let who = format!("{} is one of the requesters", pat.person);
    assert!(sentence(&book).ends_with(&who), "{}", sentence(&book));
}

#[test]
fn a_vote_after_the_deadline_is_found() {
    let mut book = Book::new();
    book.approved("DE0");
    let call = book.submit("bank.wire", "DE1");
    let alice = book.alice.clone();
    let vote = book.ballot(call, &alice, Decision::Approve);
    let (drafts, bodies) = book.admit(&vote).unwrap();
    let deadline = book.state.calls[&call].question().unwrap().decide_before;
    book.wait(31);
    let seq = book.append(drafts, &bodies);
    let report = book.examine();
    assert_eq!(only_fault(&report), ("expired", Some(seq)));
    let when = format!("(at {deadline})");
    assert!(sentence(&book).ends_with(&when), "{}", sentence(&book));
    // Those of the votes before it hold; whether its own does, nobody came to ask.
    assert_eq!(status(&report, CheckId::Signatures), Status::Warn);
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn a_vote_by_a_revoked_key_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let alice = book.alice.clone();
    let vote = book.ballot(call, &alice, Decision::Approve);
    let (drafts, bodies) = book.admit(&vote).unwrap();
    let by = Party::Credential(book.responder);
    let cause = RevocationCause::Lost;
    book.run(&Command::RevokeKey(RevokeKey {
        by,
        key: alice.key,
        cause,
    }))
    .unwrap();
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "key-revoked", seq, CheckId::Keys);
}

#[test]
fn a_vote_by_a_key_of_too_low_a_class_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.close", "DE1");
    let alice = book.alice.clone();
    let vote = book.ballot(call, &alice, Decision::Approve);
    let (drafts, bodies) = book.admit_in(
        |state| match &mut state.calls.get_mut(&call).unwrap().stage {
            Stage::Pending(pending) => pending.demand.class = KeyClass::Software,
            _ => unreachable!(),
        },
        &vote,
    );
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "key-class", seq, CheckId::Keys);
}

#[test]
fn a_vote_with_another_keys_signature_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let (alice, omar) = (book.alice.clone(), book.omar.clone());
    let vote = book.ballot(call, &alice, Decision::Approve);
    let Command::Decide(other) = book.ballot(call, &omar, Decision::Approve) else {
        unreachable!()
    };
    let (mut drafts, bodies) = book.admit(&vote).unwrap();
    let Fact::VoteApprove(fact) = &mut drafts[0].fact else {
        unreachable!()
    };
    fact.signature = other.signature;
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "signature-invalid", seq, CheckId::Signatures);
}

#[test]
fn a_check_fails_whatever_number_the_entry_gives_itself() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let alice = book.alice.clone();
    let Command::Decide(mut vote) = book.ballot(call, &alice, Decision::Approve) else {
        unreachable!()
    };
    let (mut drafts, bodies) = book.admit(&Command::Decide(vote.clone())).unwrap();
    vote.signature.0.reverse();
    let Fact::VoteApprove(fact) = &mut drafts[0].fact else {
        unreachable!()
    };
    fact.signature = vote.signature;
    book.append(drafts, &bodies);
    let last = book.records.last_mut().unwrap();
    let mut entry = Entry::decode(&last.entry).unwrap();
    entry.seq = 0;
    last.entry = entry.encode();
    let report = book.examine();
    assert_eq!(status(&report, CheckId::Order), Status::Fail);
    assert_eq!(status(&report, CheckId::Signatures), Status::Fail);
}

#[test]
fn the_servers_keys_make_no_approval() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let alice = book.alice.clone();
    let Command::Decide(honest) = book.ballot(call, &alice, Decision::Approve) else {
        unreachable!()
    };
    let impostor = alice.impostor();
    let Command::Decide(forged) =
        book.sign(call, &impostor, Decision::Approve, honest.served, None)
    else {
        unreachable!()
    };
    assert_eq!(forged.statement, honest.statement, "word for word");
    let refused = book.admit(&Command::Decide(forged.clone())).unwrap_err();
    assert_eq!(refused, Refusal::SignatureInvalid);
    // The server writes it all the same, and signs the head over it.
    let (mut drafts, bodies) = book.admit(&Command::Decide(honest)).unwrap();
    let Fact::VoteApprove(fact) = &mut drafts[0].fact else {
        unreachable!()
    };
    fact.signature = forged.signature;
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "signature-invalid", seq, CheckId::Signatures);
}

#[test]
fn the_servers_keys_revoke_nothing() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let honest = book.revocation(call, &book.alice);
    let forged = book.revocation(call, &book.alice.impostor());
    assert_eq!(forged.statement, honest.statement, "word for word");
    let (mut drafts, bodies) = book.admit(&Command::Revoke(honest)).unwrap();
    let Fact::ConfirmationRevoked(fact) = &mut drafts[0].fact else {
        unreachable!()
    };
    fact.signature = Some(forged.signature);
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "signature-invalid", seq, CheckId::Signatures);
}

#[test]
fn a_second_redemption_is_found() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let command = book.redemption(call);
    let (drafts, bodies) = book.admit(&command).unwrap();
    book.append(drafts.clone(), &bodies);
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "redeemed-twice", seq, CheckId::Once);
}

#[test]
fn a_redemption_after_the_outcome_is_found() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let command = book.redemption(call);
    let (drafts, bodies) = book.admit(&command).unwrap();
    book.append(drafts.clone(), &bodies);
    book.ran(call, OutcomeStatus::Succeeded);
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "redeemed-unapproved", seq, CheckId::Executed);
}

#[test]
fn a_redemption_without_approval_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let grant = GrantId::new(book.draw());
    let granted = Granted {
        grant,
        execute_before: book.now + 600_000,
        decided: 0,
    };
    let action = book.state.calls[&call].action;
    let command = Command::Redeem(countersign_flow::Redeem {
        grant,
        executor: book.bank,
        nonce: [8; 32],
        action,
    });
    let (drafts, bodies) = book.admit_in(
        |state| {
            state.calls.get_mut(&call).unwrap().stage = Stage::Allowed(granted);
            state.grants.insert(grant, call);
        },
        &command,
    );
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "redeemed-unapproved", seq, CheckId::Executed);
    assert!(sentence(&book).ends_with("redeemed while nobody had approved it"));
}

#[test]
fn a_redemption_of_another_action_is_found() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let Command::Redeem(mut redeem) = book.redemption(call) else {
        unreachable!()
    };
    redeem.action = ActionDigest([1; 32]);
    let action = redeem.action;
    let (drafts, bodies) = book.admit_in(
        |state| state.calls.get_mut(&call).unwrap().action = action,
        &Command::Redeem(redeem),
    );
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "redeemed-other-action", seq, CheckId::Executed);
}

#[test]
fn a_call_that_was_allowed_although_people_had_to_be_asked_is_found() {
    let mut book = Book::new();
    let submit = book.submission("bank.wire", "DE1");
    let lenient = POLICY.replace("class   = \"money\"", "class   = \"reading\"");
    let (drafts, bodies) = book.admit_in(
        |state| {
            state.policy.as_mut().unwrap().policy = Some(Policy::parse(&lenient).unwrap());
        },
        &Command::Submit(Box::new(submit)),
    );
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "policy-verdict", seq, CheckId::Policy);
}

#[test]
fn a_question_that_asks_for_less_than_the_policy_is_found() {
    let mut book = Book::new();
    let submit = book.submission("bank.wire", "DE1");
    let lenient = POLICY.replace(
        "approvals = 2, from = [\"treasury\"]",
        "approvals = 1, from = [\"treasury\"]",
    );
    let (drafts, bodies) = book.admit_in(
        |state| {
            state.policy.as_mut().unwrap().policy = Some(Policy::parse(&lenient).unwrap());
        },
        &Command::Submit(Box::new(submit)),
    );
    let seq = book.append(drafts, &bodies) + 1;
    let report = book.examine();
    assert_eq!(only_fault(&report), ("policy-demand", Some(seq)));
}

#[test]
fn a_presentation_that_shows_something_else_is_found() {
    let mut book = Book::new();
    let submit = book.submission("bank.wire", "DE1");
    let softer = POLICY.replace(
        "Send {args.amount} to {args.account}",
        "Read {args.account}",
    );
    let (drafts, bodies) = book.admit_in(
        |state| {
            state.policy.as_mut().unwrap().policy = Some(Policy::parse(&softer).unwrap());
        },
        &Command::Submit(Box::new(submit)),
    );
    let seq = book.append(drafts, &bodies) + 1;
    assert_illegal(&book, "presentation", seq, CheckId::Presentation);
}

#[test]
fn a_change_of_the_control_that_nobody_approved_is_found() {
    let mut book = Book::new();
    let refs = Refs {
        executor: Some(ExecutorId::new(book.draw())),
        ..Refs::default()
    };
    let enrolled = ExecutorEnrolled {
        name: "other".parse().unwrap(),
        token: countersign_record::digest::TokenDigest([1; 32]),
        bootstrap: true,
    };
    let change = Bootstrap {
        refs,
        fact: enrolled.into(),
        bodies: Vec::new(),
    };
    let (drafts, bodies) = book.admit_in(|state| state.armed = false, &Command::Bootstrap(change));
    let seq = book.append(drafts, &bodies);
    assert_illegal(&book, "control-unapproved", seq, CheckId::Flow);
}

#[test]
fn an_approval_that_stands_alone_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let service = book.state.ledger.as_ref().unwrap().service;
    let refs = Refs {
        call: Some(call),
        confirmation: book.state.calls[&call].question().map(|it| it.confirmation),
        grant: Some(GrantId::new(book.draw())),
        ..Refs::default()
    };
    let fact = ConfirmationApproved {
        execute_before: book.now + 600_000,
        filled: Vec::new(),
    };
    let draft = Draft {
        by: Party::Executor(service),
        refs,
        sources: Vec::new(),
        fact: fact.into(),
        bodies: Bodies::default(),
    };
    let seq = book.append(vec![draft], &BTreeMap::new());
    assert_illegal(&book, "no-command", seq, CheckId::Quorum);
}

#[test]
fn an_approval_that_names_more_than_it_should_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let (alice, omar) = (book.alice.clone(), book.omar.clone());
    book.vote(call, &alice, Decision::Approve);
    let vote = book.ballot(call, &omar, Decision::Approve);
    let (mut drafts, bodies) = book.admit(&vote).unwrap();
    drafts[1].refs.key = Some(omar.key);
    let seq = book.append(drafts, &bodies) + 1;
    assert_eq!(only_fault(&book.examine()), ("entry-differs", Some(seq)));
}

#[test]
fn a_denial_that_was_left_out_is_found() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let omar = book.omar.clone();
    let vote = book.ballot(call, &omar, Decision::Deny);
    let (mut drafts, bodies) = book.admit(&vote).unwrap();
    drafts.truncate(1);
    let seq = book.append(drafts, &bodies);
    assert_eq!(only_fault(&book.examine()), ("entry-missing", Some(seq)));
}

#[test]
fn an_execution_without_redemption_is_a_high_finding() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let seq = book.ran(call, OutcomeStatus::Succeeded);
    let report = book.examine();
    let finding = &report.findings[0];
    assert_eq!(
        (finding.id, finding.severity),
        ("executed-without-redemption", Severity::High)
    );
    assert_eq!((finding.seq, finding.call), (Some(seq), Some(call)));
    assert_eq!(report.exit_code(), 4, "{}", report.to_text());
}

#[test]
fn a_refused_attempt_is_a_medium_finding() {
    let mut book = Book::story();
    let by = Party::Executor(book.bank);
    let code = "wrong-executor".into();
    let refused = Record::Refused {
        by,
        code,
        call: None,
        count: 3,
    };
    let seq = book.run(&Command::Record(refused)).unwrap();
    let report = book.examine();
    let finding = report
        .findings
        .iter()
        .find(|it| it.id == "refused-attempt")
        .unwrap();
    assert_eq!(
        (finding.severity, finding.seq),
        (Severity::Medium, Some(seq))
    );
    assert_eq!(report.exit_code(), 0, "medium is below the default");
}

#[test]
fn the_replay_goes_on_after_a_finding() {
    let mut book = Book::new();
    let first = book.approved("DE1");
    let command = book.redemption(first);
    let (drafts, bodies) = book.admit(&command).unwrap();
    book.append(drafts.clone(), &bodies);
    let twice = book.append(drafts, &bodies);
    let second = book.approved("DE2");
    let Command::Redeem(mut redeem) = book.redemption(second) else {
        unreachable!()
    };
    redeem.action = ActionDigest([1; 32]);
    let action = redeem.action;
    let (drafts, bodies) = book.admit_in(
        |state| state.calls.get_mut(&second).unwrap().action = action,
        &Command::Redeem(redeem),
    );
    let other = book.append(drafts, &bodies);
    let found: Vec<_> = book
        .examine()
        .findings
        .iter()
        .map(|it| (it.id, it.seq))
        .collect();
    assert_eq!(found[0], ("redeemed-twice", Some(twice)));
    assert_eq!(found[1], ("redeemed-other-action", Some(other)));
}
