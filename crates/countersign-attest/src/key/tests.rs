use alloc::string::ToString;

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::{EdwardsPoint, Scalar};

use super::*;

const SOFTWARE: &str = include_str!("../../../../fixtures/keys/software-ed25519.pub");
const SK_ED25519: &str = include_str!("../../../../fixtures/keys/sk-ed25519-verify-required.pub");
const SK_ECDSA: &str = include_str!("../../../../fixtures/keys/sk-ecdsa-verify-required.pub");

fn point(scalar: u64) -> EdwardsPoint {
    ED25519_BASEPOINT_POINT * Scalar::from(scalar)
}

fn refusal(bytes: [u8; 32]) -> Option<KeyError> {
    sound_ed25519(&bytes).err()
}

/// 2^255 − 19 + k in the little-endian bytes of a key, for 0 ≤ k < 19.
fn not_reduced(k: u8, sign: bool) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + k;
    bytes[31] = if sign { 0xff } else { 0x7f };
    bytes
}

#[test]
fn the_three_schemes_read_and_write_back() {
    for (line, scheme, application) in [
        (SOFTWARE, Scheme::SshEd25519, None),
        (SK_ED25519, Scheme::SkEd25519, Some("ssh:countersign")),
        (SK_ECDSA, Scheme::SkEcdsaP256, Some("ssh:countersign")),
    ] {
        let key = PublicKey::from_openssh_line(line).expect("a good key");
        assert_eq!(key.scheme(), scheme);
        assert_eq!(key.application(), application);
        assert_eq!(key.class_without_attestation(), KeyClass::Software);
        assert_eq!(
            PublicKey::from_ssh_wire(&key.to_ssh_wire()),
            Ok(key.clone())
        );
        assert!(line.starts_with(&(key.to_openssh_line() + " ")));
    }
}

#[test]
fn the_fingerprint_is_ssh_keygens() {
    // ssh-keygen -lf fixtures/keys/NAME.pub
    for (line, fingerprint) in [
        (
            SOFTWARE,
            "SHA256:QR3DEhyzNb04Oc36r4sj/R1rrD8Y5wYBWyavlumTDVs",
        ),
        (
            SK_ED25519,
            "SHA256:5RAgKrvJqY/XJ/AQqxao7VXW7FEGv3DD2hoJ4iAkOn0",
        ),
        (
            SK_ECDSA,
            "SHA256:2y3BET88dB6Jwn315VEksqBZam22ZrvMKdx3mKHkDTw",
        ),
    ] {
        let key = PublicKey::from_openssh_line(line).expect("a good key");
        assert_eq!(key.fingerprint(), fingerprint);
    }
}

#[test]
fn a_key_of_small_order_is_refused() {
    for torsion in EIGHT_TORSION {
        let bytes = torsion.compress().to_bytes();
        assert_eq!(refusal(bytes), Some(KeyError::Weak), "{bytes:02x?}");
    }
}

#[test]
fn a_key_of_mixed_order_is_refused() {
    for scalar in 1..32 {
        assert_eq!(refusal(point(scalar).compress().to_bytes()), None);
        for torsion in &EIGHT_TORSION[1..] {
            let mixed = point(scalar) + torsion;
            let bytes = mixed.compress().to_bytes();
            assert_eq!(refusal(bytes), Some(KeyError::MixedOrder), "{bytes:02x?}");
        }
    }
}

#[test]
fn a_key_in_a_second_encoding_is_refused() {
    let mut readable = 0;
    for k in 0..19 {
        for sign in [false, true] {
            let bytes = not_reduced(k, sign);
            let expected = match VerifyingKey::from_bytes(&bytes) {
                Ok(_) => KeyError::NotCanonical,
                Err(_) => KeyError::NotAPoint,
            };
            readable += usize::from(expected == KeyError::NotCanonical);
            assert_eq!(refusal(bytes), Some(expected), "{bytes:02x?}");
        }
    }
    assert_eq!(
        readable, 24,
        "the library alone takes these; the gate must not"
    );
}

#[test]
fn zero_with_a_sign_is_refused() {
    // y = 1, x = −0: the neutral element in a second encoding; y = −1 likewise.
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes[31] = 0x80;
    assert!(refusal(bytes).is_some());
    let mut bytes = not_reduced(0, true);
    bytes[0] = 0xec;
    assert!(refusal(bytes).is_some());
}

