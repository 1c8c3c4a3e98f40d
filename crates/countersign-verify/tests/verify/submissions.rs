//! Submissions that need more than their own entries to be rebuilt.

use countersign_flow::{Command, Freezing, Outcome, Past, PastStage, Record};
use countersign_record::action::fingerprint;
use countersign_record::entry::{OutcomeCause, OutcomeStatus, Party, Verdict};
use countersign_record::id::{FreezeId, SessionId};
use countersign_record::json::{Limits, read};
use countersign_record::object;
use countersign_record::term::Decision;
use countersign_verify::CheckId;

use crate::book::{Book, only_fault};

#[track_caller]
fn assert_sound(book: &Book) {
    let report = book.examine();
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    let flow = report
        .checks
        .iter()
        .find(|it| it.id == CheckId::Flow)
        .unwrap();
    assert_eq!((flow.failed, flow.not_checked), (0, 0));
}

#[test]
fn a_caller_who_joined_is_rebuilt() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    book.submit("bank.wire", "DE1");
    assert_eq!(book.state.calls[&call].callers, 2);
    let by = Party::Agent(book.agent);
    book.run(&Command::Withdraw { by, call }).unwrap();
    book.run(&Command::Withdraw { by, call }).unwrap();
    assert_sound(&book);
}

#[test]
fn a_caller_who_joined_in_a_later_epoch_is_rebuilt() {
    let mut book = Book::new();
    book.submit("bank.balance", "DE1");
    book.wait(30 * 24 * 60 - 1);
    book.submit("bank.wire", "DE1");
    // The last one of the epoch finds it under the same likeness.
    book.submit("bank.wire", "DE1");
    book.wait(1);
    let mut submit = book.submission("bank.wire", "DE1");
    submit.older = vec![submit.fp.clone()];
    submit.fp.epoch = 1;
    submit.fp.digest.0[0] ^= 1;
    book.run(&Command::Submit(Box::new(submit))).unwrap();
    assert_sound(&book);
}

#[test]
fn a_caller_who_joined_brings_no_question() {
    let mut book = Book::new();
    let other = book.submission("bank.wire", "DE2");
    let (asked, bodies) = book.admit(&Command::Submit(Box::new(other))).unwrap();
    book.submit("bank.wire", "DE1");
    let submit = book.submission("bank.wire", "DE1");
    let (mut drafts, mut own) = book.admit(&Command::Submit(Box::new(submit))).unwrap();
    drafts.push(asked[1].clone());
    own.extend(bodies.into_iter().filter(|((place, _), _)| *place == 1));
    let seq = book.append(drafts, &own);
    assert_eq!(only_fault(&book.examine()), ("no-command", Some(seq)));
}

#[test]
fn a_revocation_is_rebuilt_and_its_signature_counts() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let revocation = book.revocation(call, &book.alice);
    book.run(&Command::Revoke(revocation)).unwrap();
    assert_sound(&book);
    let report = book.examine();
    let signatures = report.checks.iter().find(|it| it.id == CheckId::Signatures);
    let signatures = signatures.unwrap();
    assert_eq!(signatures.checked, 3, "two votes, one revocation");
    assert!(signatures.sentence.starts_with("3 "), "{signatures:?}");
}

#[test]
fn a_new_session_is_rebuilt() {
    let mut book = Book::new();
    let mut submit = book.submission("bank.wire", "DE1");
    submit.session = Some(SessionId::new(book.draw()));
    submit.new_session = Some(Some("monday".into()));
    submit.document.as_mut().unwrap().session = Some("monday".into());
    book.run(&Command::Submit(Box::new(submit))).unwrap();
    assert_sound(&book);
}

#[test]
fn what_was_denied_stays_denied() {
    let mut book = Book::new();
    let denied = book.submit("bank.wire", "DE1");
    let omar = book.omar.clone();
    book.vote(denied, &omar, Decision::Deny);
    book.submit("bank.wire", "DE1");
    book.submit("bank.burn", "DE1");
    assert_sound(&book);
}

