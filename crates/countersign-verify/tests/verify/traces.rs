//! Who let it run: the first line, for every way in which a call can go.

use countersign_flow::{Command, Granted, Record, Redeem, Stage};
use countersign_record::digest::ActionDigest;
use countersign_record::entry::{OutcomeStatus, Party};
use countersign_record::id::{CallId, GrantId};
use countersign_record::term::Decision;
use countersign_verify::{BodyState, Word, trace};

use crate::book::Book;

fn first_line(book: &Book, what: &str) -> (String, u8) {
    let trace = trace(&book.shelf(), what).unwrap();
    (
        trace.to_text().lines().next().unwrap().into(),
        trace.exit_code(),
    )
}

#[test]
fn an_approved_call_names_those_whose_votes_counted() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    book.redeem(call);
    book.ran(call, OutcomeStatus::Succeeded);
    let (alice, omar) = (book.alice.key, book.omar.key);
    let expected = format!(
        "APPROVED BY Alice Martin ({alice}, software) and Omar Diaz ({omar}, software) under rule money"
    );
    assert_eq!(first_line(&book, &call.to_string()), (expected, 0));
}

#[test]
fn an_allowed_call_says_that_nobody_was_asked() {
    let mut book = Book::new();
    let call = book.submit("bank.balance", "DE1");
    let expected = "ALLOWED BY POLICY its default, nobody was asked".into();
    assert_eq!(first_line(&book, &call.to_string()), (expected, 0));
}

#[test]
fn denied_expired_refused_and_waiting_calls_say_so() {
    let mut book = Book::new();
    let denied = book.submit("bank.wire", "DE1");
    let omar = book.omar.clone();
    book.vote(denied, &omar, Decision::Deny);
    let refused = book.submit("bank.burn", "DE1");
    let again = book.submit("bank.wire", "DE1");
    let silent = book.submit("bank.wire", "DE2");
    book.wait(31);
    book.run(&Command::Tick { call: silent }).unwrap();
    let waiting = book.submit("bank.wire", "DE3");
    let key = omar.key;
    for (call, expected) in [
        (denied, format!("DENIED BY Omar Diaz ({key}, software)")),
        (
            refused,
            "DENIED BY POLICY rule never-burn, nobody was asked".into(),
        ),
        (
            again,
            "REFUSED: the same action was denied before, nobody was asked again".into(),
        ),
        (silent, "EXPIRED: nobody answered".into()),
        (waiting, "WAITING FOR 2 of treasury (rule money)".into()),
    ] {
        assert_eq!(first_line(&book, &call.to_string()), (expected, 0));
    }
}

