//! Entries changed, removed, repeated, moved and replaced; hashes made anew, without the log's key
//! and with it; and the same content in other bytes.

use std::collections::BTreeMap;
use std::fs;

use countersign_ledger::note::Signer;
use countersign_record::cbor::{Item, Map, decode, encode};
use countersign_record::entry::{Entry, Fact};
use countersign_tamper::ORIGIN;
use countersign_tests::root;
use ed25519_dalek::SigningKey;

use crate::cbor::{Spoil, spoiled};
use crate::draw::Draw;
use crate::figures::{amount, figures};
use crate::shelf::{Shelf, found_as, log_key, named};
use crate::tally::{Tally, on_all_cores};

#[test]
#[ignore = "long: the whole verifier for each byte; tests/run runs it"]
fn every_changed_byte_of_every_entry_is_found_and_the_entry_named() {
    let golden = Shelf::golden();
    let count = golden.records.len();
    // Every byte, or every n-th.
    let stride = usize::try_from(amount("STRIDE", 1)).unwrap();
    let tally = on_all_cores(
        "entries, bytes in strides, whole verify",
        count,
        |place, tally| {
            let (mut shelf, mut draw) = (golden.clone(), Draw::new(u64::try_from(place).unwrap()));
            for byte in (place % stride..shelf.records[place].entry.len()).step_by(stride) {
                let bit = 1 << draw.below(8);
                shelf.records[place].entry[byte] ^= bit;
                let found = named(&shelf.report(), place);
                tally.judge(found, || format!("entry {place} byte {byte} by {bit}"));
                shelf.records[place].entry[byte] ^= bit;
            }
        },
    );
    tally.close();
}

#[test]
#[ignore = "long: the whole verifier for each change; tests/run runs it"]
fn every_removed_repeated_swapped_or_replaced_entry_is_found() {
    let golden = Shelf::golden();
    let mut draw = Draw::new(3);
    let mut tally = Tally::new("entries removed, repeated, swapped, replaced");
    let count = golden.records.len();
    let mut change = |what: &str, first: usize, change: &dyn Fn(&mut Shelf)| {
        let mut shelf = golden.clone();
        change(&mut shelf);
        tally.judge(named(&shelf.report(), first), || {
            format!("{what} at {first}")
        });
    };
    for place in 0..count {
        let other =
            (place + 1 + usize::try_from(draw.below(u64::try_from(count - 1).unwrap())).unwrap())
                % count;
        let (low, high) = (place.min(other), place.max(other));
        change("removed", place, &|shelf| drop(shelf.records.remove(place)));
        change("repeated", place + 1, &|shelf| {
            shelf
                .records
                .insert(place + 1, shelf.records[place].clone());
        });
        if place + 1 < count {
            change("swapped with the next", place, &|shelf| {
                shelf.records.swap(place, place + 1);
            });
        }
        change("swapped with another", low, &|shelf| {
            shelf.records.swap(low, high);
        });
        change("replaced by another", place, &|shelf| {
            shelf.records[place] = shelf.records[other].clone();
        });
        change("cut off from here on", place, &|shelf| {
            shelf.records.truncate(place);
        });
    }
    tally.close();
}

/// One entry of each kind, as every kind's rules allow it.
fn valid_entries() -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(root().join("fixtures/entries")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let kind = path.file_stem()?.to_str()?.to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
        (path.extension()? == "hex").then_some((kind, bytes?))
    };
    files.filter_map(read).collect()
}

#[test]
#[ignore = "long: the whole verifier for each change; tests/run runs it"]
fn every_entry_replaced_by_a_valid_one_of_its_kind_is_found() {
    let golden = Shelf::golden();
    let mut tally = Tally::new("entries replaced by a valid one of their kind");
    let valid: BTreeMap<_, _> = valid_entries().into_iter().collect();
    for place in 0..golden.records.len() {
        let kind = Entry::decode(&golden.records[place].entry).unwrap().kind();
        let mut shelf = golden.clone();
        shelf.records[place].entry = valid[kind].clone();
        tally.judge(named(&shelf.report(), place), || {
            format!("{kind} at {place}")
        });
    }
    tally.close();
}

