//! What a report shows and what it does not: seven lines, fixed but for what was not checked.

use alloc::format;
use alloc::string::String;

use crate::check::{Check, CheckId, Status};
use crate::report::Scope;

pub(crate) fn shows(checks: &[Check], scope: &Scope, on_trust: u64) -> [String; 7] {
    let status = |id: CheckId| {
        checks
            .iter()
            .find(|check| check.id == id)
            .map_or(Status::Skip, |check| check.status)
    };
    let all = |ids: &[CheckId]| {
        ids.iter()
            .all(|id| matches!(status(*id), Status::Pass | Status::Warn))
    };
    let some = scope.entries > 0;
    let signed = some
        && all(&[
            CheckId::Form,
            CheckId::Order,
            CheckId::Chain,
            CheckId::Tree,
            CheckId::Checkpoint,
        ]);
    let decided = some
        && all(&[
            CheckId::Signatures,
            CheckId::Keys,
            CheckId::Flow,
            CheckId::Quorum,
            CheckId::Executed,
        ]);
    [
        if signed {
            let size = scope.checkpoint.unwrap_or_default();
            format!("Shown: the first {size} entries are, in order and without a gap, those that the key you named has signed.")
        } else {
            "Not shown: that these entries are those that a key you trust has signed.".into()
        },
        match status(CheckId::Since) {
            Status::Pass => "Shown: nothing that stood there at your last look was changed or removed.".into(),
            Status::Fail => "Not shown: that the log only grew; the check against your last look failed.".into(),
            Status::Warn | Status::Skip => "Not shown: append-only since your last look: not checked.".into(),
        },
        "Not shown: that nobody was given another history; no witness was checked.".into(),
        if decided {
            let demands = match on_trust {
                0 => String::new(),
                calls => format!(", under demands that were not checked for {calls} calls"),
            };
            format!("Shown: every approval that counted was signed by enrolled keys over what the log holds{demands}; not shown: whose hand held the device, or that a page drew what was signed.")
        } else {
            "Not shown: that every approval was signed by enrolled keys over what the log holds.".into()
        },
        "Not shown: which agent, executor or operator acted, and that approver and agent came by different ways; both are the server's word.".into(),
        "Not shown: when; times are the server's word, and only the order of entries is proven.".into(),
        "Not shown: what ran; outcomes are the executors' word, and what passes the service by leaves no entry.".into(),
    ]
}