#[test]
fn a_call_that_ran_unapproved_says_so() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let alice = book.alice.clone();
    book.vote(call, &alice, Decision::Approve);
    let grant = GrantId::new(book.draw());
    let granted = Granted {
        grant,
        execute_before: book.now + 600_000,
        decided: 0,
    };
    let action = book.state.calls[&call].action;
    let command = Command::Redeem(Redeem {
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
    book.append(drafts, &bodies);
    let expected = "NOT APPROVED BY ANYONE, but reported as executed".into();
    assert_eq!(first_line(&book, &call.to_string()), (expected, 4));
    let why = "illegal transition: the call was redeemed while nobody had approved it";
    assert_last(&book, call, ("redeemed", Word::Illegal, why));
}

/// The last line about the call.
#[track_caller]
fn assert_last(book: &Book, call: CallId, (what, word, text): (&str, Word, &str)) {
    let trace = trace(&book.shelf(), &call.to_string()).unwrap();
    let line = trace.calls[0].lines.last().unwrap();
    assert_eq!((line.what, line.word), (what, word));
    assert!(line.text.contains(text), "{}", line.text);
}

#[test]
fn each_line_says_what_happened_to_the_call() {
    let mut book = Book::new();
    let (alice, omar) = (book.alice.clone(), book.omar.clone());

    let joined = book.submit("bank.wire", "DE1");
    book.submit("bank.wire", "DE1");
    assert_last(&book, joined, ("asked", Word::Server, "asks for the same"));
    let by = Party::Agent(book.agent);
    book.run(&Command::Withdraw { by, call: joined }).unwrap();
    assert_last(&book, joined, ("asked", Word::Server, "no longer asks"));
    book.vote(joined, &omar, Decision::Deny);
    assert_last(&book, joined, ("denied", Word::Checked, "cause threshold"));

    let attempted = book.submit("bank.wire", "DE2");
    let refused = Record::Refused {
        by: Party::Executor(book.bank),
        code: "wrong-executor".into(),
        call: Some(attempted),
        count: 3,
    };
    book.run(&Command::Record(refused)).unwrap();
    let attempt = ("refused", Word::Server, "3 ×, wrong-executor");
    assert_last(&book, attempted, attempt);

    let revoked = book.approved("DE3");
    let revocation = book.revocation(revoked, &alice);
    book.run(&Command::Revoke(revocation)).unwrap();
    assert_last(&book, revoked, ("revoked", Word::Checked, "cause"));

    let silent = book.submit("bank.wire", "DE4");
    let lost = book.approved("DE5");
    book.redeem(lost);
    book.wait(48 * 60);
    book.run(&Command::Tick { call: silent }).unwrap();
    assert_last(&book, silent, ("expired", Word::Checked, "nobody decided"));
    // The executor said nothing: that the time is over is checked, and nobody's word.
    book.run(&Command::Tick { call: lost }).unwrap();
    assert_last(&book, lost, ("outcome", Word::Checked, "unknown"));
}

#[test]
fn an_approval_that_the_replay_does_not_make_is_none() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let pat = book.pat.clone();
    let alice = book.alice.clone();
    book.vote(call, &alice, Decision::Approve);
    let vote = book.ballot(call, &pat, Decision::Approve);
    let (drafts, bodies) = book.admit_in(
        |state| match &mut state.calls.get_mut(&call).unwrap().stage {
            Stage::Pending(pending) => pending.demand.self_confirm = true,
            _ => unreachable!(),
        },
        &vote,
    );
    book.append(drafts, &bodies);
    book.redeem(call);
    let (line, code) = first_line(&book, &call.to_string());
    assert_eq!(
        (line.as_str(), code),
        ("NOT APPROVED BY ANYONE, but reported as executed", 4)
    );
}

#[test]
fn an_outcome_without_redemption_says_so() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    book.ran(call, OutcomeStatus::Succeeded);
    let expected = "NOT APPROVED BY ANYONE, but reported as executed".into();
    assert_eq!(first_line(&book, &call.to_string()), (expected, 4));
}

#[test]
fn an_execution_past_the_grant_says_who_had_let_it_run() {
    let mut book = Book::new();
    let approved = book.approved("DE1");
    book.ran(approved, OutcomeStatus::Succeeded);
    let allowed = book.submit("bank.balance", "DE1");
    book.ran(allowed, OutcomeStatus::Succeeded);
    let (alice, omar) = (book.alice.key, book.omar.key);
    let by_both =
        format!("APPROVED BY Alice Martin ({alice}, software) and Omar Diaz ({omar}, software)");
    for (call, who) in [(approved, by_both.as_str()), (allowed, "ALLOWED BY POLICY")] {
        let how = "but reported as executed without redeeming the grant";
        let expected = format!("{who}, {how}");
        assert_eq!(first_line(&book, &call.to_string()), (expected, 4));
    }
}

