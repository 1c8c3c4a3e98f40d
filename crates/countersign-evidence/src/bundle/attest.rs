//! What devices signed: statement and signature as files, in the forms that stock tools read.

use countersign_attest::sshsig::armour;
use countersign_record::entry::{Blob, Fact};

/// The files of one entry: name and bytes. Empty for an entry that nobody signed.
pub(super) fn files(fact: &Fact) -> Vec<(&'static str, Vec<u8>)> {
    let mut files = Vec::new();
    let mut add = |names: [&'static str; 3], statement: &Blob, signature: &Blob| {
        let [statement_name, signature_name, armoured_name] = names;
        files.push((statement_name, statement.0.clone()));
        files.push((signature_name, signature.0.clone()));
        if signature.0.starts_with(b"SSHSIG") {
            files.push((armoured_name, armour(&signature.0).into_bytes()));
        }
    };
    match fact {
        Fact::VoteApprove(vote) => {
            add(OWN, &vote.statement, &vote.signature);
            files.extend(vote.raw.as_ref().map(|raw| (RAW, raw.0.clone())));
        }
        Fact::VoteDeny(vote) => {
            add(OWN, &vote.statement, &vote.signature);
            files.extend(vote.raw.as_ref().map(|raw| (RAW, raw.0.clone())));
        }
        Fact::ConfirmationRevoked(revoked) => {
            if let (Some(statement), Some(signature)) = (&revoked.statement, &revoked.signature) {
                add(OWN, statement, signature);
            }
        }
        Fact::KeyEnrolled(key) => {
            add(OWN, &key.statement, &key.signature);
            if let Some(endorsed) = &key.endorsed {
                add(ENDORSED, &endorsed.statement, &endorsed.signature);
            }
        }
        _ => {}
    }
    files
}

const OWN: [&str; 3] = ["statement.json", "signature.bin", "statement.json.sig"];
const ENDORSED: [&str; 3] = [
    "endorsement.json",
    "endorsement.bin",
    "endorsement.json.sig",
];
const RAW: &str = "raw.bin";
