//! More than one copy: older ones put back, a head lock that is gone, a second server on the
//! directory or on a copy of it.

use countersign_record::entry::Fact;
use countersign_service::{Core, Options, StartError, open};
use countersign_store::head::HeadLockError;
use countersign_store::segments::OpenError;
use countersign_store::testing::MemoryDisk;

use super::{Server, Started, World, chain};
use crate::chance::Rng;
use crate::judge::Broken;
use crate::model::{Loss, Size};
use crate::request::Request;
use crate::template::directory;

/// One swap of head.lock may be under way, and another one follows; each takes up to three batches.
const SWAP_BATCHES: u32 = 8;

/// Both disks as they were, and how long the log was.
pub(super) struct Snapshot {
    disk: MemoryDisk,
    heads: MemoryDisk,
    size: Size,
}

/// The head lock beside an older copy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum HeadLock {
    Newest,
    AsOld,
    Gone,
}

impl World<'_> {
    // ---- set back ----

    pub(crate) fn snapshot(&mut self) {
        self.note("snapshot");
        self.snapshot = Some(Snapshot {
            disk: self.disk.copy(),
            heads: self.heads.copy(),
            size: Size {
                durable: self.model.size(),
                signed: self.model.signed(),
            },
        });
    }

    /// Somebody puts an older copy of the directory back.
    pub(crate) fn set_back(&mut self) -> Result<Started, Broken> {
        let Some(snapshot) = self.snapshot.take() else {
            return Ok(Started::Serving);
        };
        self.server = None;
        let beside = match self.rng.below(5) {
            0 => HeadLock::Gone,
            1 | 2 if self.is_apart => HeadLock::Newest,
            _ => HeadLock::AsOld,
        };
        let (newest, newest_heads) = (self.disk.copy(), self.heads.copy());
        let later = self.model.note.clone();
        self.disk = snapshot.disk;
        if !self.is_apart {
            self.heads = self.disk.clone();
        } else if beside != HeadLock::Newest {
            self.heads = snapshot.heads;
        }
        self.expose();
        self.tally.set_back += 1;
        self.note(format!(
            "set back to {} entries, head.lock {beside:?}",
            snapshot.size.durable
        ));
        let loss = match beside {
            HeadLock::Newest => Loss::Unsigned,
            HeadLock::AsOld => Loss::After(snapshot.size),
            HeadLock::Gone => Loss::After(Size {
                signed: 0,
                ..snapshot.size
            }),
        };
        let started = if beside == HeadLock::Gone {
            self.without_head_lock(loss)?
        } else {
            self.start(loss)?
        };
        match started {
            Started::Serving => {
                later.map_or(Ok(()), |later| self.caught_by(&later))?;
                Ok(Started::Serving)
            }
            Started::Refused(error) if self.weather.is_spoiled() => Ok(Started::Refused(error)),
            Started::Refused(_) => {
                self.tally.set_back_refused += 1;
                self.note("the newest copy is put back");
                (self.disk, self.heads) = (newest, newest_heads);
                self.expose();
                self.start(Loss::None)
            }
        }
    }

    fn caught_by(&mut self, later: &str) -> Result<(), Broken> {
        if !self.model.has_forgotten(later) || self.weather.is_spoiled() {
            return Ok(());
        }
        let audited = self.calmly(|world| world.audited());
        self.tally.verified += 1;
        audited.map_or(Ok(()), |it| it?.is_caught_by(&self.template.vkey, later))
    }

    // ---- no head lock ----

    /// Somebody loses head.lock and nothing else.
    pub(crate) fn lose_head_lock(&mut self) -> Result<Started, Broken> {
        self.server = None;
        self.note("head.lock is lost");
        // Without it nothing says how much of what rots until it starts again was signed.
        let durable = if self.weather.is_spoiled() {
            0
        } else {
            self.model.size()
        };
        let loss = Loss::After(Size { durable, signed: 0 });
        self.without_head_lock(loss)
    }

    /// Without a head lock no start succeeds, until the operator adopts the log as it is; that
    /// stands in the log.
    fn without_head_lock(&mut self, loss: Loss) -> Result<Started, Broken> {
        self.tally.head_locks_lost += 1;
        self.heads.lose("head.lock");
        let refused = self.calmly(|world| world.opened(Options::default()).err());
        match refused {
            Some(StartError::HeadLock(HeadLockError::Missing { .. })) => {}
            Some(_) if self.weather.is_spoiled() => {}
            Some(error) => return Err(format!("no head.lock is refused for {}", chain(&error))),
            None => return Err("it starts without its head.lock".into()),
        }
        self.note("the operator adopts the log");
        self.adopts_head = true;
        let started = self.start(loss);
        self.adopts_head = false;
        let started = started?;
        let is_said = |fact: &Fact| matches!(fact, Fact::RepairRecorded(_));
        if matches!(started, Started::Serving)
            && !self.is_read_only
            && !self.model.latest(16).iter().any(is_said)
        {
            return Err("a head was adopted, and no entry says so".into());
        }
        Ok(started)
    }

    // ---- second servers ----

    /// A second server on the same directory must be turned away.
    pub(crate) fn second_server(&mut self) -> Result<(), Broken> {
        let second = self.calmly(|world| world.opened(Options::default()));
        self.tally.second_servers += 1;
        self.note("a second server");
        match second {
            Err(StartError::Open(OpenError::InUse { .. })) => Ok(()),
            // What rotted is met before the lock of the directory.
            Err(_) if self.weather.is_spoiled() => Ok(()),
            Err(error) => Err(format!(
                "a second server is refused, but for {}",
                chain(&error)
            )),
            Ok(_) => Err("two servers run on one directory".into()),
        }
    }

    /// A second server on a copy of the directory, with the same head lock: one of the two goes on,
    /// and whatever leaves is of one log.
    pub(crate) fn server_on_a_copy(&mut self) -> Result<(), Broken> {
        if !self.is_apart || !self.is_up() || self.is_read_only || self.weather.is_spoiled() {
            return Ok(());
        }
        self.tally.shared_head_locks += 1;
        self.note("a server on a copy of the directory, with the same head.lock");
        self.calmly(|world| {
            // A head is told before what came with it is signed.
            world.round(vec![Request::Head])?;
            world.round(vec![Request::Head])?;
            if world.is_read_only {
                return Ok(()); // a read went wrong before, and it signs no more
            }
            let disk = world.disk.copy();
            let other = world.core_on(&disk, Options::default());
            let other =
                other.map_err(|error| format!("the copy cannot be served: {}", chain(&error)))?;
            if world.rng.below(2) == 0 {
                world.first_goes_on(other)
            } else {
                world.copy_goes_on(disk, other)
            }
        })
    }

    /// The first one signs between the other's start and its first word.
    fn first_goes_on(&mut self, other: Core) -> Result<(), Broken> {
        let before = self.model.note.clone();
        self.round(vec![Request::AcceptClock])?;
        self.settle()?;
        if self.model.note == before {
            return Ok(()); // it had nothing to sign, or no space
        }
        if other.serve_by_steps(Options::default()).is_ok() {
            return Err("a copy is served although the first server signed more".into());
        }
        self.round(vec![Request::Head])?;
        if self.is_read_only {
            return Err("a copy that was turned away stopped the first server".into());
        }
        Ok(())
    }

    /// The copy's start is signed first: the first server stops, and never starts again.
    fn copy_goes_on(&mut self, disk: MemoryDisk, other: Core) -> Result<(), Broken> {
        let (before, size) = (self.model.note.clone(), self.model.size());
        let (service, writer) = other
            .serve_by_steps(Options::default())
            .map_err(|error| format!("the copy is not served: {}", chain(&error)))?;
        self.round(vec![Request::AcceptClock])?;
        self.settle()?;
        if self.model.note != before {
            return Err("two servers sign for one log".into());
        }
        if self.model.size() > size && !self.is_read_only {
            return Err("a server goes on although another one signs for its log".into());
        }
        self.server = None;
        match self.opened(Options::default()) {
            Err(StartError::Head(_)) => {}
            // It added nothing: its log only ends before what the copy signed.
            Err(StartError::Open(_)) if self.model.size() == size => {}
            Err(error) => return Err(format!("the first one is refused for {}", chain(&error))),
            Ok(_) => return Err("the first one starts again beside the copy".into()),
        }
        self.disk = disk;
        self.expose();
        self.server = Some(Server { service, writer });
        self.is_read_only = false;
        self.recovered(Loss::Unsigned)
    }

    /// Waits until head.lock has been swapped, or not.
    fn settle(&mut self) -> Result<(), Broken> {
        (0..SWAP_BATCHES).try_for_each(|_| self.round(vec![Request::Head]))
    }

    fn core_on(&mut self, disk: &MemoryDisk, options: Options) -> Result<Core, StartError> {
        let directory = directory(disk, &self.heads);
        let entropy = Box::new(Rng::new(self.rng.next()));
        open(&directory, options, Box::new(self.clock.clone()), entropy)
    }

    pub(super) fn opened(&mut self, options: Options) -> Result<Server, StartError> {
        let disk = self.disk.clone();
        let core = self.core_on(&disk, options)?;
        let (service, writer) = core.serve_by_steps(options)?;
        Ok(Server { service, writer })
    }
}