/// Alice approves with a comment; the entry's body holds `kept`.
fn commented(signed: &str, kept: &str) -> (Book, u64) {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let alice = book.alice.clone();
    let served = book.serve(call, &alice);
    let vote = book.sign(call, &alice, Decision::Approve, served, Some(signed));
    let (drafts, _) = book.admit(&vote).unwrap();
    let other = book.sign(call, &alice, Decision::Approve, served, Some(kept));
    let (mut entries, bodies) = book.admit(&other).unwrap();
    entries[0].fact = drafts[0].fact.clone();
    let seq = book.append(entries, &bodies);
    (book, seq)
}

#[test]
fn a_comment_is_rebuilt() {
    assert_sound(&commented("agreed", "agreed").0);
}

#[test]
fn a_comment_that_was_not_signed_is_found() {
    let (book, seq) = commented("agreed", "not agreed");
    assert_eq!(only_fault(&book.examine()), ("digest-mismatch", Some(seq)));
}

#[test]
fn a_freeze_that_kills_an_approval_is_rebuilt() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let freeze = Freezing {
        freeze: FreezeId::new(book.draw()),
        by: book.responder,
        agent: None,
        key: None,
        person: None,
        tool: None,
        rule: None,
        by_target: true,
        all: false,
        detail: Some(object! { "reason": "odd", "target": "DE1" }.into()),
        claimed: Vec::new(),
    };
    book.run(&Command::Freeze(freeze)).unwrap();
    assert!(!book.state.calls.contains_key(&call));
    book.submit("bank.wire", "DE1");
    assert_sound(&book);
    let mut shelf = book.shelf();
    shelf.every_body(&countersign_verify::BodyState::Withheld);
    let report = book.verdict_on(&shelf);
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    assert!(
        report.to_text().contains("guards need bodies"),
        "{}",
        report.to_text()
    );
}

#[test]
fn silence_lapses_and_unknown_outcomes_are_rebuilt() {
    let mut book = Book::new();
    let silent = book.submit("bank.wire", "DE1");
    let unused = book.approved("DE2");
    let lost = book.approved("DE3");
    book.redeem(lost);
    book.wait(48 * 60);
    for call in [silent, unused, lost] {
        book.run(&Command::Tick { call }).unwrap();
    }
    assert_sound(&book);
    let report = book.examine();
    let unknown = report.findings.iter().find(|it| it.id == "outcome-unknown");
    assert_eq!(unknown.and_then(|it| it.call), Some(lost));
}

fn late(book: &Book, call: countersign_record::id::CallId, seq: u64, stage: PastStage) -> Command {
    let past = Some(Past {
        seq,
        executor: book.bank,
        stage,
    });
    let status = OutcomeStatus::Failed;
    let cause = OutcomeCause::Reported;
    let by = Party::Executor(book.bank);
    Command::Outcome(Outcome {
        call,
        by,
        status,
        cause,
        detail: None,
        past,
    })
}

#[test]
fn a_report_that_disagrees_with_an_earlier_one_is_rebuilt() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    book.redeem(call);
    let ended = book.ran(call, OutcomeStatus::Succeeded);
    let command = late(
        &book,
        call,
        ended,
        PastStage::Reported(OutcomeStatus::Succeeded),
    );
    let disputed = book.run(&command).unwrap();
    assert_sound(&book);
    let settled = late(&book, call, disputed, PastStage::Disputed);
    book.run(&settled).unwrap();
    assert_sound(&book);
}

#[test]
fn a_report_that_names_the_wrong_ending_is_found() {
    let mut book = Book::new();
    let first = book.approved("DE1");
    let other = book.approved("DE2");
    book.redeem(first);
    book.redeem(other);
    book.ran(first, OutcomeStatus::Succeeded);
    let ended = book.ran(other, OutcomeStatus::Succeeded);
    let command = late(
        &book,
        first,
        ended,
        PastStage::Reported(OutcomeStatus::Succeeded),
    );
    let seq = book.run(&command).unwrap();
    assert_eq!(only_fault(&book.examine()), ("ended", Some(seq)));
}

