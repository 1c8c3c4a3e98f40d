//! The one signal that ends accept loops, waiters and streams.

use tokio::sync::watch;

/// Waits for the end.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Says that it is the end; so does dropping it.
#[derive(Debug)]
pub(crate) struct Halt(watch::Sender<bool>);

impl Halt {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    pub(crate) fn halt(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns when the server stops.
    pub(crate) async fn stopped(&self) {
        let mut receiver = self.0.clone();
        // An error means that nobody can say it any more, which is the same.
        drop(receiver.wait_for(|stop| *stop).await);
    }
}
