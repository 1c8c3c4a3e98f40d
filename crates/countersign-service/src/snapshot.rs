//! Snapshots of the fold: made at a signed checkpoint, sealed and written by a thread of its own, and
//! taken at start in place of the entries before it.

use std::sync::{Arc, mpsc};
use std::thread;
use std::thread::JoinHandle;

use countersign_flow::snapshot::FOLD;
use countersign_flow::{State, snapshot};
use countersign_ledger::merkle::Frontier;
use countersign_record::digest::EntryHash;
use countersign_record::keyring::{Keyring, SnapshotKey};
use countersign_store::disk::DiskFile;
use countersign_store::log::{LogHead, ReadLog};
use countersign_store::snapshots::Snapshots;
use zeroize::Zeroizing;

use crate::core::Core;
use crate::entropy::draw;

/// So many entries after the last one, the next snapshot is due: what a start after a crash has to
/// fold at most, about a second's work.
const EVERY: u64 = 50_000;

/// The fold and the right edge of the tree at some size of the log.
pub(crate) struct Snapshot {
    pub(crate) state: State,
    pub(crate) frontier: Frontier,
}

/// What a snapshot belongs to: this log, at this place, by that fold of this version of the software.
fn place(genesis: EntryHash, head: &LogHead, fold: u32) -> Vec<u8> {
    [
        b"countersign/snapshot/v1\n",
        genesis.bytes().as_slice(),
        &head.size.to_be_bytes(),
        &head.frame.0,
        &fold.to_be_bytes(),
        crate::SOFTWARE.as_bytes(),
    ]
    .concat()
}

/// The snapshot of that place, unless it does not open, is not of this log, or was made with another
/// keyring, by another fold or by another version.
fn load(
    snapshots: &Snapshots,
    head: &LogHead,
    keyring: &Keyring,
    genesis: EntryHash,
) -> Option<Snapshot> {
    let key = keyring.snapshot_key()?;
    let content = key.open(&place(genesis, head, FOLD), &snapshots.read(head)?)?;
    let peaks = usize::try_from(head.size.count_ones()).ok()?;
    let (peaks, state) = content.split_at_checked(peaks * 32)?;
    let (peaks, _) = peaks.as_chunks();
    let frontier = Frontier::from_peaks(head.size, peaks.to_vec())?;
    let state = snapshot::read(state)?;
    (state.size == head.size).then_some(Snapshot { state, frontier })
}

/// The newest snapshot of this log within its first `size` entries.
pub(crate) fn newest(
    snapshots: &Snapshots,
    reader: &dyn ReadLog,
    keyring: &Keyring,
    genesis: EntryHash,
    size: u64,
) -> Option<Snapshot> {
    let heads = snapshots.list().into_iter().filter(|it| it.size <= size);
    heads
        .filter(|head| is_of(reader, head))
        .find_map(|head| load(snapshots, &head, keyring, genesis))
}

/// Whether the log has, at that place, the frame that the snapshot was made after.
fn is_of(reader: &dyn ReadLog, head: &LogHead) -> bool {
    let frame = head
        .size
        .checked_sub(1)
        .and_then(|last| reader.frames(last).next());
    matches!(frame, Some(Ok(frame)) if frame.hash == head.frame
        && frame.records.last().is_some_and(|it| it.seq + 1 == head.size))
}

/// One snapshot on its way to the disk.
struct Job {
    head: LogHead,
    state: State,
    frontier: Frontier,
    place: Vec<u8>,
    key: SnapshotKey,
    nonce: [u8; 24],
    tree: Option<Arc<dyn DiskFile>>,
}

impl Job {
    fn run(self, snapshots: &Snapshots) -> std::io::Result<()> {
        // Nobody looks at the tree's hashes again before this place, so they must be durable.
        if let Some(tree) = &self.tree {
            tree.sync_data()?;
        }
        let state = Zeroizing::new(snapshot::write(&self.state));
        let content =
            Zeroizing::new([self.frontier.peaks().concat().as_slice(), state.as_slice()].concat());
        let sealed = self.key.seal(self.nonce, &self.place, &content);
        let sealed = sealed.ok_or_else(|| std::io::Error::other("too large to be sealed"))?;
        snapshots.keep(&self.head, &sealed)
    }
}

/// The thread that writes snapshots, one at a time; ends when it is dropped, after the last one.
pub(crate) struct Keeper {
    jobs: Option<mpsc::SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(snapshots: Snapshots) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel::<Job>(1);
        let thread = thread::Builder::new()
            .name("snapshot".into())
            .spawn(move || {
                for job in inbox {
                    let size = job.head.size;
                    match job.run(&snapshots) {
                        Ok(()) => tracing::debug!(size, "a snapshot was kept"),
                        // The one before is still there; the next start takes longer.
                        Err(error) => tracing::warn!(%error, size, "no snapshot was kept"),
                    }
                }
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread of snapshots ended in disorder");
        }
    }
}

impl Core {
    /// Takes a snapshot when one is due and all of the state is under the last checkpoint.
    pub(crate) fn snapshot_when_due(&mut self) {
        let sizes = [self.signed.size(), self.durable.size];
        if self.is_snapshot_due() && sizes == [self.state.size; 2] {
            self.take_snapshot();
        }
    }

    /// Whether a checkpoint over all of the state is wanted, for a snapshot.
    pub(crate) fn is_snapshot_due(&self) -> bool {
        let size = self.durable.size;
        let due = size >= self.snapshot_at.saturating_add(EVERY);
        let last = self.is_stopping && size > self.snapshot_at;
        let possible = self.keeper.is_some() && self.keyring.snapshot_key().is_some();
        possible && (due || last)
    }

    fn take_snapshot(&mut self) {
        let Some(jobs) = self.keeper.as_ref().and_then(|keeper| keeper.jobs.clone()) else {
            return;
        };
        let (Some(key), Ok(nonce)) = (
            self.keyring.snapshot_key().cloned(),
            draw(&mut *self.entropy),
        ) else {
            return;
        };
        if let Err(error) = self.tree.save(self.durable.size) {
            tracing::warn!(%error, "the tree was not saved");
            return;
        }
        let job = Job {
            head: self.durable,
            state: self.state.clone(),
            frontier: self.signed.frontier.clone(),
            place: place(self.genesis, &self.durable, FOLD),
            key,
            nonce,
            tree: self.tree.file(),
        };
        // While the one before is still being written, the next checkpoint is early enough.
        if jobs.try_send(job).is_ok() {
            self.snapshot_at = self.durable.size;
        }
    }
}

#[cfg(test)]
mod tests;
