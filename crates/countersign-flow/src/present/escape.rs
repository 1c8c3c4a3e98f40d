//! Showing text so that nothing hides in it: injective, and undone by [`unescape`].

use alloc::string::String;
use core::fmt::Write as _;

/// What is shown as it is: printable ASCII but the backslash, and the letters of Latin-1 and Latin
/// Extended-A. Everything else could look like something else, or like nothing.
fn is_plain(character: char) -> bool {
    match character {
        '\\' | '\u{d7}' | '\u{f7}' => false,
        ' '..='~' | '\u{c0}'..='\u{17f}' | '€' | '£' => true,
        _ => false,
    }
}

/// Every character that is not plain appears as `\u{202e}`.
pub fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut shown, character| {
            if is_plain(character) {
                shown.push(character);
            } else {
                let _infallible = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            shown
        })
}

/// The text that [`escape`] shows so; `None` for text that it never makes.
pub fn unescape(shown: &str) -> Option<String> {
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(place) = rest.find('\\') {
        let (plain, escaped) = rest.split_at(place);
        text.push_str(plain);
        let (digits, after) = escaped.strip_prefix("\\u{")?.split_once('}')?;
        text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        rest = after;
    }
    text.push_str(rest);
    (escape(&text) == shown).then_some(text)
}
