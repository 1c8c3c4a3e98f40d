//! The keyring file: body keys and fingerprint salts, replaced as a whole, never set back.

use std::io;
use std::sync::Arc;

use countersign_record::digest::sha256;
use countersign_record::keyring::{Keyring, KeyringError};
use zeroize::Zeroizing;

use crate::disk::{Access, Disk, is_full, parent, read_all, replace};

/// Beside the keyring: generation (8) ‖ SHA-256 of the keyring of that generation (32) ‖ SHA-256 of
/// both (32).
const SUM_SUFFIX: &str = ".sum";

/// Why a keyring could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringFileError {
    /// There is none.
    #[error("{path} is missing: without it no body can be read or sealed; put it back")]
    Missing {
        /// Its file.
        path: String,
    },
    /// There is one already.
    #[error("{path} exists already; a keyring is never overwritten by a new one")]
    Exists {
        /// Its file.
        path: String,
    },
    /// Not a keyring.
    #[error("{path} is not a keyring")]
    Form {
        /// Its file.
        path: String,
        /// What is wrong.
        #[source]
        cause: KeyringError,
    },
    /// Its bytes are not those that were written last. A secret with a changed bit would look like a
    /// destroyed one, and seal bodies that no good copy opens.
    #[error(
        "{path} is damaged: its SHA-256 is not the one in {path}{SUM_SUFFIX}; put back an undamaged copy of it, or remove {path}{SUM_SUFFIX} if that is wrong"
    )]
    Damaged {
        /// Its file.
        path: String,
    },
    /// An old copy: it may hold keys that were destroyed since, and lacks newer ones.
    #[error("{path} is an old copy: generation {found}, needed is at least {needed}")]
    Old {
        /// Its file.
        path: String,
        /// The generation it has.
        found: u64,
        /// The generation that was asked for.
        needed: u64,
    },
    /// Its directory could not be synced: what is read there may not be on the disk.
    #[error(
        "the directory of {path} could not be synced, so a power cut may bring an older one back; nothing was changed"
    )]
    Unsettled {
        /// Its file.
        path: String,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
    /// The disk refused.
    #[error("cannot read or write {path}")]
    Disk {
        /// Its file.
        path: String,
        /// What the disk said.
        #[source]
        cause: io::Error,
    },
}

impl KeyringFileError {
    /// Whether there was no space; it may work later.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Disk { cause, .. } if is_full(cause))
    }
}

/// One log's keyring on disk (0600). The process that holds the log's lock is its only writer.
#[derive(Clone, Debug)]
pub struct KeyringFile {
    disk: Arc<dyn Disk>,
    path: String,
}

impl KeyringFile {
    /// The file `path` on `disk`.
    pub fn new(disk: Arc<dyn Disk>, path: impl Into<String>) -> Self {
        Self {
            disk,
            path: path.into(),
        }
    }

    /// Keeps a first keyring; durable on return.
    pub fn create(&self, keyring: &Keyring) -> Result<(), KeyringFileError> {
        if self.disk.exists(&self.path).map_err(self.refused())? {
            return Err(KeyringFileError::Exists {
                path: self.path.clone(),
            });
        }
        self.write(keyring)
    }

    /// Keeps a changed keyring in the place of the one there, which must be of a lower generation;
    /// durable on return.
    pub fn save(&self, keyring: &Keyring) -> Result<(), KeyringFileError> {
        let stored = self.load(0)?.generation();
        if keyring.generation() <= stored {
            return Err(KeyringFileError::Old {
                path: self.path.clone(),
                found: keyring.generation(),
                needed: stored.saturating_add(1),
            });
        }
        self.write(keyring)
    }

    /// Makes sure that the file that [`KeyringFile::load`] gives survives a power cut.
    pub fn settle(&self) -> Result<(), KeyringFileError> {
        let synced = self.disk.sync_directory(parent(&self.path));
        synced.map_err(|cause| KeyringFileError::Unsettled {
            path: self.path.clone(),
            cause,
        })
    }

    /// Reads it; refuses one of a generation below `needed`, the last one that the ledger recorded.
    pub fn load(&self, needed: u64) -> Result<Keyring, KeyringFileError> {
        let path = || self.path.clone();
        let bytes = self.read()?;
        // One reading may have gone wrong on its way, and a changed secret looks like any other.
        if self.read()? != bytes {
            return Err(self.refused()(io::Error::other(
                "two readings of it differ",
            )));
        }
        let keyring = Keyring::from_bytes(&bytes).map_err(|cause| KeyringFileError::Form {
            path: path(),
            cause,
        })?;
        let is_other =
            |(generation, sum)| generation == keyring.generation() && sum != sha256(&[&bytes]);
        if self.sum().is_some_and(is_other) {
            return Err(KeyringFileError::Damaged { path: path() });
        }
        match keyring.generation() {
            found if found < needed => Err(KeyringFileError::Old {
                path: path(),
                found,
                needed,
            }),
            _ => Ok(keyring),
        }
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeyringFileError> {
        match read_all(&*self.disk, &self.path) {
            Ok(bytes) => Ok(Zeroizing::new(bytes)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                Err(KeyringFileError::Missing {
                    path: self.path.clone(),
                })
            }
            Err(cause) => Err(self.refused()(cause)),
        }
    }

    fn write(&self, keyring: &Keyring) -> Result<(), KeyringFileError> {
        let bytes = keyring.to_bytes();
        // Of a keyring that came to nothing; beside the new one it would call that one damaged.
        if self.sum().is_some_and(|(of, _)| of >= keyring.generation()) {
            let removed = self.disk.remove(&self.sum_path());
            removed.map_err(self.refused())?;
        }
        replace(&*self.disk, &self.path, &bytes, Access::Owner).map_err(self.refused())?;
        self.write_sum(keyring.generation(), &bytes);
        Ok(())
    }

    /// Sees to it that a changed bit of this keyring, which is the one in the file, will be found.
    pub fn keep_sum(&self, keyring: &Keyring) {
        let generation = keyring.generation();
        if self.sum().is_none_or(|(of, _)| of != generation) {
            self.write_sum(generation, &keyring.to_bytes());
        }
    }

    /// Derived: where it is not written, a changed bit is found later, or not.
    fn write_sum(&self, generation: u64, bytes: &[u8]) {
        let sum = [&generation.to_be_bytes(), sha256(&[bytes]).as_slice()].concat();
        let summed = [sum.as_slice(), &sha256(&[&sum])].concat();
        let _derived = replace(&*self.disk, &self.sum_path(), &summed, Access::Group);
    }

    fn sum_path(&self) -> String {
        format!("{}{SUM_SUFFIX}", self.path)
    }

    /// The generation of a keyring, and the sum of its file; `None`: not known.
    fn sum(&self) -> Option<(u64, [u8; 32])> {
        let bytes = read_all(&*self.disk, &self.sum_path()).ok()?;
        let (summed, check) = bytes.split_last_chunk()?;
        let (generation, sum) = summed.split_first_chunk()?;
        let is_whole = sha256(&[summed]) == *check;
        let sum = sum.try_into().ok().filter(|_| is_whole)?;
        Some((u64::from_be_bytes(*generation), sum))
    }

    fn refused(&self) -> impl Fn(io::Error) -> KeyringFileError {
        |cause| KeyringFileError::Disk {
            path: self.path.clone(),
            cause,
        }
    }
}

#[cfg(test)]
mod tests;
