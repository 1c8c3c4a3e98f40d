//! A sound ledger, and what one change of its bytes does.

use countersign_record::body::{Body, Disclosure};
use countersign_record::object;
use countersign_verify::{
    BodyState, CheckId, Extent, Options, Report, Require, Severity, Source, SourceError, Status,
    Stored, Trust, verify,
};

use crate::book::{Book, Shelf, only_fault};

#[test]
fn a_sound_ledger_verifies() {
    let report = Book::story().examine();
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    assert!(report.doubts.is_empty());
}

#[test]
fn a_changed_bit_anywhere_in_any_entry_is_found_and_the_entry_is_named() {
    let book = Book::story();
    let mut shelf = book.shelf();
    for seq in 0..shelf.records.len() {
        // Every byte would take minutes; the start differs from entry to entry.
        for byte in (seq % 37..shelf.records[seq].entry.len()).step_by(37) {
            let bit = 1 << (byte % 8);
            shelf.records[seq].entry[byte] ^= bit;
            let report = book.verdict_on(&shelf);
            assert_eq!(
                report.exit_code(),
                1,
                "entry {seq} byte {byte}: {}",
                report.to_text()
            );
            let first = first_named(&report);
            // Nothing follows the last entry: a change of its `prev` looks like one of the entry before.
            let last = report.to_text().contains("entry 36 or 37 was changed") && first == 36;
            assert!(
                first == seq as u64 || last,
                "{seq}, byte {byte}: {}",
                report.to_text()
            );
            shelf.records[seq].entry[byte] ^= bit;
        }
    }
}

fn first_named(report: &Report) -> u64 {
    let faults = report
        .findings
        .iter()
        .filter(|it| it.severity == Severity::Integrity);
    faults.filter_map(|it| it.seq).min().unwrap()
}

#[test]
fn a_removed_entry_is_found() {
    let book = Book::story();
    for seq in 0..book.records.len() {
        let mut shelf = book.shelf();
        shelf.records.remove(seq);
        assert_eq!(book.verdict_on(&shelf).exit_code(), 1, "entry {seq}");
    }
}

#[test]
fn two_swapped_entries_are_found() {
    let book = Book::story();
    for seq in 1..book.records.len() {
        let mut shelf = book.shelf();
        shelf.records.swap(seq - 1, seq);
        assert_eq!(book.verdict_on(&shelf).exit_code(), 1, "entry {seq}");
    }
}

#[test]
fn a_finding_names_the_place_whatever_number_stands_there() {
    let book = Book::story();
    for seq in 0..book.records.len() {
        let mut shelf = book.shelf();
        shelf.records.insert(seq + 1, shelf.records[seq].clone());
        let report = book.verdict_on(&shelf);
        // A broken link and a cut command are blamed on what comes before.
        let early = report.findings.iter().find(|it| {
            let is_before = it.seq.is_some_and(|named| named <= seq as u64);
            let blamed = ["chain", "command-cut"].contains(&it.id);
            it.severity == Severity::Integrity && is_before && !blamed
        });
        assert_eq!(early, None, "entry {seq} stands twice");
    }
}

#[test]
fn a_missing_tail_under_the_checkpoint_is_found() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.records.truncate(shelf.records.len() - 3);
    let first_missing = shelf.records.len() as u64;
    let report = book.verdict_on(&shelf);
    let finding = report.findings.iter().find(|it| it.id == "tree");
    let seq = finding.and_then(|it| it.seq);
    assert_eq!(seq, Some(first_missing), "{}", report.to_text());
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn a_command_of_which_a_part_is_missing_is_found_and_not_replayed() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.records.pop(); // the denial that a vote brought about
    let left = shelf.records.len();
    shelf.note = Some(book.note(left));
    let report = book.verdict_on(&shelf);
    let first = left as u64 - 1;
    assert_eq!(only_fault(&report), ("command-cut", Some(first)));
    let flow = report.checks.iter().find(|it| it.id == CheckId::Flow);
    let flow = flow.unwrap();
    assert_eq!(flow.status, Status::Warn);
    assert_eq!(flow.sentence, "1 incomplete commands not replayed");
}

