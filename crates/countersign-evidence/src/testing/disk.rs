//! The log's bytes: frames, segment, head lock, keyring.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_ledger::chain::{genesis, leaf_hash, link};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::frame;
use countersign_ledger::frame::{FrameHash, Record};
use countersign_ledger::merkle::Tree;
use countersign_ledger::note::Signer;
use countersign_ledger::segment;
use countersign_record::body::Body;
use countersign_record::cbor;
use countersign_record::cbor::Item;
use countersign_record::digest::EntryHash;
use countersign_record::keyring::Keyring;
use countersign_record::seal::{seal, store_open};
use countersign_record::term::Decision;
use ed25519_dalek::SigningKey;

use super::people::{ALICE, OMAR};
use super::story::{Teller, tell};

/// The name of the log.
pub(super) const ORIGIN: &str = "log.example/acme";

/// Seed of the log's key; a test key.
pub(super) const LOG_SEED: [u8; 32] = [6; 32];

/// About how long a segment is.
const SEGMENT_BYTES: usize = 32 * 1024 * 1024;

/// How far apart commands are where there are many: ten million entries take a year.
const STEP_MS: u64 = 3360;

/// A log in memory, ready to be written to disk.
pub struct LogOnDisk {
    frames: Vec<Vec<u8>>,
    first_seqs: Vec<u64>,
    previous: FrameHash,
    prev: EntryHash,
    tree: Tree,
    keyring: Keyring,
}

