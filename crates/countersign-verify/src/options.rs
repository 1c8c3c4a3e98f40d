//! What the caller wants to know, and how strictly.

use alloc::collections::BTreeSet;

/// From which severity on findings change the exit code.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FailOn {
    /// Something ran that nobody had let run.
    #[default]
    High,
    /// Also refused attempts and what the operator vouched for.
    Medium,
    /// Never; failures of integrity count all the same.
    Never,
}

/// What must be, beyond the mandatory checks.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Require {
    /// The policy was re-evaluated for every call, with every guard that needs bodies.
    Policy,
    /// Every entry is under the signed checkpoint.
    Committed,
    /// No body is withheld.
    Completeness,
    /// The caller's earlier head was given and checked.
    Since,
}

impl Require {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Committed => "committed",
            Self::Completeness => "completeness",
            Self::Since => "since",
        }
    }
}

/// How much to check.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Extent {
    /// Everything.
    #[default]
    Everything,
    /// Form, order, chain, tree, checkpoint and that bodies are there. Nothing is concluded from it.
    Structure,
}

/// How strictly to judge.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How much to check.
    pub extent: Extent,
    /// From which severity on findings change the exit code.
    pub fail_on: FailOn,
    /// What must be.
    pub require: BTreeSet<Require>,
}
