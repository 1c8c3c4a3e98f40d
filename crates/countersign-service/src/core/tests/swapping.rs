//! Head.lock takes its time: the log goes on meanwhile, and what asks for a signature waits for it.

use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;

use super::*;
use crate::Proven;
use crate::writer::UNSIGNED_MAX;

/// A head lock whose swaps wait until somebody says whether they succeed.
#[derive(Debug)]
struct Slow {
    file: HeadLockFile,
    begun: Mutex<mpsc::Sender<String>>,
    succeeds: Mutex<mpsc::Receiver<bool>>,
}

impl HeadLock for Slow {
    fn settle(&self) -> Result<(), HeadLockError> {
        self.file.settle()
    }

    fn read(&self) -> Result<String, HeadLockError> {
        self.file.read()
    }

    fn swap(&self, expected: Option<&str>, new: &str) -> Result<(), HeadLockError> {
        let thread = thread::current().name().unwrap().to_owned();
        self.begun.lock().unwrap().send(thread).unwrap();
        if self.succeeds.lock().unwrap().recv().unwrap() {
            return self.file.swap(expected, new);
        }
        Err(HeadLockError::Disk {
            place: "head.lock".into(),
            cause: refused(),
        })
    }
}

struct Slowly {
    world: World,
    service: Service,
    /// Which thread began to swap.
    begun: mpsc::Receiver<String>,
    succeeds: mpsc::Sender<bool>,
}

type Answer = Result<Proven<u64>, CommandError>;

impl Slowly {
    fn new() -> Self {
        let world = World::new();
        let mut core = world.open().unwrap();
        core.settled("starting").unwrap();
        let ((begun, is_begun), (succeeds, may)) = (mpsc::channel(), mpsc::channel());
        core.head_lock = Arc::new(Slow {
            file: world.directory.head_lock().unwrap(),
            begun: Mutex::new(begun),
            succeeds: Mutex::new(may),
        });
        Self {
            world,
            service: Service::start(core).unwrap(),
            begun: is_begun,
            succeeds,
        }
    }

    /// Something is recorded; which entry it is.
    fn record(&self, level: Level) -> tokio::task::JoinHandle<Answer> {
        let service = self.service.clone();
        let record = |core: &mut Core| {
            core.run(&note())?;
            let seq = core.state().size - 1;
            Ok::<_, CommandError>((seq, Some(seq)))
        };
        tokio::spawn(async move { service.act(level, record).await })
    }

    async fn signed_size(&self) -> u64 {
        self.service.ask(|core| core.signed.size()).await.unwrap()
    }

    /// Ends in good order, whatever is still to be swapped.
    async fn stop(self) {
        // It may have ended before.
        (0..3).for_each(|_| self.succeeds.send(true).unwrap_or_default());
        let service = self.service.clone();
        tokio::task::spawn_blocking(move || service.stop())
            .await
            .unwrap();
        let lock = self.world.directory.head_lock().unwrap();
        let core = self.world.open().unwrap();
        assert_eq!(core.signed_note(), Some(lock.read().unwrap().as_str()));
        assert_eq!(
            core.signed.size(),
            core.durable.size,
            "the last entry is signed"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_while_a_signature_waits_for_head_lock() {
    let slowly = Slowly::new();
    let first = slowly.record(Level::Committed);
    slowly.begun.recv().unwrap();
    let second = slowly.record(Level::Committed);
    let durable = slowly.record(Level::Durable).await.unwrap().unwrap();
    assert!(durable.proof.is_none(), "it is durable, and not signed");
    assert!(slowly.signed_size().await <= durable.value);
    assert!(!first.is_finished() && !second.is_finished());

    slowly.succeeds.send(true).unwrap();
    assert!(first.await.unwrap().unwrap().proof.is_some());
    slowly.begun.recv().unwrap();
    assert!(slowly.signed_size().await <= durable.value);
    assert!(
        !second.is_finished(),
        "the first signature does not cover it"
    );
    slowly.succeeds.send(true).unwrap();
    assert!(second.await.unwrap().unwrap().proof.is_some());
    assert!(slowly.signed_size().await > durable.value);
    slowly.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_signature_that_head_lock_refuses_is_told_and_the_next_one_holds() {
    let slowly = Slowly::new();
    let before = slowly.signed_size().await;
    let first = slowly.record(Level::Committed);
    slowly.begun.recv().unwrap();
    slowly.succeeds.send(false).unwrap();
    let refused = first.await.unwrap().map(|it| it.value);
    assert_eq!(refused, Err(Unavailable::Internal.into()));
    assert_eq!(slowly.signed_size().await, before);
    let second = slowly.record(Level::Committed);
    // What is due by itself may be signed before, without it.
    (0..2).for_each(|_| slowly.succeeds.send(true).unwrap());
    assert!(second.await.unwrap().unwrap().proof.is_some());
    slowly.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_many_wait_for_a_signature_the_writer_waits_with_them() {
    let slowly = Slowly::new();
    let (begins, began) = mpsc::channel();
    let asked = |records: bool| {
        let begins = begins.clone();
        let work = move |core: &mut Core| {
            begins.send(()).unwrap();
            if records {
                core.run(&note())?;
            }
            Ok::<_, CommandError>(((), None))
        };
        let mut asked = Box::pin(slowly.service.act(Level::Committed, work));
        let polled = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "it is queued, and not answered");
        asked
    };
    let mut waiting = vec![asked(true)];
    assert_eq!(slowly.begun.recv().unwrap(), "head");
    for more in 1..UNSIGNED_MAX {
        waiting.push(asked(more == UNSIGNED_MAX - 1));
        began.recv().unwrap();
    }
    began.recv().unwrap();
    slowly.succeeds.send(true).unwrap();
    let next = slowly.begun.recv().unwrap();
    assert_eq!(next, "writer", "it signs all, itself");
    slowly.succeeds.send(true).unwrap();
    for answer in waiting {
        answer.await.unwrap();
    }
    slowly.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_head_lock() {
    let slowly = Slowly::new();
    let asked = slowly.record(Level::Committed);
    slowly.begun.recv().unwrap();
    let service = slowly.service.clone();
    let stopping = tokio::task::spawn_blocking(move || service.stop());
    assert!(!asked.is_finished() && !stopping.is_finished());
    slowly.succeeds.send(true).unwrap();
    slowly.succeeds.send(true).unwrap();
    stopping.await.unwrap();
    assert!(asked.await.unwrap().unwrap().proof.is_some());
    slowly.stop().await;
}
