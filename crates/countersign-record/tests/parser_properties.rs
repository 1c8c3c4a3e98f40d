//! Every reader of this crate against any good value, and against bytes that are nearly right: what
//! is written reads back, what reads is what would be written, and nothing brings a reader down.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod values;

use countersign_hostile::{mutated, mutated_text};
use countersign_record::body::{Body, Disclosure};
use countersign_record::cbor::{self, Item, Map};
use countersign_record::digest::{BodyRoot, EntryHash, unhex};
use countersign_record::entry::{
    Blob, Bodies, ENTRY_BYTES_MAX, Entry, EntryError, Envelope, Fact, Party, VoteApprove,
};
use countersign_record::id::{AgentId, CallId, CredentialId, ExecutorId, FreezeId, PersonId};
use countersign_record::json::{Limits, canonical, read};
use countersign_record::keyring::{self, Block, FingerprintSalt, Keyring};
use countersign_record::name::{GroupName, ToolName};
use countersign_record::seal::{BodyPlace, open, seal, store_open};
use countersign_record::term::{Client, KeyClass, Scheme};
use proptest::prelude::*;

/// One entry of every kind, as the fixtures have them.
fn golden() -> Vec<Entry> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/entries");
    let read = |kind: &&str| {
        let text = std::fs::read_to_string(format!("{folder}/{kind}.hex")).unwrap();
        let digits = text.replace('\n', "");
        let mut bytes = vec![0; digits.len() / 2];
        assert!(unhex(&digits, &mut bytes));
        Entry::decode(&bytes).unwrap()
    };
    Fact::KINDS.iter().map(read).collect()
}

/// Any kind of entry at any place, by anybody, about anything.
fn entry() -> impl Strategy<Value = Entry> {
    let golden = golden();
    let pair = (
        prop::sample::select(golden.clone()),
        prop::sample::select(golden),
    );
    let place = (any::<u64>(), any::<[u8; 32]>(), any::<u64>());
    let rest = (
        prop::option::of(any::<u64>()),
        party(),
        prop::collection::vec(any::<u64>(), 0..4),
        bodies(),
        any::<u16>(),
    );
    (pair, place, rest).prop_map(|((mut entry, other), place, rest)| {
        (entry.seq, entry.prev, entry.at) = (place.0, EntryHash(place.1), place.2);
        (entry.n, entry.draft.by, entry.draft.sources) = (rest.0, rest.1, rest.2);
        let body = entry.draft.fact.body();
        let root = rest.3.iter().next().map(|(_, root)| root);
        entry.draft.bodies = body
            .zip(root)
            .map_or_else(Bodies::default, |(name, root)| Bodies::one(name, root));
        let (all, kept) = (other.draft.refs, rest.4);
        let keep = |place: u32| kept >> place & 1 == 1;
        let refs = &mut entry.draft.refs;
        refs.call = all.call.filter(|_| keep(0));
        refs.confirmation = all.confirmation.filter(|_| keep(1));
        refs.grant = all.grant.filter(|_| keep(2));
        refs.person = all.person.filter(|_| keep(3));
        refs.served = keep(4).then_some(place.0);
        refs.ended = keep(5).then_some(place.2);
        entry
    })
}

fn party() -> impl Strategy<Value = Party> {
    any::<(u8, [u8; 16])>().prop_map(|(kind, bits)| match kind % 4 {
        0 => Party::Agent(AgentId::new(bits)),
        1 => Party::Executor(ExecutorId::new(bits)),
        2 => Party::Person(PersonId::new(bits)),
        _ => Party::Credential(CredentialId::new(bits)),
    })
}

fn bodies() -> impl Strategy<Value = Bodies> {
    let body = ("[a-z]{1,9}", any::<[u8; 32]>());
    prop::collection::vec(body, 0..4).prop_map(|all| {
        all.into_iter().fold(Bodies::default(), |mut bodies, body| {
            bodies.add(&body.0, BodyRoot(body.1));
            bodies
        })
    })
}

