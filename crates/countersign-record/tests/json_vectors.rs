//! The vector files of fixtures/vectors/json: headers, an empty line, and the bytes to read.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign_record::json::{Fault, Limits, ReadError, canonical_text, read};

#[test]
fn every_vector_reads_or_is_refused_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/json");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() > 60, "only {} vectors found", paths.len());
    let wrong: Vec<_> = paths.iter().filter_map(|path| check(path).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(path: &Path) -> Result<(), String> {
    let file = fs::read(path).unwrap();
    let split = file.windows(2).position(|pair| pair == b"\n\n").unwrap();
    let headers: BTreeMap<&str, &str> = str::from_utf8(&file[..split])
        .unwrap()
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let limits = match headers.get("limits") {
        None => Limits::REQUEST,
        Some(&"document") => Limits::DOCUMENT,
        Some(other) => panic!("{}: limits {other}", path.display()),
    };
    let expected = match headers["expect"] {
        "accepted" => Ok(headers["canonical"].to_owned()),
        "refused" => Err(format!(
            "{} at {} byte {}",
            headers["fault"], headers["at"], headers["byte"]
        )),
        other => panic!("{}: expect {other}", path.display()),
    };
    let found = read(&file[split + 2..], &limits)
        .map(|value| canonical_text(&value))
        .map_err(|error| refusal(&error));
    if found == expected {
        Ok(())
    } else {
        Err(format!("{}: {found:?}, not {expected:?}", path.display()))
    }
}

fn refusal(error: &ReadError) -> String {
    let ReadError {
        pointer,
        offset,
        fault,
    } = error;
    format!("{} at \"{pointer}\" byte {offset}", name(*fault))
}

/// The names of docs/spec/json.md.
fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::Bytes { .. } => "bytes",
        Fault::Depth { .. } => "depth",
        Fault::Nodes { .. } => "nodes",
        Fault::ByteOrderMark => "byte-order-mark",
        Fault::Utf8 => "utf8",
        Fault::End => "end",
        Fault::Syntax { .. } => "syntax",
        Fault::Trailing => "trailing",
        Fault::Duplicate => "duplicate",
        Fault::Escape => "escape",
        Fault::Control => "control",
        Fault::LoneSurrogate => "lone-surrogate",
        Fault::Noncharacter => "noncharacter",
        Fault::NegativeZero => "negative-zero",
        Fault::NumberTooLarge => "number-too-large",
        Fault::NumberNotExact => "number-not-exact",
    }
}
