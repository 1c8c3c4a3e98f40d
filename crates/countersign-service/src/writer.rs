//! The one writer thread: it takes what has queued up while the disk was busy, makes it one batch,
//! and answers when the batch is durable (or, where asked, under a signed checkpoint).

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_attest::Signers;
use countersign_store::head::HeadLockError;
use countersign_store::log::ReadLog;
use tokio::sync::{broadcast, oneshot};

use crate::core::{Core, Event, GrantKey, Signed};
use crate::error::Unavailable;
use crate::published::Published;
use crate::reading::Reading;
use crate::swapper::{Stepper, Swap, Swapper};

/// One batch takes at most so many requests: well below a frame's 4,096 entries.
const BATCH_MAX: usize = 512;
/// Requests that wait for the writer; beyond it they are told to come back.
const QUEUE_MAX: usize = 16_384;
/// Answers that wait for a signature; beyond it the writer waits, too, and the queue fills.
pub(crate) const UNSIGNED_MAX: usize = QUEUE_MAX;
/// News is signed this often, also when nobody waits for it, unless head.lock takes longer.
const SIGN_EVERY_MS: u64 = 200;
/// Deadlines are looked at this often.
const TICK_EVERY: Duration = Duration::from_millis(50);
/// Events that a slow listener may fall behind before it must re-read.
const EVENTS_MAX: usize = 4096;

/// When an answer may leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// After fdatasync.
    Durable,
    /// Under a signed checkpoint.
    Committed,
}

/// An answer, with the proof that its entry is under a signed checkpoint.
#[derive(Clone, Debug)]
pub struct Proven<T> {
    /// The answer.
    pub value: T,
    /// A `c2sp.org/tlog-proof@v1` file, for answers at [`Level::Committed`].
    pub proof: Option<String>,
}

/// Sends the answer, once it is known what became of the batch.
type Finish = Box<dyn FnOnce(&Result<(), Unavailable>, &Core) + Send>;

/// What a request wants answered once its batch is durable.
struct Waiting {
    level: Level,
    finish: Finish,
}

enum Message {
    Work(Box<dyn FnOnce(&mut Core) -> Waiting + Send>),
    /// Head.lock was swapped, or not.
    Swapped,
    Stop,
}

/// The service: cheap to clone, usable from any task.
#[derive(Clone)]
pub struct Service {
    queue: Arc<mpsc::SyncSender<Message>>,
    events: broadcast::Sender<Event>,
    pub(crate) reading: Reading,
    pub(crate) signers: Arc<Mutex<Signers>>,
    pub(crate) grant_key: Arc<GrantKey>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({:?})", self.reading.reader)
    }
}

impl Service {
    /// Starts the writer thread.
    pub(crate) fn start(core: Core) -> std::io::Result<Self> {
        let (mut service, mut writer) = Self::by_steps(core);
        let queue = Arc::downgrade(&service.queue);
        let wake = move || {
            // A full queue keeps the writer awake.
            if let Some(queue) = queue.upgrade() {
                drop(queue.try_send(Message::Swapped));
            }
        };
        let head_lock = Arc::clone(&writer.core.head_lock);
        writer.swapper = Box::new(Swapper::start(head_lock, wake)?);
        let thread = thread::Builder::new()
            .name("writer".into())
            .spawn(move || writer.run())?;
        service.thread = Arc::new(Mutex::new(Some(thread)));
        Ok(service)
    }

