//! Texts that steer, hide, turn or pretend.

const TABLE: &str = include_str!("../../../fixtures/hostile/text.txt");

/// One text of the table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Text {
    /// What it does, in a word or two.
    pub name: &'static str,
    /// The text itself.
    pub text: String,
    /// Whether strict JSON refuses it (docs/spec/json.md, part 3).
    pub refused: bool,
}

/// Every text of `fixtures/hostile/text.txt`.
///
/// # Panics
/// When a line of the table does not have its form.
pub fn texts() -> Vec<Text> {
    let is_row = |line: &&str| !line.is_empty() && !line.starts_with('#');
    TABLE.lines().filter(is_row).map(row).collect()
}

/// What strict JSON takes of the table, floods aside, in one text: 2 to 8 KiB. No NUL is in it, so that
/// it can also be an argument of a program.
pub fn all_at_once() -> String {
    let short = |it: &Text| !it.refused && it.text.len() < 200 && !it.text.contains('\0');
    let taken = texts().into_iter().filter(short);
    taken.map(|it| it.text).collect()
}

/// `name | how often | text`, the text with `\u{h}` for what no editor shows.
fn row(line: &'static str) -> Text {
    let mut columns = line.splitn(3, " | ");
    let (Some(name), Some(times), Some(written)) = (columns.next(), columns.next(), columns.next())
    else {
        unreadable(line)
    };
    let times: usize = times.trim().parse().unwrap_or_else(|_| unreadable(line));
    let text = unescaped(written).unwrap_or_else(|| unreadable(line));
    Text {
        name: name.trim(),
        refused: text.contains(is_noncharacter),
        text: text.repeat(times),
    }
}

fn unescaped(written: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = written;
    while let Some(at) = rest.find("\\u{") {
        let (digits, after) = rest[at + 3..].split_once('}')?;
        text.push_str(&rest[..at]);
        text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

fn is_noncharacter(character: char) -> bool {
    let point = u32::from(character);
    (0xfdd0..=0xfdef).contains(&point) || point & 0xfffe == 0xfffe
}

#[expect(clippy::panic, reason = "the table is read by tests alone")]
fn unreadable(line: &str) -> ! {
    panic!("fixtures/hostile/text.txt: {line}")
}

/// Where output steers a terminal, or hides from its reader: ESC and the other C0 controls but the
/// line feed, DEL, C1, bidirectional controls, and what has no width.
pub fn steers(output: &[u8]) -> Option<String> {
    let Ok(text) = str::from_utf8(output) else {
        return Some("not UTF-8".into());
    };
    let steers = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
    };
    let at = text.find(steers)?;
    let around: String = text[at..].chars().take(12).collect();
    Some(format!("byte {at}: {}", around.escape_unicode()))
}
