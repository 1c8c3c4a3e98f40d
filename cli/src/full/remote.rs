//! A log behind an audit plane, read whole: what a data directory is to the offline commands.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use countersign_flow::{State, apply};
use countersign_gate::Connection;
use countersign_ledger::chain::link;
use countersign_record::body::{Disclosed, Disclosure};
use countersign_record::entry::{Entry, Fact};
use countersign_record::json::Value;
use countersign_verify::{BodyState, Source, SourceError, Stored};

use super::place::refused;
use crate::exit;
use crate::output::Failure;

/// Records per question.
const PAGE: usize = 500;

/// Everything that an audit plane disclosed.
#[derive(Debug)]
pub(crate) struct RemoteLog {
    checkpoint: Option<String>,
    records: Vec<Stored>,
}

impl RemoteLog {
    /// Reads the whole log. Reading bodies is recorded in it.
    pub(crate) fn read(connection: &Connection) -> Result<Self, Failure> {
        // Asked for before the records, all that it covers is among them.
        let checkpoint = connection
            .text("/checkpoint")
            .map_err(|error| refused(&error))?;
        let mut records = Vec::new();
        loop {
            let path = format!("/v1/records?from={}&limit={PAGE}", records.len());
            let answer = connection.get(&path).map_err(|error| refused(&error))?;
            let page = answer
                .body
                .member("records")
                .and_then(Value::as_array)
                .and_then(|page| {
                    page.iter()
                        .enumerate()
                        .map(|(place, record)| stored(record, records.len() + place))
                        .collect()
                });
            let page: Vec<Stored> =
                page.ok_or_else(|| refused(&connection.not_ours(&path, "not a page of records")))?;
            if let Some(place) = page.iter().position(lacks_policy) {
                let seq = records.len() + place;
                let fault = format!("entry {seq} adopts a policy, and its text is missing");
                return Err(refused(&connection.not_ours(&path, &fault)));
            }
            let last = answer.body.member("next").is_none();
            if page.is_empty() && !last {
                // More of nothing would be asked for without end.
                return Err(refused(
                    &connection.not_ours(&path, "an empty page before the end"),
                ));
            }
            records.extend(page);
            if last {
                return Ok(Self {
                    checkpoint: Some(checkpoint),
                    records,
                });
            }
        }
    }
}

impl Source for RemoteLog {
    fn checkpoint(&self) -> Option<String> {
        self.checkpoint.clone()
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        Box::new(self.records.iter().cloned().map(Ok))
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.records.get(usize::try_from(seq).ok()?).cloned()
    }
}

fn stored(record: &Value, seq: usize) -> Option<Stored> {
    if record.member("seq")?.as_u64()? != u64::try_from(seq).ok()? {
        return None;
    }
    let entry = Base64::decode_vec(record.member("entry")?.as_str()?).ok()?;
    let bodies = record
        .member("bodies")?
        .as_object()?
        .iter()
        .map(|(name, body)| {
            let state = match Disclosure::from_json(body) {
                Ok(disclosure) => BodyState::Disclosed(disclosure),
                Err(error) => BodyState::Missing(error.to_string()),
            };
            (name.to_owned(), state)
        });
    let mut bodies: BTreeMap<String, BodyState> = bodies.collect();
    // A body that the service could not open is not among them.
    for (name, _) in Entry::decode(&entry).ok()?.draft.bodies.iter() {
        bodies.entry(name.to_owned()).or_insert(BodyState::Withheld);
    }
    Some(Stored { entry, bodies })
}

/// A policy's text is never sealed, so there is no reason to withhold it; and without it nobody could
/// say whom a change asks.
fn lacks_policy(stored: &Stored) -> bool {
    let entry = Entry::decode(&stored.entry);
    let adopts = entry.is_ok_and(|entry| matches!(entry.draft.fact, Fact::PolicyAdopted(_)));
    let text = stored.bodies.get("policy").and_then(disclosed);
    adopts && text.is_none()
}

/// The value of a body, where all of it is disclosed.
fn disclosed(body: &BodyState) -> Option<Value> {
    match body.disclosure()?.disclosed() {
        Ok(Disclosed::Whole(value)) => Some(value),
        _ => None,
    }
}

/// What the log's entries come to, as far as its bodies are disclosed. Nothing is verified.
pub(super) fn state_of(source: &dyn Source) -> Result<State, Failure> {
    let mut state = State::default();
    for stored in source.records() {
        let stored = stored.map_err(|error| Failure::new(exit::USAGE, &error))?;
        let entry = Entry::decode(&stored.entry).map_err(|error| {
            Failure::say(
                exit::UNPROVEN,
                format!("entry {} cannot be read: {error}", state.size),
            )
        })?;
        apply(&mut state, &entry, link(&stored.entry), &|name| {
            stored.bodies.get(name).and_then(disclosed)
        });
    }
    Ok(state)
}

#[cfg(test)]
mod tests;
