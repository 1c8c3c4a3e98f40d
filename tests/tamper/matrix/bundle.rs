//! Every file of the bundle changed, and its parts in each other's places; the manifest is made anew
//! as whoever changes a file would.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use countersign_evidence::{Looked, Opened};
use countersign_record::body::Disclosure;
use countersign_record::digest::{hex, sha256};
use countersign_record::entry::Entry;
use countersign_record::json::{Limits, read};
use countersign_tamper::golden;
use countersign_verify::{Finding, Options, Report, Severity, verify};
use tempfile::TempDir;

use crate::draw::Draw;
use crate::figures::{amount, figures};
use crate::shelf::{Shelf, named};
use crate::tally::{Tally, on_all_cores};

const MANIFEST: &str = "manifest-sha256.txt";

type Files = BTreeMap<String, Vec<u8>>;

static GOLDEN: LazyLock<Files> = LazyLock::new(|| golden::files(&golden::bundle()));

/// A copy on disk, to be changed and put right again.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        GOLDEN
            .iter()
            .for_each(|(name, bytes)| copy.put(name, bytes));
        copy
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// What is said once these files are so; `None`: it is gone.
    fn with(&self, changes: &[(&str, Option<Vec<u8>>)], manifest_too: bool) -> Said {
        for (name, bytes) in changes {
            match bytes {
                Some(bytes) => self.put(name, bytes),
                None => fs::remove_file(self.0.path().join(name)).unwrap(),
            }
        }
        if manifest_too {
            self.put(MANIFEST, manifest(changes).as_bytes());
        }
        let said = examine(self.0.path());
        for (name, _) in changes {
            match GOLDEN.get(*name) {
                Some(bytes) => self.put(name, bytes),
                None => fs::remove_file(self.0.path().join(name)).unwrap(),
            }
        }
        self.put(MANIFEST, &GOLDEN[MANIFEST]);
        said
    }
}

/// The manifest of the golden files with these changes.
fn manifest(changes: &[(&str, Option<Vec<u8>>)]) -> String {
    let mut files = GOLDEN.clone();
    files.remove(MANIFEST);
    for (name, bytes) in changes {
        match bytes {
            Some(bytes) => files.insert((*name).into(), bytes.clone()),
            None => files.remove(*name),
        };
    }
    let line = |(name, bytes): (&String, &Vec<u8>)| format!("{}  {name}\n", hex(&sha256(&[bytes])));
    files.iter().map(line).collect()
}

/// What the two checks of files and the verifier say.
struct Said {
    exit_code: u8,
    /// Files that are faulty, in the order in which they are told.
    places: Vec<String>,
    report: Report,
}

fn examine(path: &Path) -> Said {
    let source = countersign_evidence::open(path).unwrap();
    assert!(matches!(source, Opened::Bundle(_)));
    let report = verify(&source, &golden::trust(), &Options::default(), &mut |_| ());
    let mut said = Said {
        exit_code: report.exit_code(),
        places: Vec::new(),
        report,
    };
    for inspection in source.inspect() {
        if let Looked::Bad(bad) = inspection.looked {
            said.exit_code = 1;
            said.places.extend(bad.into_iter().map(|fault| fault.place));
        }
    }
    said
}

impl Said {
    /// Broken, and each changed file is named, or the entry that it belongs to; the first that is
    /// told is one of them.
    fn names(&self, changed: &[&str]) -> Result<(), String> {
        if self.exit_code != 1 {
            return Err(format!("exit {}", self.exit_code));
        }
        let unnamed = changed.iter().find(|name| !self.is_named(name));
        match unnamed {
            Some(name) => Err(format!("{name} is not named: {:?}", self.told())),
            None => self.begins_with(changed),
        }
    }

    fn is_named(&self, name: &str) -> bool {
        let seq = seq_of(name);
        let is_file = self.places.iter().any(|place| place == name);
        let is_entry = seq.is_some()
            && (self.seqs().any(|it| Some(it) == seq)
                || self.places.iter().any(|place| seq_of(place) == seq));
        // A checkpoint is no entry's: the verifier's own checks name it.
        let is_checkpoint = name.starts_with("data/checkpoints/") && self.doubts_the_checkpoint();
        is_file || is_entry || is_checkpoint
    }

    fn doubts_the_checkpoint(&self) -> bool {
        let mut faults = self.faults();
        faults.any(|it| ["checkpoint", "tree"].contains(&it.id)) || self.report.exit_code() == 3
    }

