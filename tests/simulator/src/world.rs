//! One server over its lives: started, crashed, asked.

mod copies;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use countersign_service::{Options, Service, StartError, Unavailable, Writer};
use countersign_store::log::ReadLog;
use countersign_store::segments::OpenError;
use countersign_store::testing::{MemoryDisk, Survivors};

use crate::audit::Audited;
use crate::chance::{FakeClock, Rng};
use crate::clients::Clients;
use crate::judge::Broken;
use crate::model::{Loss, Model, Size, UNREADABLE};
use crate::request::{Reply, Request, Waiting};
use crate::tally::Tally;
use crate::template::Template;
use crate::weather::Weather;
use copies::Snapshot;

/// A start is tried so often in bad weather before the weather is made good.
const ATTEMPTS: u32 = 3;
/// A request is answered within so many batches: one before it is sent, its own, and two swaps of
/// head.lock.
const BATCHES: u32 = 12;

struct Server {
    service: Service,
    writer: Writer,
}

/// What became of a start.
#[derive(Debug)]
pub(crate) enum Started {
    Serving,
    /// Refused, as it had to be.
    Refused(String),
}

pub(crate) struct World<'t> {
    template: &'t Template,
    disk: MemoryDisk,
    /// Another volume, or the same disk.
    heads: MemoryDisk,
    is_apart: bool,
    pub(crate) weather: Weather,
    pub(crate) clock: FakeClock,
    pub(crate) rng: Rng,
    server: Option<Server>,
    pub(crate) model: Model,
    pub(crate) clients: Clients,
    snapshot: Option<Snapshot>,
    pub(crate) is_read_only: bool,
    /// The operator says at a start that the log is to be taken as it is.
    adopts_head: bool,
    pub(crate) tally: Tally,
    pub(crate) steps: Vec<String>,
}

impl<'t> World<'t> {
    pub(crate) fn new(template: &'t Template, mut rng: Rng) -> Self {
        let disk = template.disk.copy();
        let is_apart = rng.below(2) == 0;
        let heads = if is_apart {
            template.heads.copy()
        } else {
            let note = template.heads.bytes("head.lock").unwrap_or_default();
            disk.put("head.lock", &note);
            disk.clone()
        };
        let weather = Weather::drawn(&mut rng);
        let world = Self {
            template,
            disk,
            heads,
            is_apart,
            weather,
            clock: FakeClock::new(),
            rng,
            server: None,
            model: Model::new(&template.vkey),
            clients: Clients::default(),
            snapshot: None,
            is_read_only: false,
            adopts_head: false,
            tally: Tally::default(),
            steps: Vec::new(),
        };
        world.expose();
        world
    }

    fn expose(&self) {
        self.weather.over(&self.disk);
        if self.is_apart {
            self.weather.over(&self.heads);
        }
    }

    pub(crate) fn note(&mut self, step: impl Into<String>) {
        let faults = self.weather.news();
        self.steps
            .extend(faults.into_iter().map(|it| format!("    {it}")));
        self.steps.push(step.into());
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.server.is_some()
    }

    // ---- lives ----

    /// Starts the server; what it says must fit what happened to the disk.
    pub(crate) fn start(&mut self, loss: Loss) -> Result<Started, Broken> {
        let was_calm = self.weather.is_calm();
        let started = self.try_starts(loss);
        self.weather.calm(was_calm);
        started
    }

    fn try_starts(&mut self, loss: Loss) -> Result<Started, Broken> {
        for attempt in 0.. {
            if attempt == ATTEMPTS {
                self.weather.calm(true);
            }
            self.weather.faults();
            let options = Options {
                accept_clock: self.rng.below(3) == 0,
                adopt_head: self.adopts_head,
                arm: false,
            };
            let opened = self.opened(options);
            let faults = self.weather.faults();
            if self.weather.is_dead() {
                drop(opened);
                self.note("power cut during the start");
                self.power_back();
                continue;
            }
            match opened {
                Ok(server) => {
                    self.server = Some(server);
                    self.is_read_only = false;
                    self.tally.starts += 1;
                    return self.recovered(loss).map(|()| Started::Serving);
                }
                Err(error) => {
                    let name = refusal(&error);
                    self.note(format!("start refused: {}", chain(&error)));
                    *self.tally.refusals.entry(name).or_default() += 1;
                    if faults == 0 {
                        return self.refused(loss, &error);
                    }
                }
            }
        }
        Err("unreachable".into())
    }

