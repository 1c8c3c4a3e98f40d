//! Ways round the examination that were found once; each stays shut.

use countersign_flow::{
    Command, Freezing, Outcome, Past, PastStage, Refusal, Stage, State, Submit,
};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::Frontier;
use countersign_record::entry::{
    Entry, Fact, OutcomeCause, OutcomeStatus, Party, PersonLeft, Verdict as Answer,
};
use countersign_record::id::{CallId, ExecutorId, FreezeId};
use countersign_record::object;
use countersign_record::term::Decision;
use countersign_verify::{
    BodyState, CheckId, FailOn, Options, Report, Require, Source, SourceError, Status, Stored,
    verify,
};

use crate::book::{Book, ORIGIN, Shelf, only_fault};

fn withhold(book: &mut Book, seq: u64, body: &str) {
    let seq = usize::try_from(seq).unwrap();
    book.records[seq]
        .bodies
        .insert(body.into(), BodyState::Withheld);
}

fn requiring(book: &Book, require: Require) -> Report {
    let options = Options {
        fail_on: FailOn::High,
        require: [require].into(),
        ..Options::default()
    };
    verify(&book.shelf(), &book.trust(), &options, &mut |_| ())
}

fn status(report: &Report, id: CheckId) -> Status {
    let check = report.checks.iter().find(|check| check.id == id);
    check.unwrap().status
}

fn freeze_target(book: &mut Book, target: &str) -> u64 {
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
        detail: Some(object! { "reason": "odd", "target": target }.into()),
        claimed: Vec::new(),
    };
    book.run(&Command::Freeze(freeze)).unwrap()
}

/// A call that is said to be frozen, and behind it a question about another one.
fn frozen_with_a_question(book: &mut Book, about: CallId) -> u64 {
    let submit = book.submission("bank.wire", "DE9");
    let (mut drafts, bodies) = book.admit(&Command::Submit(Box::new(submit))).unwrap();
    if let Fact::CallEvaluated(evaluated) = &mut drafts[0].fact {
        evaluated.verdict = Answer::Frozen;
    }
    drafts[1].refs.call = Some(about);
    book.append(drafts, &bodies)
}

#[test]
fn a_frozen_call_opens_no_question_about_another() {
    let mut book = Book::new();
    let paid = book.approved("DE1");
    freeze_target(&mut book, "ZZ");
    book.redeem(paid);
    let seq = frozen_with_a_question(&mut book, paid);
    withhold(&mut book, seq, "call");
    assert!(matches!(book.state.calls[&paid].stage, Stage::Redeemed(_)));
    assert_eq!(
        only_fault(&book.examine()),
        ("policy-verdict", Some(seq + 1))
    );
}

#[test]
fn a_frozen_call_opens_no_question_where_the_target_of_the_freeze_is_withheld() {
    let mut book = Book::new();
    let paid = book.approved("DE1");
    let freeze = freeze_target(&mut book, "ZZ");
    withhold(&mut book, freeze, "freeze");
    book.redeem(paid);
    let seq = frozen_with_a_question(&mut book, paid);
    assert_eq!(
        only_fault(&book.examine()),
        ("policy-verdict", Some(seq + 1))
    );
}

#[test]
fn a_call_frozen_by_a_withheld_target_is_as_it_should_be() {
    let mut book = Book::new();
    let freeze = freeze_target(&mut book, "DE1");
    let frozen = book.submit("bank.wire", "DE1");
    assert!(!book.state.calls.contains_key(&frozen));
    withhold(&mut book, freeze, "freeze");
    let report = book.examine();
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    // What the freeze says was not seen, and the report says so.
    assert_eq!(status(&report, CheckId::Flow), Status::Warn);
    let report = requiring(&book, Require::Policy);
    assert_eq!(report.exit_code(), 3, "{}", report.to_text());
}

/// The same action as in epoch 0, under epoch `number`.
fn in_epoch(book: &mut Book, number: u64, account: &str) -> Submit {
    let mut submit = book.submission("bank.wire", account);
    submit.fp.epoch = number;
    submit.fp.digest.0[0] ^= 1;
    submit
}

