//! The service's own secret keys: 32-byte Ed25519 seeds, one file each.

use std::fmt;
use std::io;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::disk::{Access, Disk, read_all};

/// The directory of the seeds.
pub const KEYS_DIRECTORY: &str = "keys";

/// Which of the service's keys; a signature of one kind never stands for another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ServiceKey {
    /// Signs checkpoints.
    Log,
    /// Signs grants.
    Grant,
    /// Seals exports.
    Seal,
    /// Signs webhooks.
    Webhook,
}

/// An Ed25519 seed (RFC 8032 §5.1.5), wiped from memory when dropped.
pub type Seed = Zeroizing<[u8; 32]>;

/// Why a key could not be kept or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Keys are made once.
    #[error("{path} exists already; a key is never overwritten")]
    Exists {
        /// Its file.
        path: String,
    },
    /// The key is not there.
    #[error("{path} is missing: put the key back, this service cannot sign without it")]
    Missing {
        /// Its file.
        path: String,
    },
    /// Not a seed.
    #[error("{path} has {length} bytes; an Ed25519 seed has 32")]
    Length {
        /// Its file.
        path: String,
        /// What it has.
        length: usize,
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

/// The seeds of one log.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    disk: Arc<dyn Disk>,
}

impl KeyFiles {
    /// Those in `keys/` of a log's directory.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// Keeps a new seed: 0600, never over an existing file, durable on return.
    pub fn create(&self, key: ServiceKey, seed: &Seed) -> Result<(), KeyFileError> {
        let path = key.path();
        let written = self.disk.create(&path, Access::Owner).and_then(|file| {
            file.write_at(0, &**seed)?;
            file.sync_data()?;
            self.disk.sync_directory(KEYS_DIRECTORY)
        });
        written.map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists { path },
            _ => KeyFileError::Disk { path, cause },
        })
    }

    /// Reads a seed.
    pub fn load(&self, key: ServiceKey) -> Result<Seed, KeyFileError> {
        let path = key.path();
        let bytes = match read_all(&*self.disk, &path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(KeyFileError::Missing { path });
            }
            Err(cause) => return Err(KeyFileError::Disk { path, cause }),
        };
        let seed = <[u8; 32]>::try_from(bytes.as_slice());
        seed.map(Zeroizing::new).map_err(|_| KeyFileError::Length {
            path,
            length: bytes.len(),
        })
    }
}

impl ServiceKey {
    /// Every key of a service.
    pub const ALL: [Self; 4] = [Self::Log, Self::Grant, Self::Seal, Self::Webhook];

    fn path(self) -> String {
        format!("{KEYS_DIRECTORY}/{self}")
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "log",
            Self::Grant => "grant",
            Self::Seal => "seal",
            Self::Webhook => "webhook",
        })
    }
}

#[cfg(test)]
mod tests;
