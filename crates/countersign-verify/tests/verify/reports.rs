//! What people and scripts read.

use countersign_verify::{FailOn, Options, Trust, verify};

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
    let report = book.examine().to_text();
    assert!(specification.contains(report.trim_end()), "{report}");
    let trace = countersign_verify::trace(&book.shelf(), "21")
        .unwrap()
        .to_text();
    assert!(specification.contains(trace.trim_end()), "{trace}");
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
