//! The keyring file: body keys and fingerprint salts, replaced as a whole, never set back.

use std::io;
use std::sync::Arc;

use countersign_record::keyring::{Keyring, KeyringError};
use zeroize::Zeroizing;

use crate::disk::{Access, Disk, is_full, parent, read_all, replace};

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
        let bytes = match read_all(&*self.disk, &self.path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(KeyringFileError::Missing { path: path() });
            }
            Err(cause) => return Err(self.refused()(cause)),
        };
        let keyring = Keyring::from_bytes(&bytes).map_err(|cause| KeyringFileError::Form {
            path: path(),
            cause,
        })?;
        match keyring.generation() {
            found if found < needed => Err(KeyringFileError::Old {
                path: path(),
                found,
                needed,
            }),
            _ => Ok(keyring),
        }
    }

    fn write(&self, keyring: &Keyring) -> Result<(), KeyringFileError> {
        let bytes = keyring.to_bytes();
        replace(&*self.disk, &self.path, &bytes, Access::Owner).map_err(self.refused())
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
