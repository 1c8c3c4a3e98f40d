//! "Did you mean …?" for words that are nearly right.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A clause to put behind a message: `; did you mean "treasury"?`, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min();
    near.map_or_else(String::new, |(_, word)| {
        format!("; did you mean \"{word}\"?")
    })
}

/// The clause for a message that quotes the unknown word first and then all known ones, in
/// backticks.
pub(crate) fn for_message(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match quoted.next() {
        Some(word) if message.contains("expected") => did_you_mean(word, quoted),
        _ => String::new(),
    }
}

/// How many letters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}
