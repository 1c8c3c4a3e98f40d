use alloc::format;
use alloc::string::ToString as _;

use ed25519_dalek::SigningKey;

use super::*;

const ORIGIN: &str = "log.example/acme";

fn signer() -> Signer {
    Signer::new(ORIGIN, SigningKey::from_bytes(&[7; 32])).unwrap()
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_string(),
        size,
        root: RootHash([9; 32]),
    }
}

#[test]
fn a_signed_checkpoint_opens() {
    let signed = checkpoint(2).sign(&signer()).unwrap();
    let opened = Checkpoint::open(signed.note(), &signer().verifier_key());
    assert_eq!(opened, Ok(checkpoint(2)));
    assert_eq!(signed.checkpoint(), &checkpoint(2));
}

#[test]
fn the_text_is_three_lines() {
    assert_eq!(
        checkpoint(5).text(),
        "log.example/acme\n5\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n"
    );
}

#[test]
fn no_checkpoint_of_an_empty_or_one_entry_log_is_made() {
    for size in [0, 1, SIZE_MAX + 1] {
        let refused = checkpoint(size).sign(&signer());
        assert_eq!(refused, Err(SignError::Size { size }));
    }
}

#[test]
fn a_log_signs_for_itself_alone() {
    let other = Checkpoint {
        origin: "log.example/other".to_string(),
        ..checkpoint(2)
    };
    // Signed all the same by somebody who does not check.
    let note = signer().sign(&other.text()).unwrap();
    assert!(matches!(
        Checkpoint::open(&note, &signer().verifier_key()),
        Err(OpenError::OtherLog { .. })
    ));
    assert!(matches!(
        other.sign(&signer()),
        Err(SignError::OtherLog { .. })
    ));
}

#[test]
fn a_text_has_one_reading() {
    let good = checkpoint(5).text();
    assert_eq!(Checkpoint::parse(&good), Ok(checkpoint(5)));
    let cases = [
        (good.replace("\n5\n", "\n+5\n"), CheckpointError::Size),
        (good.replace("\n5\n", "\n05\n"), CheckpointError::Size),
        (good.replace("\n5\n", "\n-5\n"), CheckpointError::Size),
        (good.replace("\n5\n", "\n\n"), CheckpointError::Size),
        (
            good.replace("\n5\n", "\n9223372036854775808\n"),
            CheckpointError::Size,
        ),
        (good.replace("CQk=", "CQl="), CheckpointError::Root),
        (good.replace("CQk=", "CQk"), CheckpointError::Root),
        (good.replace("CQkJ", ""), CheckpointError::Root),
        (good.replace(ORIGIN, ""), CheckpointError::Origin),
        (format!("{good}extension\n"), CheckpointError::Lines),
        (format!("{good}\n"), CheckpointError::Lines),
        (good.trim_end().to_string(), CheckpointError::Lines),
        (format!("{ORIGIN}\n5\n"), CheckpointError::Lines),
    ];
    for (text, error) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(error), "{text:?}");
    }
    let largest = good.replace("\n5\n", "\n9223372036854775807\n");
    assert_eq!(Checkpoint::parse(&largest), Ok(checkpoint(SIZE_MAX)));
}
