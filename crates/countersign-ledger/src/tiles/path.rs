//! Where a tile lies.

use core::fmt;
use core::str::FromStr;

use crate::tiles::TILE_WIDTH;

/// Levels that a path can name; a tree of 2^63 entries needs eight.
const LEVEL_MAX: u8 = 63;

/// Which files the tile is of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TileContent {
    /// Hashes of subtrees of `256^level` entries.
    Hashes {
        /// 0 to 63.
        level: u8,
    },
    /// The entries themselves.
    Entries,
}

/// A tile's path: `tile/<level>/<index>[.p/<width>]` or `tile/entries/<index>[.p/<width>]`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TilePath {
    content: TileContent,
    index: u64,
    width: u16,
}

/// Not the path of a tile.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not the path of a tile")]
pub struct TilePathError;

impl TilePath {
    /// The tile of this content, place and width (1 to 256; 256 is a whole tile).
    pub fn new(content: TileContent, index: u64, width: u16) -> Result<Self, TilePathError> {
        let level = match content {
            TileContent::Hashes { level } => level,
            TileContent::Entries => 0,
        };
        if level > LEVEL_MAX || !(1..=TILE_WIDTH).contains(&width) {
            return Err(TilePathError);
        }
        Ok(Self {
            content,
            index,
            width,
        })
    }

    /// What it holds.
    pub const fn content(self) -> TileContent {
        self.content
    }

    /// Its place among the tiles of its content.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has, 1 to 256.
    pub const fn width(self) -> u16 {
        self.width
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            TileContent::Hashes { level } => write!(f, "tile/{level}/")?,
            TileContent::Entries => f.write_str("tile/entries/")?,
        }
        write_groups(self.index / 1000, f)?;
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// The groups of three digits before the last, each marked by an `x`.
fn write_groups(number: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if number == 0 {
        return Ok(());
    }
    write_groups(number / 1000, f)?;
    write!(f, "x{:03}/", number % 1000)
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, TilePathError> {
        let path = parse(text).ok_or(TilePathError)?;
        // One path for one tile: no leading zeros, groups or `.p/256`.
        let printed = alloc::format!("{path}");
        if printed == text {
            Ok(path)
        } else {
            Err(TilePathError)
        }
    }
}

fn parse(text: &str) -> Option<TilePath> {
    let (content, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let content = if content == "entries" {
        TileContent::Entries
    } else {
        TileContent::Hashes {
            level: content.parse().ok()?,
        }
    };
    let (groups, width) = match rest.split_once(".p/") {
        Some((groups, width)) => (groups, width.parse().ok()?),
        None => (rest, TILE_WIDTH),
    };
    let index = groups.split('/').try_fold(0_u64, |number, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        number
            .checked_mul(1000)?
            .checked_add(digits.parse().ok().filter(|digits| *digits < 1000)?)
    })?;
    TilePath::new(content, index, width).ok()
}
