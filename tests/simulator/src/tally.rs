//! What was done and found, added up over histories.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) histories: u64,
    pub(crate) steps: u64,
    pub(crate) entries: u64,
    pub(crate) acknowledged: u64,
    pub(crate) power_cuts: u64,
    pub(crate) kills: u64,
    pub(crate) starts: u64,
    pub(crate) second_servers: u64,
    pub(crate) set_back: u64,
    pub(crate) set_back_refused: u64,
    pub(crate) head_locks_lost: u64,
    pub(crate) shared_head_locks: u64,
    pub(crate) lost_replies: u64,
    pub(crate) duplicates: u64,
    pub(crate) clock_jumps: u64,
    pub(crate) verified: u64,
    pub(crate) tampered: u64,
    pub(crate) indexed: u64,
    pub(crate) ended_refused: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) refusals: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.histories, other.histories),
            (&mut self.steps, other.steps),
            (&mut self.entries, other.entries),
            (&mut self.acknowledged, other.acknowledged),
            (&mut self.power_cuts, other.power_cuts),
            (&mut self.kills, other.kills),
            (&mut self.starts, other.starts),
            (&mut self.second_servers, other.second_servers),
            (&mut self.set_back, other.set_back),
            (&mut self.set_back_refused, other.set_back_refused),
            (&mut self.head_locks_lost, other.head_locks_lost),
            (&mut self.shared_head_locks, other.shared_head_locks),
            (&mut self.lost_replies, other.lost_replies),
            (&mut self.duplicates, other.duplicates),
            (&mut self.clock_jumps, other.clock_jumps),
            (&mut self.verified, other.verified),
            (&mut self.tampered, other.tampered),
            (&mut self.indexed, other.indexed),
            (&mut self.ended_refused, other.ended_refused),
        ];
        for (own, more) in pairs {
            *own += more;
        }
        for (own, more) in [
            (&mut self.faults, &other.faults),
            (&mut self.refusals, &other.refusals),
        ] {
            for (kind, count) in more {
                *own.entry(kind).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("histories", self.histories),
            ("steps", self.steps),
            ("entries that became durable", self.entries),
            ("answers acknowledged", self.acknowledged),
            ("starts", self.starts),
            ("power cuts", self.power_cuts),
            ("kills", self.kills),
            ("second servers turned away", self.second_servers),
            ("directories set back", self.set_back),
            ("  of which refused at the start", self.set_back_refused),
            ("head.locks lost, logs adopted", self.head_locks_lost),
            (
                "copies served with the same head.lock",
                self.shared_head_locks,
            ),
            ("replies lost", self.lost_replies),
            ("requests sent again", self.duplicates),
            ("clock jumps and stops", self.clock_jumps),
            ("logs verified", self.verified),
            ("changed logs caught", self.tampered),
            ("indexes compared", self.indexed),
            (
                "histories that ended refused, disk spoiled",
                self.ended_refused,
            ),
        ];
        for (name, count) in rows {
            writeln!(f, "{count:>12} {name}")?;
        }
        writeln!(f, "faults of the disk:")?;
        for (kind, count) in &self.faults {
            writeln!(f, "{count:>12} {kind}")?;
        }
        writeln!(f, "starts refused, by reason:")?;
        for (kind, count) in &self.refusals {
            writeln!(f, "{count:>12} {kind}")?;
        }
        Ok(())
    }
}