    /// A service without threads.
    pub(crate) fn by_steps(core: Core) -> (Self, Writer) {
        let (queue, inbox) = mpsc::sync_channel(QUEUE_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let service = Self {
            queue: Arc::new(queue),
            events: events.clone(),
            reading: Reading::of(&core),
            signers: Arc::default(),
            grant_key: Arc::clone(&core.grant_key),
            thread: Arc::default(),
        };
        let writer = Writer {
            signed_at_ms: core.time.monotonic_ms(),
            swapper: Box::new(Stepper::new(Arc::clone(&core.head_lock))),
            published: service.reading.published.clone(),
            core,
            inbox,
            events,
            swapping: None,
            unsigned: Vec::new(),
        };
        (service, writer)
    }

    /// Does `work` on the writer thread; its answer leaves at `level`. `work` may name the entry
    /// whose proof goes with the answer.
    pub async fn act<T, E>(
        &self,
        level: Level,
        work: impl FnOnce(&mut Core) -> Result<(T, Option<u64>), E> + Send + 'static,
    ) -> Result<Proven<T>, E>
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let work = move |core: &mut Core| {
            core.unread.set(None);
            let done = work(core);
            let done = match core.unread.get() {
                Some(unread) => Err(Unavailable::from(unread).into()),
                None => done,
            };
            let finish = move |batch: &Result<(), Unavailable>, core: &Core| {
                let answer = match (batch, done) {
                    // What was refused may rest on an entry of the same batch.
                    (Err(unavailable), _) => Err(unavailable.clone().into()),
                    (Ok(()), Err(error)) => Err(error),
                    (Ok(()), Ok((value, prove))) => {
                        let proof = prove.and_then(|seq| core.proof(seq));
                        Ok(Proven { value, proof })
                    }
                };
                // Whoever asked may have gone; what was recorded stays.
                drop(sender.send(answer));
            };
            Waiting {
                level,
                finish: Box::new(finish),
            }
        };
        let sent = self.queue.try_send(Message::Work(Box::new(work)));
        sent.map_err(|error| match error {
            mpsc::TrySendError::Full(_) => Unavailable::Busy {
                what: "requests that wait for the writer",
                limit: QUEUE_MAX as u64,
            },
            mpsc::TrySendError::Disconnected(_) => Unavailable::Stopping,
        })?;
        receiver.await.map_err(|_| Unavailable::Stopping)?
    }

    /// Looks at what is durable.
    pub async fn ask<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let asked = self
            .act(Level::Durable, |core| {
                Ok::<_, Unavailable>((look(core), None))
            })
            .await;
        asked.map(|proven| proven.value)
    }

    /// Everything that becomes durable from here on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// The log, for reading.
    pub fn reader(&self) -> &Arc<dyn ReadLog> {
        &self.reading.reader
    }

    /// Ends the writer in good order; returns when the last entries are durable and signed.
    pub fn stop(&self) {
        if self.queue.send(Message::Stop).is_ok() {
            let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
            if let Some(Err(_)) = thread.map(JoinHandle::join) {
                tracing::error!("the writer ended in disorder");
            }
        }
    }
}

/// Owns the log. A thread of its own drives it; in a simulation whoever holds it.
pub struct Writer {
    core: Core,
    inbox: mpsc::Receiver<Message>,
    events: broadcast::Sender<Event>,
    published: Published,
    signed_at_ms: u64,
    swapper: Box<dyn Swap>,
    /// The signature that is on its way into head.lock.
    swapping: Option<Signed>,
    /// Whose answers wait for a signature over so many entries.
    unsigned: Vec<(u64, Finish)>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({:?})", self.core.log)
    }
}

impl Writer {
    fn run(mut self) {
        loop {
            let first = match self.inbox.recv_timeout(TICK_EVERY) {
                Ok(message) => Some(message),
                Err(mpsc::RecvTimeoutError::Timeout) => None,
                Err(mpsc::RecvTimeoutError::Disconnected) => Some(Message::Stop),
            };
            if !self.batch_from(first) {
                return;
            }
        }
    }

    /// Does one batch: what has queued up, and what is due by now. `false`: the service was told to
    /// stop, and this was its last batch.
    pub fn step(&mut self) -> bool {
        self.batch_from(None)
    }

