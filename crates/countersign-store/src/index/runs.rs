//! What entries are found by, in runs of entries that follow one another (docs/spec/disk.md, part 7).

use std::collections::BTreeMap;
use std::ops::Range;

use countersign_record::digest::sha256;

use super::IndexFault;

const TERM_BYTES: usize = 10;
/// A byte of a number: seven bits of it, and whether another one follows.
const MORE: u8 = 0x80;

/// What an entry is found by, as the index holds it: the first ten bytes of its SHA-256. Too few for
/// proof, enough that no two terms of one log are ever met that have the same.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Term([u8; TERM_BYTES]);

impl Term {
    /// The term for a text.
    pub fn of(text: &str) -> Self {
        let mut term = [0; TERM_BYTES];
        term.copy_from_slice(&sha256(&[text.as_bytes()])[..TERM_BYTES]);
        Self(term)
    }

    /// Its first `N` bytes, and the others.
    pub(super) fn split<const N: usize>(&self) -> ([u8; N], &[u8]) {
        let (first, rest) = self.0.split_at(N);
        let mut prefix = [0; N];
        prefix.copy_from_slice(first);
        (prefix, rest)
    }
}

/// Entries that follow one another, by their terms.
#[derive(Clone, Debug)]
pub struct Run {
    first: u64,
    len: u32,
    /// For each term how many entries behind the first those stand that are found by it, ascending.
    places: BTreeMap<Term, Vec<u32>>,
}

impl Run {
    /// A run that begins with entry `first`, and has none yet.
    pub fn new(first: u64) -> Self {
        Self {
            first,
            len: 0,
            places: BTreeMap::new(),
        }
    }

    /// Its first entry.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The entry after its last.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.len)
    }

    /// Adds the next entry.
    pub fn push(&mut self, terms: &[Term]) {
        for term in terms {
            let places = self.places.entry(*term).or_default();
            if places.last() != Some(&self.len) {
                places.push(self.len);
            }
        }
        self.len += 1;
    }

    /// The entries within `range` that are found by the term, ascending.
    pub fn seqs(&self, term: &Term, range: &Range<u64>) -> impl Iterator<Item = u64> {
        let places = self.places.get(term).into_iter().flatten();
        let seqs = places.map(|place| self.first + u64::from(*place));
        seqs.filter(|seq| range.contains(seq))
    }

    /// As it is stored: for each first byte of terms those that have it.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (u8, Vec<u8>)> {
        by_first_byte(
            self.places
                .iter()
                .map(|(term, places)| (&term.0[..], places)),
        )
    }
}

/// Many runs that follow one another as one, so that few places must be looked at: one bucket of them
/// becomes the 256 whose terms begin with the same byte.
#[derive(Default)]
pub(super) struct Merging(BTreeMap<Vec<u8>, Vec<u32>>);

impl Merging {
    /// Adds the bucket of the next run, whose first entry stands so far behind the first of all.
    pub(super) fn add(&mut self, bucket: &[u8], offset: u32) -> Result<(), IndexFault> {
        for item in items(bucket, TERM_BYTES - 1) {
            let (rest, places) = item?;
            let all = self.0.entry(rest.to_vec()).or_default();
            for place in places {
                all.push(place?.checked_add(offset).ok_or(IndexFault::Form)?);
            }
        }
        Ok(())
    }

    /// The buckets, by the second byte of their terms.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (u8, Vec<u8>)> {
        by_first_byte(self.0.iter().map(|(rest, places)| (&rest[..], places)))
    }
}

/// A bucket for each byte: what begins with it, in order, without it.
fn by_first_byte<'a>(
    items: impl Iterator<Item = (&'a [u8], &'a Vec<u32>)>,
) -> impl Iterator<Item = (u8, Vec<u8>)> {
    let mut items = items.peekable();
    (0..=u8::MAX).map(move |byte| {
        let mut value = Vec::new();
        while let Some((term, places)) = items.next_if(|(term, _)| term[0] == byte) {
            write(&mut value, &term[1..], places);
        }
        (byte, value)
    })
}

/// Where the entries of a bucket stand that are found by the term that ends so.
pub(super) fn places_in(bucket: &[u8], rest: &[u8]) -> Result<Vec<u32>, IndexFault> {
    for item in items(bucket, rest.len()) {
        let (found, places) = item?;
        if found == rest {
            return places.collect();
        }
    }
    Ok(Vec::new())
}

/// rest of the term ‖ length of what follows ‖ each place less the one before.
fn write(value: &mut Vec<u8>, rest: &[u8], places: &[u32]) {
    let (mut steps, mut before) = (Vec::new(), 0);
    for place in places {
        write_number(&mut steps, place - before);
        before = *place;
    }
    value.extend_from_slice(rest);
    write_number(value, u32::try_from(steps.len()).unwrap_or(u32::MAX));
    value.extend_from_slice(&steps);
}

type Item<'a> = (&'a [u8], Places<'a>);

fn items(
    mut value: &[u8],
    rest_bytes: usize,
) -> impl Iterator<Item = Result<Item<'_>, IndexFault>> {
    let mut next = move || {
        let rest = value.split_off(..rest_bytes)?;
        let len = usize::try_from(read_number(&mut value)?).ok()?;
        let steps = value.split_off(..len)?;
        Some((value.is_empty(), (rest, Places { steps, before: 0 })))
    };
    let mut done = value.is_empty();
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let item = next();
        done = item.as_ref().is_none_or(|(last, _)| *last);
        Some(item.map(|(_, item)| item).ok_or(IndexFault::Form))
    })
}

