//! From which network address the agent last asked about a call: to tell an approver on the same
//! machine from one elsewhere. In memory; after a restart it is unknown.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use countersign_record::id::CallId;

/// Addresses by call.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts(Mutex<HashMap<CallId, IpAddr>>);

impl Whereabouts {
    /// The agent asked about this call from there.
    pub(crate) fn seen(&self, call: CallId, from: IpAddr) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= CALLS_MAX {
            // Unknown is safe: it never counts as different.
            places.clear();
        }
        places.insert(call, from);
    }

    /// Whether `from` is elsewhere than the agent of this call was; `None` when that is not known.
    pub(crate) fn differs(&self, call: CallId, from: IpAddr) -> Option<bool> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&call).map(|place| *place != from)
    }
}

/// So many calls are remembered.
const CALLS_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_seen_can_differ() {
        let (places, call) = (Whereabouts::default(), CallId::new([1; 16]));
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 1]));
        assert_eq!(places.differs(call, here), None);
        places.seen(call, here);
        assert_eq!(places.differs(call, here), Some(false));
        assert_eq!(places.differs(call, there), Some(true));
    }
}