#[test]
fn an_illegal_redemption_uses_no_approval_and_takes_none_away() {
    let mut book = Book::new();
    let used = book.approved("DE1");
    let command = book.redemption(used);
    let (drafts, bodies) = book.admit(&command).unwrap();
    book.append(drafts.clone(), &bodies);
    book.append(drafts, &bodies); // once more
    let (line, code) = first_line(&book, &used.to_string());
    assert!(line.starts_with("APPROVED BY Alice Martin"), "{line}");
    assert_eq!(code, 0);

    let other = book.approved("DE2");
    let Command::Redeem(mut redeem) = book.redemption(other) else {
        unreachable!()
    };
    redeem.action = ActionDigest([1; 32]); // not what was approved
    let action = redeem.action;
    let (drafts, bodies) = book.admit_in(
        |state| state.calls.get_mut(&other).unwrap().action = action,
        &Command::Redeem(redeem),
    );
    book.append(drafts, &bodies);
    let expected = "NOT APPROVED BY ANYONE, but reported as executed".into();
    assert_eq!(first_line(&book, &other.to_string()), (expected, 4));
}

#[test]
fn an_approval_after_the_execution_was_reported_comes_too_late() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    book.ran(call, OutcomeStatus::Succeeded);
    let (alice, omar) = (book.alice.clone(), book.omar.clone());
    book.vote(call, &alice, Decision::Approve);
    book.vote(call, &omar, Decision::Approve);
    book.redeem(call);
    book.ran(call, OutcomeStatus::Succeeded);
    let expected = format!(
        "APPROVED BY Alice Martin ({}, software) and Omar Diaz ({}, software), but reported as executed before that",
        alice.key, omar.key
    );
    assert_eq!(first_line(&book, &call.to_string()), (expected, 4));
}

#[test]
fn a_call_is_found_by_everything_that_names_it() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let document = book.state.calls[&call].document.clone().unwrap();
    let grant = book.state.calls[&call].granted().unwrap().grant;
    let evaluated = book.state.calls[&call].evaluated;
    let ways = [
        document.tool_call_id,
        document.trace_id.unwrap(),
        grant.to_string(),
        evaluated.to_string(),
        book.alice.key.to_string(),
        book.alice.person.to_string(),
        book.agent.to_string(),
        "alice".into(),
        "Omar Diaz".into(),
        "pat".into(),
        "payer".into(),
        "DE1".into(),
    ];
    for what in ways {
        let trace = trace(&book.shelf(), &what).unwrap();
        let calls: Vec<_> = trace.calls.iter().map(|it| it.call).collect();
        assert_eq!(calls, [call], "{what}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let error = trace(&Book::new().shelf(), "no\u{1b}body").unwrap_err();
    assert_eq!(error.what, "no\\u{1b}body");
}

#[test]
fn every_line_says_on_whose_word_it_stands() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    book.redeem(call);
    book.ran(call, OutcomeStatus::Succeeded);
    let of = |trace: &countersign_verify::Trace| -> Vec<_> {
        trace.calls[0]
            .lines
            .iter()
            .map(|line| (line.what, line.word))
            .collect()
    };
    let mut shelf = book.shelf();
    let mut expected = vec![
        ("asked", Word::Checked),
        ("opened", Word::Checked),
        ("served", Word::Server),
        ("approve", Word::Checked),
        ("served", Word::Server),
        ("approve", Word::Checked),
        ("approved", Word::Checked),
        ("redeemed", Word::Checked),
        ("outcome", Word::Executor),
    ];
    assert_eq!(of(&trace(&shelf, &call.to_string()).unwrap()), expected);
    shelf.every_body(&BodyState::Withheld);
    expected[0].1 = Word::NotChecked;
    expected[1].1 = Word::NotChecked;
    assert_eq!(of(&trace(&shelf, &call.to_string()).unwrap()), expected);
}

#[test]
fn a_damaged_log_says_that_no_line_can_be_relied_on() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    let mut shelf = book.shelf();
    let Some(BodyState::Disclosed(body)) = shelf.records[1].bodies.get_mut("policy") else {
        unreachable!()
    };
    body.leaves.clear();
    book.now += 1;
    let trace = trace(&shelf, &call.to_string()).unwrap();
    assert_eq!(trace.exit_code(), 1);
    assert!(trace.to_text().contains("THE LOG IS DAMAGED"));
}
