//! The ids in an entry: `by` and every text in `ref`.

use std::collections::BTreeSet;

use countersign_record::cbor;
use countersign_record::cbor::Item;

/// The ids that an entry is about, each once. Reads kinds of later versions too, and finds nothing
/// in bytes that are no entry.
pub fn entry_ids(bytes: &[u8]) -> Vec<String> {
    let Ok(Item::Map(entry)) = cbor::decode(bytes) else {
        return Vec::new();
    };
    let mut ids = BTreeSet::new();
    if let Some(Item::Text(by)) = entry.item("by") {
        ids.insert(by.clone());
    }
    if let Some(Item::Map(refs)) = entry.item("ref") {
        ids.extend(refs.iter().filter_map(|(_, item)| match item {
            Item::Text(id) => Some(id.clone()),
            Item::Uint(_)
            | Item::Negative(_)
            | Item::Bytes(_)
            | Item::Array(_)
            | Item::Map(_)
            | Item::Bool(_) => None,
        }));
    }
    ids.into_iter().collect()
}
