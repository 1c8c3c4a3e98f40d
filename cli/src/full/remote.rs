//! A log behind an audit plane, read whole: what a data directory is to the offline commands.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use countersign_flow::{State, apply};
use countersign_gate::Connection;
use countersign_ledger::chain::link;
use countersign_record::body::{Disclosed, Disclosure};
use countersign_record::entry::Entry;
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
        apply(
            &mut state,
            &entry,
            link(&stored.entry),
            &|name| match stored.bodies.get(name)? {
                BodyState::Disclosed(disclosure) => match disclosure.disclosed() {
                    Ok(Disclosed::Whole(value)) => Some(value),
                    _ => None,
                },
                BodyState::Withheld | BodyState::Unopened | BodyState::Missing(_) => None,
            },
        );
    }
    Ok(state)
}
