//! What people and scripts read.

use countersign_flow::Command;
use countersign_record::entry::{PersonLeft, Refs};
use countersign_verify::{BodyState, CheckId, FailOn, Options, Status, Trust, verify};

use crate::book::Book;

#[test]
fn a_report_has_one_line_per_check_and_seven_of_what_it_shows() {
    let book = Book::story();
    let text = book.examine().to_text();
    let chain = text.lines().find(|line| line.contains(" chain ")).unwrap();
    assert_eq!(
        chain,
        format!("[PASS] chain            {} entries", book.records.len())
    );
    assert!(text.contains("Not shown: append-only since your last look: not checked."));
    assert_eq!(
        text.lines().filter(|line| line.starts_with("  - ")).count(),
        7
    );
}

#[test]
fn the_specification_s_example_is_what_is_printed() {
    let specification = include_str!("../../../../docs/spec/verify.md");
    let mut book = Book::story();
    book.submit("bank.wire", "DE7");
    let is_example = |text: &str| specification.contains(&format!("```\n{}\n```", text.trim_end()));
    let report = book.examine().to_text();
    assert!(is_example(&report), "{report}");
    let trace = countersign_verify::trace(&book.shelf(), "21")
        .unwrap()
        .to_text();
    assert!(is_example(&trace), "{trace}");
}

#[test]
fn a_report_never_says_more_than_was_checked() {
    let book = Book::story();
    let report = verify(
        &book.shelf(),
        &Trust::default(),
        &Options::default(),
        &mut |_| (),
    );
    assert!(
        report.shows[0].starts_with("Not shown"),
        "{}",
        report.to_text()
    );
}

#[test]
fn what_failed_counts_among_what_was_checked() {
    let book = Book::story();
    let mut given = book.shelf();
    let bodies = given.records.iter().map(|it| it.bodies.len()).sum();
    *given.records[1].bodies.get_mut("policy").unwrap() = BodyState::Missing("gone".into());
    let report = book.verdict_on(&given);
    let check = report.checks.iter().find(|it| it.id == CheckId::Bodies);
    let check = check.unwrap();
    assert_eq!(check.status, Status::Fail);
    assert_eq!(
        (usize::try_from(check.checked), check.failed),
        (Ok(bodies), 1)
    );
    assert!(report.to_text().contains(" bodies, 1 failed"));
}

#[test]
fn a_head_counts_where_it_was_held_against_the_entries() {
    let report = Book::story().examine();
    let checked = |id| report.checks.iter().find(|it| it.id == id).unwrap().checked;
    assert_eq!(checked(CheckId::Checkpoint), 1);
    assert_eq!(checked(CheckId::Since), 0, "no earlier head was given");
}

#[test]
fn the_json_form_says_the_same() {
    let report = Book::story().examine();
    let json = report.to_json();
    assert_eq!(json.at("/schema_version").unwrap().as_u64(), Some(1));
    assert_eq!(json.at("/exit_code").unwrap().as_u64(), Some(0));
    assert_eq!(
        json.at("/checks").unwrap().as_array().unwrap().len(),
        report.checks.len()
    );
    assert_eq!(json.at("/shows").unwrap().as_array().unwrap().len(), 7);
}

#[test]
fn every_change_that_the_operator_made_alone_is_counted() {
    let mut book = Book::unarmed();
    let refs = Refs {
        person: Some(book.pat.person),
        ..Refs::default()
    };
    book.bootstrap(refs, PersonLeft { bootstrap: true }, None);
    let changes = book.records.len() - 1; // each an entry, behind the one that begins the log
    book.run(&Command::Arm).unwrap();
    let report = book.examine();
    let note = report.findings.iter().find(|it| it.id == "bootstrap");
    let note = note.unwrap();
    assert_eq!(note.seq, Some(1));
    let expected = format!("{changes} changes ");
    assert!(note.sentence.starts_with(&expected), "{}", note.sentence);
}

#[test]
fn open_calls_are_notes() {
    let mut book = Book::story();
    let call = book.submit("bank.wire", "DE7");
    let report = book.examine();
    let note = report
        .findings
        .iter()
        .find(|it| it.id == "open-call")
        .unwrap();
    assert_eq!(note.call, Some(call));
    assert_eq!(report.exit_code(), 0);
}

#[test]
fn the_caller_says_which_findings_count() {
    let mut book = Book::new();
    let call = book.approved("DE1");
    book.ran(call, countersign_record::entry::OutcomeStatus::Succeeded);
    let code = |fail_on| {
        let options = Options {
            fail_on,
            ..Options::default()
        };
        verify(&book.shelf(), &book.trust(), &options, &mut |_| ()).exit_code()
    };
    assert_eq!(
        [
            code(FailOn::High),
            code(FailOn::Medium),
            code(FailOn::Never)
        ],
        [4, 4, 0]
    );
}

#[test]
fn progress_counts_entries() {
    let book = Book::story();
    let mut seen = Vec::new();
    verify(
        &book.shelf(),
        &book.trust(),
        &Options::default(),
        &mut |size| seen.push(size),
    );
    assert_eq!(seen, (1..=book.records.len() as u64).collect::<Vec<_>>());
}
