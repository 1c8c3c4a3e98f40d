//! Reading files that somebody else put there: of a kind that ends, and no further than was asked.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::Path;

/// At most `max` bytes of a regular file; a longer one is refused.
pub(crate) fn read_limited(path: &Path, max: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    open_regular(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(too_large(max));
    }
    Ok(bytes)
}

/// Opens nothing but a regular file: a pipe would be waited for, a device has no end, and a link
/// leads out of the evidence.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() {
        File::open(path)
    } else {
        let fault = "it is not a regular file";
        Err(io::Error::new(io::ErrorKind::InvalidInput, fault))
    }
}

pub(crate) fn too_large(max: usize) -> io::Error {
    let fault = format!("the file is longer than {max} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, fault)
}
