//! The checkpoint: every bit of it, and everything that nearly is one.

use base64ct::{Base64, Encoding as _};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::note::Signer;
use countersign_tamper::{ORIGIN, golden};
use ed25519_dalek::SigningKey;

use crate::figures::figures;
use crate::shelf::{Shelf, broken, log_key};
use crate::tally::{Tally, on_all_cores};

#[test]
#[ignore = "long: the whole verifier for each bit; tests/run runs it"]
fn every_flipped_bit_of_the_checkpoint_is_found() {
    let golden = Shelf::golden();
    let bytes = golden.note.clone().into_bytes();
    let what = "checkpoint, every bit, whole verify";
    let tally = on_all_cores(what, bytes.len() * 8, |bit, tally| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut shelf = golden.clone();
        // As a file that is not UTF-8 is read.
        shelf.note = String::from_utf8_lossy(&bytes).into_owned();
        let opens = Checkpoint::open(&shelf.note, &golden::vkey()).is_ok();
        tally.refused(!opens, || format!("bit {bit} opens"));
        tally.judge(broken(&shelf.report()), || format!("bit {bit}"));
    });
    tally.close();
}

#[test]
fn a_checkpoint_cut_at_any_byte_is_found() {
    let golden = Shelf::golden();
    let mut tally = Tally::new("checkpoint, cut at every byte");
    for (len, _) in golden.note.char_indices() {
        let cut = &golden.note[..len];
        tally.refused(Checkpoint::open(cut, &golden::vkey()).is_err(), || {
            format!("cut to {len} bytes")
        });
    }
    tally.close();
}

/// A checkpoint's text.
fn lines(origin: &str, size: &str, root: &str) -> String {
    format!("{origin}\n{size}\n{root}\n")
}

/// Other spellings of the size.
fn sizes(size: &str, root: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "size with a leading zero",
            lines(ORIGIN, &format!("0{size}"), root),
        ),
        ("size with a sign", lines(ORIGIN, &format!("+{size}"), root)),
        ("size in hex", lines(ORIGIN, "0x62", root)),
        (
            "size with a space before",
            lines(ORIGIN, &format!(" {size}"), root),
        ),
        (
            "size with a space behind",
            lines(ORIGIN, &format!("{size} "), root),
        ),
        (
            "size with a decimal point",
            lines(ORIGIN, &format!("{size}.0"), root),
        ),
        (
            "size in other digits",
            lines(ORIGIN, "\u{0669}\u{0668}", root),
        ),
        (
            "size beyond 2^63-1",
            lines(ORIGIN, "9223372036854775808", root),
        ),
        ("no size", lines(ORIGIN, "", root)),
    ]
}

/// Other spellings of the root.
fn roots(size: &str, root: &str) -> Vec<(&'static str, String)> {
    let raw = Base64::decode_vec(root).unwrap();
    let without_padding = root.trim_end_matches('=');
    let url = root.replace('+', "-").replace('/', "_");
    let spare = {
        // Of 256 bits, base64 leaves two spare ones in its last digit.
        let mut digits = without_padding.to_owned();
        let last = digits.pop().unwrap();
        let next = char::from_u32(u32::from(last) + 1).unwrap();
        format!("{digits}{next}=")
    };
    vec![
        ("root without padding", lines(ORIGIN, size, without_padding)),
        (
            "root with more padding",
            lines(ORIGIN, size, &format!("{root}=")),
        ),
        ("root in base64url", lines(ORIGIN, size, &format!("{url}-"))),
        ("root with spare bits", lines(ORIGIN, size, &spare)),
        (
            "root with a space behind",
            lines(ORIGIN, size, &format!("{root} ")),
        ),
        (
            "root of 31 bytes",
            lines(ORIGIN, size, &Base64::encode_string(&raw[1..])),
        ),
        (
            "root of 33 bytes",
            lines(
                ORIGIN,
                size,
                &Base64::encode_string(&[&raw[..], &[0]].concat()),
            ),
        ),
        ("no root", lines(ORIGIN, size, "")),
    ]
}

/// Three lines, and what nearly is three lines; what comes out is not the text that `lines` makes.
fn texts(size: &str, root: &str) -> Vec<(&'static str, String)> {
    let whole = lines(ORIGIN, size, root);
    vec![
        ("one more line", format!("{whole}extension\n")),
        ("one more empty line", format!("{whole}\n")),
        ("a line less", format!("{ORIGIN}\n{size}\n")),
        ("lines end with CR LF", whole.replace('\n', "\r\n")),
        (
            "a CR behind the root",
            lines(ORIGIN, size, &format!("{root}\r")),
        ),
        ("no last line end", whole.trim_end().into()),
        ("another origin", lines("ledger.example/v2", size, root)),
        (
            "origin with a space behind",
            lines(&format!("{ORIGIN} "), size, root),
        ),
        (
            "origin in upper case",
            lines(&ORIGIN.to_uppercase(), size, root),
        ),
        ("no origin", lines("", size, root)),
        ("a byte order mark", format!("\u{feff}{whole}")),
        ("lines in another order", lines(size, ORIGIN, root)),
    ]
}

