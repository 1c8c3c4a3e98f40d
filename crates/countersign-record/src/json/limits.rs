//! How much the strict reader takes, checked before and while it reads.

/// The most that one document may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Arrays and objects inside one another: `[]` is 1 deep, `5` is 0 deep. The reader descends by
    /// ordinary calls; the type keeps them few.
    pub depth: u8,
    /// Values of any kind, containers included; member names do not count.
    pub nodes: usize,
    /// Bytes of the document, white space included.
    pub bytes: usize,
}

impl Limits {
    /// What others may send. A call must be shown whole to a person; more than this cannot be.
    pub const REQUEST: Self = Self {
        depth: 64,
        nodes: 10_000,
        bytes: 256 * 1024,
    };

    /// What the ledger itself makes: a presentation quotes a request and adds its own parts, so it
    /// is a little deeper and up to twice as long.
    pub const DOCUMENT: Self = Self {
        depth: 72,
        nodes: 40_000,
        bytes: 512 * 1024,
    };

    /// A disclosure of such a document: five values and 150 bytes of salts and names for each of
    /// its fields, and their paths (`body::PATH_BYTES_MAX`), six bytes to one if all is escaped.
    pub const DISCLOSURE: Self = Self {
        depth: 4,
        nodes: 200_010,
        bytes: 32 * 1024 * 1024,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_specification() {
        let all = [Limits::REQUEST, Limits::DOCUMENT, Limits::DISCLOSURE];
        assert_eq!(
            all.map(|it| (it.bytes, it.depth, it.nodes)),
            [
                (262_144, 64, 10_000),
                (524_288, 72, 40_000),
                (33_554_432, 4, 200_010)
            ]
        );
    }
}
