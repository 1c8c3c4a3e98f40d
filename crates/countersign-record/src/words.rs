//! Check words: four words by which two people, or two screens, see that they speak of the same
//! request (docs/spec/body.md, part 8). They detect crossed or raced requests, not a lying server.

use core::fmt;

use crate::digest::{ActionDigest, ShownDigest, sha256};

/// The first 44 bits of a digest over an action and what was shown of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CheckWords([&'static str; 4]);

/// The check words of one confirmation.
pub fn check_words(action: &ActionDigest, shown: &ShownDigest) -> CheckWords {
    let context = b"countersign/words/v1\n";
    let digest = sha256(&[context, action.bytes(), shown.bytes()]);
    let first = digest.iter().take(6);
    let bits = first.fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) >> 4;
    CheckWords([33, 22, 11, 0].map(|shift| word(bits >> shift)))
}

impl CheckWords {
    /// The words in order.
    pub const fn words(&self) -> &[&'static str; 4] {
        &self.0
    }
}

impl fmt::Display for CheckWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, fourth] = self.0;
        write!(f, "{first} {second} {third} {fourth}")
    }
}

/// The words, one per line. Fixed for ever: its SHA-256 stands in docs/spec/body.md.
pub const WORD_LIST: &str = include_str!("words.txt");

/// 11 bits choose one of them.
const WORDS: usize = 1 << 11;

static LIST: [&str; WORDS] = lines(WORD_LIST);

fn word(bits: u64) -> &'static str {
    let index = usize::try_from(bits % (1 << 11)).unwrap_or_default();
    LIST[index]
}

/// The lines of a text with exactly as many lines as there are words; another does not compile.
#[expect(clippy::large_stack_arrays, reason = "runs in the compiler only")]
const fn lines(mut text: &str) -> [&str; WORDS] {
    let mut lines = [""; WORDS];
    let mut line = 0;
    while line < WORDS {
        let mut end = 0;
        while text.as_bytes()[end] != b'\n' {
            end += 1;
        }
        let (word, rest) = text.split_at(end);
        lines[line] = word;
        text = rest.split_at(1).1;
        line += 1;
    }
    assert!(text.is_empty(), "more words than 2,048");
    lines
}

#[cfg(test)]
mod tests;