/// Any item of the CBOR subset.
fn item() -> impl Strategy<Value = Item> {
    let scalar = prop_oneof![
        any::<u64>().prop_map(Item::Uint),
        (0..300_u64).prop_map(Item::Uint),
        any::<u64>().prop_map(Item::Negative),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Item::Bytes),
        any::<String>().prop_map(Item::Text),
        any::<bool>().prop_map(Item::Bool),
    ];
    scalar.prop_recursive(4, 30, 6, |inner| {
        let members = prop::collection::vec(("[a-c]{0,3}|\\PC{0,4}", inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..30).prop_map(Item::Array),
            members.prop_map(|members| {
                let mut map = Map::new();
                for (key, item) in members {
                    map.add(key, item);
                }
                Item::Map(map)
            }),
        ]
    })
}

/// The file of a keyring after any story: blocks, punctures, salts that began and ended.
fn keyring() -> impl Strategy<Value = Vec<u8>> {
    let story = prop::collection::vec(any::<(u8, u16, [u8; 32])>(), 0..24);
    story.prop_map(|story| {
        let mut keyring = Keyring::new();
        for (act, place, secret) in story {
            let seq = u64::from(place);
            let party = keyring::Party {
                agent: format!("agt_{}", place % 3),
                principal: format!("per_{}", place % 2),
            };
            let salt = FingerprintSalt {
                salt: secret,
                started_at: seq,
            };
            let epoch = seq % 4;
            match act % 8 {
                0..2 => drop(keyring.add_block(seq, secret)),
                2..6 => drop(Some(keyring.puncture(seq))),
                6 => drop(keyring.add_fingerprint_salt(party, epoch, salt)),
                _ => drop(Some(keyring.end_fingerprint_salt(&party, epoch))),
            }
        }
        keyring.to_bytes().to_vec()
    })
}

fn body() -> impl Strategy<Value = Body> {
    (values::value(), any::<[u8; 16]>())
        .prop_map(|(value, salt)| Body::commit(&value, salt, || salt).unwrap())
}

/// Good bytes and the same with one change.
fn near(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    bytes.prop_flat_map(|bytes| (Just(bytes.clone()), mutated(bytes)))
}

