//! A command becomes entries: judged, placed behind the last one, sealed and folded. Nothing of it
//! is durable yet (`commit.rs`).

use countersign_attest::Verified;
use countersign_flow::{Command, Record, Refusal, admit, apply};
use countersign_ledger::chain::{leaf_hash, link};
use countersign_ledger::frame::{BODY_BYTES_MAX, COUNT_MAX, FRAME_BYTES_MAX};
use countersign_record::body::Body;
use countersign_record::digest::EntryHash;
use countersign_record::entry::{Draft, Entry, Fact};
use countersign_record::seal;
use countersign_record::term::Decision;
use countersign_store::log::Urgency;

use super::{Core, Event};
use crate::entropy::draw;
use crate::error::{CommandError, Unavailable};
use crate::sealing::{Fault, Sealer};

/// A batch with so many entries becomes a frame: half of what a frame holds, so that one more command
/// always fits.
pub(super) const BATCH_RECORDS: usize = (COUNT_MAX / 2) as usize;
/// The same in bytes; the largest command and a full batch fit into one frame.
const BATCH_BYTES: usize = FRAME_BYTES_MAX / 4;
/// So many openings may use the reserve between two routine commits: half a megabyte, so that whoever
/// only looks leaves room for who refuses.
const OPENINGS_FINAL: u32 = 1024;
/// The largest command: half a frame.
const STAGED_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;

/// An entry where it will stand, encoded and hashed once.
struct Placed {
    entry: Entry,
    bytes: Vec<u8>,
    hash: EntryHash,
}

impl Placed {
    /// Whether the bytes that were hashed say what was judged: memory may have failed between.
    fn is_sound(&self) -> bool {
        link(&self.bytes) == self.hash
            && Entry::decode(&self.bytes).is_ok_and(|entry| entry == self.entry)
    }
}

/// An entry that is about to become durable.
pub(super) struct Staged {
    pub(super) entry: Vec<u8>,
    pub(super) bodies: Vec<Vec<u8>>,
    pub(super) event: Event,
}

impl Staged {
    fn len(&self) -> usize {
        self.entry.len() + self.bodies.iter().map(Vec::len).sum::<usize>()
    }
}