#[test]
fn what_nearly_is_a_checkpoint_is_none_even_if_the_log_signs_it() {
    let golden = Shelf::golden();
    let (text, signatures) = golden.note.rsplit_once("\n\n").unwrap();
    let mut lines = text.lines().skip(1);
    let (size, root) = (lines.next().unwrap(), lines.next().unwrap());
    let mut tally = Tally::new("checkpoint texts, as they are and signed by the log");
    let all = [texts(size, root), sizes(size, root), roots(size, root)];
    for (what, text) in all.into_iter().flatten() {
        let mut shelf = golden.clone();
        shelf.note = format!("{text}\n{signatures}");
        tally.judge(broken(&shelf.report()), || format!("{what}, unsigned"));
        // Text that cannot stand in a note is not signed at all.
        if let Ok(signed) = log_key().sign(&text) {
            shelf.note = signed;
            tally.judge(broken(&shelf.report()), || format!("{what}, signed"));
        }
    }
    tally.close();
}

#[test]
fn a_checkpoint_of_another_tree_is_found() {
    let golden = Shelf::golden();
    let size = golden.records.len();
    let mut tally = Tally::new("checkpoints of other sizes and roots, signed by the log");
    for other in (2..size).chain(size + 1..size + 3) {
        let tree = golden.tree();
        let at = u64::try_from(other.min(size)).unwrap();
        for (what, of) in [("its root", at), ("the whole root", tree.size())] {
            let checkpoint = Checkpoint {
                origin: ORIGIN.into(),
                size: u64::try_from(other).unwrap(),
                root: tree.root_at(of).unwrap(),
            };
            let mut shelf = golden.clone();
            shelf.note = checkpoint.sign(log_key()).unwrap().note().into();
            let report = shelf.report();
            // An earlier head of the same log is true; what stands behind it is nobody's word.
            let is_older = other < size && what == "its root";
            let found = match report.exit_code() {
                3 if is_older => Ok(()),
                _ => broken(&report),
            };
            tally.judge(found, || format!("size {other}, {what}"));
        }
    }
    tally.close();
}

/// Another Ed25519 signature of the same text: S + L, which a lax verifier takes.
fn malleable(signature: &[u8]) -> Vec<u8> {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut made = signature.to_vec();
    let mut carry = 0_u16;
    let start = made.len() - 32;
    for (byte, add) in made[start..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    made
}

#[test]
fn a_signature_line_that_is_not_the_logs_own_is_found() {
    let golden = Shelf::golden();
    let (text, line) = golden.note.split_once("\n\n").unwrap();
    let signature = line.trim_end().rsplit_once(' ').unwrap().1;
    let raw = Base64::decode_vec(signature).unwrap();
    let other = Signer::new(ORIGIN, SigningKey::from_bytes(&[99; 32])).unwrap();
    let by_other = other.sign(&format!("{text}\n")).unwrap();
    let by_other = by_other.split_once("\n\n").unwrap().1.to_owned();
    let of = |name: &str, raw: &[u8]| format!("\u{2014} {name} {}\n", Base64::encode_string(raw));
    let variants = [
        ("no line at all", String::new()),
        ("the same line twice", [line, line].concat()),
        (
            "a wrong line of the same key before it",
            [of(ORIGIN, &[&raw[..4], &[0; 64]].concat()).as_str(), line].concat(),
        ),
        ("a hyphen", line.replace('\u{2014}', "-")),
        ("two spaces", line.replace(' ', "  ")),
        ("a tab", line.replacen(' ', "\t", 1)),
        ("a space behind", format!("{} \n", line.trim_end())),
        ("a CR behind", format!("{}\r\n", line.trim_end())),
        ("no line end", line.trim_end().into()),
        ("an empty line before it", format!("\n{line}")),
        (
            "no padding",
            format!("{}\n", line.trim_end().trim_end_matches('=')),
        ),
        ("another name", of("ledger.example/v2", &raw)),
        (
            "another key id",
            of(ORIGIN, &[&[raw[0] ^ 1], &raw[1..]].concat()),
        ),
        ("a byte more", of(ORIGIN, &[&raw[..], &[0]].concat())),
        ("a byte less", of(ORIGIN, &raw[..raw.len() - 1])),
        ("S + L", of(ORIGIN, &malleable(&raw))),
        ("by another key of that name", by_other.clone()),
    ];
    let mut tally = Tally::new("signature lines");
    for (what, lines) in variants {
        let mut shelf = golden.clone();
        shelf.note = format!("{text}\n\n{lines}");
        tally.judge(broken(&shelf.report()), || what.into());
    }
    tally.close();
    // Not the log's, and passed over: docs/spec/ledger.md, part 3.
    let nothing = [
        ("a line of another key behind", [line, &by_other].concat()),
        ("a line of another key before", [&by_other, line].concat()),
        (
            "a line of another name",
            [line, &of("witness.example", &raw)].concat(),
        ),
    ];
    for (what, lines) in nothing {
        let mut shelf = golden.clone();
        shelf.note = format!("{text}\n\n{lines}");
        assert_eq!(shelf.report().exit_code(), 0, "{what}");
        figures(&format!(
            "means nothing by the specification, and is passed over: {what}"
        ));
    }
}