proptest! {
    #[test]
    fn an_entry_reads_back_and_its_envelope_says_the_same(entry in entry()) {
        let bytes = entry.encode();
        let envelope = Envelope::read(&bytes).unwrap();
        prop_assert_eq!(&envelope.kind, entry.kind());
        prop_assert_eq!(
            (envelope.v, envelope.seq, envelope.prev, envelope.at, envelope.n),
            (1, entry.seq, entry.prev, entry.at, entry.n)
        );
        prop_assert_eq!(Entry::decode(&bytes), Ok(entry));
    }

    #[test]
    fn a_changed_entry_is_refused_or_is_exactly_what_its_bytes_say(
        (_, changed) in near(entry().prop_map(|entry| entry.encode())),
    ) {
        if let Ok(read) = Entry::decode(&changed) {
            prop_assert_eq!(read.encode(), changed.clone());
            prop_assert!(Envelope::read(&changed).is_ok());
        }
    }

    #[test]
    fn any_cbor_reads_back(item in item()) {
        prop_assert_eq!(cbor::decode(&cbor::encode(&item)), Ok(item));
    }

    #[test]
    fn changed_cbor_is_refused_or_has_exactly_these_bytes(
        (good, changed) in near(item().prop_map(|item| cbor::encode(&item))),
    ) {
        if let Ok(read) = cbor::decode(&changed) {
            prop_assert_ne!(cbor::decode(&good), Ok(read.clone()));
            prop_assert_eq!(cbor::encode(&read), changed);
        }
    }

    #[test]
    fn no_bytes_bring_a_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _any = (cbor::decode(&bytes).is_ok(), Entry::decode(&bytes).is_ok());
        let _any = (Envelope::read(&bytes).is_ok(), Keyring::from_bytes(&bytes).is_ok());
        let _any = Body::from_plaintext(&bytes).is_ok();
        let place = BodyPlace { genesis: EntryHash([1; 32]), seq: 1, root: BodyRoot([2; 32]) };
        prop_assert!(open(&bytes, &place, || Block::new([1; 32]).body_key(1)).is_err());
    }

    #[test]
    fn a_keyring_reads_back(bytes in keyring()) {
        let read = Keyring::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes().to_vec(), bytes);
    }

    #[test]
    fn a_changed_keyring_is_refused_or_has_exactly_these_bytes(
        (_, changed) in near(keyring()),
    ) {
        if let Ok(read) = Keyring::from_bytes(&changed) {
            prop_assert_eq!(read.to_bytes().to_vec(), changed);
        }
    }

    #[test]
    fn a_changed_plaintext_is_refused_or_has_exactly_these_bytes(
        (_, changed) in near(body().prop_map(|body| body.to_plaintext().to_vec())),
    ) {
        if let Ok(read) = Body::from_plaintext(&changed) {
            prop_assert_eq!(read.to_plaintext().to_vec(), changed);
        }
    }

    #[test]
    fn a_changed_disclosure_is_refused_or_says_something_else(
        (good, changed) in near(body().prop_map(|body| canonical(&body.disclose_all().to_json()))),
    ) {
        let take = |bytes: &[u8]| {
            let json = read(bytes, &Limits::DISCLOSURE).ok()?;
            Disclosure::from_json(&json).ok()
        };
        if let Some(read) = take(&changed) {
            let canonical = canonical(&read.to_json());
            prop_assert!(canonical != good || canonical != changed);
            prop_assert_eq!(take(&canonical), Some(read));
        }
    }

    #[test]
    fn a_stored_body_opens_at_its_place_and_nowhere_else(
        body in body(), seq in 0..1_u64 << 40, nonce in any::<[u8; 24]>(), other in 1..1_u64 << 40,
    ) {
        let key = || Block::new([3; 32]).body_key(7);
        let genesis = EntryHash([9; 32]);
        let sealed = seal(&key().unwrap(), nonce, &genesis, seq, &body).unwrap();
        let place = BodyPlace { genesis, seq, root: body.root() };
        prop_assert_eq!(open(&sealed, &place, key), Ok(body.clone()));
        prop_assert_eq!(open(&store_open(&body), &place, || None), Ok(body));
        let elsewhere = BodyPlace { seq: seq ^ other, ..place };
        prop_assert!(open(&sealed, &elsewhere, key).is_err());
        let another_log = BodyPlace { genesis: EntryHash([8; 32]), ..place };
        prop_assert!(open(&sealed, &another_log, key).is_err());
        prop_assert!(open(&sealed, &place, || Block::new([4; 32]).body_key(7)).is_err());
    }

    #[test]
    fn a_stored_body_with_any_change_does_not_open(
        (body, changed, sealed) in (body(), any::<bool>()).prop_flat_map(|(body, sealed)| {
            let key = Block::new([3; 32]).body_key(7).unwrap();
            let stored = if sealed {
                seal(&key, [5; 24], &EntryHash([9; 32]), 7, &body).unwrap()
            } else {
                store_open(&body)
            };
            (Just(body), mutated(stored), Just(sealed))
        }),
    ) {
        let place = BodyPlace { genesis: EntryHash([9; 32]), seq: 7, root: body.root() };
        let opened = open(&changed, &place, || Block::new([3; 32]).body_key(7));
        prop_assert!(opened.is_err(), "sealed: {}", sealed);
    }

    #[test]
    fn an_id_reads_back_and_with_any_change_is_another_or_none(
        (good, changed) in any::<[u8; 16]>().prop_flat_map(|bits| {
            let text = CallId::new(bits).to_string();
            (Just(text.clone()), mutated_text(&text))
        }),
    ) {
        let id: CallId = good.parse().unwrap();
        prop_assert_eq!(id.to_string(), good);
        if let Ok(read) = changed.parse::<CallId>() {
            prop_assert_ne!(read, id);
            prop_assert_eq!(read.to_string(), changed);
        }
    }

    #[test]
    fn an_id_of_one_kind_is_none_of_another(bits in any::<[u8; 16]>()) {
        let call = CallId::new(bits).to_string();
        prop_assert!(call.parse::<FreezeId>().is_err());
        prop_assert!(call.parse::<Party>().is_err());
        let agent = Party::Agent(AgentId::new(bits));
        prop_assert_eq!(agent.to_string().parse(), Ok(agent));
        prop_assert!(agent.to_string().parse::<PersonId>().is_err());
    }

    #[test]
    fn a_name_is_kept_as_it_is_or_refused(
        text in prop_oneof!["[a-z0-9._-]{0,70}", "[A-Za-z0-9_.:/ -]{0,134}", any::<String>()],
    ) {
        let all = |allowed: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || allowed.contains(c));
        let begins = |also: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric() || also.contains(c));
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        let group = all("-_.") && begins("") && !upper && text.len() <= 64;
        prop_assert_eq!(text.parse::<GroupName>().is_ok(), group);
        let tool = all("_.:/-") && begins("_") && text.len() <= 128;
        prop_assert_eq!(text.parse::<ToolName>().is_ok(), tool);
        if let Ok(name) = text.parse::<ToolName>() {
            prop_assert_eq!(name.as_str(), text);
        }
    }

    #[test]
    fn a_word_outside_its_vocabulary_is_refused(text in "[a-zA-Z0-9@. -]{0,30}") {
        let known = |word: &str| word == text;
        let classes = KeyClass::ALL.iter().any(|it| known(it.as_str()));
        prop_assert_eq!(text.parse::<KeyClass>().is_ok(), classes);
        let schemes = Scheme::ALL.iter().any(|it| known(it.as_str()));
        prop_assert_eq!(text.parse::<Scheme>().is_ok(), schemes);
        let clients = Client::ALL.iter().any(|it| known(it.as_str()));
        prop_assert_eq!(text.parse::<Client>().is_ok(), clients);
    }

    #[test]
    fn a_document_is_taken_up_to_each_of_its_limits_and_not_one_beyond(
        depth in 1..70_u8, nodes in 1..400_usize, bytes in 1..100_usize,
    ) {
        let roomy = Limits { depth: 100, nodes: 1000, bytes: 10_000 };
        let nested = "[".repeat(depth.into()) + &"]".repeat(depth.into());
        let flat = format!("[{}]", vec!["0"; nodes - 1].join(","));
        let padded = " ".repeat(bytes - 1) + "0";
        for (text, most, less) in [
            (nested, Limits { depth, ..roomy }, Limits { depth: depth - 1, ..roomy }),
            (flat, Limits { nodes, ..roomy }, Limits { nodes: nodes - 1, ..roomy }),
            (padded, Limits { bytes, ..roomy }, Limits { bytes: bytes - 1, ..roomy }),
        ] {
            prop_assert!(read(text.as_bytes(), &most).is_ok(), "{}", text);
            prop_assert!(read(text.as_bytes(), &less).is_err(), "{}", text);
        }
    }
}

/// An entry whose encoding has exactly this many bytes.
fn of_length(length: usize) -> Entry {
    let mut entry = golden().remove(0);
    let fact = |bytes: usize| VoteApprove {
        statement: Blob(vec![7; bytes]),
        signature: Blob(Vec::new()),
        raw: None,
    };
    entry.draft.fact = fact(300).into();
    let rest = entry.encode().len() - 300;
    entry.draft.fact = fact(length - rest).into();
    entry
}

#[test]
fn an_entry_has_its_longest_length_and_not_one_byte_more() {
    let longest = of_length(ENTRY_BYTES_MAX);
    assert_eq!(longest.encode().len(), ENTRY_BYTES_MAX);
    assert_eq!(Entry::decode(&longest.encode()).as_ref(), Ok(&longest));
    let length = ENTRY_BYTES_MAX + 1;
    let refused = Err(EntryError::TooLong { length });
    assert_eq!(Entry::decode(&of_length(length).encode()), refused);
}
