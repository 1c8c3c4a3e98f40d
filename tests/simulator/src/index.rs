//! The index that survives somehow, and what it must say: what the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_store::index::{
    Index, IndexFault, IndexPlace, IndexStore, Indexed, Watermark, entry_ids,
};
use countersign_store::log::{ReadLog, Stored};

use crate::chance::Rng;
use crate::judge::Broken;

/// An index in memory that fails after so many entries.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Kept>>);

#[derive(Clone, Debug, Default)]
struct Kept {
    seqs: BTreeMap<String, BTreeSet<u64>>,
    watermark: Watermark,
    entries_left: Option<u64>,
}

impl Memory {
    fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl IndexPlace for Memory {
    fn open(&self) -> Result<Arc<dyn IndexStore>, IndexFault> {
        Ok(Arc::new(self.clone()))
    }

    fn set_aside(&self) -> Result<(), IndexFault> {
        self.with(|kept| *kept = Kept::default());
        Ok(())
    }
}

impl IndexStore for Memory {
    fn watermark(&self) -> Result<Watermark, IndexFault> {
        Ok(self.with(|kept| kept.watermark))
    }

    fn apply(&self, entries: &[Indexed]) -> Result<(), IndexFault> {
        self.with(|kept| {
            for Indexed { terms, upto } in entries {
                if kept.entries_left == Some(0) {
                    return Err(IndexFault::Form);
                }
                kept.entries_left = kept.entries_left.map(|left| left - 1);
                for id in terms {
                    let seqs = kept.seqs.entry(id.clone()).or_default();
                    seqs.insert(upto.size - 1);
                }
                kept.watermark = *upto;
            }
            Ok(())
        })
    }

    fn seqs(&self, id: &str, from: u64, limit: usize) -> Result<Vec<u64>, IndexFault> {
        Ok(self.with(|kept| {
            let seqs = kept.seqs.get(id).map(|seqs| seqs.range(from..));
            seqs.into_iter().flatten().take(limit).copied().collect()
        }))
    }
}

/// An index of an earlier life of the log, which fails once on the way, says of every id what the
/// log says.
pub(crate) fn is_as_the_log(log: &Arc<dyn ReadLog>, rng: &mut Rng) -> Result<(), Broken> {
    let place = Memory::default();
    let mut expected: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let size = log.head().size;
    for frame in log.frames(0) {
        for stored in frame.map_err(|error| error.to_string())?.records {
            for id in entry_ids(&stored.entry) {
                expected.entry(id).or_default().push(stored.seq);
            }
        }
    }
    place.with(|kept| kept.entries_left = Some(rng.below(96)));
    let start = |place: &Memory| {
        let place = Box::new(place.clone());
        let terms = Box::new(|stored: &Stored| entry_ids(&stored.entry));
        Index::start(place, Arc::clone(log), terms).map_err(|error| error.to_string())
    };
    drop(start(&place)?);
    place.with(|kept| kept.entries_left = None);
    let index = start(&place)?;
    if !index.wait_for(size, Duration::from_mins(1)) {
        return Err("the index does not catch up".into());
    }
    for (id, seqs) in expected {
        let found = index
            .seqs(&id, 0, usize::MAX)
            .map_err(|error| error.to_string())?;
        if found.seqs != seqs {
            return Err(format!(
                "the index says {:?} of {id}, the log {seqs:?}",
                found.seqs
            ));
        }
    }
    Ok(())
}