struct Places<'a> {
    steps: &'a [u8],
    before: u32,
}

impl Iterator for Places<'_> {
    type Item = Result<u32, IndexFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.steps.is_empty() {
            return None;
        }
        let step = read_number(&mut self.steps);
        let Some(place) = step.and_then(|step| self.before.checked_add(step)) else {
            self.steps = &[];
            return Some(Err(IndexFault::Form));
        };
        self.before = place;
        Some(Ok(place))
    }
}

fn write_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= u32::from(MORE) {
        bytes.push(number.to_le_bytes()[0] | MORE);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & !MORE) << shift;
        if byte & MORE == 0 {
            return u32::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use countersign_hostile::mutated;
    use proptest::prelude::*;

    use super::*;

    fn run(first: u64, entries: &[&[&str]]) -> Run {
        let mut run = Run::new(first);
        for terms in entries {
            run.push(&terms.iter().map(|term| Term::of(term)).collect::<Vec<_>>());
        }
        run
    }

    #[test]
    fn a_run_says_where_its_terms_are() {
        let run = run(8, &[&["a", "b"], &[], &["a", "a"]]);
        let seqs = |term, range| run.seqs(&Term::of(term), &range).collect::<Vec<_>>();
        assert_eq!(seqs("a", 0..99), [8, 10]);
        assert_eq!(seqs("a", 9..11), [10]);
        assert_eq!(seqs("a", 8..10), [8]);
        assert_eq!(seqs("b", 0..99), [8]);
        assert_eq!(seqs("c", 0..99), []);
        assert_eq!((run.first(), run.end()), (8, 11));
    }

    #[test]
    fn what_is_stored_says_the_same_also_merged() {
        let names: Vec<String> = (0..3000).map(|number| format!("call_{number}")).collect();
        let mut runs = [Run::new(0), Run::new(1500)];
        for (seq, name) in names.iter().enumerate() {
            runs[seq / 1500].push(&[Term::of(name), Term::of("agt_x")]);
        }
        let stored = runs.each_ref().map(|run| run.buckets().collect::<Vec<_>>());
        for (seq, name) in (0_u32..).zip(&names) {
            let term = Term::of(name);
            let ([bucket], rest) = term.split();
            let of = |run: usize| &stored[run][usize::from(bucket)].1;
            let found = [0, 1].map(|run| places_in(of(run), rest).unwrap());
            let run = usize::from(seq >= 1500);
            assert_eq!(found[run], [seq % 1500]);
            assert_eq!(found[1 - run], []);
            let mut merging = Merging::default();
            merging.add(of(0), 0).unwrap();
            merging.add(of(1), 1500).unwrap();
            let ([_, second], rest) = term.split();
            let (_, merged) = merging.buckets().nth(usize::from(second)).unwrap();
            assert_eq!(places_in(&merged, rest).unwrap(), [seq]);
        }
    }

    #[test]
    fn bytes_that_this_did_not_write_are_a_fault_and_no_answer() {
        let run = run(0, &[&["a"], &["a"], &["a"]]);
        let term = Term::of("a");
        let ([bucket], rest) = term.split();
        let (_, good) = run.buckets().nth(usize::from(bucket)).unwrap();
        assert_eq!(places_in(&good, rest).unwrap(), [0, 1, 2]);
        for cut in 1..good.len() {
            assert!(places_in(&good[..cut], rest).is_err(), "{cut}");
        }
        let endless = [rest, &[1, 0xff]].concat();
        assert!(places_in(&endless, rest).is_err());
        let over = [rest, &[6, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]].concat();
        assert!(places_in(&over, rest).is_err());
    }

    #[test]
    fn numbers_read_back() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u32::MAX] {
            let mut bytes = Vec::new();
            write_number(&mut bytes, number);
            let mut rest = bytes.as_slice();
            assert_eq!((read_number(&mut rest), rest), (Some(number), &[][..]));
        }
    }

    /// Entries, each found by some of few terms that begin with the same byte.
    fn bucket() -> impl Strategy<Value = Vec<u8>> {
        let terms = prop::collection::vec(0..6_u8, 0..4);
        prop::collection::vec(terms, 1..300).prop_map(|entries| {
            let mut run = Run::new(7);
            for terms in entries {
                let terms = terms
                    .iter()
                    .map(|it| Term([1, *it, 0, 0, 0, 0, 0, 0, 0, *it]));
                run.push(&terms.collect::<Vec<_>>());
            }
            run.buckets().nth(1).unwrap().1
        })
    }

    proptest! {
        #[test]
        fn a_changed_bucket_has_places_in_order_or_is_a_fault(
            bucket in bucket().prop_flat_map(mutated),
            offset in any::<u32>(),
        ) {
            for item in items(&bucket, TERM_BYTES - 1) {
                let Ok((_, places)) = item else { break };
                let places: Result<Vec<u32>, _> = places.collect();
                prop_assert!(places.is_err() || places.is_ok_and(|it| it.is_sorted()));
            }
            drop(Merging::default().add(&bucket, offset));
        }
    }
}