fn denied(book: &mut Book, account: &str) {
    let call = book.submit("bank.wire", account);
    let omar = book.omar.clone();
    book.vote(call, &omar, Decision::Deny);
}

fn epoch_of(state: &mut State, number: u64, first_at: u64) {
    for epoch in state.epochs.values_mut() {
        (epoch.number, epoch.first_at) = (number, first_at);
    }
}

#[test]
fn an_epoch_that_begins_too_early_is_found() {
    let mut book = Book::new();
    denied(&mut book, "DE1");
    let submit = Command::Submit(Box::new(in_epoch(&mut book, 1, "DE1")));
    let (drafts, bodies) = book.admit_in(|state| epoch_of(state, 0, 0), &submit);
    let seq = book.append(drafts, &bodies);
    assert!(
        book.examine()
            .findings
            .iter()
            .any(|it| (it.id, it.seq) == ("internal", Some(seq)))
    );
}

#[test]
fn a_denial_is_not_dodged_by_the_next_epoch() {
    let mut book = Book::new();
    book.submit("bank.balance", "DE1");
    book.wait(30 * 24 * 60 - 10);
    denied(&mut book, "DE1");
    book.wait(10);
    let mut named = in_epoch(&mut book, 1, "DE1");
    named.older = vec![book.state.denials.values().next().unwrap().fp.clone()];
    let honest = book.admit(&Command::Submit(Box::new(named))).unwrap();
    let Fact::CallEvaluated(evaluated) = &honest.0[0].fact else {
        unreachable!()
    };
    assert_eq!(evaluated.verdict, Answer::PreviouslyDenied);
    let concealed = in_epoch(&mut book, 1, "DE1");
    let seq = book.run(&Command::Submit(Box::new(concealed))).unwrap();
    assert_eq!(only_fault(&book.examine()), ("fingerprint", Some(seq)));
}

#[test]
fn an_epoch_without_a_successor_is_examined() {
    let mut book = Book::new();
    for account in ["DE1", "DE2"] {
        let mut submit = book.submission("bank.balance", account);
        submit.fp.epoch = u64::MAX;
        let (drafts, bodies) = book.admit_in(
            |state| {
                let (requester, now) = (
                    countersign_flow::Requester {
                        asker: submit.by,
                        principal: Some(book.pat.person),
                    },
                    state.last_at,
                );
                state.epochs.insert(
                    requester,
                    countersign_flow::Epoch {
                        number: u64::MAX,
                        first_at: now,
                    },
                );
            },
            &Command::Submit(Box::new(submit.clone())),
        );
        book.append(drafts, &bodies);
    }
    assert_eq!(book.examine().exit_code(), 1);
}

#[test]
fn ids_of_ended_calls_are_not_given_again() {
    let mut book = Book::new();
    let first = book.submission("bank.balance", "DE1");
    let (call, grant) = (first.call, first.grant);
    book.run(&Command::Submit(Box::new(first))).unwrap();
    book.redeem(call);
    book.ran(call, OutcomeStatus::Succeeded);
    let mut second = book.submission("bank.balance", "DE2");
    second.call = call;
    let call_again = book.run(&Command::Submit(Box::new(second))).unwrap();
    let mut third = book.submission("bank.balance", "DE3");
    third.grant = grant;
    let grant_again = book.run(&Command::Submit(Box::new(third))).unwrap();
    let reused: Vec<_> = book
        .examine()
        .findings
        .iter()
        .filter(|it| it.id == "id-reused")
        .map(|it| it.seq)
        .collect();
    assert_eq!(reused, [Some(call_again), Some(grant_again)]);
}

fn report_on_ended(call: CallId, by: ExecutorId, ended: u64, stage: PastStage) -> Command {
    Command::Outcome(Outcome {
        call,
        by: Party::Executor(by),
        status: OutcomeStatus::Succeeded,
        cause: OutcomeCause::Reported,
        detail: None,
        past: Some(Past {
            seq: ended,
            executor: by,
            stage,
        }),
    })
}