#[test]
fn a_report_on_an_ended_call_that_nobody_redeemed_is_a_high_finding() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let omar = book.omar.clone();
    let vote = book.vote(call, &omar, Decision::Deny);
    let stage = PastStage::NotExecuted(countersign_flow::Refusal::NotApproved);
    let command = late(&book, call, vote + 1, stage);
    book.run(&command).unwrap();
    let report = book.examine();
    assert_eq!(report.findings[0].id, "executed-without-redemption");
    assert_eq!(report.exit_code(), 4);
}

#[test]
fn the_service_s_own_notes_are_rebuilt() {
    let mut book = Book::story();
    let service = Party::Executor(book.state.ledger.as_ref().unwrap().service);
    let (old, new) = (book.state.last_at, book.now);
    for record in [
        Record::Started {
            software: "countersign 0.1".into(),
        },
        Record::ClockAccepted {
            by: service,
            old,
            new,
        },
        Record::Recovered {
            cut_bytes: 7,
            digest: [1; 32],
        },
        Record::Repaired {
            what: "adopt-head".into(),
        },
        Record::Stopped,
    ] {
        let record = match record {
            Record::ClockAccepted { by, new, .. } => Record::ClockAccepted {
                by,
                old: book.state.last_at,
                new,
            },
            other => other,
        };
        book.run(&Command::Record(record)).unwrap();
    }
    assert_sound(&book);
    let found: Vec<_> = book.examine().findings.iter().map(|it| it.id).collect();
    assert_eq!(
        found,
        [
            "clock-accepted",
            "log-recovered",
            "repair-recorded",
            "bootstrap"
        ]
    );
}

#[test]
fn equal_actions_of_one_party_with_unequal_likenesses_are_found() {
    let mut book = Book::new();
    let first = book.submission("bank.balance", "DE1");
    let mut second = book.submission("bank.balance", "DE1");
    second.fp.digest.0[0] ^= 1;
    book.run(&Command::Submit(Box::new(first))).unwrap();
    let seq = book.run(&Command::Submit(Box::new(second))).unwrap();
    assert_eq!(only_fault(&book.examine()), ("fingerprint", Some(seq)));
}

#[test]
fn a_likeness_hides_no_denial() {
    let mut book = Book::new();
    let denied = book.submit("bank.wire", "DE1");
    let omar = book.omar.clone();
    book.vote(denied, &omar, Decision::Deny);
    let submit = book.submission("bank.wire", "DE1");
    let call = submit.call;
    let (drafts, bodies) = book.admit_in(
        |state| state.denials.clear(),
        &Command::Submit(Box::new(submit)),
    );
    let seq = book.append(drafts, &bodies);
    let report = book.examine();
    assert_eq!(only_fault(&report), ("policy-verdict", Some(seq)));
    assert_eq!(report.findings[0].call, Some(call));
    assert!(
        report.findings[0]
            .sentence
            .contains(Verdict::PreviouslyDenied.as_str())
    );
}

fn tip(book: &mut Book, amount: &str) -> Command {
    let mut submit = book.submission("bank.tip", "DE1");
    let document = submit.document.as_mut().unwrap();
    document.arguments = read(
        format!(r#"{{"account":"DE1","amount":"{amount}","currency":"EUR"}}"#).as_bytes(),
        &Limits::REQUEST,
    )
    .unwrap();
    submit.action = document.digest();
    submit.fp.digest = fingerprint(&document.action(), &[7; 32]);
    Command::Submit(Box::new(submit))
}

#[test]
fn a_server_that_left_an_earlier_call_out_of_a_sum_is_found() {
    let mut book = Book::new();
    let before = book.state.clone();
    let first = tip(&mut book, "60.00");
    book.run(&first).unwrap();
    let second = tip(&mut book, "60.00");
    let (drafts, bodies) = book.admit_in(|state| *state = before.clone(), &second);
    let seq = book.append(drafts, &bodies);
    assert_eq!(only_fault(&book.examine()), ("policy-verdict", Some(seq)));
}

#[test]
fn a_sum_is_added_up_again() {
    let mut book = Book::new();
    for amount in ["60.00", "40.00", "0.01"] {
        let command = tip(&mut book, amount);
        book.run(&command).unwrap();
    }
    assert_sound(&book);
}
