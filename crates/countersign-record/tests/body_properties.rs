//! Bodies and their keys, for every value.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod values;

use countersign_record::body::{Body, Disclosed, Disclosure, Field, flatten, rebuild};
use countersign_record::json::{Limits, canonical, read};
use countersign_record::keyring::Block;
use proptest::prelude::*;

proptest! {
    #[test]
    fn rebuilding_what_was_flattened_gives_the_value(value in values::value()) {
        prop_assert_eq!(rebuild(flatten(&value).unwrap()), Ok(value));
    }

    #[test]
    fn without_any_one_field_there_is_no_value_or_another(
        value in values::value(),
        lost in any::<prop::sample::Index>(),
    ) {
        let mut fields = flatten(&value).unwrap();
        fields.remove(lost.index(fields.len()));
        prop_assert_ne!(rebuild(fields), Ok(value));
    }

    #[test]
    fn fields_that_rebuild_are_the_fields_of_what_they_rebuild_to(
        mut fields in prop::collection::vec(field(), 0..6),
    ) {
        if let Ok(value) = rebuild(fields.clone()) {
            fields.sort_by(|a, b| a.path.cmp(&b.path));
            prop_assert_eq!(flatten(&value), Ok(fields));
        }
    }

    #[test]
    fn whatever_is_disclosed_the_root_is_the_same(value in values::value(), kept in any::<u64>()) {
        let mut salt = 0_u128;
        let body = Body::commit(&value, [7; 16], || {
            salt += 1;
            salt.to_be_bytes()
        });
        let body = body.unwrap();
        let mut place = 0;
        let part = body.disclose(|_| {
            place += 1;
            kept >> (place % 64) & 1 == 1
        });
        prop_assert_eq!(part.root(), Ok(body.root()));
        let sent = canonical(&part.to_json());
        let received = Disclosure::from_json(&read(&sent, &Limits::DISCLOSURE).unwrap());
        prop_assert_eq!(received, Ok(part));
    }

    #[test]
    fn a_plaintext_gives_the_body_back(value in values::value()) {
        let body = Body::commit(&value, [7; 16], || [8; 16]).unwrap();
        let read = Body::from_plaintext(&body.to_plaintext());
        prop_assert_eq!(read.as_ref(), Ok(&body));
        let whole = body.disclose_all().disclosed();
        prop_assert_eq!(whole, Ok(Disclosed::Whole(value)));
    }

    #[test]
    fn any_punctures_destroy_their_keys_and_no_others(
        punctured in prop::collection::btree_set(0..4096_u16, 0..40),
    ) {
        let before = Block::new([1; 32]);
        let mut after = before.clone();
        for place in &punctured {
            prop_assert!(after.puncture(*place));
        }
        let neighbours = punctured.iter().flat_map(|place| [place ^ 1, place ^ 2048, *place]);
        for place in neighbours.chain([0, 4095]) {
            let found = after.body_key(place);
            prop_assert_eq!(found.is_none(), punctured.contains(&place));
            let same = found.is_none_or(|key| Some(key) == before.body_key(place));
            prop_assert!(same);
        }
    }
}

fn field() -> impl Strategy<Value = Field> {
    let text = prop::sample::select(vec!["1", "\"x\"", "[]", "{}", "[1]", "[2]"]);
    ("(/[01a]){0,2}", text).prop_map(|(path, text)| Field {
        path,
        value: read(text.as_bytes(), &Limits::DOCUMENT).unwrap(),
    })
}
