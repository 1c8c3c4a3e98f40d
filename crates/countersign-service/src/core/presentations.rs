//! Presentations of late, in memory: what was asked a moment ago is soon opened by several people.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_record::body::Disclosure;
use countersign_record::id::CallId;

/// As many stored bytes are kept, some four times that in memory; then all are forgotten, and read
/// from the log when they are asked for.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What calls showed, whether or not it is durable yet.
#[derive(Default)]
pub(crate) struct Presentations {
    shown: BTreeMap<CallId, Arc<Disclosure>>,
    bytes: usize,
}

impl Presentations {
    /// Keeps what a call showed, which is stored in so many bytes.
    pub(super) fn keep(&mut self, call: CallId, shown: Disclosure, bytes: usize) {
        if self.bytes + bytes > BYTES_MAX {
            self.forget();
        }
        self.bytes += bytes;
        self.shown.insert(call, Arc::new(shown));
    }

    /// What a call showed, where it is still known.
    pub(crate) fn of(&self, call: CallId) -> Option<Arc<Disclosure>> {
        self.shown.get(&call).map(Arc::clone)
    }

    /// Forgets all.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
