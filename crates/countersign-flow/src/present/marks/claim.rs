//! What words name: numbers, paths, addresses, references, and runs of capitalised words.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::number::{self, Number};

/// Something that the words name.
pub(super) struct Claim {
    /// As written.
    pub(super) text: String,
    pub(super) sort: Sort,
}

pub(super) enum Sort {
    /// With all that it can mean.
    Number(Vec<Number>),
    /// A path or an address in the net: every letter counts.
    Exact,
    /// Anything else with a digit or an `@`.
    Word,
    /// Two and more capitalised words.
    Name,
}

/// A word of the reason: as written, and without what stands around it.
struct Word<'a> {
    written: &'a str,
    core: &'a str,
}

const AROUND: &str = ".,;:!?()[]{}<>\"'";

pub(super) fn claims(words: &str) -> Vec<Claim> {
    let trimmed = |written| Word {
        written,
        core: trim(written),
    };
    let words: Vec<Word<'_>> = words.split_whitespace().map(trimmed).collect();
    let mut claims = Vec::new();
    let mut name: Vec<&str> = Vec::new();
    let mut begins = true;
    let mut place = 0;
    while let Some(word) = words.get(place) {
        let is_value = has_value(word.core);
        let capital = word.core.starts_with(char::is_uppercase) && !is_value;
        let names = capital && !begins && !is_of_calendar(word.core);
        if names {
            name.push(word.core);
        }
        let ends = word.written.trim_end_matches(|it| AROUND.contains(it)) != word.written;
        if !names || ends {
            claims.extend(run(&mut name));
        }
        begins = word.written.ends_with(['.', '!', '?', ':']);
        place += 1;
        if is_value {
            let grouped = in_groups(&words, place - 1);
            if grouped > 1 {
                let group = words
                    .get(place - 1..place - 1 + grouped)
                    .unwrap_or_default();
                claims.push(joined(group));
                place += grouped - 1;
            } else if !says_when_or_which(&words, place - 1) {
                claims.push(value(&words, place - 1, word.core));
            }
        }
    }
    claims.extend(run(&mut name));
    claims
}

fn trim(written: &str) -> &str {
    let core = written.trim_end_matches(|letter| AROUND.contains(letter));
    // A path can begin with a full stop.
    let core = core.trim_start_matches(|letter| letter != '.' && AROUND.contains(letter));
    core.strip_suffix("'s")
        .or_else(|| core.strip_suffix("’s"))
        .unwrap_or(core)
}

fn run(name: &mut Vec<&str>) -> Option<Claim> {
    let words = core::mem::take(name);
    (words.len() > 1).then(|| Claim {
        text: words.join(" "),
        sort: Sort::Name,
    })
}

/// Whether the word has a digit or an `@`, or is a path; `and/or` is none.
fn has_value(word: &str) -> bool {
    let digit = word.contains(char::is_numeric);
    let place = word.starts_with(['/', '~', '.']) && word.contains('/');
    let deep = word.matches('/').count() > 1 || (word.contains('/') && word.contains('.'));
    digit || place || deep || word.contains('@')
}

