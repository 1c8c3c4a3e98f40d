//! Reading what is durable, on threads of its own: the writer goes on meanwhile.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Weak};

use countersign_ledger::tiles::{TilePath, encode_bundle};
use countersign_record::digest::EntryHash;
use countersign_record::entry::Entry;
use countersign_record::id::CallId;
use countersign_store::index::Index;
use countersign_store::log::{ReadError, ReadLog, Stored};
use tokio::sync::Semaphore;

use crate::core::{Core, Parties, Record, is_about, opened, sought};
use crate::error::Unavailable;
use crate::published::{Published, Snapshot};

/// So many readings go on at once; more wait for their turn.
const READERS_MAX: usize = 4;
/// A page ends with the record that makes it this long, in stored bytes: 4 MiB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// So many entries that are not in the index yet are read for a question that a stream asks for each
/// call: as many as come while the index is behind in normal times, not a log that is indexed anew.
pub(crate) const UNINDEXED_MAX: u64 = 4096;

/// Only the whole log could tell.
pub(crate) const NOT_INDEXED: Unavailable = Unavailable::Busy {
    what: "entries that are not in the index yet",
    limit: UNINDEXED_MAX,
};

/// What the log says of how a call began.
pub(crate) enum Begun {
    /// Whose it is.
    Found(Parties),
    /// It did not begin up to there.
    Unknown,
    /// The index has not come so far.
    NotIndexed,
}

/// A part of an answer that may be long.
#[derive(Clone, Debug)]
pub struct Page {
    /// Entries in order, with their bodies.
    pub records: Vec<Record>,
    /// Where to go on reading; `None`: there is nothing more.
    pub next: Option<u64>,
}

/// The log for reading.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) reader: Arc<dyn ReadLog>,
    pub(crate) published: Published,
    // The writer keeps the index: it ends with it, also while somebody still could read.
    index: Weak<Index>,
    genesis: EntryHash,
    turns: Arc<Semaphore>,
}