/// An item with one leaf changed, as often as it has leaves, and where that leaf is.
fn edits(item: &Item) -> Vec<(String, Item)> {
    match item {
        Item::Map(map) => {
            let mut made = Vec::new();
            for (key, value) in map.iter() {
                for (path, edit) in edits(value) {
                    made.push((
                        format!("/{key}{path}"),
                        Item::Map(with(map, key, Some(edit))),
                    ));
                }
                made.push((format!("/{key} removed"), Item::Map(with(map, key, None))));
            }
            made
        }
        Item::Array(items) => {
            let mut made = Vec::new();
            for (place, value) in items.iter().enumerate() {
                for (path, edit) in edits(value) {
                    let mut items = items.clone();
                    items[place] = edit;
                    made.push((format!("/{place}{path}"), Item::Array(items)));
                }
            }
            made
        }
        leaf => vec![(String::new(), changed(leaf))],
    }
}

fn with(map: &Map, key: &str, value: Option<Item>) -> Map {
    let mut map = map.clone();
    map.take(key);
    if let Some(value) = value {
        map.add(key, value);
    }
    map
}

fn changed(leaf: &Item) -> Item {
    match leaf {
        Item::Uint(number) => Item::Uint(number.wrapping_add(1)),
        Item::Negative(number) => Item::Negative(number.wrapping_add(1)),
        Item::Bool(flag) => Item::Bool(!flag),
        Item::Text(text) => {
            let mut text = text.clone();
            let last = text.pop().unwrap_or('a');
            text.push(if last == 'a' { 'b' } else { 'a' });
            Item::Text(text)
        }
        Item::Bytes(bytes) => {
            let mut bytes = bytes.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            Item::Bytes(bytes)
        }
        Item::Array(_) | Item::Map(_) => leaf.clone(),
    }
}

/// Every value of every entry changed, all links behind it made anew.
fn forged(golden: &Shelf, place: usize) -> Vec<(String, Shelf)> {
    let whole = decode(&golden.records[place].entry).unwrap();
    let relinked = |path: &str| path.starts_with("/seq") || path.starts_with("/prev");
    let edits = edits(&whole).into_iter();
    let edits = edits.filter(|(path, _)| !relinked(path));
    let forge = |(path, item): (String, Item)| {
        let mut shelf = golden.clone();
        shelf.records[place].entry = encode(&item);
        shelf.relink(place + 1);
        (path, shelf)
    };
    edits.map(forge).collect()
}

#[test]
#[ignore = "long: the whole verifier for each value; tests/run runs it"]
fn hashes_made_anew_without_the_logs_key_are_found() {
    let golden = Shelf::golden();
    let other = Signer::new(ORIGIN, SigningKey::from_bytes(&[99; 32])).unwrap();
    let count = golden.records.len();
    let what = "values changed, links made anew, without the log's key";
    let tally = on_all_cores(what, count, |place, tally| {
        for (path, mut shelf) in forged(&golden, place) {
            let change = || format!("entry {place} {path}");
            tally.judge(found_as(&shelf.report(), "tree"), change);
            // By a key that calls itself the log's.
            shelf.sign(&other);
            tally.judge(found_as(&shelf.report(), "checkpoint"), change);
        }
    });
    tally.close();
}

#[test]
#[ignore = "long: the whole verifier for each value; tests/run runs it"]
fn a_history_made_anew_with_the_logs_key_is_found_by_a_head_that_was_kept() {
    let golden = Shelf::golden();
    let count = golden.records.len();
    let alone = std::sync::Mutex::new((0_u64, BTreeMap::<String, u64>::new()));
    let what = "values changed, links and checkpoint made anew, with the log's key, a head kept";
    let tally = on_all_cores(what, count, |place, tally| {
        for (path, mut shelf) in forged(&golden, place) {
            shelf.sign(log_key());
            let by_itself = shelf.report().exit_code();
            let kind = Entry::decode(&golden.records[place].entry).unwrap().kind();
            let mut alone = alone.lock().unwrap();
            match by_itself {
                0 => *alone.1.entry(format!("{kind} {path}")).or_default() += 1,
                _ => alone.0 += 1,
            }
            drop(alone);
            shelf.earlier = Some(golden.note.clone());
            tally.judge(found_as(&shelf.report(), "since"), || {
                format!("entry {place} {path}")
            });
        }
    });
    tally.close();
    let (found, accepted) = alone.into_inner().unwrap();
    let times: u64 = accepted.values().sum();
    figures(&format!(
        "the same without a head that was kept: {found} found, {times} told by nothing else"
    ));
    for (what, times) in accepted {
        println!("TOLD ONLY BY A KEPT HEAD: {what} ({times})");
    }
}