    fn batch_from(&mut self, first: Option<Message>) -> bool {
        let rest = BATCH_MAX - usize::from(first.is_some());
        let batch = first.into_iter().chain(self.inbox.try_iter().take(rest));
        let batch = batch.collect();
        let stop = self.batch(batch);
        if stop {
            self.core.stop_in_order();
            self.settle(Vec::new());
            self.sign_now();
        }
        !stop
    }

    /// Does one batch; whether it was told to stop.
    fn batch(&mut self, batch: Vec<Message>) -> bool {
        self.look_at_swapping();
        self.core.tick();
        let mut waiting = Vec::with_capacity(batch.len());
        let mut stop = false;
        for message in batch {
            match message {
                Message::Work(work) => {
                    waiting.push(work(&mut self.core));
                    if self.core.is_batch_full() {
                        self.settle(std::mem::take(&mut waiting));
                    }
                }
                Message::Swapped => {}
                Message::Stop => stop = true,
            }
        }
        self.settle(waiting);
        stop
    }

    /// Durable first, then answered; what waits for a signature later.
    fn settle(&mut self, waiting: Vec<Waiting>) {
        let durable = self.core.commit();
        let outcome = durable.as_ref().map(|_| ()).map_err(Clone::clone);
        if let Ok(news) = &durable
            && !news.is_empty()
        {
            self.core.publish(&self.published, news);
        }
        for event in durable.into_iter().flatten() {
            // Nobody may be listening.
            drop(self.events.send(event));
        }
        if let Some(index) = &self.core.index {
            index.advance();
        }
        let size = self.core.durable.size;
        for Waiting { level, finish } in waiting {
            if level == Level::Committed && outcome.is_ok() {
                self.unsigned.push((size, finish));
            } else {
                finish(&outcome, &self.core);
            }
        }
        self.sign_when_due();
    }

    fn sign_when_due(&mut self) {
        let now = self.core.time.monotonic_ms();
        let due = now >= self.signed_at_ms.saturating_add(SIGN_EVERY_MS);
        let asked = !self.unsigned.is_empty();
        if !(due || asked) {
            return;
        }
        // A snapshot is of what is signed; and nobody may outrun head.lock for long.
        let must_wait = (due && self.core.is_snapshot_due()) || self.unsigned.len() >= UNSIGNED_MAX;
        if must_wait || !self.swapper.is_alive() {
            return self.sign_now();
        }
        if self.swapping.is_some() {
            return;
        }
        self.signed_at_ms = now;
        match self.core.new_signature() {
            Ok(Some(new)) => {
                self.swapper.begin(self.core.signed_note(), new.note());
                self.swapping = Some(new);
            }
            Ok(None) => self.signed(u64::MAX, &Ok(())),
            Err(unavailable) => self.signed(u64::MAX, &Err(unavailable)),
        }
    }

    /// Signs all that is durable, and waits for it.
    fn sign_now(&mut self) {
        self.signed_at_ms = self.core.time.monotonic_ms();
        if let Some(new) = self.swapping.take() {
            let swapped = self.swapper.wait();
            self.swapped(new, swapped);
        }
        let signed = self.core.sign();
        self.signed(u64::MAX, &signed);
    }

    fn look_at_swapping(&mut self) {
        if let Some(swapped) = self.swapper.look()
            && let Some(new) = self.swapping.take()
        {
            self.swapped(new, swapped);
        }
    }

    fn swapped(&mut self, new: Signed, swapped: Result<(), HeadLockError>) {
        let size = new.size();
        let signed = self.core.swapped(new, swapped);
        self.signed(size, &signed);
    }

    /// Answers those who wait for a signature over no more than `size` entries.
    fn signed(&mut self, size: u64, signed: &Result<(), Unavailable>) {
        self.core.publish(&self.published, &[]);
        let all = std::mem::take(&mut self.unsigned);
        for (needed, finish) in all {
            if needed <= size {
                finish(signed, &self.core);
            } else {
                self.unsigned.push((needed, finish));
            }
        }
    }
}
