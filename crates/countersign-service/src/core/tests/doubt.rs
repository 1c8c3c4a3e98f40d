//! What is in doubt: what could not be read, and what was written although the disk says that it
//! was not.

use countersign_record::id::CallId;
use countersign_store::disk::Disk as _;
use countersign_store::testing::{Effect, MemoryDisk, Op, Survivors};

use super::*;
use crate::fill;

const CALL: CallId = CallId::new([5; 16]);
/// Far beyond what these logs hold.
const LATER_BLOCK: u64 = 1 << 20;

/// A log on one disk, its head lock on another.
struct Simulated {
    disk: MemoryDisk,
    heads: MemoryDisk,
}

impl Simulated {
    fn new() -> Self {
        let (disk, heads) = (MemoryDisk::new(), MemoryDisk::new());
        for name in ["log", "keys"] {
            disk.create_directory(name).unwrap();
        }
        let setup = Setup {
            name: "demo".parse().unwrap(),
            origin: "ledger.example/demo".into(),
            policy_toml: include_str!("../../../../../fixtures/policies/demo.toml").into(),
            solo: false,
            head_lock: None,
            segment_bytes: Some(1 << 20),
        };
        let world = Self { disk, heads };
        let (clock, entropy) = (Box::new(SystemClock::new()), Box::new(SystemEntropy));
        fill(&world.directory(), &setup, clock, entropy).unwrap();
        world
    }

    fn directory(&self) -> LogDir {
        let head_lock = HeadLockFile::new(Arc::new(self.heads.clone()), "head.lock");
        LogDir::simulated(Arc::new(self.disk.clone()), head_lock)
    }

    fn open(&self) -> Core {
        let (clock, entropy) = (Box::new(SystemClock::new()), Box::new(SystemEntropy));
        open(&self.directory(), Options::default(), clock, entropy).unwrap()
    }

    /// What is left of it by the least lucky power cut.
    fn after_power_cut(&self) -> Self {
        Self {
            disk: self.disk.after_power_cut(Survivors::Synced),
            heads: self.heads.after_power_cut(Survivors::Synced),
        }
    }
}

/// From now on names of this disk are moved, and nobody hears that they are durable.
fn forget_names(disk: &MemoryDisk) {
    disk.set_hazard(|op| match op {
        Op::SyncDirectory(_) => Effect::Error,
        _ => Effect::None,
    });
}

fn remember_names(disk: &MemoryDisk) {
    disk.set_hazard(|_| Effect::None);
}

fn save_another_keyring(core: &mut Core) -> Result<(), CommandError> {
    let mut keyring = Keyring::clone(&core.keyring);
    keyring.add_block(LATER_BLOCK, [1; 32]).unwrap();
    core.save_keyring(keyring, Urgency::Routine)
}

type Look = fn(&mut Core);

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_absent_and_nothing_is_appended() {
    let looks: [(&str, Look); 3] = [
        ("about", |core| drop(core.about("somebody"))),
        ("history", |core| drop(core.history(CALL))),
        ("record", |core| drop(core.record(0))),
    ];
    let world = Simulated::new();
    let mut core = world.open();
    let durable = core.durable;
    let good = std::mem::replace(&mut core.reader, Arc::new(Unopenable(durable)));
    let service = Service::start(core).unwrap();
    let record_after = |look: Look| {
        service.act(Level::Durable, move |core| {
            look(core);
            core.run(&note()).map(|_| ((), None))
        })
    };
    for (name, look) in looks {
        let answer = record_after(look).await;
        let internal = Err(CommandError::Unavailable(Unavailable::Internal));
        assert_eq!(answer.map(|_| ()), internal, "{name}");
        let refused = service.ask(look).await;
        assert_eq!(refused, Err(Unavailable::Internal), "{name}");
    }
    let size = service.ask(|core| core.durable.size).await.unwrap();
    assert_eq!(size, durable.size, "nothing was appended");
    let put_back = move |core: &mut Core| core.reader = good;
    service.ask(put_back).await.unwrap();
    for (name, look) in looks {
        assert!(
            record_after(look).await.is_ok(),
            "{name} is doubted no more"
        );
    }
    service.stop();
}

#[test]
fn a_keyring_that_may_have_been_saved_makes_the_log_read_only_until_a_restart() {
    let world = Simulated::new();
    let mut core = world.open();
    forget_names(&world.disk);
    let failed = save_another_keyring(&mut core);
    let is_read_only =
        |it: &CommandError| matches!(it, CommandError::Unavailable(Unavailable::ReadOnly(_)));
    assert!(failed.is_err_and(|it| is_read_only(&it)));
    remember_names(&world.disk);
    assert!(core.run(&note()).is_err_and(|it| is_read_only(&it)));
    assert!(matches!(core.sign(), Err(Unavailable::ReadOnly(_))));
    drop(core);
    let mut core = world.open();
    assert!(core.keyring.has_block(LATER_BLOCK), "it had been saved");
    one_more(&mut core);
    assert_eq!(core.sign(), Ok(()));
}

#[test]
fn a_keyring_that_a_start_has_read_survives_a_power_cut() {
    let world = Simulated::new();
    let mut core = world.open();
    forget_names(&world.disk);
    save_another_keyring(&mut core).unwrap_err();
    drop(core);
    let lost = world.after_power_cut().open();
    assert!(!lost.keyring.has_block(LATER_BLOCK), "nobody had synced it");
    remember_names(&world.disk);
    drop(world.open());
    let kept = world.after_power_cut().open();
    assert!(kept.keyring.has_block(LATER_BLOCK));
}

#[test]
fn a_head_that_a_start_has_read_survives_a_power_cut() {
    let world = Simulated::new();
    let note_of = |world: &Simulated| world.directory().head_lock().unwrap().read().unwrap();
    let mut core = world.open();
    let old = note_of(&world);
    one_more(&mut core);
    forget_names(&world.heads);
    assert!(matches!(core.sign(), Err(Unavailable::ReadOnly(_))));
    drop(core);
    let new = note_of(&world);
    assert_ne!(new, old);
    assert_eq!(
        note_of(&world.after_power_cut()),
        old,
        "nobody had synced it"
    );
    remember_names(&world.heads);
    drop(world.open());
    assert_eq!(note_of(&world.after_power_cut()), new);
}
