//! One thing followed through the log: who let it run, and what happened when.

mod answer;
mod line;
mod progress;
mod subject;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_flow::{escape, rfc3339_ms};
use countersign_record::id::CallId;
use countersign_record::json::Value;
use countersign_record::object;

pub use answer::Answer;
pub use line::{Line, Word};

use crate::options::Extent;
use crate::read::{Group, Reader};
use crate::replay::Replay;
use crate::report::number;
use crate::source::Source;
use crate::time::span;
use progress::Progress;
use subject::Subject;

/// The shape of the JSON form.
const SCHEMA_VERSION: u32 = 1;

/// Nothing in the log is what was asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "nothing in this log is {what}; give a call, tool-call id, trace id, entry number, grant, key, person, agent or target"
)]
pub struct NotFound {
    /// What was asked for, escaped.
    pub what: String,
}

/// Everything that the log has about one thing. All text is escaped.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What was asked for.
    pub what: String,
    /// The calls it leads to, by their first entry.
    pub calls: Vec<CallTrace>,
    /// Entries about it that are no part of a call.
    pub others: Vec<Line>,
    /// What is wrong with the log itself: with any, no line can be relied on.
    pub damage: Vec<String>,
}

/// One call.
#[derive(Clone, Debug)]
pub struct CallTrace {
    /// Its id.
    pub call: CallId,
    /// Who let it run.
    pub answer: Answer,
    /// What happened, in order.
    pub lines: Vec<Line>,
}

/// Follows a call id, tool-call id, trace id, entry number, grant, key, person (id, handle or name),
/// agent (id or name) or target through the log. Signatures, policy and flow are replayed; the
/// checkpoint is not looked at: that is [`crate::verify`].
pub fn trace(source: &dyn Source, what: &str) -> Result<Trace, NotFound> {
    let mut subject = Subject::new(what);
    walk(source, |replay, group| {
        subject.look_at(&replay.state, &group.reads);
        replay.fold(group);
    });
    let mut following = Following {
        subject,
        calls: BTreeMap::new(),
        others: Vec::new(),
    };
    let damage = walk(source, |replay, group| {
        following.take(replay, group);
        replay.fold(group);
    });
    let calls = following.calls.into_iter();
    let mut calls: Vec<_> = calls
        .map(|(call, progress)| progress.finish(call))
        .collect();
    calls.sort_by_key(|call| call.lines.first().map(|line| line.seq));
    let (what, others) = (escape(what), following.others);
    if calls.is_empty() && others.is_empty() {
        return Err(NotFound { what });
    }
    Ok(Trace {
        what,
        calls,
        others,
        damage,
    })
}

/// Reads the log once; the answer is what is wrong with it.
fn walk(source: &dyn Source, mut each: impl FnMut(&mut Replay, &Group)) -> Vec<String> {
    let mut reader = Reader::default();
    let mut replay = Replay::default();
    let mut damage = Vec::new();
    source.prepared(Extent::Everything, &mut |record| match record {
        Ok(prepared) if damage.is_empty() => {
            let groups = reader.take(prepared);
            for group in &groups {
                each(&mut replay, group);
            }
        }
        Err(error) if damage.is_empty() => damage.push(escape(&error.to_string())),
        _ => {}
    });
    if let Some(group) = reader.finish() {
        each(&mut replay, &group);
    }
    damage.extend(reader.findings.into_iter().map(|finding| finding.sentence));
    let unread = reader
        .unreadable
        .map(|seq| format!("nothing is traced from entry {seq} on: it cannot be read"));
    damage.extend(unread);
    damage
}

struct Following {
    subject: Subject,
    calls: BTreeMap<CallId, Progress>,
    others: Vec<Line>,
}

impl Following {
    fn take(&mut self, replay: &Replay, group: &Group) {
        let mentions = |read| self.subject.mentions(read);
        let about = |read: &crate::read::Read| {
            read.entry
                .draft
                .refs
                .call
                .is_some_and(|call| self.subject.calls().contains(&call))
        };
        if !group.reads.iter().any(|read| about(read) || mentions(read)) {
            return;
        }
        let judged = group.whole.then(|| replay.judge(&group.reads));
        for (place, read) in group.reads.iter().enumerate() {
            let line = line::line(&replay.state, read, place, judged.as_ref());
            match read.entry.draft.refs.call.filter(|_| about(read)) {
                Some(call) => {
                    let progress = self.calls.entry(call).or_default();
                    progress.take(&replay.state, read, &line, judged.as_ref());
                    progress.lines.push(line);
                }
                None if self.subject.mentions(read) => self.others.push(line),
                None => {}
            }
        }
    }
}

impl Trace {
    /// 0; 1 when the log is damaged; 4 when something that nobody had let run was run or let run.
    pub fn exit_code(&self) -> u8 {
        if !self.damage.is_empty() {
            1
        } else if self.calls.iter().any(|call| call.answer.is_unapproved()) {
            4
        } else {
            0
        }
    }

    /// For a terminal: the first line answers who. Ends with a newline.
    pub fn to_text(&self) -> String {
        let mut lines = Vec::new();
        for call in &self.calls {
            lines.push(call.answer.to_string());
            lines.push(format!("{}", call.call));
            let start = call.lines.first().map_or(0, |line| line.at);
            lines.extend(call.lines.iter().map(|line| text(line, start)));
            lines.push(String::new());
        }
        if !self.others.is_empty() {
            lines.push(format!(
                "Entries about {} that belong to no call:",
                self.what
            ));
            let start = self.others.first().map_or(0, |line| line.at);
            lines.extend(self.others.iter().map(|line| text(line, start)));
            lines.push(String::new());
        }
        if !self.damage.is_empty() {
            lines.push("THE LOG IS DAMAGED; no line above can be relied on:".into());
            lines.extend(self.damage.iter().map(|fault| format!("  {fault}")));
        }
        lines.join("\n") + "\n"
    }

    /// For scripts.
    pub fn to_json(&self) -> Value {
        let calls: Vec<Value> = self.calls.iter().map(CallTrace::to_json).collect();
        object! {
            "schema_version": SCHEMA_VERSION,
            "what": self.what.as_str(),
            "calls": calls,
            "others": json(&self.others),
            "damage": self.damage.clone(),
            "exit_code": u32::from(self.exit_code()),
        }
        .into()
    }
}

impl CallTrace {
    fn to_json(&self) -> Value {
        object! {
            "call": self.call.to_string(),
            "answer": self.answer.code(),
            "sentence": self.answer.to_string(),
            "unapproved": self.answer.is_unapproved(),
            "lines": json(&self.lines),
        }
        .into()
    }
}

fn text(line: &Line, start: u64) -> String {
    let Line {
        seq,
        at,
        what,
        text,
        word,
    } = line;
    let after = span(at.saturating_sub(start));
    format!(
        "  {} +{after:<12} {what:<9} {text} [{}] entry {seq}",
        rfc3339_ms(*at),
        word.as_str()
    )
}

fn json(lines: &[Line]) -> Vec<Value> {
    let json = |line: &Line| {
        object! {
            "seq": number(line.seq),
            "at": number(line.at),
            "what": line.what,
            "text": line.text.as_str(),
            "trust": line.word.as_str(),
        }
        .into()
    };
    lines.iter().map(json).collect()
}
