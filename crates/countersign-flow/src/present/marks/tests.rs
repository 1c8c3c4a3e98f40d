use alloc::vec;

use countersign_record::json::{Limits, read};

use super::*;

const ARGUMENTS: &str = r#"{
    "amount": "24000.00", "currency": "EUR", "to": "ACME GmbH", "account": "DE89370400440532013000",
    "file": "/srv/invoices/7.pdf", "reference": "INV-7", "version": "4.2.0", "rows": 1250,
    "mail": "Jane.Doe@bank.example"
}"#;

#[track_caller]
fn check(words: &str, marks: &[&str]) {
    let arguments = read(ARGUMENTS.as_bytes(), &Limits::REQUEST).unwrap();
    assert_eq!(unsupported(words, &arguments), marks, "{words}");
}

#[test]
fn what_the_parameters_contradict_is_marked() {
    for (words, marks) in [
        ("It is only EUR 24.00.", vec!["24.00"]),
        ("It is only 240 euros.", vec!["240"]),
        ("Pay 2,400 EUR to ACME GmbH.", vec!["2,400"]),
        ("A transfer of 2.400,00 EUR", vec!["2.400,00"]),
        ("A small payment of EUR2400", vec!["EUR2400"]),
        ("a payment of 2.4k", vec!["2.4k"]),
        ("about 20,000 euros", vec!["20,000"]),
        ("Pay 2000 EUR", vec!["2000"]),
        ("Pay the people at Other Ltd now.", vec!["Other Ltd"]),
        ("As agreed with CEO John Roe", vec!["CEO John Roe"]),
        ("Pay ACME Holding GmbH", vec!["ACME Holding GmbH"]),
        ("See (/srv/invoices/8.pdf)", vec!["/srv/invoices/8.pdf"]),
        ("cleans ./build/tmp only", vec!["./build/tmp"]),
        ("see https://bank.example/x", vec!["https://bank.example/x"]),
        (
            "Ask bob@bank.example, or INV-8",
            vec!["bob@bank.example", "INV-8"],
        ),
        (
            "to account DE89370400440532013001",
            vec!["DE89370400440532013001"],
        ),
        (
            "to DE89 3704 0044 0532 0130 01.",
            vec!["DE89 3704 0044 0532 0130 01"],
        ),
        ("the account that ends in 4711", vec!["4711"]),
        ("deploys v4.3.0", vec!["v4.3.0"]),
        ("deletes 12 rows", vec!["12"]),
        ("about 1,500 rows", vec!["1,500"]),
        ("EUR 1,300 is no round sum", vec!["1,300"]),
        ("about those 1,300 rows", vec!["1,300"]),
        ("invoice 8", vec!["8"]),
    ] {
        check(words, &marks);
    }
}

#[test]
fn what_they_hold_in_another_spelling_is_not() {
    for words in [
        "Invoice INV-7 over EUR 24,000 to ACME GmbH, see /srv/invoices/7.pdf.",
        "Please pay.",
        "",
        "EUR24000 or 24000€ or €24,000.00 or 24.000,00 EUR",
        "24k to acme, as ACME Gmbh's invoice 7 says",
        "about 24,000 euros, ~24000, roughly EUR 24,000",
        "Treasury ACME GmbH",
        "to DE89 3704 0044 0532 0130 00, the account that ends in 3000",
        "reference inv-7, #7",
        "deploys v4.2.0 for jane.doe@BANK.example",
        "about 1,300 rows, 1,250 exactly",
        "nearly EUR 1,300",
        "24'000 Swiss style",
    ] {
        check(words, &[]);
    }
}

#[test]
fn what_says_when_or_which_is_not_either() {
    for words in [
        "due on 2026-11-28, or 28.11.2026, or 11/28/2026",
        "due on 28 November 2026, Nov 28, the 3rd, at 10:30",
        "at 2026-11-28T10:30:00Z",
        "approval 2 of 3, 2/3 done",
        "step 2, the 1st attempt 3",
        "in 2026, since 2024, for Q3",
        "and/or, either/or, n/a",
        "on Friday November the first",
        "Is it late? Yes. Pay now! Thanks: Regards",
    ] {
        check(words, &[]);
    }
}

#[test]
fn a_mark_is_made_once_and_not_without_end() {
    let arguments = read(ARGUMENTS.as_bytes(), &Limits::REQUEST).unwrap();
    let many: Vec<String> = (10_000..10_100).map(|it: u32| it.to_string()).collect();
    assert_eq!(unsupported(&many.join(" "), &arguments).len(), MARKS_MAX);
    assert_eq!(unsupported("9 9 9", &arguments), vec!["9".to_string()]);
}
