//! The list of checks, and how each is counted.

use alloc::string::String;

/// What a skipped or failed check means for the verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Weight {
    /// Without it there is no conclusion.
    Mandatory,
    /// Needs something from outside; counts only when it is required.
    Anchor,
    /// Needs disclosed bodies; what is withheld is counted.
    Bodies,
}

macro_rules! checks {
    ($($(#[$doc:meta])+ $name:ident = $id:literal, $weight:ident, $unit:literal;)+) => {
        /// A check; the order is that of the report.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum CheckId { $($(#[$doc])+ $name,)+ }

        impl CheckId {
            /// Every check.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            pub(crate) const fn weight(self) -> Weight {
                match self { $(Self::$name => Weight::$weight,)+ }
            }

            /// What is counted.
            pub(crate) const fn unit(self) -> &'static str {
                match self { $(Self::$name => $unit,)+ }
            }
        }
    };
}

checks! {
    /// Every entry is canonical and of a version that is known.
    Form = "form", Mandatory, "entries";
    /// Entries are numbered without a gap, time never runs back, commands are whole.
    Order = "order", Mandatory, "entries";
    /// Every entry names the hash of the one before it.
    Chain = "chain", Mandatory, "entries";
    /// The entries have the root that the checkpoint names.
    Tree = "tree", Mandatory, "entries";
    /// The checkpoint is signed by a key that the caller named, and is this log's.
    Checkpoint = "checkpoint", Mandatory, "signatures";
    /// The log has only grown since the head that the caller kept.
    Since = "since", Anchor, "heads";
    /// Bodies are those that the headers commit to.
    Bodies = "bodies", Mandatory, "bodies";
    /// Approvers' signatures hold over the statements rebuilt from the log.
    Signatures = "signatures", Mandatory, "signatures";
    /// Keys proved possession when enrolled, and counted where they signed.
    Keys = "keys", Mandatory, "uses of keys";
    /// What was shown is what this call and policy make.
    Presentation = "presentation", Bodies, "presentations";
    /// The policy in force says of every call what the entry says.
    Policy = "policy", Bodies, "calls";
    /// Every group of entries is what its command makes in that state.
    Flow = "flow", Mandatory, "commands";
    /// Approvals stand on enough votes of distinct people who may decide.
    Quorum = "quorum", Mandatory, "approvals";
    /// What was redeemed is what was approved or allowed.
    Executed = "executed", Mandatory, "redemptions";
    /// No grant was redeemed twice.
    Once = "once", Mandatory, "redemptions";
    /// Calls have ended.
    Ended = "ended", Anchor, "calls";
    /// Calls of one party are alike exactly when their actions are equal.
    Fingerprints = "fingerprints", Bodies, "calls";
    /// Entries that name earlier entries name the right ones.
    References = "references", Mandatory, "references";
}

impl CheckId {
    /// Whether it needs nothing but the entries' own bytes and heads; bodies are counted in it.
    pub(crate) const fn is_of_structure(self) -> bool {
        matches!(
            self,
            Self::Form
                | Self::Order
                | Self::Chain
                | Self::Tree
                | Self::Checkpoint
                | Self::Since
                | Self::Bodies
        )
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// Checked, and so.
    Pass,
    /// So as far as it was checked; the sentence says what was not.
    Warn,
    /// Checked, and not so.
    Fail,
    /// Not checked.
    Skip,
}

impl Status {
    /// The word as it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Skip => "SKIP",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Check {
    /// Which.
    pub id: CheckId,
    /// How it went.
    pub status: Status,
    /// How many were checked, failed ones among them.
    pub checked: u64,
    /// How many failed.
    pub failed: u64,
    /// How many could not be checked.
    pub not_checked: u64,
    /// For people.
    pub sentence: String,
}

/// Counts of one check.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) checked: u64,
    pub(crate) failed: u64,
    pub(crate) not_checked: u64,
}

impl Tally {
    pub(crate) const fn status(self) -> Status {
        if self.failed > 0 {
            Status::Fail
        } else if self.not_checked > 0 {
            Status::Warn
        } else {
            Status::Pass
        }
    }
}

/// Counts of every check.
#[derive(Debug, Default)]
pub(crate) struct Tallies([Tally; CheckId::ALL.len()]);

impl Tallies {
    pub(crate) fn passed(&mut self, id: CheckId) {
        self.of(id).checked += 1;
    }

    pub(crate) fn failed(&mut self, id: CheckId) {
        let tally = self.of(id);
        tally.checked += 1;
        tally.failed += 1;
    }

    pub(crate) fn judged(&mut self, id: CheckId, holds: bool) {
        if holds {
            self.passed(id);
        } else {
            self.failed(id);
        }
    }

    pub(crate) fn not_checked(&mut self, id: CheckId) {
        self.of(id).not_checked += 1;
    }

    pub(crate) fn tally(&self, id: CheckId) -> Tally {
        self.0[id as usize]
    }

    fn of(&mut self, id: CheckId) -> &mut Tally {
        &mut self.0[id as usize]
    }
}