impl Reading {
    pub(crate) fn of(core: &Core) -> Self {
        Self {
            reader: Arc::clone(&core.reader),
            published: core.published(),
            index: core.index.as_ref().map(Arc::downgrade).unwrap_or_default(),
            genesis: core.genesis,
            turns: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Does `look` on a thread that may wait for the disk.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Self) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| Unavailable::Stopping)?;
        let reading = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let found = look(&reading);
            drop(turn);
            found
        });
        let found = read.await.map_err(|_| Unavailable::Internal)?;
        found.map_err(|error| {
            tracing::error!(%error, "the log was not read");
            Unavailable::Internal
        })
    }

    /// Entries from `from` on, exactly the bytes that are hashed.
    pub(crate) fn entries(&self, from: u64, limit: u64) -> Result<Vec<(u64, Vec<u8>)>, ReadError> {
        let to = from.saturating_add(limit).min(self.published.now().size);
        let found = self.stored(from, to).map(|stored| {
            let stored = stored?;
            Ok((stored.seq, stored.entry))
        });
        found.collect()
    }

    /// Entries from `from` on, at most `limit`, with their bodies.
    pub(crate) fn records(&self, from: u64, limit: u64) -> Result<Page, ReadError> {
        let snapshot = self.published.now();
        let to = from.saturating_add(limit).min(snapshot.size);
        let next = (to < snapshot.size).then_some(to);
        self.page(&snapshot, self.stored(from, to), next)
    }

    /// Entries that name `id`, or in which a searched value is that, from `from` on, at most `limit`:
    /// from the index as far as it has come, then from the log itself.
    pub(crate) fn about(&self, id: &str, from: u64, limit: u64) -> Result<Page, ReadError> {
        let snapshot = self.published.now();
        let is_about = |it: &Stored| is_about(&snapshot.keyring, self.genesis, it, id);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // One more tells where the next page begins.
        let most = limit.saturating_add(1);
        let (known, complete_to) = self.indexed(&snapshot, id, from, most)?;
        let known = known.into_iter();
        let known = known.filter_map(|seq| self.reader.read(seq).transpose());
        let rest = self.stored(complete_to.max(from), snapshot.size);
        // A fault ends the page with an error.
        let rest = rest.filter(|stored| stored.as_ref().map_or(true, is_about));
        let mut found = known.chain(rest).take(most);
        let page = found.by_ref().take(limit);
        let mut page = self.page(&snapshot, page, None)?;
        if page.next.is_none() {
            page.next = found.next().transpose()?.map(|stored| stored.seq);
        }
        Ok(page)
    }

    /// Whose a call is; `seq` is an entry about it.
    pub(crate) fn parties(&self, call: CallId, seq: u64) -> Result<Begun, ReadError> {
        let index = self.index.upgrade();
        let found = index.and_then(|index| index.seqs(&call.to_string(), 0..u64::MAX, 1).ok());
        let (first, complete_to) =
            found.map_or((None, 0), |it| (it.seqs.first().copied(), it.complete_to));
        let begins = |stored: &Stored| {
            let entry = Entry::decode(&stored.entry).ok()?;
            Parties::of(&entry).filter(|_| entry.draft.refs.call == Some(call))
        };
        if let Some(first) = first {
            let parties = self.reader.read(first)?.as_ref().and_then(begins);
            return Ok(parties.map_or(Begun::Unknown, Begun::Found));
        }
        if seq.saturating_sub(complete_to) >= UNINDEXED_MAX {
            return Ok(Begun::NotIndexed);
        }
        for stored in self.stored(complete_to, seq.saturating_add(1)) {
            if let Some(parties) = begins(&stored?) {
                return Ok(Begun::Found(parties));
            }
        }
        Ok(Begun::Unknown)
    }

    /// The first `most` entries from `from` on that the index leads to, and to which entry it is
    /// complete.
    fn indexed(
        &self,
        snapshot: &Snapshot,
        id: &str,
        from: u64,
        most: usize,
    ) -> Result<(Vec<u64>, u64), ReadError> {
        let index = self.index.upgrade();
        let ask = |term: &str, range| index.as_ref()?.seqs(term, range, most).ok();
        let Some(named) = ask(id, from..u64::MAX) else {
            return Ok((Vec::new(), 0));
        };
        let complete_to = named.complete_to.min(snapshot.size);
        // What is said behind the last of a full page is for the next one.
        let end = named.seqs.get(most - 1).map_or(complete_to, |last| *last);
        let mut said = Vec::new();
        for (block, term) in sought(&snapshot.keyring, id, end) {
            let (from, to) = (block.start.max(from), block.end.min(end));
            if said.len() >= most {
                break;
            }
            let found = term
                .filter(|_| from < to)
                .and_then(|term| ask(&term, from..to));
            match found.filter(|found| found.complete_to >= to) {
                Some(found) => said.extend(found.seqs),
                None => self.said(snapshot, id, from..to, &mut said)?,
            }
        }
        let seqs: BTreeSet<u64> = named.seqs.into_iter().chain(said).collect();
        let seqs = seqs.into_iter().filter(|seq| *seq < complete_to);
        Ok((seqs.take(most).collect(), complete_to))
    }

    /// Entries of a block that must be read.
    fn said(
        &self,
        snapshot: &Snapshot,
        id: &str,
        block: Range<u64>,
        seqs: &mut Vec<u64>,
    ) -> Result<(), ReadError> {
        for stored in self.stored(block.start, block.end) {
            let stored = stored?;
            if is_about(&snapshot.keyring, self.genesis, &stored, id) {
                seqs.push(stored.seq);
            }
        }
        Ok(())
    }

    /// A bundle of entries under the newest checkpoint.
    pub(crate) fn entry_bundle(&self, path: TilePath) -> Result<Option<Vec<u8>>, ReadError> {
        let snapshot = self.published.now();
        let size = snapshot.signed.as_ref().map_or(0, |(it, _)| it.size);
        let width = u64::from(path.width());
        let Some(first) = path.index().checked_mul(256) else {
            return Ok(None);
        };
        if first.checked_add(width).is_none_or(|last| last > size) {
            return Ok(None);
        }
        let entries = self.entries(first, width)?;
        let slices: Vec<&[u8]> = entries.iter().map(|(_, entry)| entry.as_slice()).collect();
        Ok(encode_bundle(&slices).ok())
    }

    fn stored(&self, from: u64, to: u64) -> impl Iterator<Item = Result<Stored, ReadError>> {
        let wanted = (from < to).then(|| self.reader.frames(from));
        let frames = wanted.into_iter().flatten();
        let records = frames.flat_map(|frame| match frame {
            Ok(frame) => frame.records.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        });
        let seq =
            move |stored: &Result<Stored, ReadError>| stored.as_ref().map_or(from, |it| it.seq);
        records
            .skip_while(move |stored| seq(stored) < from)
            .take_while(move |stored| seq(stored) < to)
    }

    /// Reads records until there are enough bytes; `next` is where to go on after all of them.
    fn page(
        &self,
        snapshot: &Snapshot,
        found: impl Iterator<Item = Result<Stored, ReadError>>,
        next: Option<u64>,
    ) -> Result<Page, ReadError> {
        let (mut records, mut bytes) = (Vec::new(), 0_usize);
        for stored in found {
            let stored = stored?;
            if bytes >= PAGE_BYTES {
                let next = Some(stored.seq);
                return Ok(Page { records, next });
            }
            let bodies = stored.bodies.iter().flatten().map(Vec::len);
            bytes += stored.entry.len() + bodies.sum::<usize>();
            let record = opened(
                &snapshot.keyring,
                self.genesis,
                stored.entry,
                &stored.bodies,
            );
            records.extend(record);
        }
        Ok(Page { records, next })
    }
}
