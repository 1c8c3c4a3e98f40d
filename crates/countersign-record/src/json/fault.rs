//! What the strict reader refuses, said so that the sender can mend it.

use alloc::string::String;
use core::fmt;

/// A document that is not part of CS-JSON-1, with the place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReadError {
    /// The JSON Pointer (RFC 6901) of the innermost value that could still be named.
    pub pointer: String,
    /// The byte at which reading stopped.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// How much of a pointer a message repeats: a sender's own 200 kB name helps nobody.
const POINTER_SHOWN_MAX: usize = 200;

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str("at the top of the document")?;
        } else {
            f.write_str("at ")?;
            let mut shown = self.pointer.char_indices();
            for (_, character) in shown.by_ref().take_while(|(at, _)| *at < POINTER_SHOWN_MAX) {
                write!(f, "{}", character.escape_default())?;
            }
            if self.pointer.len() > POINTER_SHOWN_MAX {
                f.write_str("…")?;
            }
        }
        write!(f, " (byte {}): {}", self.offset, self.fault)
    }
}

impl core::error::Error for ReadError {}

/// What is wrong with a document. The words in a message tell the sender what to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Longer than [`Limits::bytes`](super::Limits).
    #[error("the document is longer than {max} bytes; send less")]
    Bytes {
        /// The most that is read.
        max: usize,
    },
    /// More containers inside one another than [`Limits::depth`](super::Limits).
    #[error("arrays and objects are nested more than {max} deep; flatten the document")]
    Depth {
        /// The most that is read.
        max: u8,
    },
    /// More values than [`Limits::nodes`](super::Limits).
    #[error("the document has more than {max} values; send less")]
    Nodes {
        /// The most that is read.
        max: usize,
    },
    /// The bytes begin with EF BB BF.
    #[error("a byte order mark is not JSON; send UTF-8 without it")]
    ByteOrderMark,
    /// Bytes that are not UTF-8.
    #[error("not valid UTF-8; encode the document as UTF-8")]
    Utf8,
    /// The text stops inside a value.
    #[error("the document ends too early; send all of it")]
    End,
    /// A character that the grammar does not allow here.
    #[error("expected {expected}")]
    Syntax {
        /// What could have stood here.
        expected: &'static str,
    },
    /// Something after the document.
    #[error("there is something after the document; send exactly one value")]
    Trailing,
    /// A member name that occurs twice in its object, after unescaping.
    #[error("this member occurs twice; send each name once")]
    Duplicate,
    /// An escape that is not one of JSON's.
    #[error("not a JSON escape; use \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hex digits")]
    Escape,
    /// A control character that is not escaped.
    #[error("a control character must be escaped (as \\n or \\u000a)")]
    Control,
    /// Half of a surrogate pair.
    #[error("half of a surrogate pair is not a character; send the whole pair or the character")]
    LoneSurrogate,
    /// U+FDD0 to U+FDEF, or U+FFFE, U+FFFF and their like in other planes.
    #[error("a Unicode noncharacter is not allowed in text; leave it out")]
    Noncharacter,
    /// `-0`, however it is written.
    #[error("negative zero is not kept by every reader; send 0")]
    NegativeZero,
    /// Larger than 2^53−1 in magnitude.
    #[error("the number is larger than 2^53-1; send large numbers and money as strings")]
    NumberTooLarge,
    /// Has digits that a double does not keep.
    #[error("the number has digits that are lost; send large numbers and money as strings")]
    NumberNotExact,
}
