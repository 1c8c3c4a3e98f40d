//! The heads that a log is held against: the newest checkpoint, and the one that the caller kept.

use alloc::format;
use alloc::string::String;

use base64ct::{Base64, Encoding};
use countersign_flow::escape;
use countersign_ledger::checkpoint::{Checkpoint, OpenError};
use countersign_ledger::note::{SignatureError, VerifierKey};
use countersign_record::digest::{hex, sha256};
use countersign_record::entry::LedgerCreated;

/// Whom the caller trusts; never read from what is verified.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Log keys; one of them must have signed the checkpoint.
    pub log_keys: alloc::vec::Vec<VerifierKey>,
    /// The checkpoint note that the caller kept when looking last.
    pub earlier: Option<String>,
}

/// The newest checkpoint, as far as it could be opened.
#[derive(Clone, Debug)]
pub(crate) enum Newest {
    /// There is none.
    Absent,
    /// The caller named no key; its text is only what it says of itself.
    Unsigned(Option<Checkpoint>),
    /// A key that the caller named has signed it.
    Signed(Checkpoint, VerifierKey),
    /// It is not what any of the named keys signed.
    Refused(Option<Checkpoint>, String),
}

impl Newest {
    pub(crate) fn open(note: Option<&str>, keys: &[VerifierKey]) -> Self {
        let Some(note) = note else {
            return Self::Absent;
        };
        if keys.is_empty() {
            return Self::Unsigned(unverified(note));
        }
        let mut refusal = String::new();
        for key in keys {
            match Checkpoint::open(note, key) {
                Ok(checkpoint) => return Self::Signed(checkpoint, key.clone()),
                Err(error) => {
                    let is_other = matches!(
                        &error,
                        OpenError::Signature(SignatureError::NotSigned { .. })
                    );
                    if refusal.is_empty() || !is_other {
                        refusal = because(&error);
                    }
                }
            }
        }
        Self::Refused(unverified(note), refusal)
    }

    pub(crate) fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Absent => None,
            Self::Unsigned(checkpoint) | Self::Refused(checkpoint, _) => checkpoint.as_ref(),
            Self::Signed(checkpoint, _) => Some(checkpoint),
        }
    }
}

fn because(error: &OpenError) -> String {
    let text = match error {
        OpenError::Signature(inner) => format!("{inner}"),
        OpenError::Note(inner) => format!("{inner}"),
        OpenError::Checkpoint(inner) => format!("{inner}"),
        other => format!("{other}"),
    };
    escape(&text)
}

/// The head that the caller kept when looking last; it is the caller's own word.
#[derive(Clone, Debug)]
pub(crate) enum Earlier {
    /// The caller gave none.
    NotGiven,
    /// Not a checkpoint.
    Unreadable,
    /// What it says.
    Head(Checkpoint),
}

impl Earlier {
    pub(crate) fn read(note: Option<&str>) -> Self {
        match note.map(unverified) {
            None => Self::NotGiven,
            Some(None) => Self::Unreadable,
            Some(Some(checkpoint)) => Self::Head(checkpoint),
        }
    }

    pub(crate) const fn checkpoint(&self) -> Option<&Checkpoint> {
        match self {
            Self::Head(checkpoint) => Some(checkpoint),
            Self::NotGiven | Self::Unreadable => None,
        }
    }
}

/// What a note says, whoever signed it.
fn unverified(note: &str) -> Option<Checkpoint> {
    let end = note.rfind("\n\n")?;
    Checkpoint::parse(note.get(..=end)?).ok()
}

/// The key that the log itself names, in the form in which callers name theirs.
pub(crate) fn named_by_log(created: &LedgerCreated) -> Option<VerifierKey> {
    let typed = [&[1], created.log_key.as_slice()].concat();
    let hash = sha256(&[created.origin.as_bytes(), b"\n", &typed]);
    let id = hex(hash.get(..4)?);
    format!("{}+{id}+{}", created.origin, Base64::encode_string(&typed))
        .parse()
        .ok()
}
