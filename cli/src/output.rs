//! The only place that prints: results on stdout, progress, hints and errors on stderr.
//!
//! Nothing that comes from data can steer a terminal: control, bidirectional and invisible
//! characters leave this module escaped, whatever the caller did. There are no colours.

use std::error::Error;
use std::io;
use std::io::{IsTerminal as _, Write};

use countersign_record::json::{Number, Object, Value, canonical_text};
use countersign_record::text::is_unseen;

/// The version of every document that `--json` prints.
const SCHEMA_VERSION: u32 = 1;

/// Why a command did not do what it was asked: an exit code, what happened, and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) sentence: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure in the words of an error and its causes.
    pub(crate) fn new(code: u8, error: &dyn Error) -> Self {
        Self {
            code,
            sentence: chain(error),
            hint: None,
        }
    }

    /// A failure in words of one's own.
    pub(crate) fn say(code: u8, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            hint: None,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// Where a command's words go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    err: io::Stderr,
    broken: Option<io::Error>,
}

impl Output {
    /// `json`: results are one JSON document instead of lines.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            err: io::stderr(),
            broken: None,
        }
    }

    /// Whether results are JSON.
    #[cfg(feature = "full")]
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// A line of the result; nothing under `--json`.
    pub(crate) fn line(&mut self, text: &str) {
        if !self.json {
            self.result(&(harmless(text, text_escape) + "\n"));
        }
    }

    /// The result as a document; nothing without `--json`.
    pub(crate) fn document(&mut self, document: Object) {
        if self.json {
            let document = document.with("schema_version", Value::from(SCHEMA_VERSION));
            let text = canonical_text(&document.into());
            self.result(&(harmless(&text, json_escape) + "\n"));
        }
    }

    /// Text that is the result as it is, such as a script for a shell; nothing under `--json`.
    pub(crate) fn raw(&mut self, text: &str) {
        if !self.json {
            self.result(text);
        }
    }

    /// What helps a person and is no result.
    pub(crate) fn hint(&mut self, text: &str) {
        self.aside(text);
    }

    /// Progress: only where somebody watches.
    pub(crate) fn progress(&mut self, text: &str) {
        if self.err.is_terminal() {
            self.aside(text);
        }
    }

    /// A failure: a line on stderr, and under `--json` a document as well. Gives its exit code.
    pub(crate) fn failure(&mut self, failure: &Failure) -> u8 {
        self.aside(&format!("error: {}", failure.sentence));
        if let Some(hint) = &failure.hint {
            self.aside(&format!("hint: {hint}"));
        }
        let error = Object::new()
            .with("error", failure.sentence.as_str())
            .with("exit", Value::from(u32::from(failure.code)));
        self.document(match &failure.hint {
            Some(hint) => error.with("hint", hint.as_str()),
            None => error,
        });
        failure.code
    }

    /// The code that the process ends with: a result that could not be written is no success, but a
    /// reader that closed the pipe had all it wanted.
    pub(crate) fn finish(self, code: u8) -> u8 {
        match &self.broken {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.aside(&format!("error: cannot write the result: {error}"));
                crate::exit::USAGE
            }
            _ => code,
        }
    }

    /// A line on stderr. Where that is closed there is nobody left to tell.
    fn aside(&self, text: &str) {
        let text = harmless(text, text_escape) + "\n";
        let _unheard = self.err.lock().write_all(text.as_bytes());
    }

    fn result(&mut self, text: &str) {
        if self.broken.is_none() {
            let mut stdout = io::stdout().lock();
            let written = stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush());
            self.broken = written.err();
        }
    }
}

/// A count for a document.
pub(crate) fn number(count: u64) -> Value {
    Number::try_from(count).map_or_else(|_| count.to_string().into(), Value::Number)
}

/// Somebody's words within a line of ours: they begin no line of their own.
pub(crate) fn within_a_line(words: &str) -> String {
    words.replace('\n', &text_escape('\n'))
}

/// What somebody typed, escaped and in one line, where the reader of arguments prints it.
pub(crate) fn typed(words: &str) -> String {
    within_a_line(&harmless(words, text_escape))
}

/// The text with every character escaped that would hide in it; lines stay lines.
fn harmless(text: &str, escape: impl Fn(char) -> String) -> String {
    let harms = |c: char| is_unseen(c) && c != '\n';
    text.chars()
        .fold(String::with_capacity(text.len()), |mut shown, c| {
            if harms(c) {
                shown.push_str(&escape(c));
            } else {
                shown.push(c);
            }
            shown
        })
}

fn text_escape(c: char) -> String {
    format!("\\u{{{:x}}}", u32::from(c))
}

fn json_escape(c: char) -> String {
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units).iter();
    let escapes: Vec<String> = units.map(|unit| format!("\\u{unit:04x}")).collect();
    escapes.concat()
}

#[cfg(test)]
mod tests;
