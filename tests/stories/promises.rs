//! What is erased is gone, and what was proven stays so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use countersign_evidence::DataDirectory;
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::proof::InclusionProof;
use countersign_record::cbor::{Item, decode};
use countersign_record::entry::Entry;
use countersign_record::json::canonical;
use countersign_verify::{
    BodyState, CheckId, Finding, Options, Report, Source as _, Status, Trust, Verdict,
};
use serde_json::json;

use crate::world::{World, wire};

const REASON: &str = "Wilhelmina Ostrander of 7 Quince Lane";
const AMOUNT: &str = "24681.35";
const ACCOUNT: &str = "GB82WEST12345698765432";
/// What is to be erased: nobody else's bodies have it.
const ERASED: [&str; 3] = [REASON, AMOUNT, ACCOUNT];

/// Every file below a directory.
fn contents(directory: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push(fs::read(path).unwrap());
        }
    }
    found
}

fn is_in(bytes: &[u8], files: &[Vec<u8>]) -> bool {
    let holds = |file: &Vec<u8>| file.windows(bytes.len()).any(|window| window == bytes);
    files.iter().any(holds)
}

fn source(world: &World) -> DataDirectory {
    DataDirectory::open(world.directory.path()).unwrap()
}

fn examined(world: &World) -> Report {
    let source = source(world);
    let trust = Trust {
        log_keys: vec![world.vkey()],
        earlier: None,
    };
    countersign_verify::verify(&source, &trust, &Options::default(), &mut |_| {})
}

/// The bodies that open, as text, by entry and name.
fn readable(world: &World) -> BTreeMap<(u64, String), String> {
    let mut found = BTreeMap::new();
    for (seq, record) in (0..).zip(source(world).records()) {
        for (name, state) in record.unwrap().bodies {
            if let BodyState::Opened(body) = state {
                let text = String::from_utf8(canonical(body.value())).unwrap();
                found.insert((seq, name), text);
            }
        }
    }
    found
}

/// The secret from which all keys of the first block follow; `None` once one of them is destroyed.
fn block_secret(keyring: &[u8]) -> Option<Vec<u8>> {
    let Ok(Item::Map(keyring)) = decode(keyring) else {
        panic!("a keyring is a map");
    };
    let Some(Item::Array(blocks)) = keyring.item("blocks") else {
        panic!("a keyring has blocks");
    };
    let Some(Item::Array(block)) = blocks.first() else {
        panic!("there is a block");
    };
    let [Item::Uint(0), Item::Array(nodes)] = block.as_slice() else {
        panic!("a block is its number and its nodes");
    };
    let Some(Item::Array(node)) = nodes.first() else {
        panic!("something is left of the block");
    };
    match node.as_slice() {
        [Item::Uint(0), Item::Uint(0), Item::Bytes(secret)] => Some(secret.clone()),
        _ => None,
    }
}

/// A transfer that ran, with words in it that are to be erased, and another call beside it.
struct Lived {
    world: World,
    entries: Vec<Entry>,
    erased: Vec<u64>,
    /// Of each entry.
    proofs: Vec<String>,
}

impl Lived {
    fn new() -> Self {
        let mut world = World::served();
        let (tool, mut arguments) = wire(AMOUNT);
        arguments["account"] = json!(ACCOUNT);
        let body = json!({ "tool": tool, "arguments": arguments, "reason": REASON });
        let agent = world.agent("agent");
        let asked = agent.post_keyed("/v1/calls", "c1", &body).done();
        world.approve("alice", &asked["call"]);
        let view = world.approve("omar", &asked["call"]);
        world.redeem("bank", &view, "01").done();
        world.deny("omar", &world.ask("c2", &wire("12000.00"))["call"]);
        let is_erased = |it: &&Entry| {
            let call = it.draft.refs.call.map(|id| id.to_string());
            call.as_deref() == asked["call"].as_str() && it.draft.bodies.iter().len() > 0
        };
        let entries = world.entries();
        let erased: Vec<u64> = entries.iter().filter(is_erased).map(|it| it.seq).collect();
        let auditor = world.audit("auditor");
        let proof = |it: &Entry| auditor.get(&format!("/v1/proofs/{}", it.seq)).text();
        let proofs = entries.iter().map(proof).collect();
        world.stop();
        Self {
            world,
            entries,
            erased,
            proofs,
        }
    }