    fn refused(&mut self, loss: Loss, error: &StartError) -> Result<Started, Broken> {
        if loss == Loss::Unsigned || self.weather.is_spoiled() {
            return Ok(Started::Refused(chain(error)));
        }
        Err(format!(
            "it does not start although nothing is wrong: {}",
            chain(error)
        ))
    }

    fn recovered(&mut self, loss: Loss) -> Result<(), Broken> {
        let loss = match loss {
            Loss::None if self.weather.is_spoiled() => Loss::Unsigned,
            Loss::After(size) if self.weather.is_spoiled() => Loss::After(Size {
                durable: size.signed,
                ..size
            }),
            other => other,
        };
        let Some(reader) = self.reader() else {
            return Ok(());
        };
        let recovered = self.calmly(|world| world.model.recover(&*reader, loss));
        let gone = self.read(recovered)?;
        if gone > 0 {
            self.note(format!("{gone} entries are gone, as is excused"));
            self.clients.forget();
            self.snapshot = None;
        }
        self.model.check_released()
    }

    /// Rotten bytes are not read, which is as it should be.
    fn read<T: Default>(&mut self, read: Result<T, Broken>) -> Result<T, Broken> {
        match read {
            Err(error) if self.weather.is_spoiled() && error.starts_with(UNREADABLE) => {
                self.is_read_only = true;
                Ok(T::default())
            }
            other => other,
        }
    }

    /// The process ends at once; the disk does not notice.
    pub(crate) fn kill(&mut self) {
        if self.server.take().is_some() {
            self.tally.kills += 1;
            self.note("kill -9");
        }
    }

    /// The power is cut between two operations.
    pub(crate) fn cut_power(&mut self) {
        self.weather.cut();
        self.note("power cut");
        self.power_back();
    }

    fn power_back(&mut self) {
        self.server = None;
        self.tally.power_cuts += 1;
        let survivors = match self.rng.below(8) {
            0 => Survivors::Synced,
            1 => Survivors::All,
            _ => Survivors::Some(self.rng.next()),
        };
        self.disk = self.disk.after_power_cut(survivors);
        self.heads = if self.is_apart {
            self.heads.after_power_cut(survivors)
        } else {
            self.disk.clone()
        };
        self.weather.power();
        self.expose();
    }

    /// The server ends in good order.
    pub(crate) fn stop(&mut self) -> Result<(), Broken> {
        if let Some(server) = &mut self.server {
            server.service.stop();
            server.writer.step();
        }
        self.note("stop");
        if self.weather.is_dead() {
            self.power_back();
            return Ok(());
        }
        let learned = self.learn();
        self.server = None;
        learned
    }

