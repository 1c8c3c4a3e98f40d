//! The index in sled 0.34.7 (docs/decisions/0001-sled-is-an-index.md).
//!
//! Keys: `r` ‖ id ‖ 0x00 ‖ seq / 64 (8 bytes, big-endian), whose value has a bit for each of those 64
//! entries (8 bytes, big-endian; bit 0 is the first): most ids of an entry stand in the ones around it,
//! too. And `w`, whose value is the watermark: size (8 bytes, big-endian) ‖ SHA-256 of the last entry.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::worker::caught;
use super::{IndexFault, IndexPlace, IndexStore, Indexed, Watermark};

/// Larger batches make sled hold gigabytes. An entry has a tenth of it.
const BATCH_KEYS_MAX: usize = 100;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const WATERMARK: &[u8] = b"w";
/// Entries for each key of an id.
const GROUP: u64 = 64;
/// A closed sled lets go of its lock a moment later, when its own threads have ended: waiting 2 s in
/// all is better than building the index anew.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A directory for sled.
#[derive(Clone, Debug)]
pub struct SledPlace {
    directory: PathBuf,
}

impl SledPlace {
    /// The directory, made when absent. What is set aside goes to `<directory>.broken-<n>`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Whether there is anything.
    pub(crate) fn exists(&self) -> bool {
        self.directory.exists()
    }

    /// How far the index there goes, without keeping it open.
    pub(crate) fn look(&self) -> Result<Watermark, IndexFault> {
        caught(|| self.open()?.watermark())
    }

    /// A crash while sled wrote a snapshot leaves a half one, which sled then takes for the newest.
    fn remove_half_snapshots(&self) -> io::Result<()> {
        for name in names(&self.directory)? {
            let text = name.to_string_lossy();
            if text.starts_with("snap.") && text.ends_with(".generating") {
                fs::remove_file(self.directory.join(&name))?;
            }
        }
        Ok(())
    }

    /// Moves the directory to the next free name and forgets earlier ones: it is derived, one is
    /// enough to look into.
    fn move_away(&self) -> io::Result<()> {
        let (Some(parent), Some(name)) = (self.directory.parent(), self.directory.file_name())
        else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let prefix = format!("{}.broken-", name.to_string_lossy());
        let mut next = 1;
        for old in names(parent)? {
            if let Some(number) = old.to_string_lossy().strip_prefix(&prefix) {
                next = next.max(number.parse::<u64>().map_or(1, |number| number + 1));
                fs::remove_dir_all(parent.join(&old))?;
            }
        }
        match fs::rename(&self.directory, parent.join(format!("{prefix}{next}"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            moved => moved,
        }
    }
}

/// Sled tells of its lock in words only.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(cause) if cause.to_string().contains("could not acquire lock"))
}

impl IndexPlace for SledPlace {
    fn open(&self) -> Result<Arc<dyn IndexStore>, IndexFault> {
        self.remove_half_snapshots()
            .map_err(IndexFault::Directory)?;
        // The flusher stays on: without it sled never calls fsync at all.
        let config = sled::Config::new()
            .path(&self.directory)
            .cache_capacity(CACHE_BYTES);
        for _ in 1..LOCK_ATTEMPTS {
            match config.open() {
                Err(error) if is_locked(&error) => std::thread::sleep(LOCK_PAUSE),
                opened => return Ok(Arc::new(SledStore::new(opened?))),
            }
        }
        Ok(Arc::new(SledStore::new(config.open()?)))
    }

    fn set_aside(&self) -> Result<(), IndexFault> {
        self.move_away().map_err(IndexFault::Directory)
    }
}

/// Bits by key.
type Values = BTreeMap<Vec<u8>, u64>;

struct SledStore {
    db: sled::Db,
    recent: Mutex<Recent>,
}

/// The last group of entries.
#[derive(Default)]
struct Recent {
    group: Option<u64>,
    /// All of the group so far was written by this store, so that nothing need be read back.
    whole: bool,
    bits: HashMap<String, u64>,
}

impl SledStore {
    fn new(db: sled::Db) -> Self {
        let recent = Mutex::default();
        Self { db, recent }
    }

    /// What is stored once the pair is: the key and its bits.
    fn with(&self, recent: &mut Recent, id: &str, seq: u64) -> Result<(Vec<u8>, u64), IndexFault> {
        let group = seq / GROUP;
        if recent.group != Some(group) {
            *recent = Recent {
                group: Some(group),
                whole: recent.group.is_some(),
                bits: HashMap::new(),
            };
        }
        let key = key(id, group);
        let before = match recent.bits.get(id) {
            Some(bits) => *bits,
            None if recent.whole => 0,
            None => self.db.get(&key)?.map_or(Ok(0), |value| bits(&value))?,
        };
        let bits = before | 1 << (seq % GROUP);
        recent.bits.insert(id.to_owned(), bits);
        Ok((key, bits))
    }

