//! One batch becomes one frame; one checkpoint signs it.

use std::sync::Arc;

use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_ledger::frame::Record as FrameRecord;
use countersign_ledger::merkle::Frontier;
use countersign_ledger::proof::InclusionProof;
use countersign_store::log::{CommitError, Urgency};

use super::{Core, Event, FULL_PAUSE, Instant};
use crate::error::Unavailable;

impl Core {
    /// Makes everything staged durable: one frame, one fdatasync. What became durable.
    pub(crate) fn commit(&mut self) -> Result<Vec<Event>, Unavailable> {
        let staged = std::mem::take(&mut self.staged);
        let urgency = if self.final_only {
            Urgency::Final
        } else {
            Urgency::Routine
        };
        self.final_only = true;
        if staged.is_empty() {
            return match &self.broken {
                Some(broken) if self.unreadable => Err(broken.clone()),
                _ => Ok(Vec::new()),
            };
        }
        let blobs: Vec<Vec<&[u8]>> = staged
            .iter()
            .map(|record| record.bodies.iter().map(Vec::as_slice).collect())
            .collect();
        let records: Vec<FrameRecord<'_>> = staged
            .iter()
            .zip(&blobs)
            .map(|(record, bodies)| FrameRecord {
                entry: &record.entry,
                bodies,
            })
            .collect();
        match self
            .log
            .commit(self.epoch, &self.durable, &records, urgency)
        {
            Ok(head) => {
                self.durable = head;
                self.full_until = None;
                Ok(staged.into_iter().map(|record| record.event).collect())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Nothing of the batch may be believed; the state is rebuilt from what is durable, or the
    /// service answers nothing more.
    fn failed(&mut self, error: &CommitError) -> Unavailable {
        tracing::error!(%error, "the batch was not committed");
        if matches!(error, CommitError::Full) {
            self.full_until = Some(Instant::now() + FULL_PAUSE);
            return match crate::open::refold(self) {
                Ok(()) => Unavailable::DiskFull,
                Err(error) => self.stop(&error.to_string()),
            };
        }
        let stopped = self.stop(&error.to_string());
        // Whether the batch is durable is not known; what is read from here on was before it.
        if let Err(error) = crate::open::refold(self) {
            tracing::error!(%error, "the log cannot be read back");
            self.unreadable = true;
        }
        stopped
    }

    fn stop(&mut self, reason: &str) -> Unavailable {
        let broken = Unavailable::ReadOnly(reason.into());
        self.broken = Some(broken.clone());
        broken
    }

    /// Signs what is durable, unless that is signed already; the note leaves only after head.lock
    /// holds it.
    pub(crate) fn sign(&mut self) -> Result<(), Unavailable> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let size = self.durable.size;
        let last = self
            .signed
            .checkpoint
            .as_ref()
            .map_or(0, |checkpoint| checkpoint.size);
        if size == last || size < 2 {
            return Ok(());
        }
        let frontier = self.read_back(last, size)?;
        let root = frontier.root();
        if self.tree.root_at(size) != Ok(root) {
            return Err(self.stop("the entries read back do not have the root that was computed"));
        }
        let checkpoint = Checkpoint {
            origin: self.state.origin().into(),
            size,
            root,
        };
        let signed: SignedCheckpoint = checkpoint.sign(&self.signer).map_err(|error| {
            tracing::error!(%error, "the checkpoint was not signed");
            Unavailable::Internal
        })?;
        if let Err(error) = self
            .head_lock
            .swap(self.signed.note.as_deref(), signed.note())
        {
            return Err(self.stop(&error.to_string()));
        }
        self.signed.note = Some(signed.note().into());
        self.signed.checkpoint = Some(signed.checkpoint().clone());
        self.signed.frontier = frontier;
        Ok(())
    }

    /// The tree at `size`, from the stored bytes.
    fn read_back(&mut self, from: u64, size: u64) -> Result<Frontier, Unavailable> {
        let mut frontier = self.signed.frontier.clone();
        let reader = Arc::clone(&self.reader);
        for frame in reader.frames(from) {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Err(self.stop(&error.to_string())),
            };
            for record in frame
                .records
                .iter()
                .filter(|it| (from..size).contains(&it.seq))
            {
                frontier.append(leaf_hash(&record.entry));
            }
        }
        Ok(frontier)
    }

    /// The proof that an entry stands under the last signed checkpoint.
    pub(crate) fn proof(&self, seq: u64) -> Option<String> {
        let checkpoint = self.signed.checkpoint.as_ref()?;
        let path = self.tree.inclusion(seq, checkpoint.size).ok()?;
        let note = self.signed.note.clone()?;
        let proof = InclusionProof {
            extra: None,
            index: seq,
            path,
            checkpoint: note,
        };
        Some(proof.to_string())
    }
}
