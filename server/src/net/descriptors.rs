//! Every connection is an open file, and the log's own files must never lack one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files that this process may have open to the most that the system allows
/// it. How many that are now; `None` is no limit.
pub(crate) fn raise_open_files() -> Option<u64> {
    let found = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: found.maximum,
        ..found
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files was not raised");
    }
    getrlimit(Resource::Nofile).current
}

/// How many connections each plane takes of the `wanted` when `open_files` may be open; `None`
/// when there is not room for one.
pub(crate) fn connections_within(open_files: Option<u64>, wanted: u32) -> Option<u32> {
    let Some(open_files) = open_files else {
        return Some(wanted);
    };
    let room = open_files.saturating_sub(KEPT_FREE) / PLANES;
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    (room > 0).then_some(wanted.min(room))
}

/// For the log, the index, the listeners, and whoever is turned away.
const KEPT_FREE: u64 = 128;
const PLANES: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_planes_full_of_connections_leave_128_files_to_the_log() {
        let check = |open_files, wanted| connections_within(open_files, wanted);
        assert_eq!(check(None, 1_000_000), Some(1_000_000));
        assert_eq!(check(Some(3 * 1024 + 128), 1024), Some(1024));
        assert_eq!(check(Some(3 * 1024 + 127), 1024), Some(1023));
        assert_eq!(check(Some(1024), 1024), Some(298));
        assert_eq!(check(Some(1024), 7), Some(7));
        assert_eq!(check(Some(131), 1024), Some(1));
        assert_eq!(check(Some(130), 1024), None);
        assert_eq!(check(Some(0), 1), None);
        assert_eq!(check(Some(u64::MAX), u32::MAX), Some(u32::MAX));
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        assert_eq!(raise_open_files(), getrlimit(Resource::Nofile).maximum);
    }
}