#[test]
fn the_gate_stands_before_every_way_in() {
    let weak = EIGHT_TORSION[1].compress().to_bytes();
    let mut wire = Vec::new();
    put_string(&mut wire, b"ssh-ed25519");
    put_string(&mut wire, &weak);
    assert_eq!(PublicKey::from_ed25519(&weak), Err(KeyError::Weak));
    assert_eq!(PublicKey::from_ssh_wire(&wire), Err(KeyError::Weak));
    let line = format!("ssh-ed25519 {}", Base64::encode_string(&wire));
    assert_eq!(PublicKey::from_openssh_line(&line), Err(KeyError::Weak));
    let mut wire = Vec::new();
    put_string(&mut wire, b"sk-ssh-ed25519@openssh.com");
    put_string(&mut wire, &weak);
    put_string(&mut wire, b"ssh:countersign");
    assert_eq!(PublicKey::from_ssh_wire(&wire), Err(KeyError::Weak));
}

fn p256_wire(curve: &[u8], point: &[u8], application: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    put_string(&mut wire, b"sk-ecdsa-sha2-nistp256@openssh.com");
    for part in [curve, point, application] {
        put_string(&mut wire, part);
    }
    wire
}

#[test]
fn a_p256_key_is_an_uncompressed_point_of_its_curve() {
    let good = PublicKey::from_openssh_line(SK_ECDSA).expect("a good key");
    let Material::SkEcdsaP256 { point, .. } = good.material() else {
        panic!("another scheme");
    };
    let long = point.to_sec1_point(false).as_bytes().to_vec();
    let short = point.to_sec1_point(true).as_bytes().to_vec();
    let mut off_curve = long.clone();
    off_curve[64] ^= 1;
    let application = b"ssh:countersign";
    let read = |curve: &[u8], point: &[u8]| {
        PublicKey::from_ssh_wire(&p256_wire(curve, point, application)).err()
    };
    assert_eq!(read(b"nistp256", &long), None);
    assert_eq!(read(b"nistp256", &short), Some(KeyError::Malformed));
    assert_eq!(read(b"nistp256", &[0]), Some(KeyError::Malformed));
    assert_eq!(read(b"nistp384", &long), Some(KeyError::Malformed));
    assert_eq!(read(b"nistp256", &off_curve), Some(KeyError::NotAPoint));
}

#[test]
fn an_application_that_a_web_page_could_have_is_refused() {
    let good = PublicKey::from_openssh_line(SK_ECDSA).expect("a good key");
    let Material::SkEcdsaP256 { point, .. } = good.material() else {
        panic!("another scheme");
    };
    let point = point.to_sec1_point(false).as_bytes().to_vec();
    let long = "ssh:".to_string() + &"x".repeat(125);
    for application in [
        "",
        "localhost",
        "SSH:x",
        "ssh:two words",
        "ssh:\u{e9}",
        &long,
    ] {
        let wire = p256_wire(b"nistp256", &point, application.as_bytes());
        let refused = PublicKey::from_ssh_wire(&wire);
        assert_eq!(refused, Err(KeyError::Application), "{application}");
    }
}

#[test]
fn a_key_cut_short_or_gone_on_is_refused() {
    for line in [SOFTWARE, SK_ED25519, SK_ECDSA] {
        let key = PublicKey::from_openssh_line(line).expect("a good key");
        let wire = key.to_ssh_wire();
        for length in 0..wire.len() {
            assert!(PublicKey::from_ssh_wire(&wire[..length]).is_err());
        }
        let longer = [wire.as_slice(), &[0]].concat();
        assert_eq!(PublicKey::from_ssh_wire(&longer), Err(KeyError::Malformed));
    }
}

#[test]
fn other_kinds_of_keys_are_refused() {
    for scheme in ["ssh-rsa", "ecdsa-sha2-nistp256", "webauthn", ""] {
        let mut wire = Vec::new();
        put_string(&mut wire, scheme.as_bytes());
        put_string(&mut wire, &[7; 32]);
        let refused = PublicKey::from_ssh_wire(&wire);
        assert_eq!(refused, Err(KeyError::UnsupportedScheme), "{scheme}");
    }
}

#[test]
fn a_line_that_is_not_one_key_is_refused() {
    let good = SOFTWARE.trim_end();
    assert!(PublicKey::from_openssh_line(&format!("{good}\r\n")).is_ok());
    let base64 = good.split(' ').nth(1).expect("the key");
    for line in [
        String::new(),
        "ssh-ed25519".to_string(),
        base64.to_string(),
        format!("ssh-rsa {base64} comment"),
        format!("sk-ssh-ed25519@openssh.com {base64}"),
        format!(" {good}"),
        format!("ssh-ed25519  {base64}"),
        format!("restrict {good}"),
        format!("ssh-ed25519 {base64}="),
        format!("{good}\n{good}"),
    ] {
        let refused = PublicKey::from_openssh_line(&line);
        assert_eq!(refused, Err(KeyError::Line), "{line:?}");
    }
}
