//! Which file is where.

use std::path::Path;

pub(crate) const MANIFEST: &str = "manifest-sha256.txt";
pub(crate) const DESCRIPTION: &str = "data/bundle.json";
pub(crate) const ENTRIES: &str = "data/entries";
pub(crate) const CHECKPOINTS: &str = "data/checkpoints";

/// More than any file of a bundle has: the description is the longest.
pub(crate) const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Ten digits: names sort as numbers up to ten thousand million entries.
const DIGITS: usize = 10;

pub(crate) fn is_bundle(path: &Path) -> bool {
    path.join(MANIFEST).is_file() || path.join(DESCRIPTION).is_file() || path.join(ENTRIES).is_dir()
}

pub(crate) fn entry(seq: u64) -> String {
    format!("{ENTRIES}/{seq:0DIGITS$}.cbor")
}

/// Reads the last part of [`entry`].
pub(crate) fn parse_entry(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".cbor")?;
    let seq = digits.parse().ok()?;
    (format!("{seq:0DIGITS$}") == digits).then_some(seq)
}

pub(crate) fn view(seq: u64) -> String {
    format!("{ENTRIES}/{seq:0DIGITS$}.json")
}

/// `None` for a body whose name cannot be a part of a file's name; no kind of version 1 has one.
pub(crate) fn disclosure(seq: u64, body: &str) -> Option<String> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let is_name = (1..=64).contains(&body.len()) && body.bytes().all(plain);
    is_name.then(|| format!("data/disclosures/{seq:0DIGITS$}.{body}.json"))
}

pub(crate) fn shown(seq: u64, extension: &str) -> String {
    format!("data/shown/{seq:0DIGITS$}.{extension}")
}

pub(crate) fn attest(seq: u64, name: &str) -> String {
    format!("data/attest/{seq:0DIGITS$}/{name}")
}

pub(crate) fn proof(seq: u64) -> String {
    format!("data/proofs/{seq:0DIGITS$}.tlog-proof")
}

pub(crate) fn checkpoint(size: u64) -> String {
    format!("{CHECKPOINTS}/{size}")
}

pub(crate) fn key(name: &str) -> String {
    format!("data/keys/{name}")
}

pub(crate) fn policy(digest: &str) -> String {
    format!("data/policy/{digest}.toml")
}

/// The entry that a file belongs to.
pub(crate) fn seq_of(path: &str) -> Option<u64> {
    let mut parts = path.strip_prefix("data/")?.split('/');
    let per_entry = ["entries", "disclosures", "shown", "attest", "proofs"];
    let directory = parts.next()?;
    let name = parts.next().filter(|_| per_entry.contains(&directory))?;
    name.split('.').next()?.parse().ok()
}