    /// Every file of the data directory.
    fn files(&self) -> Vec<Vec<u8>> {
        contents(self.world.directory.path().parent().unwrap())
    }

    fn keyring(&self) -> Vec<u8> {
        fs::read(self.world.directory.path().join("keyring")).unwrap()
    }

    /// Destroys the keys.
    fn puncture(&self) {
        let file = self.world.directory.keyring();
        let mut keyring = file.load(0).unwrap();
        for seq in &self.erased {
            assert!(keyring.puncture(*seq) && keyring.body_key(*seq).is_none());
        }
        file.save(&keyring).unwrap();
    }

    fn proofs_hold(&self) {
        assert_eq!(self.proofs.len(), self.entries.len());
        for (entry, proof) in self.entries.iter().zip(&self.proofs) {
            let proof: InclusionProof = proof.parse().unwrap();
            let signed = proof.verify(leaf_hash(&entry.encode()), &self.world.vkey());
            assert!(proof.index == entry.seq && signed.unwrap().size > entry.seq);
        }
    }
}

#[test]
fn a_punctured_entry_is_gone_and_every_proof_still_holds() {
    let lived = Lived::new();
    assert!(lived.erased.len() >= 2, "the call and what was shown of it");
    assert_eq!(examined(&lived.world).verdict, Verdict::Verified);
    let before = readable(&lived.world);
    for word in ERASED {
        let holders = before.iter().filter(|(_, text)| text.contains(word));
        let seqs: BTreeSet<u64> = holders.map(|((seq, _), _)| *seq).collect();
        let is_erased = |seq: &u64| lived.erased.contains(seq);
        assert!(!seqs.is_empty() && seqs.iter().all(is_erased), "{word}");
    }
    let secret = block_secret(&lived.keyring()).expect("nothing is destroyed yet");
    assert!(is_in(&secret, &lived.files()));

    lived.puncture();
    let after = readable(&lived.world);
    let kept = before.into_iter();
    let kept = kept.filter(|((seq, _), _)| !lived.erased.contains(seq));
    let kept: BTreeMap<_, _> = kept.collect();
    assert!(kept.len() > lived.erased.len() && after == kept);
    for word in ERASED {
        assert!(!after.values().any(|text| text.contains(word)), "{word}");
    }
    assert_eq!(block_secret(&lived.keyring()), None);
    let files = lived.files();
    assert!(!is_in(&secret, &files), "the block's secret had to go");
    for word in ERASED {
        assert!(!is_in(word.as_bytes(), &files), "{word} is in the clear");
    }
    lived.proofs_hold();
    only_the_erased_is_missing(&lived);
    lived.world.abandon();
}

fn only_the_erased_is_missing(lived: &Lived) {
    let report = examined(&lived.world);
    let bodies = report.findings.iter().filter(|it| it.id == "body");
    let bodies: Vec<_> = bodies.collect();
    let seqs: BTreeSet<u64> = bodies.iter().filter_map(|it| it.seq).collect();
    assert!(seqs.iter().eq(&lived.erased), "{}", report.to_text());
    let is_told = |it: &&Finding| it.sentence.contains("its key was destroyed");
    assert!(bodies.iter().copied().all(|it| is_told(&it)));
    for check in &report.checks {
        match check.id {
            CheckId::Form
            | CheckId::Order
            | CheckId::Chain
            | CheckId::Tree
            | CheckId::Checkpoint
            | CheckId::Signatures => {
                assert_eq!(check.status, Status::Pass, "{}", report.to_text());
            }
            CheckId::Bodies => {
                assert_eq!(check.failed, u64::try_from(bodies.len()).unwrap());
            }
            _ => {}
        }
    }
}
