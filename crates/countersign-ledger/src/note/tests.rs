use alloc::format;
use alloc::string::{String, ToString as _};

use ed25519_dalek::SigningKey;

use super::*;

// The example of c2sp.org/signed-note.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_LINE: &str = "— example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const SPEC_TEXT: &str = "This is an example message.\n";

fn signer() -> Signer {
    Signer::new("log.example/acme", SigningKey::from_bytes(&[7; 32])).unwrap()
}

fn verify(note: &str) -> Result<String, SignatureError> {
    let text = Note::parse(note).unwrap().verify(&signer().verifier_key());
    text.map(String::from)
}

#[test]
fn the_example_of_the_specification_verifies() {
    let key: VerifierKey = SPEC_KEY.parse().unwrap();
    assert_eq!(key.to_string(), SPEC_KEY);
    assert_eq!(key.id(), [0x53, 0x0d, 0x90, 0x3a]);
    let note = format!("{SPEC_TEXT}\n{SPEC_LINE}");
    assert_eq!(Note::parse(&note).unwrap().verify(&key), Ok(SPEC_TEXT));
}

#[test]
fn what_is_signed_verifies() {
    let note = signer().sign("one\n\nthree\n").unwrap();
    assert_eq!(verify(&note).unwrap(), "one\n\nthree\n");
}

#[test]
fn a_changed_text_is_refused() {
    let note = signer().sign("one\n").unwrap();
    let wrong = SignatureError::Wrong {
        name: "log.example/acme".to_string(),
    };
    assert_eq!(verify(&note.replace("one", "two")), Err(wrong));
}

#[test]
fn lines_of_unknown_keys_are_passed_over() {
    let note = signer().sign(SPEC_TEXT).unwrap();
    let crowded = note.replace("\n\n", &format!("\n\n{SPEC_LINE}"));
    // The same name with another id is another key.
    let others = "— other.example AAAAAAA=\n— log.example/acme AAAAAAA=\n".repeat(10);
    let crowded = crowded + &others;
    assert_eq!(verify(&crowded).unwrap(), SPEC_TEXT);
}

#[test]
fn a_second_line_of_the_key_is_refused() {
    let note = signer().sign(SPEC_TEXT).unwrap();
    let line = &note[note.find('—').unwrap()..];
    let repeated = SignatureError::Repeated {
        name: "log.example/acme".to_string(),
    };
    assert_eq!(verify(&format!("{note}{line}")), Err(repeated));
}

#[test]
fn a_note_without_this_keys_line_is_refused() {
    let unsigned = SignatureError::NotSigned {
        name: "log.example/acme".to_string(),
    };
    assert_eq!(verify(&format!("{SPEC_TEXT}\n{SPEC_LINE}")), Err(unsigned));
}

#[test]
fn what_is_not_a_note_is_refused() {
    let cases = [
        ("", NoteError::Unsigned),
        ("text\n", NoteError::Unsigned),
        ("text\n\n", NoteError::Unsigned),
        ("text\n\n— name AAAAAAA=", NoteError::Unsigned),
        ("text\n\n— name AAAAAAA=\n\n", NoteError::Unsigned),
        (
            "text\r\n\n— name AAAAAAA=\n",
            NoteError::ControlCharacter { at: 4 },
        ),
        (
            "text\n\n- name AAAAAAA=\n",
            NoteError::SignatureLine { line: 1 },
        ),
        (
            "text\n\n— na+me AAAAAAA=\n",
            NoteError::SignatureLine { line: 1 },
        ),
        (
            "text\n\n—  AAAAAAA=\n",
            NoteError::SignatureLine { line: 1 },
        ),
        (
            "text\n\n— name  AAAAAAA=\n",
            NoteError::SignatureLine { line: 1 },
        ),
        (
            "text\n\n— na\u{a0}me AAAAAAA=\n",
            NoteError::SignatureLine { line: 1 },
        ),
        (
            "text\n\n— name AAAAAAA\n",
            NoteError::SignatureLine { line: 1 },
        ),
        (
            "text\n\n— name AAAAAA==\n",
            NoteError::SignatureLine { line: 1 },
        ),
        (
            "text\n\n— name AAAAAAA=\nmore\n",
            NoteError::SignatureLine { line: 2 },
        ),
    ];
    for (note, error) in cases {
        assert_eq!(Note::parse(note), Err(error), "{note:?}");
    }
}

#[test]
fn a_note_has_limits() {
    let long = "x".repeat(NOTE_BYTES_MAX + 1);
    let bytes = long.len();
    assert_eq!(Note::parse(&long), Err(NoteError::TooLong { bytes }));
    let crowded = |lines: usize| format!("text\n\n{}", "— name AAAAAAA=\n".repeat(lines));
    assert!(Note::parse(&crowded(SIGNATURES_MAX)).is_ok());
    assert_eq!(
        Note::parse(&crowded(SIGNATURES_MAX + 1)),
        Err(NoteError::TooManySignatures)
    );
}

#[test]
fn only_text_that_can_be_read_back_is_signed() {
    for text in ["", "no newline", "bell\u{7}\n", "carriage\r\n"] {
        assert_eq!(signer().sign(text), Err(TextError), "{text:?}");
    }
}

#[test]
fn what_is_not_a_verifier_key_is_refused() {
    let log = signer().verifier_key().to_string();
    let changed = |from, to| log.replacen(from, to, 1).parse::<VerifierKey>();
    assert_eq!(changed("acme", "acne"), Err(KeyError::Hash));
    assert_eq!(changed("acme", "ac me"), Err(KeyError::Name));
    assert_eq!(changed("log.example/acme", ""), Err(KeyError::Name));
    assert_eq!(changed("acme+", "acme"), Err(KeyError::Form));
    assert_eq!(changed("acme+", "acme+A"), Err(KeyError::Form));
    let of_a_log = KeyError::Type {
        expected: 4,
        found: 1,
    };
    assert_eq!(log.parse::<WitnessKey>(), Err(of_a_log));
}

#[test]
fn a_key_that_vouches_for_everything_is_refused() {
    // The neutral point: y = 1.
    let mut typed = [0; 33];
    (typed[0], typed[1]) = (1, 1);
    let id = countersign_record::digest::sha256(&[b"x\n", &typed]);
    let weak = format!(
        "x+{}+{}",
        countersign_record::digest::hex(&id[..4]),
        base64::encode(&typed)
    );
    assert_eq!(weak.parse::<VerifierKey>(), Err(KeyError::Unsound));
}

#[test]
fn a_signer_does_not_print_its_private_key() {
    let printed = format!("{:?}", signer());
    assert_eq!(printed, format!("Signer({})", signer().verifier_key()));
}
