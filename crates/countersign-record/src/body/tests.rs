use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::cbor;
use crate::cbor::Item;
use crate::json::{Limits, Number, Object, Value, read};
use crate::object;

fn json(text: &str) -> Value {
    read(text.as_bytes(), &Limits::DOCUMENT).unwrap()
}

fn field(path: &str, value: &str) -> Field {
    Field {
        path: path.to_string(),
        value: json(value),
    }
}

fn body() -> Body {
    let value = json(r#"{"to":"DE02","lines":[{"amount":"24000"},{}],"urgent":false}"#);
    let mut salt = 0;
    Body::commit(&value, [9; 16], || {
        salt += 1;
        [salt; 16]
    })
    .unwrap()
}

#[test]
fn an_array_says_its_length_and_an_object_says_nothing() {
    let fields = flatten(&json(r#"{"b":[[],{"x":null}],"a/b":{"~":1}}"#)).unwrap();
    assert_eq!(
        fields,
        vec![
            field("/a~1b/~0", "1"),
            field("/b", "[2]"),
            field("/b/0", "[]"),
            field("/b/1/x", "null"),
        ]
    );
}

#[test]
fn a_scalar_body_is_one_field_without_a_path() {
    assert_eq!(flatten(&json("5")).unwrap(), vec![field("", "5")]);
    assert_eq!(rebuild(vec![field("", "5")]), Ok(json("5")));
}

#[test]
fn an_object_with_numbers_for_names_is_not_an_array() {
    let object = vec![field("/0", "1")];
    let array = vec![field("", "[1]"), field("/0", "1")];
    assert_eq!(rebuild(object), Ok(json(r#"{"0":1}"#)));
    assert_eq!(rebuild(array), Ok(json("[1]")));
}

fn check_not_rebuilt(fields: &[(&str, &str)], expected: RebuildError) {
    let fields = fields.iter().map(|(path, value)| field(path, value));
    assert_eq!(rebuild(fields), Err(expected));
}

#[test]
fn fields_that_belong_to_no_value_are_refused() {
    let path = String::new;
    check_not_rebuilt(&[], RebuildError::Empty);
    check_not_rebuilt(
        &[("/a", "1"), ("/a", "1")],
        RebuildError::Twice { path: "/a".into() },
    );
    check_not_rebuilt(
        &[("/a", "1"), ("/a/b", "1")],
        RebuildError::Inside { path: "/a".into() },
    );
    check_not_rebuilt(
        &[("", "{}"), ("/b", "1")],
        RebuildError::Inside { path: path() },
    );
    check_not_rebuilt(
        &[("", "[]"), ("/0", "1")],
        RebuildError::Inside { path: path() },
    );
    for array in [
        [("", "[2]"), ("/0", "1")].as_slice(),
        &[("", "[1]")],
        &[("", "[1]"), ("/0", "1"), ("/1", "1")],
        &[("", "[2]"), ("/0", "1"), ("/01", "1")],
        &[("", "[2]"), ("/0", "1"), ("/2", "1")],
        &[("", "[1]"), ("/x", "1")],
        &[("", "[9007199254740991]"), ("/0", "1")],
    ] {
        check_not_rebuilt(array, RebuildError::Items { path: path() });
    }
    for value in ["[0]", "[1,1]", "[-1]", "[1.5]", "[true]", r#"{"a":1}"#] {
        check_not_rebuilt(&[("", value)], RebuildError::Value { path: path() });
    }
    for path in ["a", "/~", "/~2", "/a\u{ffff}"] {
        check_not_rebuilt(&[(path, "1")], RebuildError::Path { path: path.into() });
    }
    let deep = "/0".repeat(73);
    check_not_rebuilt(&[(&deep, "1")], RebuildError::Path { path: deep.clone() });
}

#[test]
fn what_could_not_be_read_back_is_not_committed_to() {
    let nested = (0..73).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    assert_eq!(flatten(&nested), Err(FlattenError::Depth));
    let many = Value::Array(vec![Value::Null; 40_000]);
    assert_eq!(flatten(&many), Err(FlattenError::Nodes));
    let long = Value::from("x".repeat(512 * 1024));
    assert_eq!(flatten(&long), Err(FlattenError::Bytes));
    let noncharacter = object! { "\u{fffe}": 1 };
    assert_eq!(
        flatten(&noncharacter.into()),
        Err(FlattenError::Noncharacter)
    );
}

#[test]
fn a_long_name_around_many_items_is_refused() {
    let items = Value::Array(vec![Value::Null; 9_000]);
    let value = Object::new().with("n".repeat(200_000), items);
    assert_eq!(flatten(&value.into()), Err(FlattenError::PathBytes));
}

#[test]
fn a_document_of_so_many_values_is_taken_and_one_more_is_not() {
    let array = |items| Value::Array(vec![Value::Null; items]);
    let most = Limits::DOCUMENT.nodes - 1; // the array is one, too
    assert!(flatten(&array(most)).is_ok());
    assert_eq!(flatten(&array(most + 1)), Err(FlattenError::Nodes));
}

#[test]
fn a_disclosure_of_any_part_has_the_same_root() {
    let body = body();
    for kept in ["", "/to", "/lines", "/lines/0/amount", "/nothing"] {
        let part = body.disclose(|path| path == kept);
        assert_eq!(part.root(), Ok(body.root()), "{kept}");
    }
    assert_eq!(
        body.disclose_all().disclosed(),
        Ok(Disclosed::Whole(body.value().clone()))
    );
}

#[test]
fn a_part_shows_its_fields_and_counts_the_others() {
    let part = body().disclose(|path| path.starts_with("/lines"));
    let Ok(Disclosed::Part { fields, withheld }) = part.disclosed() else {
        panic!("{part:?}");
    };
    assert_eq!(
        fields,
        vec![
            field("/lines", "[2]"),
            field("/lines/0/amount", r#""24000""#),
            field("/lines/1", "{}"),
        ]
    );
    assert_eq!(withheld, 2);
}

#[test]
fn every_change_to_a_disclosure_gives_another_root_or_none() {
    let body = body();
    let whole = body.disclose_all();
    for place in 0..whole.leaves.len() {
        let check = |change: fn(&mut Field, &mut [u8; 16])| {
            let mut altered = whole.clone();
            let Leaf::Open { field, salt } = &mut altered.leaves[place] else {
                panic!("open");
            };
            change(field, salt);
            assert_ne!(altered.root(), Ok(body.root()));
        };
        check(|field, _| field.value = Value::from("other"));
        check(|field, _| field.path.push('x'));
        check(|_, salt| salt[15] ^= 1);
    }
    let mut altered = whole.clone();
    altered.body_salt[0] ^= 1;
    assert_ne!(altered.root(), Ok(body.root()));
}

#[test]
fn leaves_come_once_and_in_order() {
    let whole = body().disclose_all().clone();
    let mut swapped = whole.clone();
    swapped.leaves.swap(1, 2);
    assert_eq!(swapped.root(), Err(RootError::Order { place: 2 }));
    let mut twice = whole.clone();
    twice.leaves.insert(0, whole.leaves[0].clone());
    assert_eq!(twice.root(), Err(RootError::Order { place: 1 }));
    let none = Disclosure {
        leaves: vec![],
        ..whole
    };
    assert_eq!(none.root(), Err(RootError::Empty));
}

#[test]
fn a_disclosure_reads_back_from_json() {
    for disclosure in [body().disclose_all().clone(), body().disclose(|_| false)] {
        assert_eq!(Disclosure::from_json(&disclosure.to_json()), Ok(disclosure));
    }
}

fn check_form(from: &str, to: &str, pointer: &str) {
    let part = body().disclose(|path| path == "/urgent");
    let text = crate::json::canonical_text(&part.to_json());
    assert!(text.contains(from), "{text}");
    let error = Disclosure::from_json(&json(&text.replacen(from, to, 1))).unwrap_err();
    assert!(error.pointer.contains(pointer), "{error}");
}

#[test]
fn json_that_is_not_a_disclosure_is_refused_by_place() {
    check_form("\"body_salt\"", "\"salt\"", "/body_salt");
    check_form("\"body_salt\":\"09", "\"body_salt\":\"", "/body_salt");
    check_form("\"body_salt\":\"09", "\"body_salt\":\"0A", "/body_salt");
    check_form("\"body_salt\"", "\"more\":1,\"body_salt\"", "");
    check_form("\"leaves\":[", "\"leaves\":[1,", "/leaves/0");
    check_form("{\"c\":", "{\"more\":1,\"c\":", "/leaves/");
    check_form("\"path\":\"/urgent\"", "\"path\":1", "/path");
    check_form("\"value\":false", "\"values\":false", "/value");
}

#[test]
fn a_plaintext_reads_back_and_nothing_else_does() {
    let body = body();
    let plaintext = body.to_plaintext();
    assert_eq!(Body::from_plaintext(&plaintext).as_ref(), Ok(&body));
    for at in 0..plaintext.len() {
        let mut altered = plaintext.to_vec();
        altered[at] ^= 1;
        if let Ok(other) = Body::from_plaintext(&altered) {
            assert_ne!(other.root(), body.root(), "byte {at}");
        }
        assert!(Body::from_plaintext(&plaintext[..at]).is_err());
    }
}

fn plaintext(leaves: Vec<Item>) -> Result<Body, PlaintextError> {
    let mut map = cbor::Map::new();
    map.add("body_salt", Item::Bytes(vec![9; 16]));
    map.add("leaves", Item::Array(leaves));
    Body::from_plaintext(&cbor::encode(&Item::Map(map)))
}

fn leaf(path: &str, salt: usize, text: &str) -> Item {
    Item::Array(vec![
        Item::Text(path.into()),
        Item::Bytes(vec![1; salt]),
        Item::Text(text.into()),
    ])
}

#[test]
fn a_plaintext_is_of_one_form() {
    assert!(plaintext(vec![leaf("", 16, "1")]).is_ok());
    assert_eq!(
        plaintext(vec![leaf("", 16, "1.0")]),
        Err(PlaintextError::NotCanonical)
    );
    assert!(matches!(
        plaintext(vec![leaf("", 16, "x")]),
        Err(PlaintextError::Json(_))
    ));
    assert_eq!(
        plaintext(vec![leaf("", 15, "1")]),
        Err(PlaintextError::Form)
    );
    assert_eq!(plaintext(vec![Item::Uint(1)]), Err(PlaintextError::Form));
    assert_eq!(plaintext(vec![]), Err(RootError::Empty.into()));
    assert_eq!(
        plaintext(vec![leaf("", 16, "[1]")]),
        Err(RebuildError::Items {
            path: String::new()
        }
        .into())
    );
}

#[test]
fn the_root_is_that_of_rfc_6962() {
    // RFC 6962 §2.1 by its recursive definition, against the levels that merkle_root folds.
    fn recursive(leaves: &[[u8; 2]]) -> [u8; 32] {
        match leaves {
            [] => crate::digest::sha256(&[]),
            [leaf] => crate::digest::sha256(&[&[0], leaf]),
            _ => {
                let split = (leaves.len().next_power_of_two()) / 2;
                let (left, right) = leaves.split_at(split);
                crate::digest::sha256(&[&[1], &recursive(left), &recursive(right)])
            }
        }
    }
    for size in 0..70_u8 {
        let leaves: Vec<[u8; 2]> = (0..size).map(|leaf| [leaf, size]).collect();
        assert_eq!(merkle_root(&leaves), recursive(&leaves), "{size}");
    }
}

#[test]
fn a_number_is_committed_to_in_its_canonical_spelling() {
    let whole = Value::Number(Number::try_from(100.0).unwrap());
    let salts = || [1; 16];
    let written = Body::commit(&json("1e2"), [0; 16], salts).unwrap();
    let built = Body::commit(&whole, [0; 16], salts).unwrap();
    assert_eq!(written.root(), built.root());
    assert!(format!("{written:?}").contains("100"));
}