/// A body of the command's entry of that number, before it is sealed.
type Sealing = (usize, &'static str, Body);

impl Core {
    /// Judges a command, and stages what it appends.
    pub(crate) fn run(&mut self, command: &Command) -> Result<Vec<Entry>, CommandError> {
        self.run_proven(command, None)
    }

    /// The same of a command whose signature was checked before.
    pub(crate) fn run_proven(
        &mut self,
        command: &Command,
        proof: Option<&Verified>,
    ) -> Result<Vec<Entry>, CommandError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone().into());
        }
        if let Some(unread) = self.unread.get() {
            return Err(Unavailable::from(unread).into());
        }
        let is_final = self.is_final(command);
        if self.is_full() && !is_final {
            return Err(Unavailable::DiskFull.into());
        }
        let now = self.now();
        self.check_clock(command)?;
        let mut sealer = Sealer::new(&mut *self.entropy, proof);
        let admitted = admit(&self.state, command, now, &mut sealer)?;
        let bodies = sealer.finish().map_err(|fault| match fault {
            Fault::Value => CommandError::Refused(Refusal::CannotBeShown),
            Fault::Entropy(error) => error.into(),
        })?;
        if !admitted.unchecked().is_empty() {
            tracing::error!(unchecked = ?admitted.unchecked(), "a guard could not be checked");
            return Err(Unavailable::Internal.into());
        }
        let drafts = admitted.into_drafts();
        let n = u64::try_from(drafts.len()).unwrap_or(u64::MAX);
        let urgency = if is_final {
            Urgency::Final
        } else {
            Urgency::Routine
        };
        self.need_block(self.state.size, n, urgency)?;
        let placed = self.placed(drafts, n, now);
        if !placed.iter().all(Placed::is_sound) {
            tracing::error!("an entry's bytes do not say what was judged; nothing is recorded");
            return Err(Unavailable::Internal.into());
        }
        let stored = self.sealed(&placed, &bodies)?;
        let mut entries = Vec::with_capacity(placed.len());
        for (place, (placed, stored)) in placed.into_iter().zip(stored).enumerate() {
            entries.push(self.stage(place, placed, stored, &bodies));
        }
        self.final_only &= is_final;
        self.openings += u32::from(matches!(command, Command::Open(_)));
        Ok(entries)
    }

    /// Whether it must be recorded even on a full disk: what ends or stops something, and that somebody
    /// looks, without which they cannot deny, or reads.
    fn is_final(&self, command: &Command) -> bool {
        match command {
            Command::Decide(decide) => decide.decision == Decision::Deny,
            Command::Open(_) => self.openings < OPENINGS_FINAL,
            Command::Record(record) => matches!(record, Record::Accessed { .. }),
            Command::Tick { .. }
            | Command::Supersede { .. }
            | Command::Withdraw { .. }
            | Command::Freeze(_)
            | Command::Revoke(_)
            | Command::RevokeKey(_)
            | Command::RevokeCredential { .. }
            | Command::Outcome(_) => true,
            Command::Bootstrap(_) | Command::Arm | Command::Submit(_) | Command::Redeem(_) => false,
        }
    }

    /// The drafts in their places: each names the entry before it.
    fn placed(&self, drafts: Vec<Draft>, n: u64, now: u64) -> Vec<Placed> {
        let mut prev = match &self.state.head {
            Some(head) => head.hash,
            None => self.genesis,
        };
        let generation = self.keyring.generation();
        let keyring = Some(generation).filter(|it| *it != self.state.keyring);
        let place = |(seq, draft)| {
            let first = seq == self.state.size;
            let entry = Entry {
                seq,
                prev,
                at: now,
                n: first.then_some(n),
                keyring: keyring.filter(|_| first),
                draft,
            };
            let bytes = entry.encode();
            prev = link(&bytes);
            Placed {
                entry,
                bytes,
                hash: prev,
            }
        };
        (self.state.size..).zip(drafts).map(place).collect()
    }

    /// The bodies of the entries, as they are stored. Nothing is folded before all of it is known to
    /// fit.
    fn sealed(
        &mut self,
        placed: &[Placed],
        bodies: &[Sealing],
    ) -> Result<Vec<Vec<Vec<u8>>>, CommandError> {
        let too_large = || CommandError::Refused(Refusal::TooLarge);
        if placed.len() > BATCH_RECORDS {
            return Err(too_large());
        }
        let (mut all, mut bytes) = (Vec::with_capacity(placed.len()), 0);
        for (
            place,
            Placed {
                entry, bytes: it, ..
            },
        ) in placed.iter().enumerate()
        {
            let mut sealed = Vec::new();
            for (name, _) in entry.draft.bodies.iter() {
                let body = of_entry(entry, place, bodies, name).ok_or(Unavailable::Internal)?;
                let stored = self.seal(entry, body)?;
                if stored.len() > BODY_BYTES_MAX {
                    return Err(Refusal::CannotBeShown.into());
                }
                sealed.push(stored);
            }
            bytes += it.len() + sealed.iter().map(Vec::len).sum::<usize>();
            all.push(sealed);
        }
        if bytes > STAGED_BYTES_MAX {
            return Err(too_large());
        }
        Ok(all)
    }

    /// While time is not believed, only what stops things goes on.
    fn check_clock(&self, command: &Command) -> Result<(), CommandError> {
        // Opening is what a refusal needs; a report tells what has happened already.
        let stops = match command {
            Command::Decide(decide) => decide.decision == Decision::Deny,
            Command::Open(_)
            | Command::Tick { .. }
            | Command::Freeze(_)
            | Command::Revoke(_)
            | Command::RevokeKey(_)
            | Command::RevokeCredential { .. }
            | Command::Withdraw { .. }
            | Command::Outcome(_)
            | Command::Record(_) => true,
            Command::Bootstrap(_)
            | Command::Arm
            | Command::Submit(_)
            | Command::Supersede { .. }
            | Command::Redeem(_) => false,
        };
        if stops || self.time.is_trusted() {
            Ok(())
        } else {
            Err(Refusal::ClockUntrusted.into())
        }
    }

    fn stage(
        &mut self,
        place: usize,
        placed: Placed,
        sealed: Vec<Vec<u8>>,
        bodies: &[Sealing],
    ) -> Entry {
        let Placed { entry, bytes, hash } = placed;
        self.tree.append(leaf_hash(&bytes));
        apply(&mut self.state, &entry, hash, &|name| {
            of_entry(&entry, place, bodies, name).map(|body| body.value().clone())
        });
        if let (Fact::ConfirmationOpened(_), Some(call)) =
            (&entry.draft.fact, entry.draft.refs.call)
            && let Some(shown) = of_entry(&entry, place, bodies, "shown")
        {
            let bytes = sealed.iter().map(Vec::len).sum();
            let shown = shown.disclose_all().clone();
            self.presentations.keep(call, shown, bytes);
        }
        let staged = Staged {
            event: Event::of(&entry),
            entry: bytes,
            bodies: sealed,
        };
        self.staged_bytes += staged.len();
        self.staged.push(staged);
        entry
    }

    /// Whether the batch should become a frame before it takes more.
    pub(crate) fn is_batch_full(&self) -> bool {
        self.staged.len() > BATCH_RECORDS || self.staged_bytes > BATCH_BYTES
    }

    /// Policy text holds nothing personal and stays readable; everything else is sealed.
    fn seal(&mut self, entry: &Entry, body: &Body) -> Result<Vec<u8>, CommandError> {
        if matches!(entry.draft.fact, Fact::PolicyAdopted(_)) {
            return Ok(seal::store_open(body));
        }
        let key = self
            .keyring
            .body_key(entry.seq)
            .ok_or(Unavailable::Internal)?;
        let nonce = draw(&mut *self.entropy)?;
        seal::seal(&key, nonce, &self.genesis, entry.seq, body)
            .map_err(|_| Refusal::CannotBeShown.into())
    }
}