fn value(words: &[Word<'_>], place: usize, core: &str) -> Claim {
    let mut readings = number::readings(core);
    if !readings.is_empty() && is_hedged(words, place) {
        readings = readings.into_iter().map(Number::hedged).collect();
    }
    let sort = match (readings.is_empty(), core.contains('/')) {
        (false, _) => Sort::Number(readings),
        (true, true) => Sort::Exact,
        (true, false) => Sort::Word,
    };
    Claim {
        text: core.to_string(),
        sort,
    }
}

/// How many words from here on are one reference in groups: `DE89 3704 0044 0532 0130 00`.
fn in_groups(words: &[Word<'_>], place: usize) -> usize {
    let of_group = |word: &&Word<'_>| {
        (2..=4).contains(&word.core.len())
            && word.core.bytes().all(|it| it.is_ascii_alphanumeric())
            && word.core.contains(|it: char| it.is_ascii_digit())
    };
    let rest = words.get(place..).unwrap_or_default();
    let groups = rest.iter().take_while(of_group).count();
    let fours = rest.iter().take(groups).filter(|it| it.core.len() == 4);
    // Two numbers side by side are two numbers.
    if fours.count() >= 3 { groups } else { 1 }
}

fn joined(group: &[Word<'_>]) -> Claim {
    let cores: Vec<&str> = group.iter().map(|word| word.core).collect();
    Claim {
        text: cores.join(" "),
        sort: Sort::Word,
    }
}

/// Dates, times, ordinals, `2 of 3`, `step 2`: they say when or which, and are seldom a parameter.
fn says_when_or_which(words: &[Word<'_>], place: usize) -> bool {
    let at = |place: Option<usize>| {
        let word = place.and_then(|place| words.get(place));
        word.map_or("", |word| word.core)
    };
    let word = at(Some(place));
    let (before, after) = (at(place.checked_sub(1)), at(place.checked_add(1)));
    let small = |text: &str| (1..=3).contains(&text.len()) && is_digits(text);
    let of_calendar = is_of_calendar(before) || is_of_calendar(after);
    let day = word.len() <= 2 && is_digits(word) && of_calendar;
    let last = at(place.checked_sub(2));
    let is_year = word.len() == 4 && word.starts_with(['1', '2']) && is_digits(word);
    let year = is_year
        && (is_of_calendar(before)
            || ["in", "since", "until", "year"].contains(&before)
            || (is_digits(before) && is_of_calendar(last)));
    let counted = small(word)
        && (("of" == after && small(at(place.checked_add(2)))) || ("of" == before && small(last)));
    let named = small(word) && ORDERED.contains(&before.to_lowercase().as_str());
    is_date(word) || is_ordinal(word) || day || year || counted || named
}

/// Words after which a number says which one.
const ORDERED: [&str; 12] = [
    "step", "attempt", "try", "part", "phase", "page", "point", "section", "line", "day", "week",
    "batch",
];

const CALENDAR: [&str; 19] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// A month or a day of the week, also in three letters.
fn is_of_calendar(word: &str) -> bool {
    let word = word.to_lowercase();
    word.len() >= 3
        && CALENDAR
            .iter()
            .any(|name| *name == word || (word.len() == 3 && name.starts_with(&word)))
}

/// `2026-11-28`, `28.11.2026`, `11/28`, `10:30`, `2026-11-28T10:30:00Z`, `Q3`, `2/3`.
fn is_date(word: &str) -> bool {
    let day = word.split(['T', 'Z']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['-', '/', '.', ':']).collect();
    let separators = ['-', '/', '.', ':'];
    let same = separators
        .iter()
        .any(|it| day.matches(*it).count() + 1 == parts.len());
    let small = parts.iter().all(|it| is_digits(it) && it.len() <= 2);
    let four = |part: Option<&&str>| part.is_some_and(|it| it.len() == 4 && is_digits(it));
    let others = parts.iter().filter(|it| it.len() <= 2 && is_digits(it));
    let of_three =
        parts.len() == 3 && others.count() == 2 && (four(parts.first()) || four(parts.last()));
    let pair = small && parts.len() == 2 && day.contains(['/', ':']);
    let clock = small && parts.len() == 3 && day.contains(':');
    let quarter = word.len() == 2 && word.starts_with('Q') && word.ends_with(['1', '2', '3', '4']);
    (same && (of_three || pair || clock)) || quarter
}

fn is_ordinal(word: &str) -> bool {
    ["st", "nd", "rd", "th"]
        .iter()
        .any(|end| word.strip_suffix(end).is_some_and(is_digits))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the number is said to be rounded.
fn is_hedged(words: &[Word<'_>], place: usize) -> bool {
    let before = |back: usize| {
        let word = place.checked_sub(back).and_then(|place| words.get(place));
        word.map_or("", |word| word.core)
    };
    let hedges = |word: &str| HEDGES.contains(&word.to_lowercase().as_str());
    let currency = before(1).len() == 3 && before(1).bytes().all(|it| it.is_ascii_uppercase());
    let tilde = words.get(place).is_some_and(|it| it.core.starts_with('~'));
    tilde || hedges(before(1)) || (currency && hedges(before(2)))
}

const HEDGES: [&str; 7] = [
    "about",
    "around",
    "approximately",
    "approx",
    "roughly",
    "nearly",
    "almost",
];