    /// Where the verifier finds an entry bad, the first is that of the first changed file; where all
    /// entries hold, the first file that is told is a changed one.
    fn begins_with(&self, changed: &[&str]) -> Result<(), String> {
        let first = changed.iter().filter_map(|name| seq_of(name)).min();
        let is_changed = |place: &String| changed.contains(&place.as_str());
        match (first, self.seqs().next()) {
            (Some(seq), Some(_)) => named(&self.report, usize::try_from(seq).unwrap()),
            _ if self.places.first().is_some_and(is_changed) => Ok(()),
            _ if changed[0].starts_with("data/checkpoints/") => Ok(()),
            _ => Err(format!("told first is another: {:?}", self.told())),
        }
    }

    fn faults(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.report.findings.iter();
        findings.filter(|it| it.severity == Severity::Integrity)
    }

    /// Entries that are faulty.
    fn seqs(&self) -> impl Iterator<Item = u64> {
        self.faults().filter_map(|it| it.seq)
    }

    fn told(&self) -> (&[String], Vec<(&str, Option<u64>)>) {
        let places = &self.places[..self.places.len().min(3)];
        let faults = self.faults().take(3).map(|it| (it.id, it.seq));
        (places, faults.collect())
    }
}

fn seq_of(name: &str) -> Option<u64> {
    let rest = name.strip_prefix("data/")?.split_once('/')?.1;
    rest.get(..10)?.parse().ok()
}

#[test]
#[ignore = "long: the whole verifier for each change; tests/run runs it"]
fn a_changed_byte_of_any_file_of_the_bundle_is_found_and_the_file_named() {
    let files: Vec<(&String, &Vec<u8>)> = GOLDEN.iter().collect();
    // 0: every byte.
    let each = usize::try_from(amount("BYTES", 4)).unwrap();
    let what = "bundle files, bytes drawn, whole verify";
    let copies: Vec<_> = files.chunks(32).collect();
    let tally = on_all_cores(what, copies.len(), |number, tally| {
        let (copy, mut draw) = (Copy::new(), Draw::new(u64::try_from(number).unwrap()));
        for (name, bytes) in copies[number] {
            change_bytes(&copy, name, bytes, each, &mut draw, tally);
            if *name != MANIFEST {
                change_whole(&copy, name, bytes, tally);
            }
        }
    });
    tally.close();
}

/// So many bytes of a file, or each.
fn change_bytes(
    copy: &Copy,
    name: &str,
    bytes: &[u8],
    each: usize,
    draw: &mut Draw,
    tally: &mut Tally,
) {
    let len = u64::try_from(bytes.len()).unwrap();
    let drawn = |_| usize::try_from(draw.below(len)).unwrap();
    let places: Vec<usize> = match each {
        0 => (0..bytes.len()).collect(),
        _ if bytes.is_empty() => Vec::new(),
        _ => (0..each).map(drawn).collect(),
    };
    for place in places {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1 << draw.below(8);
        let said = copy.with(&[(name, Some(changed))], name != MANIFEST);
        let found = match (name, said.exit_code) {
            // Of the manifest, the file is named whose line it is.
            (MANIFEST, 1) => Ok(()),
            _ => said.names(&[name]),
        };
        tally.judge(found, || format!("{name} byte {place}"));
    }
}

fn change_whole(copy: &Copy, name: &str, bytes: &[u8], tally: &mut Tally) {
    let longer = [bytes, b"\n"].concat();
    let changes: [(&str, Option<Vec<u8>>, bool); 3] = [
        ("a byte more", Some(longer), true),
        ("gone", None, true),
        (
            "changed, the manifest left as it was",
            Some(b"x".to_vec()),
            false,
        ),
    ];
    for (what, bytes, manifest_too) in changes {
        let said = copy.with(&[(name, bytes)], manifest_too);
        tally.judge(said.names(&[name]), || format!("{name}: {what}"));
    }
}

/// Which files are parts of the same sort.
fn sort_of(name: &str) -> Option<&'static str> {
    const SORTS: [(&str, &str); 11] = [
        ("data/attest/", "statement.json"),
        ("data/attest/", "signature.bin"),
        ("data/attest/", "statement.json.sig"),
        ("data/shown/", ".json"),
        ("data/shown/", ".txt"),
        ("data/keys/", ".pub"),
        ("data/keys/", ".pem"),
        ("data/policy/", ".toml"),
        ("data/entries/", ".cbor"),
        ("data/disclosures/", ".json"),
        ("data/proofs/", ".tlog-proof"),
    ];
    let fits =
        |(folder, end): &&(&str, &'static str)| name.starts_with(folder) && name.ends_with(end);
    SORTS
        .iter()
        .find(fits)
        .map(|(folder, end)| if *end == ".json" { folder } else { *end })
}

