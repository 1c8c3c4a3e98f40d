//! A small file changes as a whole or not at all.

use std::io;

use super::{Access, Disk};

/// Puts `bytes` at `path`: temporary file, fsync, rename, fsync of the directory.
///
/// Callers hold a lock that makes them the only writer of `path`; a temporary file that is already
/// there was left by a crash.
pub(crate) fn replace(disk: &dyn Disk, path: &str, bytes: &[u8], access: Access) -> io::Result<()> {
    let temporary = format!("{path}.new");
    if disk.exists(&temporary)? {
        disk.remove(&temporary)?;
    }
    let file = disk.create(&temporary, access)?;
    file.write_at(0, bytes)?;
    file.sync_data()?;
    disk.rename(&temporary, path)?;
    disk.sync_directory(parent(path))
}

/// The directory of a path; `""` for the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