    /// Hands over what to write, in parts that each stand for whole entries: bits beyond the watermark
    /// beside them could after a crash become those of other entries.
    fn batches(
        &self,
        entries: &[Indexed],
        mut write: impl FnMut(Values, Watermark) -> Result<(), IndexFault>,
    ) -> Result<(), IndexFault> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut values, mut reached) = (Values::new(), Watermark::default());
        for Indexed { terms, upto } in entries {
            if values.len() + terms.len() >= BATCH_KEYS_MAX {
                write(std::mem::take(&mut values), reached)?;
            }
            for id in terms {
                let (key, bits) = self.with(&mut recent, id, upto.size.saturating_sub(1))?;
                values.insert(key, bits);
            }
            reached = *upto;
        }
        write(values, reached)
    }

    fn write(&self, values: Values, reached: Watermark) -> Result<(), IndexFault> {
        let mut batch = sled::Batch::default();
        for (key, bits) in values {
            batch.insert(key, &bits.to_be_bytes());
        }
        batch.insert(WATERMARK, write_watermark(reached).as_slice());
        Ok(self.db.apply_batch(batch)?)
    }
}

impl IndexStore for SledStore {
    fn watermark(&self) -> Result<Watermark, IndexFault> {
        let Some(value) = self.db.get(WATERMARK)? else {
            return Ok(Watermark::default());
        };
        read_watermark(&value).ok_or(IndexFault::Form)
    }

    fn apply(&self, entries: &[Indexed]) -> Result<(), IndexFault> {
        self.batches(entries, |values, reached| self.write(values, reached))
    }

    fn seqs(&self, id: &str, from: u64, limit: usize) -> Result<Vec<u64>, IndexFault> {
        let range = key(id, from / GROUP)..=key(id, u64::MAX);
        let mut seqs = Vec::new();
        for found in self.db.range(range) {
            let (key, value) = found?;
            let group = key.last_chunk().ok_or(IndexFault::Form)?;
            let first = u64::from_be_bytes(*group).saturating_mul(GROUP);
            let bits = bits(&value)?;
            let set = (0..GROUP).filter(|place| bits >> place & 1 == 1);
            seqs.extend(set.map(|place| first + place).filter(|seq| *seq >= from));
            if seqs.len() >= limit {
                seqs.truncate(limit);
                break;
            }
        }
        Ok(seqs)
    }
}

fn bits(value: &[u8]) -> Result<u64, IndexFault> {
    let value = value.try_into().map_err(|_| IndexFault::Form)?;
    Ok(u64::from_be_bytes(value))
}

fn key(id: &str, group: u64) -> Vec<u8> {
    [b"r", id.as_bytes(), &[0], &group.to_be_bytes()].concat()
}

fn write_watermark(watermark: Watermark) -> Vec<u8> {
    [&watermark.size.to_be_bytes()[..], &watermark.last].concat()
}

fn read_watermark(value: &[u8]) -> Option<Watermark> {
    let (size, last) = value.split_first_chunk()?;
    Some(Watermark {
        size: u64::from_be_bytes(*size),
        last: last.try_into().ok()?,
    })
}

/// The names in a directory; none when it is absent.
fn names(directory: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_in_the_specification_is_the_one_that_is_written() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let store = SledStore::new(db);
        let (key, bits) = store.with(&mut Recent::default(), "call_a", 135).unwrap();
        let hex = countersign_record::digest::hex;
        let line = format!("\n{} {}\n", hex(&key), hex(&bits.to_be_bytes()));
        assert!(
            include_str!("../../../../docs/spec/disk.md").contains(&line),
            "{line}"
        );
    }

    #[test]
    fn no_batch_has_bits_beyond_its_watermark_or_more_keys_than_sled_bears() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let entries: Vec<_> = (100..228)
            .map(|seq| Indexed {
                terms: vec![
                    "agt_a".into(),
                    format!("call_{seq}"),
                    format!("ses_{}", seq / 3),
                ],
                upto: Watermark {
                    size: seq + 1,
                    last: [7; 32],
                },
            })
            .collect();
        let mut written = Vec::new();
        SledStore::new(db)
            .batches(&entries, |values, reached| {
                assert!(values.len() < BATCH_KEYS_MAX);
                for (key, bits) in values {
                    let group = u64::from_be_bytes(*key.last_chunk().unwrap());
                    let newest = group * GROUP + u64::from(bits.ilog2());
                    assert!(newest < reached.size, "{newest} of {}", reached.size);
                }
                written.push(reached.size);
                Ok(())
            })
            .unwrap();
        assert!(written.len() > 1 && written.is_sorted(), "{written:?}");
        assert_eq!(written.last(), Some(&228));
    }

    #[test]
    fn an_id_that_begins_another_one_is_not_mixed_up_with_it() {
        assert!(key("call_a", u64::MAX) < key("call_aa", 0));
    }

    #[test]
    fn a_watermark_reads_back() {
        let watermark = Watermark {
            size: 5,
            last: [7; 32],
        };
        let written = write_watermark(watermark);
        assert_eq!(read_watermark(&written), Some(watermark));
        assert_eq!(read_watermark(&written[1..]), None);
    }
}
