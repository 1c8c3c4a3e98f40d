//! Event streams: what became durable about somebody's calls, in order and without a gap.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use countersign_record::entry::{Entry, Party};
use countersign_record::id::CallId;
use countersign_service::{Event, Service};
use hyper::body::Frame;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

use crate::net::Stop;
use crate::pace::Pass;
use crate::wire;

/// News about the calls of one party.
pub(crate) struct Feed {
    service: Service,
    of: Party,
    only: Option<CallId>,
    stop: Stop,
    visible: HashMap<CallId, bool>,
}

/// Why a stream ended.
enum End {
    /// The client went or may not listen any more, the server stops, or the log cannot be read.
    Gone,
}

impl Feed {
    pub(crate) fn new(service: Service, of: Party, only: Option<CallId>, stop: Stop) -> Self {
        Self {
            service,
            of,
            only,
            stop,
            visible: HashMap::new(),
        }
    }

    /// The answer: everything after `last`, or from now on. `pass` is held until the stream ends.
    pub(crate) fn into_response(self, last: Option<u64>, pass: Pass) -> Response {
        let (sender, lines) = mpsc::channel(LINES_MAX);
        // Listening begins here: nothing can fall between the log and the news.
        let events = self.service.events();
        tokio::spawn(async move {
            let stop = self.stop.clone();
            tokio::select! {
                _ = self.run(last, events, sender) => {}
                () = stop.stopped() => {}
            }
            drop(pass);
        });
        let mut response = Body::new(Lines(lines)).into_response();
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }

    async fn run(
        mut self,
        last: Option<u64>,
        mut events: broadcast::Receiver<Event>,
        sender: mpsc::Sender<Bytes>,
    ) -> Result<(), End> {
        let mut next = match last {
            Some(last) => self.replay(last.saturating_add(1), &sender).await?,
            None => self.service.reader().head().size,
        };
        send(&sender, ": listening\n\n".into()).await?;
        loop {
            match tokio::time::timeout(HEARTBEAT, events.recv()).await {
                Err(_) => send(&sender, ": still here\n\n".into()).await?,
                Ok(Ok(event)) => {
                    if event.seq >= next {
                        next = event.seq.saturating_add(1);
                        self.deliver(&event, &sender).await?;
                    }
                    if event.kind == REVOKED {
                        // It may be this one, whatever the client says to have read already: whoever
                        // is still let in comes back at once.
                        return Ok(());
                    }
                }
                // Such an entry may be among those that were missed.
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return Ok(()),
            }
        }
    }

    /// Sends what the log has from `from` on; the seq after its last entry.
    async fn replay(&mut self, from: u64, sender: &mpsc::Sender<Bytes>) -> Result<u64, End> {
        let let_in_at = self.service.reader().head().size;
        let mut next = from;
        loop {
            let page = self.page(next).await?;
            let Some(last) = page.last() else {
                return Ok(next);
            };
            next = last.seq.saturating_add(1);
            for event in &page {
                self.deliver(event, sender).await?;
                if event.kind == REVOKED && event.seq >= let_in_at {
                    return Err(End::Gone);
                }
            }
        }
    }

    /// Some events from the log, read where reading may block.
    async fn page(&self, from: u64) -> Result<Vec<Event>, End> {
        let reader = self.service.reader().clone();
        let read = tokio::task::spawn_blocking(move || {
            let frames = reader.frames(from).take_while(Result::is_ok).flatten();
            let records = frames.flat_map(|frame| frame.records);
            let records = records.skip_while(|it| it.seq < from).take(PAGE);
            let entries = records.map_while(|stored| Entry::decode(&stored.entry).ok());
            entries.map(|entry| Event::of(&entry)).collect()
        });
        read.await.map_err(|_| End::Gone)
    }

    async fn deliver(&mut self, event: &Event, sender: &mpsc::Sender<Bytes>) -> Result<(), End> {
        let Some(call) = event.call else {
            return Ok(());
        };
        if self.only.is_some_and(|only| only != call) || !self.sees(call, event).await? {
            return Ok(());
        }
        let news = wire::Event {
            call,
            seq: event.seq,
            kind: event.kind,
        };
        let news = serde_json::to_string(&news).map_err(|_| End::Gone)?;
        send(
            sender,
            format!("id: {}\nevent: {}\ndata: {news}\n\n", event.seq, event.kind),
        )
        .await
    }

    async fn sees(&mut self, call: CallId, event: &Event) -> Result<bool, End> {
        if let Some(seen) = self.visible.get(&call) {
            return Ok(*seen);
        }
        let seen = if let Some(parties) = &event.parties {
            parties.include(self.of)
        } else {
            let asked = self.service.is_of(self.of, call, event.seq);
            asked.await.map_err(|_| End::Gone)?
        };
        if self.visible.len() >= CALLS_MAX {
            self.visible.clear();
        }
        self.visible.insert(call, seen);
        Ok(seen)
    }
}

async fn send(sender: &mpsc::Sender<Bytes>, text: String) -> Result<(), End> {
    sender.send(text.into()).await.map_err(|_| End::Gone)
}

/// A body that is written as its lines come.
struct Lines(mpsc::Receiver<Bytes>);

impl HttpBody for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|bytes| Some(Ok(Frame::data(bytes?))))
    }
}

/// After it nobody is listened to on an earlier look at their token.
const REVOKED: &str = "credential.revoked";
/// A line at least this often, so that both sides notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// So many lines wait for a slow reader; then the log's own pace is its pace.
const LINES_MAX: usize = 64;
/// Entries read at once.
const PAGE: usize = 512;
/// So many calls are known to be the party's own or not.
const CALLS_MAX: usize = 10_000;