/// Pairs of parts of one sort, both ways: all where there are few, and of what people signed however
/// many; each with its next and with one other where there are many (`COUNTERSIGN_TEST_PAIRS=0`: all).
/// Of proofs, `proofs.rs` puts each in the place of each other.
fn pairs() -> Vec<(&'static str, &'static str)> {
    let most = usize::try_from(amount("PAIRS", 10)).unwrap();
    let mut sorts: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for name in GOLDEN.keys() {
        if let Some(sort) = sort_of(name) {
            sorts.entry(sort).or_default().push(name);
        }
    }
    let (mut draw, mut pairs) = (Draw::new(5), Vec::new());
    for names in sorts.into_values() {
        let count = names.len();
        let is_signed = names[0].starts_with("data/attest/");
        for place in 0..count {
            let others: Vec<usize> = if most == 0 || count <= most || is_signed {
                (0..count).filter(|other| *other != place).collect()
            } else {
                let drawn = usize::try_from(draw.below(u64::try_from(count - 1).unwrap())).unwrap();
                vec![(place + 1) % count, (place + 1 + drawn) % count]
            };
            pairs.extend(others.into_iter().map(|other| (names[place], names[other])));
        }
    }
    pairs
}

#[test]
#[ignore = "long: the whole verifier for each pair; tests/run runs it"]
fn every_part_of_the_bundle_in_the_place_of_another_is_found() {
    let pairs = pairs();
    let copies: Vec<_> = pairs.chunks(32).collect();
    let what = "bundle parts, one in the place of another";
    let tally = on_all_cores(what, copies.len(), |number, tally| {
        let copy = Copy::new();
        for (name, other) in copies[number] {
            let theirs = &GOLDEN[*other];
            if GOLDEN[*name] == *theirs {
                continue;
            }
            let said = copy.with(&[(name, Some(theirs.clone()))], true);
            tally.judge(said.names(&[*name]), || format!("{other} as {name}"));
            let own = GOLDEN[*name].clone();
            let said = copy.with(&[(name, Some(theirs.clone())), (other, Some(own))], true);
            tally.judge(said.names(&[*name, *other]), || {
                format!("{name} and {other} swapped")
            });
        }
    });
    tally.close();
}

#[test]
#[ignore = "long: the whole verifier for each file; tests/run runs it"]
fn whatever_else_lies_in_the_bundle_is_found() {
    let copy = Copy::new();
    let mut tally = Tally::new("files that do not belong to the bundle");
    let others = [
        "data/entries/0000000098.cbor",
        "data/entries/98.cbor",
        "data/disclosures/0000000000.policy.json",
        "data/checkpoints/97",
        "data/keys/other.pub",
        "data/notes.txt",
        "README",
    ];
    for name in others {
        for bytes in [Vec::new(), b"x".to_vec()] {
            let said = copy.with(&[(name, Some(bytes.clone()))], true);
            let found = if said.exit_code == 1 {
                Ok(())
            } else {
                Err("accepted".into())
            };
            tally.judge(found, || format!("{name} of {} bytes", bytes.len()));
        }
    }
    tally.close();
}

/// As the verifier reads it: strict JSON, the form of a disclosure, and the root in the header.
#[test]
#[ignore = "long: every bit; tests/run runs it"]
fn every_flipped_bit_of_every_disclosure_is_found() {
    let shelf = Shelf::golden();
    let files: Vec<_> = GOLDEN
        .iter()
        .filter(|(name, _)| name.starts_with("data/disclosures/"))
        .collect();
    let tally = on_all_cores("disclosures, every bit", files.len(), |number, tally| {
        let (name, bytes) = files[number];
        let seq = usize::try_from(seq_of(name).unwrap()).unwrap();
        let entry = Entry::decode(&shelf.records[seq].entry).unwrap();
        let body = name.rsplit('.').nth(1).unwrap();
        let root = entry.draft.bodies.root(body).unwrap();
        let holds = |bytes: &[u8]| {
            let json = read(bytes, &Limits::DISCLOSURE).ok();
            let disclosure = json.and_then(|json| Disclosure::from_json(&json).ok());
            let same = disclosure.filter(|it| it.root().is_ok_and(|it| it == root));
            // Another spelling of the same is told by the check of the files.
            same.is_some_and(|it| {
                let written = countersign_record::json::canonical(&it.to_json());
                [written.as_slice(), b"\n"].concat() == bytes
            })
        };
        assert!(holds(bytes), "{name}");
        let mut changed = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            changed[bit / 8] ^= 1 << (bit % 8);
            tally.refused(!holds(&changed), || format!("{name} bit {bit}"));
            changed[bit / 8] ^= 1 << (bit % 8);
        }
    });
    tally.close();
    figures(
        "names of nobody's: times, owners and modes of the bundle's files are no evidence (docs/spec/bundle.md)",
    );
}
