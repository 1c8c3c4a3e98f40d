//! What is erased is gone, and what was proven stays so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign_evidence::DataDirectory;
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::proof::InclusionProof;
use countersign_record::entry::Entry;
use countersign_verify::{CheckId, Finding, Options, Report, Status, Trust, Verdict};
use serde_json::json;

use crate::world::{World, wire};

const SECRET: &str = "Wilhelmina Ostrander of 7 Quince Lane";

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

fn examined(world: &World) -> Report {
    let source = DataDirectory::open(world.directory.path()).unwrap();
    let trust = Trust {
        log_keys: vec![world.vkey()],
        earlier: None,
    };
    countersign_verify::verify(&source, &trust, &Options::default(), &mut |_| {})
}

/// A transfer that ran, with words in it that are to be erased, and another call beside it.
struct Lived {
    world: World,
    entries: Vec<Entry>,
    erased: Vec<u64>,
    proofs: Vec<String>,
}

impl Lived {
    fn new() -> Self {
        let mut world = World::served();
        let (tool, arguments) = wire("24000.00");
        let body = json!({ "tool": tool, "arguments": arguments, "reason": SECRET });
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
        let proof = |seq: &u64| auditor.get(&format!("/v1/proofs/{seq}")).text();
        let proofs = erased.iter().map(proof).collect();
        world.stop();
        Self {
            world,
            entries,
            erased,
            proofs,
        }
    }

    /// Destroys the keys; the keyring file as it was, and as it is.
    fn puncture(&self) -> [Vec<u8>; 2] {
        let path = self.world.directory.path().join("keyring");
        let before = fs::read(&path).unwrap();
        let file = self.world.directory.keyring();
        let mut keyring = file.load(0).unwrap();
        for seq in &self.erased {
            assert!(keyring.puncture(*seq) && keyring.body_key(*seq).is_none());
        }
        file.save(&keyring).unwrap();
        [before, fs::read(&path).unwrap()]
    }

    fn proofs_hold(&self) {
        for (seq, proof) in self.erased.iter().zip(&self.proofs) {
            let proof: InclusionProof = proof.parse().unwrap();
            let entry = self.entries.iter().find(|it| it.seq == *seq).unwrap();
            let leaf = leaf_hash(&entry.encode());
            assert!(proof.verify(leaf, &self.world.vkey()).unwrap().size > *seq);
        }
    }
}

#[test]
fn a_punctured_entry_is_gone_and_every_proof_still_holds() {
    let lived = Lived::new();
    assert!(lived.erased.len() >= 2, "the call and what was shown of it");
    assert_eq!(examined(&lived.world).verdict, Verdict::Verified);
    let [before, after] = lived.puncture();
    let files = contents(lived.world.directory.path());
    assert!(
        !is_in(SECRET.as_bytes(), &files),
        "it was never in the clear"
    );
    let is_gone = |secret: &&[u8]| !after.windows(32).any(|window| window == *secret);
    let gone: Vec<&[u8]> = before.windows(32).step_by(16).filter(is_gone).collect();
    assert!(!gone.is_empty(), "the block's secret had to go");
    assert!(!gone.into_iter().any(|secret| is_in(secret, &files)));
    lived.proofs_hold();
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
    lived.world.abandon();
}