#[test]
fn entries_behind_the_checkpoint_are_chained_but_unsigned() {
    let mut book = Book::story();
    let note = book.note(book.records.len());
    book.submit("bank.balance", "DE9");
    let mut shelf = book.shelf();
    shelf.note = Some(note);
    let report = book.verdict_on(&shelf);
    let tree = report
        .checks
        .iter()
        .find(|it| it.id == CheckId::Tree)
        .unwrap();
    assert_eq!(tree.status, Status::Warn);
    assert!(
        tree.sentence
            .contains("1 further entries are chained but unsigned, not judged"),
        "{}",
        tree.sentence
    );
    assert_eq!(report.exit_code(), 3);
    let options = Options {
        require: [Require::Committed].into(),
        ..Options::default()
    };
    assert_eq!(
        verify(&shelf, &book.trust(), &options, &mut |_| ()).exit_code(),
        3
    );
}

#[test]
fn a_history_made_anew_is_found_by_the_head_that_the_caller_kept() {
    let old = Book::story();
    let mut new = Book::new();
    new.wait(1);
    let call = new.approved("DE1");
    new.redeem(call);
    while new.records.len() < old.records.len() {
        new.submit("bank.balance", &format!("DE{}", new.records.len()));
    }
    let trust = Trust {
        earlier: Some(old.note(old.records.len())),
        ..new.trust()
    };
    let report = verify(&new.shelf(), &trust, &Options::default(), &mut |_| ());
    assert_eq!(only_fault(&report), ("since", None));
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn a_log_that_has_grown_since_the_last_look_passes() {
    let mut book = Book::story();
    let earlier = Some(book.note(book.records.len()));
    let call = book.submit("bank.balance", "DE9");
    book.redeem(call);
    let trust = Trust {
        earlier,
        ..book.trust()
    };
    let options = Options {
        require: [Require::Since].into(),
        ..Options::default()
    };
    let report = verify(&book.shelf(), &trust, &options, &mut |_| ());
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
}

#[test]
fn a_log_that_has_shrunk_since_the_last_look_fails() {
    let book = Book::story();
    let trust = Trust {
        earlier: Some(book.note(book.records.len())),
        ..book.trust()
    };
    let mut shelf = book.shelf();
    let size = shelf.records.len() - 1;
    shelf.records.truncate(size);
    shelf.note = Some(book.note(size));
    let report = verify(&shelf, &trust, &Options::default(), &mut |_| ());
    assert_eq!(report.exit_code(), 1, "{}", report.to_text());
}

#[test]
fn every_changed_body_is_found_and_the_entry_is_named() {
    let book = Book::story();
    for seq in 0..book.records.len() {
        let mut shelf = book.shelf();
        let Some(body) = shelf.records[seq].bodies.values_mut().next() else {
            continue;
        };
        let BodyState::Disclosed(Disclosure { leaves, .. }) = body else {
            unreachable!()
        };
        leaves.pop();
        let report = book.verdict_on(&shelf);
        assert!(
            report
                .findings
                .iter()
                .any(|it| (it.id, it.seq) == ("body", Some(seq as u64)))
        );
        assert_eq!(report.exit_code(), 1);
    }
}

#[test]
fn a_body_that_the_reader_opened_itself_is_held_to_its_root() {
    let book = Book::story();
    let opened = |salt: [u8; 16]| {
        let mut shelf = book.shelf();
        let policy = shelf.records[1].bodies.get_mut("policy").unwrap();
        let value = object! { "toml": crate::book::POLICY }.into();
        *policy = BodyState::Opened(Body::commit(&value, [1; 16], || salt).unwrap());
        book.verdict_on(&shelf)
    };
    let its_own = opened([2; 16]);
    assert_eq!(its_own.exit_code(), 0, "{}", its_own.to_text());
    assert_eq!(only_fault(&opened([3; 16])), ("body", Some(1)));
}

/// What the reader says of a log whose commands record these generations of the keyring, and where
/// the last of them stands.
fn keyrings(recorded: &[u64]) -> (Report, u64) {
    let mut book = Book::new();
    let mut last = 0;
    for generation in recorded {
        last = book.records.len() as u64;
        book.keyring = Some(*generation);
        book.submit("bank.balance", "DE1");
    }
    (book.examine(), last)
}

#[test]
fn a_keyring_that_was_set_back_is_found() {
    let (report, _) = keyrings(&[1, 2, 5]);
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    for set_back in [&[2, 2][..], &[3, 1], &[1, 4, 3]] {
        let (report, last) = keyrings(set_back);
        assert_eq!(only_fault(&report), ("command-cut", Some(last)));
    }
}

/// A source that says more after it broke off.
struct Babbling<'a>(&'a Shelf);

