//! Why a configuration is not one.

use std::path::PathBuf;

use super::Source;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}: {fault}", path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// What is wrong, with the place.
        fault: String,
    },
    /// A key that is no setting.
    #[error("{}: there is no setting {key}; `countersign config show` lists them", path.display())]
    Unknown {
        /// Which file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// Nobody said it.
    #[error("{key} is not set: give --{key}, COUNTERSIGN_{}, or {key} in the file", .key.to_uppercase())]
    Missing {
        /// The setting.
        key: &'static str,
    },
    /// Not a value of this setting.
    #[error("{key} = {value:?} ({source_of}): expected {expected}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What it is set to.
        value: String,
        /// By what.
        source_of: Source,
        /// What it could be.
        expected: &'static str,
    },
    /// An order for one start, where every start would repeat it.
    #[error("{key} ({source_of}) is an order for one start: give it on the command line only")]
    FlagOnly {
        /// The setting.
        key: &'static str,
        /// What it is set by.
        source_of: Source,
    },
    /// Two settings that do not go together.
    #[error("{0}")]
    Contradiction(&'static str),
}
