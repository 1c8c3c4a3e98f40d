//! The golden ledger and bundle of version 1: made by one command, the same at every run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_evidence::DataDirectory;
use countersign_evidence::bundle::{BundleOptions, write};
use countersign_ledger::note::{Signer, VerifierKey};
use countersign_record::keyring::{FingerprintSalt, Keyring, Party as SaltParty};
use countersign_service::{Entropy as _, Options, Setup, create, open};
use countersign_store::layout::DataDir;
use countersign_tests::root;
use countersign_verify::Trust;
use ed25519_dalek::SigningKey;

use crate::clock::{Hand, Seeded};
use crate::draw::Draw;
use crate::story;

/// Small, so that there are several.
const SEGMENT_BYTES: u64 = 8192;
const NAME: &str = "v1";
/// Of the service's keys, salts and nonces.
const SEED: u64 = 1;

/// Where the ledger is kept.
pub fn ledger() -> PathBuf {
    root().join("fixtures/ledgers").join(NAME)
}

/// Where the bundle is kept.
pub fn bundle() -> PathBuf {
    root().join("fixtures/bundles").join(NAME)
}

/// The key to trust.
pub fn vkey() -> VerifierKey {
    let text = fs::read_to_string(ledger().with_extension("vkey")).unwrap();
    text.trim_end().parse().unwrap()
}

/// The log's key, which a forger may have stolen: the first bytes that the service drew.
pub fn log_key() -> Signer {
    let mut seed = [0; 32];
    entropy().fill(&mut seed).unwrap();
    let signer = Signer::new(story::ORIGIN, SigningKey::from_bytes(&seed)).unwrap();
    assert_eq!(signer.verifier_key(), vkey());
    signer
}

/// The same, for the verifier.
pub fn trust() -> Trust {
    Trust {
        log_keys: vec![vkey()],
        earlier: None,
    }
}

fn entropy() -> Seeded {
    Seeded(Draw::new(SEED))
}

/// Makes `ledgers/v1`, `ledgers/v1.vkey` and `bundles/v1` below `place`.
pub fn make(place: &Path) {
    let (ledgers, bundles) = (place.join("ledgers"), place.join("bundles"));
    let setup = Setup {
        name: NAME.parse().unwrap(),
        origin: story::ORIGIN.into(),
        policy_toml: story::POLICY.into(),
        solo: false,
        head_lock: None,
        segment_bytes: Some(SEGMENT_BYTES),
    };
    let clock = Hand::default();
    let parts = (Box::new(clock.clone()), Box::new(entropy()));
    let created = create(&DataDir::new(&ledgers), &setup, parts.0, parts.1).unwrap();
    let keyring = created.directory.keyring();
    keyring.save(&salted(keyring.load(0).unwrap())).unwrap();
    let more = Seeded(Draw::new(SEED + 1));
    let core = open(
        &created.directory,
        Options::default(),
        Box::new(clock.clone()),
        Box::new(more),
    );
    story::tell(core.unwrap(), clock);
    let log = created.directory.path();
    // Neither secrets of a server nor what it makes again by itself.
    fs::remove_dir_all(log.join("keys")).unwrap();
    let _absent = fs::remove_dir_all(log.join("index"));
    for file in ["keyring.sum", "log/lock", "log/reserve", "head.lock.lock"] {
        let _absent = fs::remove_file(log.join(file));
    }
    fs::write(log.with_extension("vkey"), format!("{}\n", created.vkey)).unwrap();
    fs::create_dir_all(&bundles).unwrap();
    let source = DataDirectory::open(log).unwrap();
    let case = String::from("golden");
    write(&source, &bundles.join(NAME), &BundleOptions { case }).unwrap();
}

/// With the salts of the likenesses that the story computes.
fn salted(mut keyring: Keyring) -> Keyring {
    let parties = [
        (story::AGENT.to_string(), story::PRINCIPAL.to_string()),
        (story::OPERATOR.to_string(), String::new()),
    ];
    for (agent, principal) in parties {
        let salt = FingerprintSalt {
            salt: story::SALT,
            started_at: 0,
        };
        let party = SaltParty { agent, principal };
        keyring.add_fingerprint_salt(party, 0, salt).unwrap();
    }
    keyring
}

/// Every file below a directory, by its path.
pub fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(directory).unwrap().to_str().unwrap();
            found.insert(name.into(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Puts both where they are kept.
pub fn write_fixtures() {
    let scratch = tempfile::tempdir().unwrap();
    make(scratch.path());
    for folder in ["ledgers", "bundles"] {
        let place = root().join("fixtures").join(folder);
        let _absent = fs::remove_dir_all(&place);
        for (name, bytes) in files(&scratch.path().join(folder)) {
            let path = place.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}
