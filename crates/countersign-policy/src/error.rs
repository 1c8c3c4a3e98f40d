//! Why a text is not a policy document.

use alloc::format;
use alloc::string::{String, ToString};

use crate::hint;

/// The document cannot be read. What a readable document gets wrong is a [`crate::Problem`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// More than 128 KiB.
    #[error(
        "the policy is {bytes} bytes long; at most {} are read",
        crate::document::BYTES_MAX
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not TOML, an unknown word, a missing one, or a value of the wrong form.
    #[error("line {line}, column {column}: {sentence}")]
    Form {
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong there, and where possible what was meant.
        sentence: String,
    },
}

impl PolicyError {
    pub(crate) fn form(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let message = error.message().trim().to_string();
        Self::Form {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            sentence: format!("{message}{}", hint::for_message(&message)),
        }
    }
}
