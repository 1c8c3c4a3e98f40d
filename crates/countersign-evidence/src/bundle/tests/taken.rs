//! Bodies that were taken out, and files that were made to mislead or to hold up who reads them.

use countersign_record::body::{Commitment, Leaf};
use countersign_record::json::canonical_text;
use countersign_verify::{BodyState, Source as _};

use super::*;
use crate::testing::waiting::{pipe, soon};

/// What the bundle has of a body.
fn state(bundle: &Path, seq: u64, body: &str) -> BodyState {
    let record = open(bundle).unwrap().record(seq).unwrap();
    record.bodies[body].clone()
}

/// Changes the description of a bundle, and hides it.
fn describe(bundle: &Path, from: &str, to: &str) {
    let file = bundle.join(layout::DESCRIPTION);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
    write_manifest(bundle);
}

#[test]
fn a_body_that_is_not_there_is_missing_unless_it_is_listed_as_withheld() {
    let (_directory, bundle) = exported();
    fs::remove_file(bundle.join("data/disclosures/0000000002.person.json")).unwrap();
    write_manifest(&bundle);
    assert!(matches!(state(&bundle, 2, "person"), BodyState::Missing(_)));
    assert!(!is_good(&bundle));
    let listed = r#""withheld":[{"body":"person","seq":2}]}"#;
    describe(&bundle, r#""withheld":[]}"#, listed);
    assert!(matches!(state(&bundle, 2, "person"), BodyState::Withheld));
    assert!(!is_good(&bundle), "a full bundle withholds nothing");
}

#[test]
fn a_policy_cannot_be_withheld() {
    let (_directory, bundle) = exported();
    fs::remove_file(bundle.join("data/disclosures/0000000001.policy.json")).unwrap();
    let listed = r#""withheld":[{"body":"policy","seq":1}]}"#;
    describe(&bundle, r#""withheld":[]}"#, listed);
    assert!(matches!(state(&bundle, 1, "policy"), BodyState::Missing(_)));
}

#[test]
fn a_bundle_that_withholds_bodies_lists_them_and_is_not_full() {
    let (directory, _) = exported();
    fs::remove_file(directory.path().join("acme/keyring")).unwrap();
    let out = directory.path().join("withheld");
    let described = export(directory.path(), &out).unwrap().description;
    assert_eq!(described.counts.withheld, described.withheld.len() as u64);
    assert!(described.withheld.contains(&(2, "person".into())));
    assert!(is_good(&out));
    assert!(matches!(state(&out, 2, "person"), BodyState::Withheld));
    let text = fs::read_to_string(out.join(layout::DESCRIPTION)).unwrap();
    assert!(text.contains(r#""profile":"partial""#), "{text}");
    let again = directory.path().join("again");
    let options = BundleOptions {
        case: "CASE-7".into(),
    };
    write(&open(&out).unwrap(), &again, &options).unwrap();
    assert_eq!(files(&out), files(&again));
}

#[test]
fn a_field_that_was_taken_out_of_a_disclosure_is_found() {
    let (_directory, bundle) = exported();
    let BodyState::Disclosed(mut person) = state(&bundle, 2, "person") else {
        panic!("not disclosed")
    };
    let Leaf::Open { field, salt } = &person.leaves[0] else {
        panic!("withheld already")
    };
    person.leaves[0] = Leaf::Withheld(Commitment::new(
        &person.body_salt,
        &field.path,
        salt,
        &field.value,
    ));
    let file = bundle.join("data/disclosures/0000000002.person.json");
    fs::write(file, canonical_text(&person.to_json()) + "\n").unwrap();
    write_manifest(&bundle);
    assert!(!is_good(&bundle));
}

#[test]
fn pipes_in_the_place_of_files_are_refused_and_not_waited_for() {
    let (_directory, bundle) = exported();
    for path in [
        layout::MANIFEST,
        layout::DESCRIPTION,
        "data/entries/0000000003.cbor",
        "data/entries/0000000003.json",
        "data/disclosures/0000000002.person.json",
        "data/checkpoints/36",
        "data/keys/log.pem",
    ] {
        let file = bundle.join(path);
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        pipe(&file);
        let it = bundle.clone();
        assert!(!soon(move || is_good(&it)), "{path}");
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    }
    assert!(is_good(&bundle));
}

#[test]
fn a_file_that_no_bundle_could_hold_is_not_read() {
    let (_directory, bundle) = exported();
    let file = fs::File::create(bundle.join("data/keys/log.pem")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(!soon(move || is_good(&bundle)));
}

#[test]
fn a_description_with_more_values_than_any_has_is_refused() {
    let (_directory, bundle) = exported();
    let many = "0,".repeat(description::LISTED_MAX * 5);
    describe(&bundle, r#""missing":["#, &format!(r#""missing":[{many}0"#));
    let Opened::Bundle(opened) = open(&bundle).unwrap() else {
        panic!("not a bundle")
    };
    assert!(opened.description().is_err());
}

#[test]
fn a_name_cannot_write_lines_into_the_report() {
    let (_directory, bundle) = exported();
    fs::write(bundle.join("data/x\n[PASS] chain\u{1b}[2K"), "x").unwrap();
    let faults: Vec<_> = inspect(&bundle)
        .into_iter()
        .flat_map(|it| match it.looked {
            Looked::Bad(faults) => faults,
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(faults.len(), 2);
    for fault in faults {
        assert_eq!(fault.place, r"data/x\u{a}[PASS] chain\u{1b}[2K");
    }
    let absent = bundle.join("no\n[PASS] chain");
    let error = open(&absent).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
}