    /// Nothing goes wrong meanwhile.
    fn calmly<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let was_calm = self.weather.is_calm();
        self.weather.calm(true);
        let seen = look(self);
        self.weather.calm(was_calm);
        seen
    }

    // ---- requests ----

    /// Sends requests, some of them one batch later, lets the server do its batches, and holds the
    /// answers to account.
    pub(crate) fn round(&mut self, requests: Vec<Request>) -> Result<(), Broken> {
        let Some(server) = &mut self.server else {
            return Ok(());
        };
        let mut waiting: Vec<(Request, Option<Waiting>, Option<Reply>)> = requests
            .into_iter()
            .map(|request| {
                let sent = request.send(&server.service);
                (request, Some(sent), None)
            })
            .collect();
        // A request is queued when it is first polled.
        let late = self.rng.index(waiting.len() + 1);
        for batch in 0..BATCHES {
            let begun = if batch == 0 { late } else { waiting.len() };
            poll(&mut waiting[..begun]);
            if waiting.iter().all(|(.., reply)| reply.is_some()) {
                break;
            }
            server.writer.step();
            if self.weather.is_dead() {
                break;
            }
        }
        if self.weather.is_dead() {
            for (request, ..) in waiting {
                self.note(format!("{}: the power goes", request.line()));
                self.clients.unanswered(request);
            }
            self.power_back();
            return Ok(());
        }
        self.learn()?;
        if self.is_read_only && self.weather.is_spoiled() {
            return Ok(()); // what was answered cannot be looked up
        }
        waiting
            .into_iter()
            .try_for_each(|(request, _, reply)| self.answered(request, reply))
    }

    fn answered(&mut self, request: Request, reply: Option<Reply>) -> Result<(), Broken> {
        let Some(reply) = reply else {
            return Err(format!("no answer to: {}", request.line()));
        };
        self.note(format!("{}: {}", request.line(), reply.line()));
        if let Reply::Head(head) = &reply {
            return self.head(head.as_ref().ok());
        }
        if self.rng.below(10) == 0 {
            self.tally.lost_replies += 1;
            self.clients.unanswered(request);
            return Ok(());
        }
        let duplicate = (self.rng.below(12) == 0).then(|| request.clone());
        self.clients.hear(&request, reply, &mut self.model)?;
        if let Some(request) = duplicate {
            self.tally.duplicates += 1;
            self.clients.unanswered(request);
        }
        Ok(())
    }

    fn head(&mut self, head: Option<&countersign_service::HeadView>) -> Result<(), Broken> {
        let Some(head) = head else {
            self.is_read_only = true;
            return Ok(());
        };
        self.is_read_only = head.read_only.is_some();
        if let Some(note) = head.checkpoint.clone() {
            self.model.release(&note)?;
        }
        Ok(())
    }

    /// Takes in what has become visible to whoever reads.
    pub(crate) fn learn(&mut self) -> Result<(), Broken> {
        let Some(reader) = self.reader() else {
            return Ok(());
        };
        let grown = self.calmly(|world| world.model.grow(&*reader));
        self.tally.entries += self.read(grown)?;
        Ok(())
    }

    /// The log as an auditor gets it.
    pub(crate) fn audited(&self) -> Option<Result<Audited, Broken>> {
        let server = self.server.as_ref()?;
        let keyring = self.disk.bytes("keyring")?;
        let note = self
            .heads
            .bytes("head.lock")
            .map(|note| String::from_utf8_lossy(&note).into_owned());
        Some(Audited::read(&**server.service.reader(), &keyring, note))
    }

    pub(crate) fn reader(&self) -> Option<Arc<dyn ReadLog>> {
        self.server
            .as_ref()
            .map(|it| Arc::clone(it.service.reader()))
    }

    /// Sends one request and gives its answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Option<Reply> {
        let server = self.server.as_mut()?;
        let mut waiting = vec![(request.clone(), Some(request.send(&server.service)), None)];
        for _ in 0..BATCHES {
            poll(&mut waiting);
            if waiting[0].2.is_some() {
                break;
            }
            server.writer.step();
        }
        waiting.pop()?.2
    }
}

fn poll(waiting: &mut [(Request, Option<Waiting>, Option<Reply>)]) {
    let mut context = Context::from_waker(Waker::noop());
    for (_, sent, reply) in waiting.iter_mut() {
        if let Some(future) = sent
            && let Poll::Ready(ready) = future.as_mut().poll(&mut context)
        {
            *reply = Some(ready);
            *sent = None;
        }
    }
}

/// The kind of a refusal.
fn refusal(error: &StartError) -> &'static str {
    match error {
        StartError::Layout(_) => "layout",
        StartError::Open(OpenError::InUse { .. }) => "another server",
        StartError::Open(OpenError::Damage(_)) | StartError::Damage(_) => "damage",
        StartError::Open(OpenError::Format(_)) => "log/format",
        StartError::Open(_) => "the log's disk",
        StartError::Turn(_) => "turn",
        StartError::Keys(_) => "keys",
        StartError::Keyring(_) => "keyring",
        StartError::HeadLock(_) => "head.lock unreadable",
        StartError::Head(_) => "head.lock disagrees",
        StartError::Entry { .. } => "an entry",
        StartError::WrongKey { .. } => "wrong key",
        StartError::Command {
            cause: countersign_service::CommandError::Unavailable(Unavailable::DiskFull),
            ..
        } => "disk full",
        StartError::Command { .. } => "first entries",
        _ => "system",
    }
}

/// An error with its causes.
fn chain(error: &StartError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
