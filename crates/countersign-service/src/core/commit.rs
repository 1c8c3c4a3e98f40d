//! One batch becomes one frame; a checkpoint signs what is durable.

use std::sync::Arc;

use countersign_ledger::chain::leaf_hash;
use countersign_ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_ledger::frame::Record as FrameRecord;
use countersign_ledger::merkle::{Frontier, Nodes as _, inclusion, verify_inclusion};
use countersign_ledger::proof::InclusionProof;
use countersign_record::digest::LeafHash;
use countersign_store::head::HeadLockError;
use countersign_store::log::{CommitError, ReadError, Urgency};

use super::{Core, Event, Signed};
use crate::error::Unavailable;

impl Core {
    /// Makes everything staged durable: one frame, one fdatasync. What became durable.
    pub(crate) fn commit(&mut self) -> Result<Vec<Event>, Unavailable> {
        let staged = std::mem::take(&mut self.staged);
        self.staged_bytes = 0;
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
                self.meter.settle(true);
                self.exhausted_until = None;
                self.durable = head;
                // What went into the reserve says nothing of space for others.
                if urgency == Urgency::Routine {
                    self.full_until = None;
                    self.openings = 0;
                }
                Ok(staged.into_iter().map(|record| record.event).collect())
            }
            Err(error) => {
                self.meter.settle(false);
                Err(self.failed(&error, urgency))
            }
        }
    }

    /// Nothing of the batch may be believed; the state is rebuilt from what is durable, or the
    /// service answers nothing more.
    fn failed(&mut self, error: &CommitError, urgency: Urgency) -> Unavailable {
        tracing::error!(%error, "the batch was not committed");
        self.presentations.forget();
        let refolded = crate::open::refold(self);
        if let Err(error) = &refolded {
            tracing::error!(%error, "the log cannot be read back");
            self.unreadable = true;
        }
        match error {
            CommitError::Full if refolded.is_ok() => {
                let until = Some(self.pause());
                self.full_until = until;
                if urgency == Urgency::Final {
                    self.exhausted_until = until;
                }
                Unavailable::DiskFull
            }
            // These entries can never be a frame; others can.
            CommitError::Refused(_) if refolded.is_ok() => Unavailable::Internal,
            _ => self.stop(&error.to_string()),
        }
    }

    pub(super) fn stop(&mut self, reason: &str) -> Unavailable {
        let broken = Unavailable::ReadOnly(reason.into());
        self.broken = Some(broken.clone());
        broken
    }

    /// Signs what is durable, unless that is signed already; the note leaves only after head.lock
    /// holds it.
    pub(crate) fn sign(&mut self) -> Result<(), Unavailable> {
        let Some(new) = self.new_signature()? else {
            return Ok(());
        };
        let swapped = self.head_lock.swap(self.signed_note(), new.note());
        self.swapped(new, swapped)
    }

    /// A signature of what is durable, for head.lock; `None` when that is signed already.
    pub(crate) fn new_signature(&mut self) -> Result<Option<Signed>, Unavailable> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let (size, last) = (self.durable.size, self.signed.size());
        if size == last || size < 2 {
            return Ok(None);
        }
        let frontier = self.read_back(last, size)?;
        let root = frontier.root();
        // The one frontier grew with what was staged, the other with what was read back.
        if self.tree.frontier() != &frontier {
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
        Ok(Some(Signed {
            note: Some(signed.note().into()),
            checkpoint: Some(signed.checkpoint().clone()),
            frontier,
        }))
    }

    /// What head.lock held last.
    pub(crate) fn signed_note(&self) -> Option<&str> {
        self.signed.note.as_deref()
    }

    /// What came of putting a signature into head.lock.
    pub(crate) fn swapped(
        &mut self,
        new: Signed,
        swapped: Result<(), HeadLockError>,
    ) -> Result<(), Unavailable> {
        if let Err(error) = swapped {
            self.not_swapped(new.note(), error)?;
        }
        self.signed = new;
        self.keep_derived();
        Ok(())
    }

    /// What is derived follows what is signed; nobody waits for it.
    fn keep_derived(&mut self) {
        let size = self.durable.size;
        if self.tree.is_damaged() {
            tracing::error!("the stored tree is damaged; it is made again from the log");
            if let Err(error) = self.tree.rebuild(&*self.reader, size) {
                tracing::error!(%error, "the tree was not made again");
            }
        }
        if let Err(error) = self.tree.save_many(size) {
            tracing::warn!(%error, "the tree was not saved; it stays in memory");
        }
        self.snapshot_when_due();
    }

    /// A full disk gives way, and it is tried again. When the disk refuses otherwise, what head.lock
    /// holds decides: the old note, and nothing has happened; the new one, and it has; another one, and
    /// somebody else signs.
    fn not_swapped(&mut self, note: &str, mut error: HeadLockError) -> Result<(), Unavailable> {
        while error.is_full() && self.log.release_reserve().unwrap_or(false) {
            self.full_until = Some(self.pause());
            match self.head_lock.swap(self.signed_note(), note) {
                Ok(()) => return Ok(()),
                Err(again) => error = again,
            }
        }
        tracing::error!(%error, "head.lock was not swapped");
        match self.head_lock.read() {
            Ok(found) if found == note && self.head_lock.settle().is_ok() => Ok(()),
            Ok(found) if Some(found.as_str()) == self.signed_note() => Err(Unavailable::Internal),
            Ok(_) | Err(_) => Err(self.stop(&error.to_string())),
        }
    }

    /// The tree at `size`, from the stored bytes.
    fn read_back(&mut self, from: u64, size: u64) -> Result<Frontier, Unavailable> {
        let mut frontier = self.signed.frontier.clone();
        let reader = Arc::clone(&self.reader);
        for frame in reader.frames(from) {
            let frame = match frame {
                Ok(frame) => frame,
                Err(ReadError::Damage(damage)) => return Err(self.stop(&damage.to_string())),
                Err(error) => {
                    tracing::error!(%error, "the batch was not read back; it is tried again");
                    return Err(Unavailable::Internal);
                }
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

    /// The proof that an entry stands under the last signed checkpoint. Stored hashes may have rotted,
    /// so it is verified before it leaves.
    pub(crate) fn proof(&self, seq: u64) -> Option<String> {
        let checkpoint = self.signed.checkpoint.as_ref()?;
        if seq >= checkpoint.size {
            return None;
        }
        let (size, root) = (checkpoint.size, checkpoint.root);
        let path = inclusion(&self.tree, seq, size).ok();
        let leaf = self.tree.node(0, seq).map(LeafHash);
        let verified = leaf
            .zip(path)
            .filter(|(leaf, path)| verify_inclusion(*leaf, seq, size, path, root).is_ok());
        let Some((_, path)) = verified else {
            self.tree.distrust();
            return None;
        };
        let proof = InclusionProof {
            extra: None,
            index: seq,
            path,
            checkpoint: self.signed.note.clone()?,
        };
        Some(proof.to_string())
    }
}
