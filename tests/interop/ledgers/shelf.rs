//! The ledger that a story made: entries and bodies in memory, written as data directory and bundle.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign_evidence::bundle::{BundleOptions, write};
use countersign_ledger::chain::{genesis, leaf_hash};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::frame::{self, FrameHash, Record};
use countersign_ledger::merkle::Tree;
use countersign_ledger::note::Signer;
use countersign_ledger::segment;
use countersign_record::body::Body;
use countersign_record::keyring::Keyring;
use countersign_record::seal::{seal, store_open};
use countersign_verify::{BodyState, Source, SourceError, Stored};
use ed25519_dalek::SigningKey;

use crate::draw::Draw;

/// An entry and its sealed bodies.
type Sealed = (Vec<u8>, Vec<Vec<u8>>);

/// Small, so that a short log has several.
const SEGMENT_BYTES: usize = 16 * 1024;

/// One entry with its bodies.
pub(crate) struct Kept {
    pub(crate) entry: Vec<u8>,
    pub(crate) bodies: BTreeMap<(usize, String), Body>,
}

/// The entries of one command, in order.
pub(crate) type Commit = Vec<Kept>;

pub(crate) struct Shelf {
    pub(crate) origin: String,
    pub(crate) log_seed: [u8; 32],
    pub(crate) commits: Vec<Commit>,
    pub(crate) draw: Draw,
}

impl Shelf {
    pub(crate) fn log_key(&self) -> [u8; 32] {
        SigningKey::from_bytes(&self.log_seed)
            .verifying_key()
            .to_bytes()
    }

    pub(crate) fn log_seed(&self) -> String {
        countersign_record::digest::hex(&self.log_seed)
    }

    pub(crate) fn vkey(&self) -> String {
        self.signer().verifier_key().to_string()
    }

    fn signer(&self) -> Signer {
        Signer::new(&self.origin, SigningKey::from_bytes(&self.log_seed)).unwrap()
    }

    fn entries(&self) -> impl Iterator<Item = &Kept> {
        self.commits.iter().flatten()
    }

    /// A signed note over everything.
    fn note(&self) -> String {
        let mut tree = Tree::new();
        self.entries()
            .for_each(|kept| tree.append(leaf_hash(&kept.entry)));
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: tree.size(),
            root: tree.root_at(tree.size()).unwrap(),
        };
        let signed = checkpoint.sign(&self.signer()).unwrap();
        signed.note().into()
    }

    /// `data/log/…`, with several small segments, frames of several commands, and keys for the bodies.
    pub(crate) fn write_data(&mut self, data: &Path) {
        let path = data.join("log");
        fs::create_dir_all(path.join("log")).unwrap();
        let mut keyring = Keyring::new();
        keyring.add_block(0, self.draw.bytes()).unwrap();
        let mut segments: Vec<(u64, Vec<u8>)> = vec![(0, Vec::new())];
        let (mut previous, mut first_seq) = (FrameHash::genesis(&self.origin), 0);
        for frame in self.frames(&keyring) {
            let bodies: Vec<Vec<&[u8]>> = frame
                .iter()
                .map(|(_, bodies)| bodies.iter().map(Vec::as_slice).collect())
                .collect();
            let records: Vec<_> = frame
                .iter()
                .zip(&bodies)
                .map(|((entry, _), bodies)| Record { entry, bodies })
                .collect();
            let encoded = frame::encode(first_seq, previous, &records).unwrap();
            let (_, open) = segments.last_mut().unwrap();
            if !open.is_empty() && open.len() + encoded.bytes.len() > SEGMENT_BYTES {
                segments.push((first_seq, encoded.bytes));
            } else {
                open.extend(encoded.bytes);
            }
            previous = encoded.hash;
            first_seq += u64::try_from(frame.len()).unwrap();
        }
        for (first, mut bytes) in segments {
            let whole = bytes.len().max(SEGMENT_BYTES).next_multiple_of(4096);
            bytes.resize(whole, 0);
            fs::write(path.join("log").join(segment::name(first)), bytes).unwrap();
        }
        let format = format!(
            "countersign log 1\norigin {}\nsegment-bytes {SEGMENT_BYTES}\nreserve-bytes 4096\n",
            self.origin
        );
        fs::write(path.join("log/format"), format).unwrap();
        fs::write(path.join("head.lock"), self.note()).unwrap();
        fs::write(path.join("keyring"), &*keyring.to_bytes()).unwrap();
    }

    /// Entries with their stored bodies; one frame holds one to three commands.
    fn frames(&mut self, keyring: &Keyring) -> Vec<Vec<Sealed>> {
        let mut frames: Vec<Vec<_>> = Vec::new();
        let (mut seq, mut room) = (0, 0);
        for commit in &self.commits {
            if room == 0 {
                frames.push(Vec::new());
                room = 1 + self.draw.below(3);
            }
            room -= 1;
            for kept in commit {
                let key = keyring.body_key(seq).unwrap();
                let stored = kept.bodies.iter().map(|((_, name), body)| {
                    if name == "policy" {
                        return store_open(body);
                    }
                    let nonce = self.draw.bytes();
                    seal(&key, nonce, &genesis(&self.origin), seq, body).unwrap()
                });
                let stored = stored.collect();
                frames
                    .last_mut()
                    .unwrap()
                    .push((kept.entry.clone(), stored));
                seq += 1;
            }
        }
        frames
    }

    /// A bundle; now and then some bodies are withheld, whole or in part.
    pub(crate) fn write_bundle(&mut self, path: &Path) {
        let withhold = [0, 0, 4, 2][usize::try_from(self.draw.below(4)).unwrap()];
        let mut records = Vec::new();
        for kept in self.commits.iter().flatten() {
            let mut bodies = BTreeMap::new();
            for ((_, name), body) in &kept.bodies {
                let chosen = withhold > 0 && name != "policy" && self.draw.once_in(withhold);
                let state = if !chosen {
                    BodyState::Disclosed(body.disclose_all().clone())
                } else if self.draw.once_in(2) {
                    BodyState::Withheld
                } else {
                    let draw = &mut self.draw;
                    BodyState::Disclosed(body.disclose(|_| draw.once_in(2)))
                };
                bodies.insert(name.clone(), state);
            }
            let entry = kept.entry.clone();
            records.push(Stored { entry, bodies });
        }
        let given = Given {
            records,
            note: self.note(),
        };
        let case = String::from("generated");
        write(&given, path, &BundleOptions { case }).unwrap();
    }
}

/// What is exported.
struct Given {
    records: Vec<Stored>,
    note: String,
}

impl Source for Given {
    fn checkpoint(&self) -> Option<String> {
        Some(self.note.clone())
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        Box::new(self.records.iter().cloned().map(Ok))
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.records.get(usize::try_from(seq).ok()?).cloned()
    }
}
