//! Decimals, spans of time, and the check digits of accounts.

use super::*;
use crate::decimal::{Decimal, grouped};
use crate::normal;
use crate::span::Span;

#[test]
fn decimals_are_ordered_exactly() {
    let ordered = [
        "-10",
        "-9.5",
        "-0.1",
        "0",
        "0.000000000000000000000001",
        "0.1",
        "0.11",
        "1",
        "1.5",
        "2",
        "10",
        "10.01",
        "9007199254740993",
        "9007199254740993.1",
        "123456789012345678901234567890",
    ];
    let read: Vec<Decimal> = ordered
        .iter()
        .map(|text| Decimal::read(text).unwrap())
        .collect();
    assert!(read.is_sorted_by(|a, b| a < b), "{ordered:?}");
}

#[test]
fn one_decimal_has_one_value() {
    assert_eq!(Decimal::read("1.50"), Decimal::read("1.5"));
    assert_eq!(Decimal::read("-0.00"), Decimal::read("0"));
}

#[test]
fn what_is_not_plainly_a_decimal_is_refused() {
    for text in [
        "", "-", ".5", "5.", "05", "1e3", "+1", "1,000", " 1", "1 ", "0x1", "١", "1.2.3", "--1",
    ] {
        assert_eq!(Decimal::read(text), None, "{text}");
    }
}

#[test]
fn thousands_are_grouped() {
    for (plain, expected) in [
        ("0", "0"),
        ("999", "999"),
        ("1000", "1,000"),
        ("24000.00", "24,000.00"),
        ("1234567.1234", "1,234,567.1234"),
        ("-1000", "-1,000"),
        ("-100", "-100"),
    ] {
        assert_eq!(grouped(plain), expected);
    }
}

#[test]
fn spans_are_read_and_said_in_words() {
    for (text, words, milliseconds) in [
        ("90s", "90 seconds", 90_000),
        ("30m", "30 minutes", 1_800_000),
        ("60m", "1 hour", 3_600_000),
        ("24h", "1 day", 86_400_000),
        ("31d", "31 days", 2_678_400_000),
        ("0s", "0 seconds", 0),
        ("1s", "1 second", 1_000),
        ("25h", "25 hours", 90_000_000),
    ] {
        let span = Span::try_from(text.to_string()).unwrap();
        assert_eq!(
            (span.to_string().as_str(), span.milliseconds()),
            (words, milliseconds)
        );
    }
    for wrong in [
        "",
        "5",
        "m",
        "5 m",
        "-5m",
        "+5m",
        "1.5h",
        "32d",
        "5w",
        "99999999999h",
        "5é",
    ] {
        assert!(Span::try_from(wrong.to_string()).is_err(), "{wrong}");
    }
}

#[test]
fn check_digits_of_accounts() {
    // The examples of ISO 13616's registry.
    for right in [
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "nl91abna0417164300",
    ] {
        let iban = normal::iban(right).unwrap();
        assert!(normal::iban_checks_out(&iban), "{right}");
    }
    assert!(!normal::iban_checks_out("DE89370400440532013001"));
    for other in [
        "4711",
        "DE8",
        "DEX9370400440532013000",
        "DE89370400440532013000DE89370400440532013000",
    ] {
        assert_eq!(normal::iban(other), None);
    }
}

#[test]
fn paths_and_hosts_in_normal_form() {
    for (path, expected) in [
        ("/a/./b//c", "/a/b/c"),
        ("/a/b/../c", "/a/c"),
        ("/../x", "/x"),
        ("a/../../b", "../b"),
        ("/a/", "/a/"),
        ("/", "/"),
        ("", ""),
    ] {
        assert_eq!(normal::path(path), expected, "{path}");
    }
    for (address, host) in [
        ("https://good.example@evil.example:8443/x", "evil.example"),
        ("a@b.example", "b.example"),
        ("https://[::1]:80/", "::1"),
        ("ftp://x\\@y/z", "x"),
    ] {
        assert_eq!(normal::host(address), host, "{address}");
    }
}
