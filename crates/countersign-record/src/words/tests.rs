use alloc::collections::BTreeSet;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::{LIST, WORD_LIST, check_words};
use crate::digest::{ActionDigest, ShownDigest, hex, sha256};

/// Also in docs/spec/body.md.
const SHA256: &str = "ffd440927f272ea1f31f86ee122e29fdd138db15a7e8f8623249fc3abab34b91";

#[test]
fn the_list_is_the_one_of_the_spec() {
    assert_eq!(hex(&sha256(&[WORD_LIST.as_bytes()])), SHA256);
}

#[test]
fn words_are_short_lower_case_and_sorted() {
    assert!(LIST.is_sorted_by(|a, b| a < b));
    for word in LIST {
        assert!((4..=8).contains(&word.len()), "{word}");
        assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
    }
}

#[test]
fn four_letters_tell_the_word() {
    let beginnings: BTreeSet<&str> = LIST.iter().map(|word| &word[..4]).collect();
    assert_eq!(beginnings.len(), LIST.len());
}

#[test]
fn one_wrong_letter_is_never_another_word() {
    // Substituted: both lose the same place and are equal. Inserted: one loses a place and is the
    // other.
    let mut shortened = BTreeSet::new();
    for word in LIST {
        for at in 0..word.len() {
            let form = [&word[..at], &word[at + 1..]].concat();
            assert!(!LIST.contains(&form.as_str()), "{word}: {form}");
            assert!(shortened.insert((at, form)), "{word}");
        }
    }
}

#[test]
fn the_words_are_the_first_44_bits() {
    let (action, shown) = (ActionDigest([1; 32]), ShownDigest([2; 32]));
    let digest = sha256(&[b"countersign/words/v1\n", action.bytes(), shown.bytes()]);
    let bits: Vec<usize> = (0..44)
        .map(|bit| usize::from(digest[bit / 8] >> (7 - bit % 8) & 1))
        .collect();
    let words: Vec<&str> = bits
        .chunks(11)
        .map(|eleven| LIST[eleven.iter().fold(0, |index, bit| index << 1 | bit)])
        .collect();
    let found = check_words(&action, &shown);
    assert_eq!(found.words().as_slice(), words);
    assert_eq!(found.to_string(), words.join(" "));
}

#[test]
fn another_action_or_another_presentation_has_other_words() {
    let words = |action, shown| check_words(&ActionDigest([action; 32]), &ShownDigest([shown; 32]));
    assert_ne!(words(1, 2), words(2, 2));
    assert_ne!(words(1, 2), words(1, 1));
}
