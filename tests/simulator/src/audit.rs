//! What an auditor does at a history's end: verify the log, and a log that was changed.

use std::collections::BTreeMap;

use countersign_ledger::chain::genesis;
use countersign_record::entry::Entry;
use countersign_record::keyring::Keyring;
use countersign_record::seal;
use countersign_record::seal::BodyPlace;
use countersign_store::log::ReadLog;
use countersign_verify::{BodyState, Options, Source, SourceError, Stored, Trust, Verdict, verify};

use crate::chance::Rng;
use crate::judge::Broken;

/// A log in memory, with its bodies.
#[derive(Clone)]
pub(crate) struct Audited {
    records: Vec<Stored>,
    note: Option<String>,
}

impl Source for Audited {
    fn checkpoint(&self) -> Option<String> {
        self.note.clone()
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        Box::new(self.records.iter().cloned().map(Ok))
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.records.get(usize::try_from(seq).ok()?).cloned()
    }
}

impl Audited {
    pub(crate) fn read(
        reader: &dyn ReadLog,
        keyring: &[u8],
        note: Option<String>,
    ) -> Result<Self, Broken> {
        let keyring = Keyring::from_bytes(keyring).map_err(|error| error.to_string())?;
        let mut records = Vec::new();
        let mut origin = String::new();
        for frame in reader.frames(0) {
            let frame = frame.map_err(|error| error.to_string())?;
            for stored in frame.records {
                if let (0, Ok(entry)) = (stored.seq, Entry::decode(&stored.entry))
                    && let countersign_record::entry::Fact::LedgerCreated(it) = entry.draft.fact
                {
                    origin = it.origin;
                }
                records.push(disclosed(&keyring, &origin, stored));
            }
        }
        Ok(Self { records, note })
    }

    fn verdict(&self, vkey: &str, earlier: Option<&str>) -> (Verdict, String) {
        let trust = Trust {
            log_keys: vkey.parse().into_iter().collect(),
            earlier: earlier.map(str::to_owned),
        };
        let report = verify(self, &trust, &Options::default(), &mut |_| {});
        (report.verdict, report.to_text())
    }

    /// The log as it is.
    pub(crate) fn holds(&self, vkey: &str) -> Result<(), Broken> {
        match self.verdict(vkey, None) {
            (Verdict::Verified | Verdict::Findings, _) => Ok(()),
            (verdict, text) => Err(format!("verify says {}:\n{text}", verdict.as_str())),
        }
    }

    /// The log that somebody set back, shown to whoever kept a later head.
    pub(crate) fn is_caught_by(&self, vkey: &str, later: &str) -> Result<(), Broken> {
        match self.verdict(vkey, Some(later)) {
            (Verdict::Broken, _) => Ok(()),
            (verdict, _) => Err(format!(
                "verify says {} of a log that was set back",
                verdict.as_str()
            )),
        }
    }

    /// The log, changed in one place.
    pub(crate) fn tampered_is_caught(
        &self,
        vkey: &str,
        rng: &mut Rng,
    ) -> Result<&'static str, Broken> {
        let mut changed = self.clone();
        let place = rng.index(changed.records.len() - 1);
        let how = match rng.below(4) {
            0 => {
                changed.records.remove(place);
                "an entry removed"
            }
            1 => {
                let twin = changed.records[place].clone();
                changed.records.insert(place, twin);
                "an entry doubled"
            }
            2 => {
                changed.records.swap(place, place + 1);
                "two entries swapped"
            }
            _ => {
                let bytes = &mut changed.records[place].entry;
                let bit = rng.index(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                "a bit flipped"
            }
        };
        match changed.verdict(vkey, None) {
            (Verdict::Broken, _) => Ok(how),
            (verdict, _) => Err(format!(
                "verify says {}: {how} at entry {place}",
                verdict.as_str()
            )),
        }
    }
}

fn disclosed(keyring: &Keyring, origin: &str, stored: countersign_store::log::Stored) -> Stored {
    let mut bodies = BTreeMap::new();
    if let Ok(entry) = Entry::decode(&stored.entry) {
        for ((name, root), sealed) in entry.draft.bodies.iter().zip(&stored.bodies) {
            let place = BodyPlace {
                genesis: genesis(origin),
                seq: stored.seq,
                root,
            };
            let opened = sealed.as_ref().and_then(|sealed| {
                seal::open(sealed, &place, || keyring.body_key(stored.seq)).ok()
            });
            let state = match opened {
                Some(body) => BodyState::Disclosed(body.disclose_all().clone()),
                None => BodyState::Missing("it does not open".into()),
            };
            bodies.insert(name.to_owned(), state);
        }
    }
    Stored {
        entry: stored.entry,
        bodies,
    }
}