const BREAK: usize = 20;

impl Source for Babbling<'_> {
    fn checkpoint(&self) -> Option<String> {
        self.0.checkpoint()
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        let breaks = |fault: &str| {
            Err(SourceError {
                place: "segment 0".into(),
                fault: fault.into(),
                seq: None,
            })
        };
        let read = self.0.records().take(BREAK);
        let rest = self.0.records().skip(BREAK);
        Box::new(
            read.chain([breaks("first")])
                .chain(rest)
                .chain([breaks("second")]),
        )
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.0.record(seq)
    }
}

#[test]
fn nothing_counts_behind_the_place_where_the_records_break_off() {
    let book = Book::story();
    let shelf = book.shelf();
    let given = Babbling(&shelf);
    let report = verify(&given, &book.trust(), &Options::default(), &mut |_| ());
    assert_eq!(report.scope.entries, BREAK as u64);
    let damage: Vec<_> = report
        .findings
        .iter()
        .filter(|it| it.id == "damage")
        .collect();
    assert_eq!(damage.len(), 1, "{}", report.to_text());
    assert_eq!(damage[0].seq, Some(BREAK as u64));
    assert!(damage[0].sentence.contains("first"), "{}", report.to_text());
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn a_missing_body_fails_and_a_withheld_one_does_not() {
    let book = Book::story();
    let mut shelf = book.shelf();
    let place = shelf
        .records
        .iter()
        .position(|it| it.bodies.contains_key("call"))
        .unwrap();
    shelf.records[place]
        .bodies
        .insert("call".into(), BodyState::Withheld);
    let report = book.verdict_on(&shelf);
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    let policy = report
        .checks
        .iter()
        .find(|it| it.id == CheckId::Policy)
        .unwrap();
    assert_eq!((policy.status, policy.not_checked), (Status::Warn, 1));
    for require in [Require::Policy, Require::Completeness] {
        let options = Options {
            require: [require].into(),
            ..Options::default()
        };
        assert_eq!(
            verify(&shelf, &book.trust(), &options, &mut |_| ()).exit_code(),
            3
        );
    }
    let missing = BodyState::Missing("zero bytes".into());
    shelf.records[place].bodies.insert("call".into(), missing);
    assert_eq!(
        only_fault(&book.verdict_on(&shelf)),
        ("body", Some(place as u64))
    );
}

#[test]
fn with_every_body_withheld_the_flow_still_replays() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.every_body(&BodyState::Withheld);
    let report = book.verdict_on(&shelf);
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    let checked = |id| report.checks.iter().find(|it| it.id == id).unwrap().checked;
    assert_eq!(checked(CheckId::Policy), 0);
    assert_eq!(checked(CheckId::Presentation), 0);
    assert_eq!(checked(CheckId::Signatures), 3);
    assert_eq!(checked(CheckId::Once), 2);
}

#[test]
fn without_a_key_named_by_the_caller_there_is_no_conclusion() {
    let book = Book::story();
    let report = verify(
        &book.shelf(),
        &Trust::default(),
        &Options::default(),
        &mut |_| (),
    );
    assert_eq!(report.exit_code(), 3, "{}", report.to_text());
}

