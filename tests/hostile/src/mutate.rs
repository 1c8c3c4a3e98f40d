//! One small change to bytes that were right.

use proptest::prelude::*;
use proptest::sample::Index;

/// Ways to change bytes; each has its place chosen anew for every case.
#[derive(Clone, Debug)]
enum Change {
    FlipBit(Index, u8),
    Replace(Index, u8),
    Delete(Index),
    Insert(Index, u8),
    Repeat(Index, Index),
    Swap(Index, Index),
    Cut(Index),
    Append(Vec<u8>),
}

/// The bytes with one change; never the very same bytes.
pub fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    change().prop_filter_map("the change changed nothing", move |change| {
        let changed = change.apply(&bytes);
        (changed != bytes).then_some(changed)
    })
}

/// The text with one change, still text.
pub fn mutated_text(text: &str) -> impl Strategy<Value = String> + use<> {
    let words: Vec<u8> = text.into();
    mutated(words).prop_filter_map("not text", |bytes| String::from_utf8(bytes).ok())
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    prop_oneof![
        (place(), 0..8_u8).prop_map(|(at, bit)| Change::FlipBit(at, bit)),
        (place(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        place().prop_map(Change::Delete),
        (place(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (place(), place()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (place(), place()).prop_map(|(one, other)| Change::Swap(one, other)),
        place().prop_map(Change::Cut),
        prop::collection::vec(byte(), 1..4).prop_map(Change::Append),
    ]
}

/// Any byte; those that structure formats, and those that trimming forgives, more often.
fn byte() -> impl Strategy<Value = u8> {
    let telling = b" \n\r\t\0+-_=0:,.\"\\/{}[]AaZ\x7f\xff\xc0\x80\xed\xf0".to_vec();
    prop_oneof![any::<u8>(), prop::sample::select(telling)]
}

impl Change {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        let at = |index: &Index| index.index(bytes.len().max(1));
        match self {
            Self::Append(more) => changed.extend_from_slice(more),
            _ if bytes.is_empty() => {}
            Self::FlipBit(index, bit) => changed[at(index)] ^= 1 << bit,
            Self::Replace(index, byte) => changed[at(index)] = *byte,
            Self::Delete(index) => drop(changed.remove(at(index))),
            Self::Insert(index, byte) => changed.insert(at(index), *byte),
            Self::Repeat(from, to) => {
                let (from, to) = (at(from).min(at(to)), at(from).max(at(to)));
                changed.splice(to..to, bytes[from..to].iter().copied());
            }
            Self::Swap(one, other) => changed.swap(at(one), at(other)),
            Self::Cut(index) => changed.truncate(at(index)),
        }
        changed
    }
}

/// So many cases where each is dear, and as many times more as `PROPTEST_CASES` asks of all.
pub fn cases(few: u32) -> ProptestConfig {
    const USUAL: u64 = 256;
    let asked = ProptestConfig::default();
    let cases = (u64::from(few) * u64::from(asked.cases) / USUAL).max(1);
    ProptestConfig {
        cases: u32::try_from(cases).unwrap_or(u32::MAX),
        ..asked
    }
}
