//! JSON Pointers (RFC 6901): making them and taking them apart.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The pointer of a member of the object at `path`.
pub(crate) fn member(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The pointer of an item of the array at `path`.
pub(crate) fn item(path: &str, index: usize) -> String {
    format!("{path}/{index}")
}

/// The names and indices on the way; `None` when the text is not a pointer.
pub(crate) fn tokens(path: &str) -> Option<Vec<String>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.strip_prefix('/')?.split('/').map(unescape).collect()
}

/// An array index as RFC 6901 writes it: no sign, no leading zero.
pub(crate) fn index(token: &str) -> Option<usize> {
    let plain = token.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = token == "0" || !token.starts_with('0');
    if plain && canonical {
        token.parse().ok()
    } else {
        None
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut pieces = token.split('~');
    let mut name = String::from(pieces.next()?);
    for piece in pieces {
        let rest = piece.strip_prefix('0').map(|rest| ('~', rest));
        let (escaped, rest) = rest.or_else(|| piece.strip_prefix('1').map(|rest| ('/', rest)))?;
        name.push(escaped);
        name.push_str(rest);
    }
    Some(name)
}
