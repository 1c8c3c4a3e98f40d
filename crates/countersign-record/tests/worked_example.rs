//! The worked example of docs/spec/body.md is what the code makes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_record::action::{
    action, action_digest, fingerprint, policy_digest, shown_digest, text_digest,
};
use countersign_record::body::{Body, Leaf};
use countersign_record::digest::{EntryHash, hex, sha256};
use countersign_record::id::ExecutorId;
use countersign_record::json::{Limits, Value, canonical_text, read};
use countersign_record::keyring::{FingerprintSalt, Keyring, Party};
use countersign_record::seal::{BodyPlace, open, seal};
use countersign_record::words::{WORD_LIST, check_words};

#[test]
fn the_example_is_what_the_code_makes() {
    assert_eq!(fs::read_to_string(fixture()).unwrap(), worked());
}

#[test]
fn the_spec_shows_the_example() {
    let spec = fs::read_to_string(root().join("docs/spec/body.md")).unwrap();
    for line in worked().lines() {
        assert!(
            spec.lines().any(|shown| shown == line),
            "not in the spec: {line}"
        );
    }
}

#[test]
fn the_spec_names_the_word_list() {
    let spec = fs::read_to_string(root().join("docs/spec/body.md")).unwrap();
    assert!(spec.contains(&hex(&sha256(&[WORD_LIST.as_bytes()]))));
}

#[test]
#[ignore = "rewrites the fixture: only for a new version of the format"]
fn write_the_example() {
    fs::write(fixture(), worked()).unwrap();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn fixture() -> PathBuf {
    root().join("fixtures/vectors/body/worked.txt")
}

/// `name = value` lines; bytes in hex.
fn worked() -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| writeln!(text, "{name} = {value}").unwrap();

    let value = br#"{"lines":[{"amount":"24000.00"},{}],"to":"DE02","urgent":false}"#;
    let value = read(value, &Limits::REQUEST).unwrap();
    let mut count = 0;
    let body = Body::commit(&value, [0xb0; 16], || {
        count += 1;
        [count; 16]
    })
    .unwrap();
    line("value", &canonical_text(&value));
    line("body_salt", &hex(&body.disclose_all().body_salt));
    let commitments = body.disclose(|_| false).leaves;
    for (leaf, commitment) in body.disclose_all().leaves.iter().zip(&commitments) {
        let (Leaf::Open { field, salt }, Leaf::Withheld(commitment)) = (leaf, commitment) else {
            panic!("all open, all withheld");
        };
        line("path", &field.path);
        line("field", &canonical_text(&field.value));
        line("salt", &hex(salt));
        line("tag", &hex(&commitment.tag));
        line("c", &hex(&commitment.c));
    }
    line("body_root", &body.root().to_string());
    let part = body.disclose(|path| path == "/urgent");
    line("disclosure", &canonical_text(&part.to_json()));
    line("plaintext", &hex(&body.to_plaintext()));
    sealing(&body, &mut line);
    digests(&value, &body, &mut line);
    text
}

fn sealing(body: &Body, line: &mut impl FnMut(&str, &str)) {
    let seq = 4096 + 2049;
    let genesis = EntryHash([0xa0; 32]);
    let mut keyring = Keyring::new();
    keyring.add_block(seq, [0xc0; 32]).unwrap();
    let party = Party {
        agent: "agt_aaaaaaaaaaaaaaaaaaaaaaaaaa".into(),
        principal: "per_aaaaaaaaaaaaaaaaaaaaaaaaaa".into(),
    };
    let salt = FingerprintSalt {
        salt: [0xf0; 32],
        started_at: 1_767_225_600_000,
    };
    keyring.add_fingerprint_salt(party, 0, salt).unwrap();
    keyring.set_snapshot_key([0x90; 32]);
    let key = keyring.body_key(seq).unwrap();
    let sealed = seal(&key, [0xd0; 24], &genesis, seq, body).unwrap();
    let root = body.root();
    let place = BodyPlace { genesis, seq, root };
    assert_eq!(
        open(&sealed, &place, || keyring.body_key(seq)).as_ref(),
        Ok(body)
    );
    line("seq", &seq.to_string());
    line("genesis", &genesis.to_string());
    line("block_secret", &hex(&[0xc0; 32]));
    line("body_key", &hex(key.bytes()));
    line("nonce", &hex(&[0xd0; 24]));
    line("sealed", &hex(&sealed));
    let index = keyring.index_key(seq).unwrap();
    line("searched", "4bf92f3577b34da6a3ce929d0e0e4736");
    line(
        "indexed",
        &hex(&index.hash("4bf92f3577b34da6a3ce929d0e0e4736")),
    );
    line("snapshot_key", &hex(&[0x90; 32]));
    line("keyring", &hex(&keyring.to_bytes()));
    keyring.puncture(seq);
    line("keyring_punctured", &hex(&keyring.to_bytes()));
}

fn digests(arguments: &Value, shown: &Body, line: &mut impl FnMut(&str, &str)) {
    let action = action("bank.transfer", arguments, &ExecutorId::new([0; 16]));
    let digest = action_digest(&action, &[0xe0; 32]);
    let shown = shown_digest(&shown.root());
    line("action", &canonical_text(&action));
    line("action_salt", &hex(&[0xe0; 32]));
    line("action_digest", &digest.to_string());
    line("fp_salt", &hex(&[0xf0; 32]));
    line(
        "fingerprint",
        &fingerprint(&action, &[0xf0; 32]).to_string(),
    );
    line("shown_digest", &shown.to_string());
    line("check_words", &check_words(&digest, &shown).to_string());
    line("text", "agreed on the phone");
    line("text_salt", &hex(&[0x10; 32]));
    line(
        "text_digest",
        &text_digest(&[0x10; 32], "agreed on the phone").to_string(),
    );
    line("policy", "version = 1");
    line("policy_digest", &policy_digest(b"version = 1").to_string());
}
