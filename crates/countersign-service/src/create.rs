//! `init`: a log with its keys, its two first entries and their checkpoint, or nothing at all.

use std::path::PathBuf;

use countersign_flow::{Bootstrap, Command, State};
use countersign_ledger::chain::genesis;
use countersign_ledger::note::Signer;
use countersign_record::action::policy_digest;
use countersign_record::entry::{LedgerCreated, PolicyAdopted, Refs, ServiceKey as PublicKey};
use countersign_record::id::{ExecutorId, KeyId, PolicyId};
use countersign_record::json::{Object, Value};
use countersign_record::keyring::Keyring;
use countersign_store::keys::ServiceKey;
use countersign_store::layout::{DataDir, InitError, LogDir, LogName};
use countersign_store::segments::{LogFormat, SegmentLog};
use countersign_store::tree::StoredTree;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::core::{Core, GrantKey, Parts, Signed};
use crate::entropy::{Entropy, draw};
use crate::error::{CommandError, StartError, Unavailable};

/// What `init` fixes for ever.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The log's directory name.
    pub name: LogName,
    /// The log's name for the world: a schema-less URL.
    pub origin: String,
    /// The first policy.
    pub policy_toml: String,
    /// One person runs everything.
    pub solo: bool,
    /// Where head.lock lies, when not in the log's directory.
    pub head_lock: Option<PathBuf>,
    /// How long a segment is, in bytes, when not as usual.
    pub segment_bytes: Option<u64>,
}

/// A new log.
#[derive(Clone, Debug)]
pub struct Created {
    /// Where it lies.
    pub directory: LogDir,
    /// The key with which others check its checkpoints.
    pub vkey: String,
}

/// Makes a log.
pub fn create(
    data: &DataDir,
    setup: &Setup,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
) -> Result<Created, InitError<StartError>> {
    let mut vkey = String::new();
    let directory = data.init(&setup.name, setup.head_lock.as_deref(), |directory| {
        vkey = fill(directory, setup, clock, entropy)?;
        Ok(())
    })?;
    Ok(Created { directory, vkey })
}

/// Puts a log's keys and first entries into its empty directories; the key with which others check
/// its checkpoints.
pub fn fill(
    directory: &LogDir,
    setup: &Setup,
    clock: Box<dyn Clock>,
    mut entropy: Box<dyn Entropy>,
) -> Result<String, StartError> {
    let seeds = make_keys(directory, &mut *entropy)?;
    let mut core = empty(directory, setup, &seeds, clock, entropy)?;
    first_entries(&mut core, setup, &seeds)?;
    Ok(core.signer.verifier_key().to_string())
}

/// The service's keys, in the order of [`ServiceKey`].
struct Seeds {
    log: SigningKey,
    grant: SigningKey,
    seal: SigningKey,
    webhook: SigningKey,
}

fn make_keys(directory: &LogDir, entropy: &mut dyn Entropy) -> Result<Seeds, StartError> {
    let mut make = |kind| {
        let seed = Zeroizing::new(draw::<32>(entropy).map_err(start("drawing a key"))?);
        directory.keys().create(kind, &seed)?;
        Ok::<_, StartError>(SigningKey::from_bytes(&seed))
    };
    Ok(Seeds {
        log: make(ServiceKey::Log)?,
        grant: make(ServiceKey::Grant)?,
        seal: make(ServiceKey::Seal)?,
        webhook: make(ServiceKey::Webhook)?,
    })
}

fn empty(
    directory: &LogDir,
    setup: &Setup,
    seeds: &Seeds,
    clock: Box<dyn Clock>,
    mut entropy: Box<dyn Entropy>,
) -> Result<Core, StartError> {
    let mut format = LogFormat::new(setup.origin.as_str());
    format.segment_bytes = setup.segment_bytes.unwrap_or(format.segment_bytes);
    let log = SegmentLog::create(directory.disk(), &format)?;
    let keyring = Keyring::new();
    directory.keyring().create(&keyring)?;
    let signer =
        Signer::new(&setup.origin, seeds.log.clone()).map_err(|error| StartError::Entry {
            seq: 0,
            fault: error.to_string(),
        })?;
    let id = KeyId::new(draw(&mut *entropy).map_err(start("drawing an id"))?);
    let parts = Parts {
        state: State::default(),
        tree: StoredTree::empty(directory.disk()),
        snapshots: directory.snapshots(),
        snapshot_at: 0,
        genesis: genesis(&setup.origin),
        log,
        signed: Signed::default(),
        head_lock: directory.head_lock()?,
        signer,
        grant_key: GrantKey {
            id,
            key: seeds.grant.clone(),
        },
        keyring,
        keyring_file: directory.keyring(),
        clock,
        entropy,
    };
    Ok(Core::new(parts)?)
}

fn first_entries(core: &mut Core, setup: &Setup, seeds: &Seeds) -> Result<(), StartError> {
    let mut id = || draw(&mut *core.entropy).map_err(start("drawing an id"));
    let service = ExecutorId::new(id()?);
    let (seal, webhook, policy) = (KeyId::new(id()?), KeyId::new(id()?), PolicyId::new(id()?));
    let public = |key: &SigningKey| key.verifying_key().to_bytes();
    let created = LedgerCreated {
        origin: setup.origin.clone(),
        format: 1,
        log_key: public(&seeds.log),
        grant_key: PublicKey {
            id: core.grant_key.id,
            key: public(&seeds.grant),
        },
        seal_key: PublicKey {
            id: seal,
            key: public(&seeds.seal),
        },
        webhook_key: PublicKey {
            id: webhook,
            key: public(&seeds.webhook),
        },
        solo: setup.solo,
    };
    let refs = Refs {
        executor: Some(service),
        ..Refs::default()
    };
    direct(
        core,
        Bootstrap {
            refs,
            fact: created.into(),
            bodies: Vec::new(),
        },
    )?;
    let toml = setup.policy_toml.as_str();
    let digest = policy_digest(toml.as_bytes());
    let refs = Refs {
        policy: Some(policy),
        ..Refs::default()
    };
    let body = Value::Object(Object::new().with("toml", toml));
    let bodies = vec![("policy", Some(body))];
    let adopted = PolicyAdopted {
        digest,
        bootstrap: true,
    };
    direct(
        core,
        Bootstrap {
            refs,
            fact: adopted.into(),
            bodies,
        },
    )?;
    core.commit().and_then(|_| core.sign()).map_err(failed)
}

fn direct(core: &mut Core, bootstrap: Bootstrap) -> Result<(), StartError> {
    let done = core.run(&Command::Bootstrap(bootstrap));
    done.map(|_| ()).map_err(|cause| StartError::Command {
        doing: "writing the first entries",
        cause,
    })
}

fn failed(unavailable: Unavailable) -> StartError {
    StartError::Command {
        doing: "writing the first entries",
        cause: CommandError::Unavailable(unavailable),
    }
}

fn start<E: Into<CommandError>>(doing: &'static str) -> impl Fn(E) -> StartError {
    move |error| StartError::Command {
        doing,
        cause: error.into(),
    }
}