#[test]
fn only_the_executor_of_a_call_reports_on_it_after_its_end() {
    let mut book = Book::new();
    let call = book.submit("bank.wire", "DE1");
    let omar = book.omar.clone();
    let ended = book.vote(call, &omar, Decision::Deny) + 1;
    let stage = PastStage::NotExecuted(Refusal::NotApproved);
    let stranger = ExecutorId::new(book.draw());
    let seq = book
        .run(&report_on_ended(call, stranger, ended, stage))
        .unwrap();
    assert_eq!(only_fault(&book.examine()), ("wrong-executor", Some(seq)));
}

#[test]
fn an_ending_that_is_not_the_last_is_found() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    book.redeem(call);
    let unknown = book.ran(call, OutcomeStatus::Unknown);
    let stage = PastStage::Reported(OutcomeStatus::Unknown);
    let report = report_on_ended(call, book.bank, unknown, stage);
    book.run(&report).unwrap();
    let seq = book.run(&report).unwrap();
    assert_eq!(only_fault(&book.examine()), ("ended", Some(seq)));
}

#[test]
fn a_need_of_thousands_of_millions_is_refused_and_not_computed() {
    let mut book = Book::new();
    let submit = book.submission("bank.wire", "DE1");
    let call = submit.call;
    let (mut drafts, bodies) = book.admit(&Command::Submit(Box::new(submit))).unwrap();
    if let Fact::ConfirmationOpened(opened) = &mut drafts[1].fact {
        opened.demand.slots[0].need = u64::from(u32::MAX);
    }
    let seq = book.append(drafts, &bodies);
    withhold(&mut book, seq, "call");
    let alice = book.alice.clone();
    let served = book.serve(call, &alice);
    let vote = book.sign(call, &alice, Decision::Approve, served, None);
    book.run(&vote).unwrap();
    assert_eq!(only_fault(&book.examine()), ("internal", Some(seq)));
}

#[test]
fn a_required_policy_needs_what_was_shown() {
    let mut book = Book::new();
    book.approved("DE1");
    let is_question =
        |stored: &Stored| Entry::decode(&stored.entry).unwrap().kind() == "confirmation.opened";
    let seq = book.records.iter().position(is_question).unwrap();
    withhold(&mut book, seq as u64, "shown");
    assert_eq!(book.examine().exit_code(), 0);
    assert_eq!(requiring(&book, Require::Policy).exit_code(), 3);
}

#[test]
fn a_required_policy_needs_the_policy_even_without_calls() {
    let mut book = Book::new();
    assert_eq!(requiring(&book, Require::Policy).exit_code(), 0);
    withhold(&mut book, 1, "policy");
    let report = requiring(&book, Require::Policy);
    assert_eq!(report.exit_code(), 3, "{}", report.to_text());
    assert_eq!(status(&report, CheckId::Flow), Status::Warn);
}

/// A shelf that somebody is still filling.
struct BeingFilled(Shelf);

impl Source for BeingFilled {
    fn checkpoint(&self) -> Option<String> {
        self.0.checkpoint()
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        self.0.records()
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.0.record(seq)
    }

    fn is_being_written(&self) -> bool {
        true
    }
}

#[test]
fn what_stands_behind_the_checkpoint_is_not_judged() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.note = Some(book.note(2));
    let report = book.verdict_on(&shelf);
    assert_eq!(report.exit_code(), 3, "{}", report.to_text());
    let flow = report.checks.iter().find(|it| it.id == CheckId::Flow);
    assert_eq!(flow.unwrap().checked, 2);
    assert!(report.doubts[0].contains("not judged"));
    let options = Options::default();
    let growing = verify(&BeingFilled(shelf), &book.trust(), &options, &mut |_| ());
    assert_eq!(growing.exit_code(), 0, "{}", growing.to_text());
    assert_eq!(status(&growing, CheckId::Tree), Status::Warn);
}

#[test]
fn a_checkpoint_of_nothing_concludes_nothing_also_while_the_log_grows() {
    let book = Book::story();
    let mut shelf = book.shelf();
    let nothing = Frontier::new();
    shelf.note = Some(book.signed(&Checkpoint {
        origin: ORIGIN.into(),
        size: 0,
        root: nothing.root(),
    }));
    let options = Options::default();
    let report = verify(&BeingFilled(shelf), &book.trust(), &options, &mut |_| ());
    assert_eq!(status(&report, CheckId::Checkpoint), Status::Pass);
    assert_eq!(report.exit_code(), 3, "{}", report.to_text());
    assert!(report.doubts[0].contains("size 0"));
}

