use countersign_record::body::Body;
use countersign_record::json::Object;

use super::*;

/// An entry of that kind, as the audit plane gives it, with these bodies.
fn record(kind: &str, bodies: Object) -> Stored {
    let path = format!(
        "{}/../fixtures/entries/{kind}.hex",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap().replace('\n', "");
    let digits = text.as_bytes().chunks(2);
    let bytes = digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16));
    let bytes: Vec<u8> = bytes.map(Result::unwrap).collect();
    let mut entry = Entry::decode(&bytes).unwrap();
    entry.seq = 3;
    let record = Object::new()
        .with("seq", crate::output::number(3_u64))
        .with("entry", Base64::encode_string(&entry.encode()))
        .with("bodies", bodies);
    stored(&record.into(), 3).unwrap()
}

#[test]
fn a_policy_without_its_text_is_no_answer() {
    let value = Object::new().with("toml", "[policy]").into();
    let body = Body::commit(&value, [7; 16], || [8; 16]).unwrap();
    let text = Object::new().with("policy", body.disclose_all().to_json());
    assert!(!lacks_policy(&record("policy.adopted", text)));
    assert!(lacks_policy(&record("policy.adopted", Object::new())));
    let broken = Object::new().with("policy", "text");
    assert!(lacks_policy(&record("policy.adopted", broken)));
}

#[test]
fn what_the_service_cannot_open_is_withheld() {
    let sealed = record("call.evaluated", Object::new());
    assert!(!lacks_policy(&sealed));
    assert!(matches!(sealed.bodies["call"], BodyState::Withheld));
}
