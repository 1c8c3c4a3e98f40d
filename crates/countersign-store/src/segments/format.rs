//! `log/format`: what `init` fixed, in four lines.

use countersign_ledger::segment::SEGMENT_BYTES;

/// What a log keeps from `init` on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogFormat {
    /// The log's name for the world: the first line of its checkpoints.
    pub origin: String,
    /// How long a new segment is, in bytes; longer only for a frame that needs more.
    pub segment_bytes: u64,
    /// How long the disk reserve is, in bytes.
    pub reserve_bytes: u64,
}

/// Why a format is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Not the four lines of version 1.
    #[error("log/format is not of version 1, or damaged")]
    Form,
    /// An origin is a line of a checkpoint.
    #[error("an origin is 1 to 255 printable characters without spaces or '+'")]
    Origin,
    /// Too small, too large, or not whole pages.
    #[error("{what} of {bytes} bytes: from {BYTES_MIN} to {BYTES_MAX}, a multiple of {PAGE_BYTES}")]
    Bytes {
        /// Segment or reserve.
        what: &'static str,
        /// The length asked for.
        bytes: u64,
    },
}

/// The reserve's length when nothing else is asked for: ten thousands of denials.
pub const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// Files are allocated in whole pages.
pub(super) const PAGE_BYTES: u64 = 4096;

const BYTES_MIN: u64 = PAGE_BYTES;
const BYTES_MAX: u64 = 1024 * 1024 * 1024;
const ORIGIN_BYTES_MAX: usize = 255;

impl LogFormat {
    /// The format of a log with this origin and the usual lengths.
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            segment_bytes: SEGMENT_BYTES,
            reserve_bytes: RESERVE_BYTES,
        }
    }

    /// Whether every part is within its limits.
    pub fn check(&self) -> Result<(), FormatError> {
        let origin = (1..=ORIGIN_BYTES_MAX).contains(&self.origin.len())
            && !self
                .origin
                .contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        if !origin {
            return Err(FormatError::Origin);
        }
        for (what, bytes) in [
            ("a segment", self.segment_bytes),
            ("a reserve", self.reserve_bytes),
        ] {
            if !(BYTES_MIN..=BYTES_MAX).contains(&bytes) || bytes % PAGE_BYTES != 0 {
                return Err(FormatError::Bytes { what, bytes });
            }
        }
        Ok(())
    }

    /// The file's text.
    pub(crate) fn write(&self) -> String {
        format!(
            "countersign log 1\norigin {}\nsegment-bytes {}\nreserve-bytes {}\n",
            self.origin, self.segment_bytes, self.reserve_bytes
        )
    }

    /// Reads [`LogFormat::write`], and nothing else.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let text = str::from_utf8(bytes).map_err(|_| FormatError::Form)?;
        let mut lines = text.lines().skip(1);
        let mut value = |name: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name));
            line.ok_or(FormatError::Form)
        };
        let origin = value("origin ")?.to_owned();
        let mut bytes = |name| value(name)?.parse().map_err(|_| FormatError::Form);
        let format = Self {
            origin,
            segment_bytes: bytes("segment-bytes ")?,
            reserve_bytes: bytes("reserve-bytes ")?,
        };
        format.check()?;
        if format.write() == text {
            Ok(format)
        } else {
            Err(FormatError::Form)
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_hostile::mutated_text;
    use proptest::prelude::*;

    use super::*;

    fn format() -> impl Strategy<Value = LogFormat> {
        let pages = 1..=BYTES_MAX / PAGE_BYTES;
        let origin = "[!-*,-~]{1,40}|[!-*,-~]{255}";
        (origin, pages.clone(), pages).prop_map(|(origin, segment, reserve)| LogFormat {
            origin,
            segment_bytes: segment * PAGE_BYTES,
            reserve_bytes: reserve * PAGE_BYTES,
        })
    }

    proptest! {
        #[test]
        fn a_format_reads_back_and_with_any_change_is_another_or_none(
            (format, changed) in format().prop_flat_map(|format| {
                let text = format.write();
                (Just(format), mutated_text(&text))
            }),
        ) {
            let written = format.write();
            prop_assert_eq!(LogFormat::read(written.as_bytes()), Ok(format));
            if let Ok(read) = LogFormat::read(changed.as_bytes()) {
                prop_assert_eq!(read.write(), changed);
            }
        }
    }

    #[test]
    fn a_format_takes_each_of_its_limits_and_not_one_more() {
        let accepted = |origin: usize, segment: u64, reserve: u64| {
            let format = LogFormat {
                origin: "o".repeat(origin),
                segment_bytes: segment,
                reserve_bytes: reserve,
            };
            format.check().is_ok()
        };
        assert!(accepted(ORIGIN_BYTES_MAX, BYTES_MIN, BYTES_MAX));
        assert!(!accepted(ORIGIN_BYTES_MAX + 1, BYTES_MIN, BYTES_MAX));
        assert!(!accepted(1, BYTES_MIN - 1, BYTES_MIN) && !accepted(1, BYTES_MIN + 1, BYTES_MIN));
        assert!(
            !accepted(1, BYTES_MIN, BYTES_MAX + PAGE_BYTES) && !accepted(0, BYTES_MIN, BYTES_MIN)
        );
    }
}
