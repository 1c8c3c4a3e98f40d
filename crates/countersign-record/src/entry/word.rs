//! The closed lists of words that entries use; those that statements use, too, are in [`crate::term`].

crate::term::terms! {
    /// What the policy says of a call.
    Verdict {
        /// It may run; a grant is minted.
        Allow = "allow",
        /// It may not.
        Deny = "deny",
        /// People are asked.
        Confirm = "confirm",
        /// A freeze stands; nobody is asked.
        Frozen = "frozen",
        /// The same party was refused the same action; nobody is asked.
        PreviouslyDenied = "previously-denied",
    }
    /// A person joins or leaves a group.
    Change {
        /// Joins.
        Add = "add",
        /// Leaves.
        Remove = "remove",
    }
    /// Why a key or credential no longer counts.
    RevocationCause {
        /// It cannot be found.
        Lost = "lost",
        /// Somebody else may have it.
        Compromised = "compromised",
        /// Its holder has left.
        Left = "left",
        /// Another one took its place.
        Replaced = "replaced",
    }
    /// Why a person refused.
    DenyCause {
        /// Not the thing to act on.
        WrongTarget = "wrong-target",
        /// Nobody asked for it.
        NotAsked = "not-asked",
        /// It looks like an attack.
        Suspicious = "suspicious",
        /// Anything else.
        Other = "other",
    }
    /// Why a confirmation or grant ended.
    EndCause {
        /// Enough people refused.
        Threshold = "threshold",
        /// Those who are left cannot fill the slots.
        Unfillable = "unfillable",
        /// Nobody answered in time.
        Silence = "silence",
        /// A freeze.
        Freeze = "freeze",
        /// Somebody who had approved refused after all.
        LateDeny = "late-deny",
        /// Somebody entitled took the approval back.
        Revocation = "revocation",
        /// The policy in force demands more than was asked for.
        StricterPolicy = "stricter-policy",
        /// The agent no longer wants it.
        Withdrawn = "withdrawn",
    }
    /// What became of a redeemed call.
    OutcomeStatus {
        /// It ran.
        Succeeded = "succeeded",
        /// It did not work.
        Failed = "failed",
        /// Nobody knows.
        Unknown = "unknown",
        /// It is known not to have run.
        NotExecuted = "not-executed",
    }
    /// Where an outcome comes from.
    OutcomeCause {
        /// The executor said so.
        Reported = "reported",
        /// Nobody reported in time.
        Deadline = "deadline",
        /// Somebody found out afterwards.
        Reconciled = "reconciled",
        /// The service ran a control call itself.
        Control = "control",
    }
    /// What kind of content was read.
    Disclosed {
        /// Ledger entries with bodies.
        Entries = "entries",
        /// A trace.
        Trace = "trace",
        /// An export.
        Export = "export",
    }
}
