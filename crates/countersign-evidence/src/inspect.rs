//! What was found about the files themselves, beside what the verifier finds about the entries.

use std::path::Path;

/// One check of files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Inspection {
    /// A stable name: `files-unchanged`.
    pub name: &'static str,
    /// How many were looked at.
    pub count: u64,
    /// Of what: files, entries.
    pub unit: &'static str,
    /// What was found.
    pub looked: Looked,
}

/// How a check of files went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Looked {
    /// All is as it must be.
    Good,
    /// Nothing is wrong, but somebody should know.
    Remark(String),
    /// The files end in the middle of something; what is missing was never acknowledged.
    Unfinished(Fault),
    /// The files are not what they were. At least one.
    Bad(Vec<Fault>),
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The file, and the byte where that helps.
    pub place: String,
    /// The entry that it belongs to, or the first one that is affected.
    pub seq: Option<u64>,
    /// What is wrong, in plain words.
    pub sentence: String,
}

impl Fault {
    pub(crate) fn new(
        place: impl Into<String>,
        seq: Option<u64>,
        sentence: impl Into<String>,
    ) -> Self {
        Self {
            place: escape(&place.into()),
            seq,
            sentence: escape(&sentence.into()),
        }
    }
}

/// The text in one line, from which it can be read back: names of files are chosen by whoever made
/// them, and a report is read line by line.
pub(crate) fn escape(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\\' | '\u{2028}' | '\u{2029}');
    text.chars().fold(String::new(), |mut line, c| {
        if breaks(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
        line
    })
}

/// A path in one line.
pub(crate) fn shown(path: &Path) -> String {
    escape(&path.display().to_string())
}

impl Inspection {
    pub(crate) fn of(name: &'static str, count: u64, faults: Vec<Fault>) -> Self {
        let looked = if faults.is_empty() {
            Looked::Good
        } else {
            Looked::Bad(faults)
        };
        Self {
            name,
            count,
            unit: "files",
            looked,
        }
    }
}