/// What a person signed stands whoever has the log's key.
#[test]
#[ignore = "long: the whole verifier for each byte; tests/run runs it"]
fn every_changed_byte_of_what_people_signed_is_found_although_the_log_was_signed_anew() {
    let golden = Shelf::golden();
    let signed: Vec<usize> = (0..golden.records.len())
        .filter(|place| {
            let entry = Entry::decode(&golden.records[*place].entry).unwrap();
            match entry.draft.fact {
                Fact::VoteApprove(_) | Fact::VoteDeny(_) | Fact::KeyEnrolled(_) => true,
                Fact::ConfirmationRevoked(revoked) => revoked.signature.is_some(),
                _ => false,
            }
        })
        .collect();
    let what = "statements and signatures, every byte, with the log's key";
    let tally = on_all_cores(what, signed.len(), |number, tally| {
        let place = signed[number];
        let Item::Map(whole) = decode(&golden.records[place].entry).unwrap() else {
            panic!("an entry is a map");
        };
        let begins = |at: &usize| {
            Entry::decode(&golden.records[*at].entry)
                .unwrap()
                .n
                .is_some()
        };
        let end = (place + 1..golden.records.len()).find(begins).unwrap();
        let mut draw = Draw::new(u64::try_from(place).unwrap());
        for member in ["statement", "signature"] {
            let Some(Item::Bytes(bytes)) = whole.item(member) else {
                panic!("{member} of {place}");
            };
            for byte in 0..bytes.len() {
                let mut bytes = bytes.clone();
                bytes[byte] ^= 1 << draw.below(8);
                let map = with(&whole, member, Some(Item::Bytes(bytes)));
                let mut shelf = golden.clone();
                // What comes after its command does not count: the first bad entry is this one.
                shelf.records.truncate(end);
                shelf.records[place].entry = encode(&Item::Map(map));
                shelf.relink(place + 1);
                shelf.sign(log_key());
                let found = named(&shelf.report(), place);
                tally.judge(found, || format!("{member} of {place}, byte {byte}"));
            }
        }
    });
    tally.close();
}

/// An approval of which one vote is taken out, or is another's.
#[test]
#[ignore = "long: the whole verifier for each change; tests/run runs it"]
fn an_approval_without_its_votes_is_found_although_the_log_was_signed_anew() {
    let golden = Shelf::golden();
    let facts: Vec<Fact> = golden
        .records
        .iter()
        .map(|record| Entry::decode(&record.entry).unwrap().draft.fact)
        .collect();
    let votes: Vec<usize> = (0..facts.len())
        .filter(|place| matches!(facts[*place], Fact::VoteApprove(_)))
        .collect();
    let mut tally =
        Tally::new("votes taken out, taken twice, taken from others, with the log's key");
    let mut judge = |what: &str, first: usize, mut shelf: Shelf| {
        shelf.relink(0);
        shelf.sign(log_key());
        tally.judge(named(&shelf.report(), first), || {
            format!("vote {what}, at {first}")
        });
    };
    for &place in &votes {
        let mut shelf = golden.clone();
        shelf.records.remove(place);
        judge("taken out, named by what stands in its place", place, shelf);
        let mut shelf = golden.clone();
        shelf.records.insert(place, shelf.records[place].clone());
        judge("taken twice, named by the second", place + 1, shelf);
        for &other in votes.iter().filter(|other| **other != place) {
            let mut shelf = golden.clone();
            shelf.records[place] = shelf.records[other].clone();
            judge(&format!("replaced by {other}"), place, shelf);
        }
    }
    tally.close();
}

#[test]
#[ignore = "long: the whole verifier for each spelling; tests/run runs it"]
fn every_entry_in_bytes_that_are_not_canonical_is_found_although_the_log_was_signed_anew() {
    let golden = Shelf::golden();
    let count = golden.records.len();
    let what = "entries in other spellings, with the log's key";
    let tally = on_all_cores(what, count, |place, tally| {
        let item = decode(&golden.records[place].entry).unwrap();
        for spoil in Spoil::ALL {
            for number in 0.. {
                let Some(bytes) = spoiled(&item, spoil, number) else {
                    break;
                };
                if bytes == golden.records[place].entry {
                    continue;
                }
                let mut shelf = golden.clone();
                shelf.records.truncate(place + 2);
                shelf.records[place].entry = bytes;
                shelf.relink(place + 1);
                shelf.sign(log_key());
                let found = found_as(&shelf.report(), "form").and(named(&shelf.report(), place));
                tally.judge(found, || format!("entry {place} {spoil:?} {number}"));
            }
        }
    });
    tally.close();
}
