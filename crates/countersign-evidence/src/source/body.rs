//! What a log has of its entries' bodies, with or without the keyring.

use std::collections::BTreeMap;

use countersign_ledger::frame::{Body, FrameRecord};
use countersign_record::digest::{BodyRoot, EntryHash};
use countersign_record::entry::body_roots_unchecked;
use countersign_record::keyring::Keyring;
use countersign_record::seal;
use countersign_record::seal::{BodyPlace, OpenError};
use countersign_verify::{BodyState, Extent, Stored};

/// The body that is never sealed, so that nobody withholds it for want of a key.
pub(super) const POLICY: &str = "policy";

/// Opens the bodies of one log.
#[derive(Default)]
pub(super) struct Bodies {
    pub(super) genesis: Option<EntryHash>,
    pub(super) keyring: Option<Keyring>,
}

impl Bodies {
    /// The record with as much of its bodies as can be read.
    pub(super) fn stored(&self, record: &FrameRecord<'_>, extent: Extent) -> Stored {
        let mut bodies = BTreeMap::new();
        let mut found = record.bodies().enumerate();
        for (name, root) in body_roots_unchecked(record.entry) {
            let state = match found.next() {
                Some((_, body)) => self.state(record.seq, name, root, &body, extent),
                None => BodyState::Missing("no bytes are stored for it".into()),
            };
            bodies.insert(name.to_owned(), state);
        }
        for (place, _) in found {
            let unnamed = BodyState::Missing("the entry names no such body".into());
            bodies.insert(format!("#{place}"), unnamed);
        }
        Stored {
            entry: record.entry.to_vec(),
            bodies,
        }
    }

    fn state(
        &self,
        seq: u64,
        name: &str,
        root: BodyRoot,
        body: &Body<'_>,
        extent: Extent,
    ) -> BodyState {
        if !body.is_intact() {
            return BodyState::Missing("the stored bytes are not those that were written".into());
        }
        if extent == Extent::Structure {
            return BodyState::Unopened;
        }
        let genesis = self.genesis.unwrap_or(EntryHash([0; 32]));
        let place = BodyPlace { genesis, seq, root };
        let key = || self.keyring.as_ref()?.body_key(seq);
        match seal::open(body.sealed, &place, key) {
            Ok(body) => BodyState::Opened(body),
            Err(OpenError::NoKey) if name == POLICY => {
                BodyState::Missing("a policy is stored open, and this one is sealed".into())
            }
            Err(OpenError::NoKey) if self.lacks_key(seq) => BodyState::Withheld,
            Err(OpenError::NoKey) => BodyState::Missing("its key was destroyed".into()),
            Err(error) => BodyState::Missing(error.to_string()),
        }
    }

    /// Whether the key is merely not at hand, as opposed to destroyed.
    fn lacks_key(&self, seq: u64) -> bool {
        self.keyring
            .as_ref()
            .is_none_or(|keyring| !keyring.has_block(seq))
    }
}
