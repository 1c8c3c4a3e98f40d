//! What is erased is gone, and what was proven stays so.

use std::fs;
use std::path::Path;

use countersign_evidence::DataDirectory;
use countersign_ledger::chain::leaf_hash;
use countersign_ledger::proof::InclusionProof;
use countersign_verify::{CheckId, Options, Report, Status, Trust, Verdict};
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

#[test]
fn a_punctured_entry_is_gone_and_every_proof_still_holds() {
    let mut world = World::served();
    let (tool, arguments) = wire("24000.00");
    let body = json!({ "tool": tool, "arguments": arguments, "reason": SECRET });
    let agent = world.agent("agent");
    let asked = agent.post_keyed("/v1/calls", "c1", &body).done();
    world.approve("alice", &asked["call"]);
    let view = world.approve("omar", &asked["call"]);
    world.redeem("bank", &view, "01").done();
    world.deny("omar", &world.ask("c2", &wire("12000.00"))["call"]);
    let about_the_call = |it: &&countersign_record::entry::Entry| {
        let call = it.draft.refs.call.map(|id| id.to_string());
        call.as_deref() == asked["call"].as_str() && it.draft.bodies.iter().len() > 0
    };
    let entries = world.entries();
    let erased: Vec<u64> = entries
        .iter()
        .filter(about_the_call)
        .map(|it| it.seq)
        .collect();
    assert!(erased.len() >= 2, "the call and what was shown of it");
    let auditor = world.audit("auditor");
    let proof = |seq: &u64| auditor.get(&format!("/v1/proofs/{seq}")).text();
    let proofs: Vec<_> = erased.iter().map(|seq| (*seq, proof(seq))).collect();
    world.stop();
    assert_eq!(examined(&world).verdict, Verdict::Verified);
    let ring = world.directory.keyring();
    let path = world.directory.path().join("keyring");
    let before = fs::read(&path).unwrap();

    let mut keyring = ring.load(0).unwrap();
    for seq in &erased {
        assert!(keyring.puncture(*seq) && keyring.body_key(*seq).is_none());
    }
    ring.save(&keyring).unwrap();

    let files = contents(world.directory.path());
    assert!(
        !is_in(SECRET.as_bytes(), &files),
        "it was never there in the clear"
    );
    let after = fs::read(&path).unwrap();
    let gone = |secret: &&[u8]| !after.windows(32).any(|window| window == *secret);
    let gone: Vec<&[u8]> = before.windows(32).filter(gone).collect();
    assert!(!gone.is_empty(), "the block's secret had to go");
    assert!(!gone.into_iter().any(|secret| is_in(secret, &files)));
    for (seq, proof) in proofs {
        let proof: InclusionProof = proof.parse().unwrap();
        let entry = entries.iter().find(|it| it.seq == seq).unwrap().encode();
        let checkpoint = proof.verify(leaf_hash(&entry), &world.vkey()).unwrap();
        assert!(checkpoint.size > seq);
    }
    let report = examined(&world);
    let named: Vec<_> = report
        .findings
        .iter()
        .filter(|it| it.id == "body")
        .collect();
    let seqs: std::collections::BTreeSet<_> = named.iter().filter_map(|it| it.seq).collect();
    assert_eq!(
        seqs.into_iter().collect::<Vec<_>>(),
        erased,
        "{}",
        report.to_text()
    );
    assert!(
        named
            .iter()
            .all(|it| it.sentence.contains("its key was destroyed"))
    );
    let untouched = [
        CheckId::Form,
        CheckId::Order,
        CheckId::Chain,
        CheckId::Tree,
        CheckId::Checkpoint,
    ];
    for check in &report.checks {
        if untouched.contains(&check.id) || check.id == CheckId::Signatures {
            assert_eq!(check.status, Status::Pass, "{}", report.to_text());
        }
        if check.id == CheckId::Bodies {
            assert_eq!(check.failed, u64::try_from(named.len()).unwrap());
        }
    }
    world.abandon();
}
