//! One sentence about a call, from the policy's words and the call's arguments.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::Value;

use crate::catalogue::Tool;
use crate::decimal::grouped;
use crate::document::Policy;
use crate::field::{CallPath, Found};
use crate::kind::Kind;

/// A part of a sentence. Who shows it escapes the values: they are the agent's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Piece {
    /// The policy's words.
    Text(String),
    /// An argument.
    Value(String),
}

impl Piece {
    /// The words, whoever's they are.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Value(text) => text,
        }
    }
}

/// The sentence as plain text, unescaped: "Send a wire transfer of EUR 24,000.00 to Acme.".
pub fn sentence(policy: &Policy, tool: &str, arguments: &Value) -> String {
    pieces(policy, tool, arguments)
        .iter()
        .map(Piece::as_str)
        .collect()
}

/// The sentence in pieces; joined they are [`sentence`].
pub fn pieces(policy: &Policy, tool: &str, arguments: &Value) -> Vec<Piece> {
    let Some(known) = policy.tool(tool) else {
        return Vec::from([
            Piece::Text("Run a tool that the policy does not know: ".into()),
            Piece::Value(tool.to_string()),
            Piece::Text(".".into()),
        ]);
    };
    let mut pieces = match &known.sentence {
        Some(template) => template.fill(known, arguments),
        None => verb_and_target(known, arguments),
    };
    if !pieces
        .last()
        .is_some_and(|piece| piece.as_str().ends_with('.'))
    {
        pieces.push(Piece::Text(".".into()));
    }
    pieces
}

fn verb_and_target(tool: &Tool, arguments: &Value) -> Vec<Piece> {
    let mut pieces = Vec::from([Piece::Text(capitalised(&tool.verb))]);
    if let Some(target) = tool.target_path() {
        pieces.push(Piece::Text(": ".into()));
        pieces.push(Piece::Value(shown(
            target.find(arguments),
            tool.kind(target),
        )));
    }
    pieces
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Text with places for arguments: `Send {args.amount} to {args.beneficiary.name}`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Place(CallPath),
}

#[derive(Debug, thiserror::Error)]
#[error("a place in a sentence is written {{args.name}}; other braces are not allowed")]
pub(crate) struct TemplateError;

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut chunks = text.split('{');
        if let Some(before) = chunks.next() {
            parts.push(words(before)?);
        }
        for chunk in chunks {
            let (place, after) = chunk.split_once('}').ok_or(TemplateError)?;
            let place = CallPath::try_from(place.to_string()).map_err(|_| TemplateError)?;
            parts.push(Part::Place(place));
            parts.push(words(after)?);
        }
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }
}

fn words(text: &str) -> Result<Part, TemplateError> {
    if text.contains('}') {
        return Err(TemplateError);
    }
    Ok(Part::Text(text.to_string()))
}

impl Template {
    fn fill(&self, tool: &Tool, arguments: &Value) -> Vec<Piece> {
        let fill = |part: &Part| match part {
            Part::Text(text) => Piece::Text(text.clone()),
            Part::Place(CallPath(path)) => {
                Piece::Value(shown(path.find(arguments), tool.kind(path)))
            }
        };
        self.0.iter().map(fill).collect()
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = &CallPath> {
        self.0.iter().filter_map(|part| match part {
            Part::Place(place) => Some(place),
            Part::Text(_) => None,
        })
    }
}

/// A sentence stays a sentence; the parameters below it show everything whole.
const CHARACTERS_MAX: usize = 200;
const ITEMS_MAX: usize = 3;

fn shown(found: Found<'_>, kind: Option<Kind>) -> String {
    match found {
        Found::Here(value) => of_value(value, kind),
        Found::Absent => "(not given)".into(),
        Found::Unreadable => "(cannot be read)".into(),
    }
}

fn of_value(value: &Value, kind: Option<Kind>) -> String {
    match value {
        Value::Null => "(nothing)".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => grouped(&number.as_f64().to_string()),
        Value::String(text) if kind == Some(Kind::Money) && Kind::Money.admits(value) => {
            grouped(text)
        }
        Value::String(text) => shortened(text),
        Value::Array(items) => of_items(items, kind),
        Value::Object(_) => "(shown below)".into(),
    }
}

fn of_items(items: &[Value], kind: Option<Kind>) -> String {
    let simple = |item: &Value| match item {
        Value::Array(_) => "(shown below)".into(),
        item => of_value(item, kind),
    };
    let first: Vec<String> = items.iter().take(ITEMS_MAX).map(simple).collect();
    let first = first.join(", ");
    match items.len() {
        0 => "(none)".into(),
        all if all > ITEMS_MAX => format!("{first} and {} more", all - ITEMS_MAX),
        _ => first,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}… (whole text below)", &text[..end]),
        None => text.to_string(),
    }
}
