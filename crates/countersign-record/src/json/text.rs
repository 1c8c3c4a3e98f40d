//! Text between double quotes: read without loss, written as RFC 8785 §3.2.2.2 says.

use alloc::string::String;
use core::fmt::Write as _;

use super::fault::Fault;

/// U+FDD0 to U+FDEF, and the last two of every plane: never characters, so never text (RFC 7493
/// §2.1).
pub(crate) fn is_noncharacter(character: char) -> bool {
    let point = u32::from(character);
    (0xfdd0..=0xfdef).contains(&point) || point & 0xfffe == 0xfffe
}

/// How much at the start of `text` means itself, quoted or not: most of every document.
fn plain(text: &str) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'"' && *byte != b'\\';
    text.bytes().take_while(is_plain).count()
}

/// Appends `text` in double quotes, escaping only what must be escaped.
pub(super) fn quote(text: &str, canonical: &mut String) {
    canonical.push('"');
    let mut rest = text;
    loop {
        let (plain, others) = rest.split_at(plain(rest));
        canonical.push_str(plain);
        let mut characters = others.chars();
        let Some(character) = characters.next() else {
            break;
        };
        rest = characters.as_str();
        match character {
            '"' => canonical.push_str("\\\""),
            '\\' => canonical.push_str("\\\\"),
            '\u{8}' => canonical.push_str("\\b"),
            '\t' => canonical.push_str("\\t"),
            '\n' => canonical.push_str("\\n"),
            '\u{c}' => canonical.push_str("\\f"),
            '\r' => canonical.push_str("\\r"),
            '\0'..'\u{20}' => {
                let _infallible = write!(canonical, "\\u{:04x}", u32::from(character));
            }
            _ => canonical.push(character),
        }
    }
    canonical.push('"');
}

/// Reads a quoted string at the start of `text`: its meaning and its length in bytes, or the place
/// and the fault.
pub(super) fn unquote(text: &str) -> Result<(String, usize), (usize, Fault)> {
    let mut meaning = String::new();
    let mut at = 1;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let (plain, others) = rest.split_at(plain(rest));
        meaning.push_str(plain);
        at += plain.len();
        let Some(character) = others.chars().next() else {
            return Err((text.len(), Fault::End));
        };
        let (character, length) = match character {
            '"' => return Ok((meaning, at + 1)),
            '\\' => unescape(others).map_err(|fault| (at, fault))?,
            '\0'..'\u{20}' => return Err((at, Fault::Control)),
            other => (other, other.len_utf8()),
        };
        if is_noncharacter(character) {
            return Err((at, Fault::Noncharacter));
        }
        meaning.push(character);
        at += length;
    }
}

/// Reads one escape at the start of `text`: the character, and how many bytes it took.
fn unescape(text: &str) -> Result<(char, usize), Fault> {
    let short = |character| Ok((character, 2));
    match text.as_bytes().get(1) {
        None => Err(Fault::End),
        Some(b'"') => short('"'),
        Some(b'\\') => short('\\'),
        Some(b'/') => short('/'),
        Some(b'b') => short('\u{8}'),
        Some(b'f') => short('\u{c}'),
        Some(b'n') => short('\n'),
        Some(b'r') => short('\r'),
        Some(b't') => short('\t'),
        Some(b'u') => unescape_unicode(text),
        Some(_) => Err(Fault::Escape),
    }
}

/// `\u` and four hex digits, or two of these that make one surrogate pair.
fn unescape_unicode(text: &str) -> Result<(char, usize), Fault> {
    let first = unit(&text.as_bytes()[2..])?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    let rest = &text.as_bytes()[6..];
    if first >= 0xdc00 || !rest.starts_with(b"\\u") {
        return Err(Fault::LoneSurrogate);
    }
    let second = unit(&rest[2..])?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(Fault::LoneSurrogate);
    }
    let point = 0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00));
    char::from_u32(point)
        .map(|character| (character, 12))
        .ok_or(Fault::LoneSurrogate)
}

/// Four hex digits as a UTF-16 unit.
fn unit(bytes: &[u8]) -> Result<u32, Fault> {
    (0..4).try_fold(0, |unit, place| {
        let byte = bytes.get(place).ok_or(Fault::End)?;
        let digit = char::from(*byte).to_digit(16).ok_or(Fault::Escape)?;
        Ok(unit << 4 | digit)
    })
}
