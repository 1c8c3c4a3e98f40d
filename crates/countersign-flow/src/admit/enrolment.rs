//! The gate before a device key: its own proof of possession, and another person's word.

use countersign_attest::statement::{AttestKey, Enrolment};
use countersign_attest::{Context, PublicKey, verify};
use countersign_record::digest::{StatementDigest, sha256};
use countersign_record::entry::{Endorsement, KeyEnrolled, Party, Refs};
use countersign_record::id::{KeyId, PersonId};

use super::Admission;
use crate::refusal::Refusal;
use crate::state::Key;

impl Admission<'_> {
    pub(super) fn check_key(
        &self,
        person: PersonId,
        refs: &Refs,
        enrolled: &KeyEnrolled,
    ) -> Result<(), Refusal> {
        let id = refs.key.ok_or(Refusal::OutOfOrder)?;
        // Also a revoked key: one key is one person's, once.
        let known = |(other, key): (&KeyId, &Key)| {
            *other == id || key.enrolled.public_key == enrolled.public_key
        };
        if self.state.roster.keys.iter().any(known) {
            return Err(Refusal::KeyNotActive);
        }
        let bytes = &enrolled.statement.0;
        let stated = Enrolment::read(bytes).map_err(|_| Refusal::SignatureInvalid)?;
        if stated.log != self.state.origin()
            || stated.person != person
            || !is_what_was_stated(enrolled, &stated)
        {
            return Err(Refusal::DigestMismatch);
        }
        verify(
            Context::Enrolment,
            &stated.public_key,
            bytes,
            &enrolled.signature.0,
        )
        .map_err(|_| Refusal::SignatureInvalid)?;
        match &enrolled.endorsed {
            None if self.needs_endorsement(person) => Err(Refusal::NotEligible),
            None => Ok(()),
            Some(endorsed) => self.check_endorsement(person, bytes, endorsed),
        }
    }

    /// A further key, also after a lost one, needs another person's word; one who runs everything
    /// alone has nobody to ask.
    fn needs_endorsement(&self, person: PersonId) -> bool {
        let solo = self
            .state
            .ledger
            .as_ref()
            .is_some_and(|ledger| ledger.created.solo);
        let further = self
            .state
            .roster
            .keys
            .values()
            .any(|key| key.person == person);
        self.state.armed && !solo && further
    }

    /// Another person's word for a key, by a key of their own.
    fn check_endorsement(
        &self,
        person: PersonId,
        enrolment: &[u8],
        endorsed: &Endorsement,
    ) -> Result<(), Refusal> {
        let key = self
            .state
            .roster
            .keys
            .get(&endorsed.key)
            .ok_or(Refusal::KeyNotActive)?;
        let bytes = &endorsed.statement.0;
        let stated = AttestKey::read(bytes).map_err(|_| Refusal::SignatureInvalid)?;
        let fits = stated.log == self.state.origin()
            && stated.enrolment == StatementDigest(sha256(&[enrolment]))
            && stated.person == key.person
            && stated.key == endorsed.key;
        if !fits {
            return Err(Refusal::DigestMismatch);
        }
        let here = self.state.roster.is_active(Party::Person(key.person));
        if key.revoked.is_some() || key.person == person || !here {
            return Err(Refusal::NotEligible);
        }
        let public = PublicKey::from_ssh_wire(&key.enrolled.public_key.0)
            .map_err(|_| Refusal::KeyNotActive)?;
        verify(Context::AttestKey, &public, bytes, &endorsed.signature.0)
            .map_err(|_| Refusal::SignatureInvalid)?;
        Ok(())
    }
}

/// Whether the header says what the key itself signed, and nothing beside it.
fn is_what_was_stated(enrolled: &KeyEnrolled, stated: &Enrolment) -> bool {
    stated.usage == enrolled.client
        && stated.public_key.scheme() == enrolled.scheme
        && stated.public_key.to_ssh_wire() == enrolled.public_key.0
        && stated.public_key.class_without_attestation() == enrolled.class
        && enrolled.rp_id.is_none()
        && enrolled.origins.is_empty()
        && enrolled.credential_id.is_none()
}
