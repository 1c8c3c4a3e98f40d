//! Any value of profile CS-JSON-1.

use countersign_record::json::{Number, Object, Value};
use proptest::prelude::*;

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        text().prop_map(Value::String),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..6).prop_map(|members| {
                let object = members
                    .into_iter()
                    .fold(Object::new(), |object, (name, value)| {
                        object.with(name, value)
                    });
                Value::Object(object)
            }),
        ]
    })
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<f64>(),
        -1e6..1e6,
        (-1000_i32..1000).prop_map(f64::from),
    ]
    .prop_filter_map("outside the profile", |number| {
        Number::try_from(number).ok()
    })
}

/// Names that collide with indices and with pointer escapes are the ones that matter.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[0-2ab/~\"\\\\]{0,3}", "\\PC{0,8}", any::<String>(),]
        .prop_map(|text| text.chars().filter(|c| !is_noncharacter(*c)).collect())
}

fn is_noncharacter(character: char) -> bool {
    let point = u32::from(character);
    (0xfdd0..=0xfdef).contains(&point) || point & 0xfffe == 0xfffe
}