/// The body that an entry of the command commits to under this name.
fn of_entry<'b>(
    entry: &Entry,
    place: usize,
    bodies: &'b [Sealing],
    name: &str,
) -> Option<&'b Body> {
    let root = entry.draft.bodies.root(name);
    let mut found = bodies.iter().filter(|(draft, other, body)| {
        *draft == place && *other == name && Some(body.root()) == root
    });
    found.next().map(|(.., body)| body)
}

#[cfg(test)]
mod tests {
    use countersign_record::entry::{Bodies, Party, Refs, ServiceStarted};
    use countersign_record::id::ExecutorId;

    use super::*;

    #[test]
    fn an_entry_is_what_its_bytes_say() {
        let entry = Entry {
            seq: 7,
            prev: EntryHash([1; 32]),
            at: 1_700_000_000_000,
            n: Some(1),
            keyring: None,
            draft: Draft {
                by: Party::Executor(ExecutorId::new([2; 16])),
                refs: Refs::default(),
                sources: Vec::new(),
                fact: Fact::ServiceStarted(ServiceStarted {
                    software: crate::SOFTWARE.into(),
                    renderer: "1".into(),
                }),
                bodies: Bodies::default(),
            },
        };
        let bytes = entry.encode();
        let placed = |bytes: Vec<u8>, hash| Placed {
            entry: entry.clone(),
            bytes,
            hash,
        };
        assert!(placed(bytes.clone(), link(&bytes)).is_sound());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let before = placed(flipped.clone(), link(&flipped));
            assert!(!before.is_sound(), "bit {bit}, flipped before the hash");
            let after = placed(flipped, link(&bytes));
            assert!(!after.is_sound(), "bit {bit}, flipped after the hash");
        }
    }
}
