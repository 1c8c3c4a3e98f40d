//! What stands inside members of several kinds: one struct per rule in docs/spec/entry.cddl.

use alloc::string::String;
use alloc::vec::Vec;

use super::field::{Blob, FieldError, Fields, Reader, Writer, writes};
use crate::digest::{EntryHash, FingerprintDigest};
use crate::id::{KeyId, PersonId};
use crate::name::{GroupName, RuleName};
use crate::term::{Client, Independence, KeyClass};

/// Structs whose members are written and read under their own names.
macro_rules! members {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$field_doc:meta])+ $field:ident: $type:ty,)* })+) => {$(
        $(#[$doc])+
        #[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub struct $name { $($(#[$field_doc])+ pub $field: $type,)* }

        impl Fields for $name {
            fn write<'w>(&'w self, _writer: &mut Writer<'w>) {
                $(_writer.put(stringify!($field), &self.$field);)*
            }

            fn read(_reader: &mut Reader<'_>) -> Result<Self, FieldError> {
                Ok(Self { $($field: _reader.take(stringify!($field))?,)* })
            }
        }
    )+};
}

pub(super) use members;

members! {
    /// One of the service's own keys.
    ServiceKey {
        /// Its id.
        id: KeyId,
        /// Ed25519 public key.
        key: [u8; 32],
    }
    /// The likeness of an action under one salt of a party.
    Fingerprint {
        /// The party's salt epoch, from 0.
        epoch: u64,
        /// The salted digest.
        digest: FingerprintDigest,
    }
    /// Whom one rule needs.
    Slot {
        /// The rule.
        rule: RuleName,
        /// Anyone of any of these groups.
        groups: Vec<GroupName>,
        /// How many distinct persons.
        need: u64,
    }
    /// Who filled a slot.
    Filled {
        /// The rule.
        rule: RuleName,
        /// Persons, sorted.
        persons: Vec<PersonId>,
    }
    /// What the policy demands of one call.
    Demand {
        /// Whom it needs.
        slots: Vec<Slot>,
        /// The least key class that counts.
        class: KeyClass,
        /// The least kind of client that counts (page < cli < external); absent: any.
        client: Option<Client>,
        /// Time to decide, in ms.
        decide_within: u64,
        /// Time to run after approval, in ms.
        execute_within: u64,
        /// Time to report after redemption, in ms.
        outcome_within: u64,
        /// Approvals count only this long after the person's opening, in ms.
        cool_down: u64,
        /// An approval needs a comment.
        reason_required: bool,
        /// The requester circle may approve.
        self_confirm: bool,
        /// How many refusals end it.
        deny_threshold: u64,
        /// How long the same action stays refused after a denial, in ms.
        after_denial: u64,
        /// Facts of which each must differ between agent and approver.
        independence: Vec<String>,
        /// A number must be matched (reserved).
        number: bool,
        /// The target must be typed (reserved).
        typed: bool,
    }
    /// The ledger's head at some moment.
    Head {
        /// Seq of the last entry.
        seq: u64,
        /// Its chain value.
        hash: EntryHash,
    }
    /// One fact of independence.
    Compared {
        /// Which fact.
        fact: String,
        /// What was found.
        found: Independence,
    }
    /// Another person's word for an enrolment.
    Endorsement {
        /// The signing person's key.
        key: KeyId,
        /// The signed statement (countersign.attest-key.v1).
        statement: Blob,
        /// Its signature.
        signature: Blob,
    }
}

writes!(
    ServiceKey,
    Fingerprint,
    Slot,
    Filled,
    Demand,
    Head,
    Compared,
    Endorsement
);
