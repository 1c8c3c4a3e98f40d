//! The keys of 4,096 entries from one secret: a binary tree in which a leaf can be cut off for ever.

use alloc::collections::BTreeMap;

use zeroize::ZeroizeOnDrop;

/// Levels below the block's secret: 2^12 entries.
pub(super) const DEPTH: u8 = 12;

/// Entries per block.
pub(super) const ENTRIES: u64 = 1 << DEPTH;

/// A node's secret; everything below it follows from it.
#[derive(Clone, Eq, PartialEq, ZeroizeOnDrop)]
pub(super) struct Secret(pub(super) [u8; 32]);

impl Secret {
    fn child(&self, right: bool) -> Self {
        Self(blake3::keyed_hash(&self.0, &[u8::from(right)]).into())
    }

    fn body_key(&self) -> BodyKey {
        BodyKey(blake3::keyed_hash(&self.0, b"countersign/body/v1").into())
    }

    fn index_key(&self) -> IndexKey {
        IndexKey(blake3::keyed_hash(&self.0, b"countersign/index/v1").into())
    }
}

/// The key under which one block's values stand in the index.
#[derive(Clone, Eq, PartialEq, ZeroizeOnDrop)]
pub struct IndexKey([u8; 32]);

impl IndexKey {
    /// A value as the index holds it: nobody without the key can tell, or try, which one it is.
    pub fn hash(&self, value: &str) -> [u8; 32] {
        blake3::keyed_hash(&self.0, value.as_bytes()).into()
    }
}

/// The key that seals the bodies of one entry; wiped from memory when it is dropped.
#[derive(Eq, PartialEq, ZeroizeOnDrop)]
pub struct BodyKey([u8; 32]);

impl BodyKey {
    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A node's place: its level (0 is the block's secret) and the bits of the way to it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Node {
    pub(super) level: u8,
    pub(super) path: u16,
}

impl Node {
    /// The node of that level on the way to the entry at `place`.
    fn above(place: u16, level: u8) -> Self {
        let path = place >> (DEPTH - level);
        Self { level, path }
    }

    fn sibling(self) -> Self {
        Self {
            path: self.path ^ 1,
            ..self
        }
    }

    /// Whether the entry at `place` is below.
    pub(super) fn covers(self, place: u16) -> bool {
        Self::above(place, self.level) == self
    }

    /// The first entry below.
    pub(super) fn first(self) -> u16 {
        self.path << (DEPTH - self.level)
    }
}

/// What is left of one block: the secrets of the highest nodes below which nothing was destroyed.
#[derive(Clone, Eq, PartialEq)]
pub struct Block {
    pub(super) nodes: BTreeMap<Node, Secret>,
}

impl Block {
    /// The block of an entry, and the entry's place in it.
    pub fn of(seq: u64) -> (u64, u16) {
        let place = u16::try_from(seq % ENTRIES).unwrap_or_default();
        (seq / ENTRIES, place)
    }

    /// A whole block from 32 random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        let top = Node { level: 0, path: 0 };
        Self {
            nodes: BTreeMap::from([(top, Secret(secret))]),
        }
    }

    /// The index key, while the block's secret is whole: the first puncture destroys it.
    pub(super) fn index_key(&self) -> Option<IndexKey> {
        let top = Node { level: 0, path: 0 };
        self.nodes.get(&top).map(Secret::index_key)
    }

    /// The key of the entry at this place, unless it was destroyed.
    pub fn body_key(&self, place: u16) -> Option<BodyKey> {
        let (node, secret) = self.nodes.iter().find(|(node, _)| node.covers(place))?;
        let leaf = (node.level..DEPTH).fold(secret.clone(), |secret, level| {
            secret.child(turns_right(place, level))
        });
        Some(leaf.body_key())
    }

    /// Destroys the key of the entry at this place and no other: the secret above it gives way to
    /// those of the siblings on the way down. `false` when it is destroyed already.
    pub fn puncture(&mut self, place: u16) -> bool {
        let above = self.nodes.keys().copied().find(|node| node.covers(place));
        let Some((node, mut secret)) = above.and_then(|node| self.nodes.remove_entry(&node)) else {
            return false;
        };
        for level in node.level..DEPTH {
            let right = turns_right(place, level);
            let sibling = Node::above(place, level + 1).sibling();
            self.nodes.insert(sibling, secret.child(!right));
            secret = secret.child(right);
        }
        true
    }
}

/// The way from a node of `level` to the entry at `place`: most significant bit first.
fn turns_right(place: u16, level: u8) -> bool {
    place >> (DEPTH - 1 - level) & 1 == 1
}
