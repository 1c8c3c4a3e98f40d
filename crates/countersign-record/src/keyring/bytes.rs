//! The keyring as deterministic CBOR, read strictly.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::block::{Block, DEPTH, Node, Secret};
use super::{FingerprintSalt, Keyring, Party, SnapshotKey};
use crate::cbor;
use crate::cbor::{CborError, Item, Map};

/// Bytes that are not a keyring. Nothing of their content is repeated: it is secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyringError {
    /// Not the one CBOR encoding.
    #[error("the keyring is {0}")]
    Cbor(#[from] CborError),
    /// Written by a later version.
    #[error("the keyring has version {found}, this program reads version 1")]
    Version {
        /// The version in the file.
        found: u64,
    },
    /// A member is missing, too many, of another type or length, or out of order.
    #[error("the keyring's {part} does not have the form of version 1")]
    Form {
        /// The part of the file.
        part: &'static str,
    },
}

const VERSION: u64 = 1;

impl Keyring {
    /// The keyring as a file holds it.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let blocks = self.blocks.iter().map(block_item).collect();
        let salts = self.fingerprint_salts.iter().map(salt_item).collect();
        let mut map = Map::new();
        map.add("v", Item::Uint(VERSION));
        map.add("generation", Item::Uint(self.generation));
        map.add("blocks", Item::Array(blocks));
        map.add("fingerprint_salts", Item::Array(salts));
        let snapshot_key = self.snapshot_key.as_ref().map(|key| key.0.into());
        map.add(
            "snapshot_key",
            Item::Bytes(snapshot_key.unwrap_or_default()),
        );
        Zeroizing::new(cbor::encode(&Item::Map(map)))
    }

    /// Reads [`Keyring::to_bytes`]: nothing but the bytes that it makes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyringError> {
        let top = form("top");
        let Item::Map(mut map) = cbor::decode(bytes)? else {
            return Err(top);
        };
        match map.take("v") {
            Some(Item::Uint(VERSION)) => {}
            Some(Item::Uint(found)) => return Err(KeyringError::Version { found }),
            _ => return Err(top),
        }
        let (
            Some(Item::Uint(generation)),
            Some(Item::Array(blocks)),
            Some(Item::Array(salts)),
            Some(Item::Bytes(snapshot_key)),
            true,
        ) = (
            map.take("generation"),
            map.take("blocks"),
            map.take("fingerprint_salts"),
            map.take("snapshot_key"),
            map.is_empty(),
        )
        else {
            return Err(top);
        };
        Ok(Self {
            generation,
            snapshot_key: read_snapshot_key(&snapshot_key)?,
            blocks: ascending(blocks, block, form("blocks"))?,
            fingerprint_salts: ascending(salts, salt, form("fingerprint_salts"))?,
        })
    }
}

fn form(part: &'static str) -> KeyringError {
    KeyringError::Form { part }
}

/// 32 bytes, or none.
fn read_snapshot_key(bytes: &[u8]) -> Result<Option<SnapshotKey>, KeyringError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let key = bytes.try_into().map_err(|_| form("snapshot_key"))?;
    Ok(Some(SnapshotKey(key)))
}

/// Reads the pairs of a list whose keys are strictly increasing.
fn ascending<K: Ord, V>(
    items: Vec<Item>,
    read: impl Fn(Item) -> Option<(K, V)>,
    refused: KeyringError,
) -> Result<BTreeMap<K, V>, KeyringError> {
    let mut pairs = BTreeMap::new();
    for item in items {
        let (key, value) = read(item).ok_or(refused)?;
        if pairs.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(refused);
        }
        pairs.insert(key, value);
    }
    Ok(pairs)
}

fn block_item((number, block): (&u64, &Block)) -> Item {
    let nodes = block.nodes.iter().map(|(node, secret)| {
        array([
            Item::Uint(node.level.into()),
            Item::Uint(node.path.into()),
            Item::Bytes(secret.0.into()),
        ])
    });
    array([Item::Uint(*number), Item::Array(nodes.collect())])
}

fn block(item: Item) -> Option<(u64, Block)> {
    let [Item::Uint(number), Item::Array(nodes)] = parts(item)? else {
        return None;
    };
    let nodes = ascending(nodes, node, form("blocks")).ok()?;
    // A node below another one would bring a destroyed key back, or be another key for its entry.
    let overlap = nodes.keys().any(|node| {
        let covering = nodes.keys().filter(|other| other.covers(node.first()));
        covering.count() > 1
    });
    (!overlap).then_some((number, Block { nodes }))
}

fn node(item: Item) -> Option<(Node, Secret)> {
    let [Item::Uint(level), Item::Uint(path), Item::Bytes(secret)] = parts(item)? else {
        return None;
    };
    let level = u8::try_from(level).ok().filter(|level| *level <= DEPTH)?;
    let path = u16::try_from(path).ok().filter(|path| path >> level == 0)?;
    let secret = Secret(secret.try_into().ok()?);
    Some((Node { level, path }, secret))
}

fn salt_item(((party, epoch), salt): (&(Party, u64), &FingerprintSalt)) -> Item {
    array([
        Item::Text(party.agent.clone()),
        Item::Text(party.principal.clone()),
        Item::Uint(*epoch),
        Item::Uint(salt.started_at),
        Item::Bytes(salt.salt.into()),
    ])
}

fn salt(item: Item) -> Option<((Party, u64), FingerprintSalt)> {
    let [agent, principal, epoch, started_at, salt] = parts(item)?;
    let (Item::Uint(epoch), Item::Uint(started_at), Item::Bytes(salt)) = (epoch, started_at, salt)
    else {
        return None;
    };
    let party = Party {
        agent: text(agent)?,
        principal: text(principal)?,
    };
    let salt = salt.try_into().ok()?;
    Some(((party, epoch), FingerprintSalt { salt, started_at }))
}

fn text(item: Item) -> Option<String> {
    match item {
        Item::Text(text) => Some(text),
        _ => None,
    }
}

fn array<const N: usize>(items: [Item; N]) -> Item {
    Item::Array(Vec::from(items))
}

fn parts<const N: usize>(item: Item) -> Option<[Item; N]> {
    match item {
        Item::Array(items) => items.try_into().ok(),
        _ => None,
    }
}
