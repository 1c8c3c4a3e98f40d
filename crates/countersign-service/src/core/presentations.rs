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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_beside_the_others_drives_them_all_out() {
        let [first, second, third] = [1, 2, 3].map(|byte| CallId::new([byte; 16]));
        let shown = || Disclosure {
            body_salt: [0; 16],
            leaves: Vec::new(),
        };
        let mut kept = Presentations::default();
        kept.keep(first, shown(), BYTES_MAX / 2);
        kept.keep(second, shown(), BYTES_MAX / 2);
        assert!([first, second].iter().all(|call| kept.of(*call).is_some()));
        kept.keep(third, shown(), 1);
        let left = [first, second, third].map(|call| kept.of(call).is_some());
        assert_eq!((left, kept.bytes), ([false, false, true], 1));
    }
}