#[test]
fn a_checkpoint_that_ends_within_a_command_is_a_doubt() {
    let mut book = Book::new();
    book.submit("bank.wire", "DE1");
    let mut shelf = book.shelf();
    shelf.note = Some(book.note(book.records.len() - 1));
    let options = Options::default();
    let report = verify(&BeingFilled(shelf), &book.trust(), &options, &mut |_| ());
    assert_eq!(report.exit_code(), 3);
    assert!(report.doubts[0].contains("within a command"));
}

#[test]
fn names_that_are_withheld_leave_the_presentation_unchecked() {
    for (kind, body) in [("person.enrolled", "person"), ("agent.enrolled", "agent")] {
        let mut book = Book::story();
        for seq in 0..book.records.len() {
            withhold_if(&mut book, seq, kind, body);
        }
        let report = book.examine();
        assert_eq!(report.exit_code(), 0, "{}", report.to_text());
        assert_eq!(status(&report, CheckId::Presentation), Status::Warn);
    }
}

#[test]
fn a_demand_that_the_named_rules_do_not_make_is_found_without_the_call() {
    let mut book = Book::new();
    let submit = book.submission("bank.wire", "DE1");
    let (mut drafts, bodies) = book.admit(&Command::Submit(Box::new(submit))).unwrap();
    if let Fact::ConfirmationOpened(opened) = &mut drafts[1].fact {
        opened.demand.slots[0].need = 1;
        opened.demand.self_confirm = true;
    }
    let seq = book.append(drafts, &bodies);
    withhold(&mut book, seq, "call");
    assert_eq!(only_fault(&book.examine()), ("internal", Some(seq)));
}

#[test]
fn what_the_policy_makes_stands_without_the_call() {
    let mut book = Book::story();
    book.submit("bank.burn", "DE1");
    book.submit("bank.wire", "DE2");
    for seq in 0..book.records.len() {
        withhold_if(&mut book, seq, "call.evaluated", "call");
    }
    let report = book.examine();
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    assert_eq!(status(&report, CheckId::Policy), Status::Warn);
    assert_eq!(status(&report, CheckId::Bodies), Status::Warn);
    let quorum = report.checks.iter().find(|it| it.id == CheckId::Quorum);
    assert_eq!(quorum.unwrap().status, Status::Warn);
    let told = "under demands that were not checked for 1 calls";
    assert!(report.shows[3].contains(told), "{}", report.to_text());
}

fn withhold_if(book: &mut Book, seq: usize, kind: &str, body: &str) {
    if Entry::decode(&book.records[seq].entry).unwrap().kind() == kind {
        withhold(book, seq as u64, body);
    }
}

#[test]
fn a_withheld_control_call_makes_only_changes_of_its_kind() {
    let mut book = Book::new();
    let service = book.state.ledger.as_ref().unwrap().service;
    let mut submit = book.submission("countersign.group.change", "-");
    let document = submit.document.as_mut().unwrap();
    document.audience = service;
    let person = book.alice.person.to_string();
    document.arguments =
        object! { "group": "treasury", "person": person, "change": "remove" }.into();
    submit.by = Party::Credential(book.responder);
    submit.executor = service;
    submit.action = document.digest();
    let call = submit.call;
    let asked = book.run(&Command::Submit(Box::new(submit))).unwrap();
    let (alice, omar) = (book.alice.clone(), book.omar.clone());
    book.vote(call, &alice, Decision::Approve);
    let vote = book.ballot(call, &omar, Decision::Approve);
    let (mut drafts, bodies) = book.admit(&vote).unwrap();
    let place = drafts
        .iter()
        .position(|draft| draft.fact.kind() == "group.changed")
        .unwrap();
    drafts[place].fact = PersonLeft { bootstrap: false }.into();
    drafts[place].refs.person = Some(book.pat.person);
    let seq = book.append(drafts, &bodies);
    withhold(&mut book, asked, "call");
    let place = u64::try_from(place).unwrap();
    assert_eq!(
        only_fault(&book.examine()),
        ("entry-differs", Some(seq + place))
    );
}
