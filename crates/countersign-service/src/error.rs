//! What can go wrong, in the terms of whoever asked.

use countersign_flow::Refusal;
use countersign_store::head::{HeadLockError, HeadRefusal};
use countersign_store::keyring::KeyringFileError;
use countersign_store::keys::KeyFileError;
use countersign_store::layout::LayoutError;
use countersign_store::log::{CommitError, Damage};
use countersign_store::segments::OpenError;

use crate::entropy::EntropyError;

/// The service cannot answer for reasons of its own. Nothing was decided.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unavailable {
    /// No space; what ends or stops something, looking and reading still work, from a reserve.
    #[error("the disk is full; nothing was recorded")]
    DiskFull,
    /// The log takes no more entries until a restart.
    #[error("the ledger is read-only until it is restarted: {0}")]
    ReadOnly(String),
    /// Too much is open or waiting; asking again later may work.
    #[error("too many {what}: at most {limit}; ask again later")]
    Busy {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopping,
    /// Something that should not happen did; details are in the operator's log.
    #[error("internal error; the operator's log says more")]
    Internal,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// It is not admitted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The service cannot.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<EntropyError> for CommandError {
    fn from(error: EntropyError) -> Self {
        tracing::error!(%error, "no randomness");
        Self::Unavailable(Unavailable::Internal)
    }
}

/// Why a log is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The directory.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The writer's turn.
    #[error(transparent)]
    Turn(#[from] CommitError),
    /// The log's bytes.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringFileError),
    /// The head lock.
    #[error(transparent)]
    HeadLock(#[from] HeadLockError),
    /// The head lock disagrees with the log.
    #[error(transparent)]
    Head(#[from] HeadRefusal),
    /// An entry cannot be read.
    #[error("entry {seq}: {fault}")]
    Entry {
        /// Which.
        seq: u64,
        /// What is wrong.
        fault: String,
    },
    /// The key on disk is not the log's.
    #[error("keys/{name} is not the key that this log was created with")]
    WrongKey {
        /// Which key.
        name: &'static str,
    },
    /// It is durable; the next start signs it.
    #[error("{doing}: it is recorded and stays so, but it could not be signed yet")]
    Unsigned {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        cause: Unavailable,
    },
    /// A command at start was refused.
    #[error("{doing}")]
    Command {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        cause: CommandError,
    },
    /// The machine refused something.
    #[error("{doing}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        cause: std::io::Error,
    },
}