/// A data directory `data/acme` of at least that many entries, written as it grows; its newest
/// checkpoint covers all of them. Of nine calls eight are allowed by the policy and one is approved
/// by two people, and all of them run.
pub fn many(data: &Path, entries: u64) -> LogOnDisk {
    let path = data.join("acme");
    fs::create_dir_all(path.join("log")).unwrap();
    let mut log = LogOnDisk::empty();
    let mut teller = Teller::new(&mut log, STEP_MS);
    let mut number = 1000;
    while teller.log.size() < entries {
        for _ in 0..8 {
            let account = format!(r#"{{"account":"DE{number:020}"}}"#);
            teller.submit(number, "bank.balance", &account);
            teller.run(number);
            number += 1;
        }
        let wire = format!(r#"{{"account":"DE{number:020}","amount":"24000.00"}}"#);
        teller.submit(number, "bank.wire", &wire);
        for person in [ALICE, OMAR] {
            teller.decide(number, person, Decision::Approve);
        }
        teller.run(number);
        number += 1;
        if teller.log.bytes() > SEGMENT_BYTES {
            teller.log.write_segment(&path);
        }
    }
    log.write_segment(&path);
    fs::write(path.join("head.lock"), log.note(log.size())).unwrap();
    fs::write(path.join("keyring"), &*log.keyring.to_bytes()).unwrap();
    log
}

/// Setting up, a transfer that two people approve and that runs, a question that one person refuses,
/// a call that the policy allows, and one that it refuses.
pub fn story() -> LogOnDisk {
    let mut log = LogOnDisk::empty();
    tell(&mut log);
    log
}

impl LogOnDisk {
    fn empty() -> Self {
        Self {
            frames: Vec::new(),
            first_seqs: Vec::new(),
            previous: FrameHash::genesis(ORIGIN),
            prev: genesis(ORIGIN),
            tree: Tree::new(),
            keyring: Keyring::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.frames.iter().map(Vec::len).sum()
    }

    /// Writes the frames that are held as one segment, and holds them no longer.
    fn write_segment(&mut self, path: &Path) {
        if let Some(first) = self.first_seqs.first() {
            let file = path.join("log").join(segment::name(*first));
            fs::write(file, self.frames.concat()).unwrap();
        }
        self.frames.clear();
        self.first_seqs.clear();
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The key to trust, as text.
    pub fn vkey(&self) -> String {
        signer(LOG_SEED).verifier_key().to_string()
    }

    /// A key of the same name that did not sign this log.
    pub fn other_vkey(&self) -> String {
        signer([66; 32]).verifier_key().to_string()
    }

    /// An entry of a kind that this version does not know, with a body whose name is a path.
    pub fn append_unknown(&mut self) {
        let mut map = cbor::Map::new();
        map.add("v", Item::Uint(1));
        map.add("seq", Item::Uint(self.size()));
        map.add("prev", Item::Bytes(self.prev.0.to_vec()));
        map.add("at", Item::Uint(1_763_800_000_000));
        map.add("kind", Item::Text("custody.recorded".into()));
        map.add("n", Item::Uint(1));
        let mut bodies = cbor::Map::new();
        bodies.add("../../escape", Item::Bytes(vec![0; 32]));
        map.add("bodies", Item::Map(bodies));
        self.append(&[(cbor::encode(&Item::Map(map)), vec![vec![1; 60]])]);
    }

    /// The chain value of the last entry.
    pub(super) fn prev(&self) -> EntryHash {
        self.prev
    }

    /// A body as it is stored with entry `seq`; the policy's is not sealed.
    pub(super) fn sealed(&mut self, seq: u64, name: &str, body: &Body) -> Vec<u8> {
        if !self.keyring.has_block(seq) {
            self.keyring.add_block(seq, [9; 32]).unwrap();
        }
        match self.keyring.body_key(seq).filter(|_| name != "policy") {
            Some(key) => seal(&key, [8; 24], &genesis(ORIGIN), seq, body).unwrap(),
            None => store_open(body),
        }
    }

    /// Appends entries with their stored bodies as one frame.
    pub(super) fn append(&mut self, entries: &[(Vec<u8>, Vec<Vec<u8>>)]) {
        let bodies: Vec<Vec<&[u8]>> = entries
            .iter()
            .map(|(_, bodies)| bodies.iter().map(Vec::as_slice).collect())
            .collect();
        let records: Vec<_> = entries
            .iter()
            .zip(&bodies)
            .map(|((entry, _), bodies)| Record { entry, bodies })
            .collect();
        let frame = frame::encode(self.size(), self.previous, &records).unwrap();
        self.previous = frame.hash;
        self.frames.push(frame.bytes);
        self.first_seqs.push(self.size());
        for (entry, _) in entries {
            self.prev = link(entry);
            self.tree.append(leaf_hash(entry));
        }
    }

    /// The signed note over the first `size` entries.
    pub fn note(&self, size: u64) -> String {
        let root = self.tree.root_at(size).unwrap();
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size,
            root,
        };
        checkpoint
            .sign(&signer(LOG_SEED))
            .unwrap()
            .note()
            .to_owned()
    }

    /// Where in its segment each frame begins, and where the last one ends.
    pub fn offsets(&self) -> Vec<usize> {
        let ends = self.frames.iter().scan(0, |end, frame| {
            *end += frame.len();
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect()
    }

    /// The first entry of each frame.
    pub fn first_seqs(&self) -> Vec<u64> {
        self.first_seqs.clone()
    }

    /// Writes `data/acme`, whose head lock signs `signed` entries, and says where it is.
    pub fn write(&self, data: &Path, signed: u64) -> PathBuf {
        let path = data.join("acme");
        fs::create_dir_all(path.join("log")).unwrap();
        let mut bytes = self.frames.concat();
        bytes.resize(bytes.len().next_multiple_of(4096), 0);
        fs::write(path.join("log").join(segment::name(0)), bytes).unwrap();
        fs::write(path.join("head.lock"), self.note(signed)).unwrap();
        fs::write(path.join("keyring"), &*self.keyring.to_bytes()).unwrap();
        path
    }
}

fn signer(seed: [u8; 32]) -> Signer {
    Signer::new(ORIGIN, SigningKey::from_bytes(&seed)).unwrap()
}
