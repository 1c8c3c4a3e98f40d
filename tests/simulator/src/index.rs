//! The index that survives somehow, and what it must say: what the log says.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_store::index::{
    Index, IndexFault, IndexPlace, IndexStore, Run, Term, Terms, Watermark, entry_ids,
};
use countersign_store::log::{ReadLog, Stored};

use crate::chance::Rng;
use crate::judge::Broken;

/// Entries of a run: few, so that histories have many runs.
const RUN: u32 = 8;

/// An index in memory that fails after so many runs.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Kept>>);

#[derive(Clone, Debug, Default)]
struct Kept {
    runs: Vec<Run>,
    watermark: Watermark,
    runs_left: Option<u64>,
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
    fn run(&self) -> u32 {
        RUN
    }

    fn watermark(&self) -> Result<Watermark, IndexFault> {
        Ok(self.with(|kept| kept.watermark))
    }

    fn add(&self, run: &Run, last: [u8; 32]) -> Result<(), IndexFault> {
        self.with(|kept| {
            if kept.runs_left == Some(0) {
                return Err(IndexFault::Form);
            }
            kept.runs_left = kept.runs_left.map(|left| left - 1);
            kept.runs.push(run.clone());
            let size = run.end();
            kept.watermark = Watermark { size, last };
            Ok(())
        })
    }

    fn seqs(&self, term: &Term, range: &Range<u64>, limit: usize) -> Result<Vec<u64>, IndexFault> {
        Ok(self.with(|kept| {
            let seqs = kept.runs.iter().flat_map(|run| run.seqs(term, range));
            seqs.take(limit).collect()
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
    place.with(|kept| kept.runs_left = Some(rng.below(12)));
    let start = |place: &Memory| {
        let place = Box::new(place.clone());
        let terms = Terms {
            of: Box::new(|stored: &Stored| entry_ids(&stored.entry)),
            taught_by: "none",
        };
        Index::start(place, Arc::clone(log), terms).map_err(|error| error.to_string())
    };
    drop(start(&place)?);
    place.with(|kept| kept.runs_left = None);
    let index = start(&place)?;
    if !index.wait_for(size, Duration::from_mins(1)) {
        return Err("the index does not catch up".into());
    }
    for (id, seqs) in expected {
        let found = index
            .seqs(&id, 0..u64::MAX, usize::MAX)
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
