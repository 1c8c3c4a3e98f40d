//! The same action of the same party: asked already, or refused already.

use countersign_record::entry::Fingerprint;
use countersign_record::id::CallId;

use crate::admit::Admission;
use crate::command::Submit;
use crate::state::{Requester, Stage};

impl Admission<'_> {
    /// A live call of the same party with the same action, and under which older likeness.
    pub(super) fn twin(
        &self,
        requester: Requester,
        submit: &Submit,
    ) -> (Option<CallId>, Option<Fingerprint>) {
        let counts = |fp: &Fingerprint| {
            let live = self.state.live.get(&(requester, fp.clone())).copied();
            let live = live.filter(|call| self.can_join(*call));
            (live, self.state.denied(requester, fp, self.now).is_some())
        };
        if let (Some(call), _) = counts(&submit.fp) {
            return (Some(call), None);
        }
        for older in &submit.older {
            match counts(older) {
                (Some(call), _) => return (Some(call), Some(older.clone())),
                (None, true) => return (None, Some(older.clone())),
                (None, false) => {}
            }
        }
        (None, None)
    }

    fn can_join(&self, call: CallId) -> bool {
        self.state
            .calls
            .get(&call)
            .is_some_and(|call| match &call.stage {
                Stage::Pending(_) | Stage::Approved(..) => self.now < call.deadline(),
                Stage::Judged | Stage::Allowed(_) | Stage::Redeemed(_) => false,
            })
    }
}