#[test]
fn a_checkpoint_of_another_key_fails() {
    let book = Book::story();
    let other = ed25519_dalek::SigningKey::from_bytes(&[77; 32]);
    let signer = countersign_ledger::note::Signer::new(crate::book::ORIGIN, other).unwrap();
    let trust = Trust {
        log_keys: vec![signer.verifier_key()],
        earlier: None,
    };
    let report = verify(&book.shelf(), &trust, &Options::default(), &mut |_| ());
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn without_a_checkpoint_there_is_no_conclusion() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.note = None;
    assert_eq!(book.verdict_on(&shelf).exit_code(), 3);
}

#[test]
fn nothing_is_not_verified() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.records.clear();
    shelf.note = None;
    let report = book.verdict_on(&shelf);
    assert_eq!(report.exit_code(), 3);
    // Nor does a check pass that had nothing before it.
    for id in [
        CheckId::Form,
        CheckId::Chain,
        CheckId::Flow,
        CheckId::Quorum,
    ] {
        let check = report.checks.iter().find(|it| it.id == id).unwrap();
        assert_eq!(check.status, Status::Skip, "{}", id.as_str());
    }
}

#[test]
fn an_unknown_version_is_no_conclusion_while_chain_and_tree_are_checked() {
    use countersign_record::cbor::{Item, decode, encode};
    let mut book = Book::story();
    let last = book.records.last_mut().unwrap();
    let Item::Map(mut map) = decode(&last.entry).unwrap() else {
        unreachable!()
    };
    map.take("v");
    map.add("v", Item::Uint(2));
    last.entry = encode(&Item::Map(map));
    let report = book.examine();
    let status = |id| report.checks.iter().find(|it| it.id == id).unwrap().status;
    assert_eq!(report.exit_code(), 3, "{}", report.to_text());
    assert_eq!(status(CheckId::Form), Status::Skip);
    assert_eq!(status(CheckId::Chain), Status::Pass);
    assert_eq!(status(CheckId::Tree), Status::Pass);
}

fn structure_of(book: &Book, shelf: &Shelf) -> Report {
    let options = Options {
        extent: Extent::Structure,
        ..Options::default()
    };
    verify(shelf, &book.trust(), &options, &mut |_| ())
}

#[test]
fn structure_alone_concludes_nothing_and_says_what_was_skipped() {
    let book = Book::story();
    let report = structure_of(&book, &book.shelf());
    assert_eq!(report.exit_code(), 3, "{}", report.to_text());
    assert!(report.findings.is_empty(), "{}", report.to_text());
    let checked = [
        CheckId::Form,
        CheckId::Order,
        CheckId::Chain,
        CheckId::Tree,
        CheckId::Checkpoint,
        CheckId::Bodies,
    ];
    for check in report.checks {
        let expected = if checked.contains(&check.id) {
            Status::Pass
        } else {
            Status::Skip
        };
        assert_eq!(check.status, expected, "{}", check.id.as_str());
    }
}

#[test]
fn bodies_that_nobody_looked_into_are_not_checked() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.every_body(&BodyState::Unopened);
    let bodies = shelf.records.iter().map(|it| it.bodies.len()).sum();
    let report = structure_of(&book, &shelf);
    let check = report.checks.iter().find(|it| it.id == CheckId::Bodies);
    let check = check.unwrap();
    assert_eq!((check.status, check.checked), (Status::Skip, 0));
    assert_eq!(usize::try_from(check.not_checked), Ok(bodies));
    assert!(check.sentence.contains("not looked at"));
}

#[test]
fn structure_alone_finds_a_changed_entry_and_a_missing_body() {
    let book = Book::story();
    let mut shelf = book.shelf();
    shelf.records[20].entry[60] ^= 1;
    let report = structure_of(&book, &shelf);
    assert_eq!(report.exit_code(), 1);
    assert_eq!(first_named(&report), 20, "{}", report.to_text());

    let mut shelf = book.shelf();
    let body = shelf.records[1].bodies.get_mut("policy").unwrap();
    *body = BodyState::Missing("zero bytes".into());
    let report = structure_of(&book, &shelf);
    assert_eq!(only_fault(&report), ("body", Some(1)));
}
