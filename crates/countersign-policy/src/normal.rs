//! Normal forms of what agents send, so that one thing written in two ways is seen as one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The path without `.`, empty parts and the `..` that can be resolved.
pub(crate) fn path(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let rooted = text.starts_with('/');
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let root = if rooted { "/" } else { "" };
    let tail = if text.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    format!("{root}{}{tail}", parts.join("/"))
}

/// Whether the path says by itself which file it means: rooted, no `..` (a link may lie before
/// it), and nothing that a shell or another system would read in its own way.
pub(crate) fn is_plain_path(text: &str) -> bool {
    text.starts_with('/')
        && text.split('/').all(|part| part != "..")
        && !text.contains(['\\', '~', '$', '%', '*', '?', '\0'])
}

/// The text as a careless reader takes it: no white space around it, all letters small.
pub(crate) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What is between the scheme (or the `@` of an address) and the path; user name and port cut.
pub(crate) fn host(text: &str) -> &str {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = after_scheme
        .split(['/', '?', '#', '\\'])
        .next()
        .unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Letters and digits of an IBAN in capitals, when the text has the shape of one.
pub(crate) fn iban(text: &str) -> Option<String> {
    let compact: String = text
        .chars()
        .filter(|character| *character != ' ')
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let bytes = compact.as_bytes();
    let shaped = (15..=34).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit);
    shaped.then_some(compact)
}

/// ISO 13616: the country and check digits go to the end, letters count 10 to 35, and the number
/// leaves 1 when divided by 97.
pub(crate) fn iban_checks_out(iban: &str) -> bool {
    let rotated = iban.chars().cycle().skip(4).take(iban.len());
    let remainder = rotated
        .filter_map(|character| character.to_digit(36))
        .fold(0, |sum, digit| {
            let shift = if digit < 10 { 10 } else { 100 };
            (sum * shift + digit) % 97
        });
    remainder == 1
}
