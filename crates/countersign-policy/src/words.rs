//! Amounts in words, so that a slipped point or nought is heard when it is read aloud.

use alloc::format;
use alloc::string::{String, ToString};

/// A currency with its names and the digits of its smallest unit (ISO 4217, list one).
struct Currency {
    code: &'static str,
    names: [&'static str; 2],
    /// One, several; nothing where there is no smaller unit.
    minor: [&'static str; 2],
    digits: usize,
}

/// From here on nobody hears the difference any more.
const WHOLE_END: u64 = 1_000_000_000_000;

/// `twenty-four thousand euros and five cents`; `None` of an amount from 10¹² on, of one with more
/// digits than the currency has, and of a currency that is not listed here.
pub(crate) fn amount(decimal: &str, code: &str) -> Option<String> {
    let currency = CURRENCIES.iter().find(|currency| currency.code == code)?;
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let fraction = fraction.trim_end_matches('0');
    let whole: u64 = whole.parse().ok().filter(|whole| *whole < WHOLE_END)?;
    let missing = currency.digits.checked_sub(fraction.len())?;
    let major = counted(whole, &currency.names);
    if fraction.is_empty() {
        return Some(major);
    }
    let minor = format!("{fraction}{}", "0".repeat(missing)).parse().ok()?;
    Some(format!("{major} and {}", counted(minor, &currency.minor)))
}

fn counted(number: u64, [one, several]: &[&str; 2]) -> String {
    let name = if number == 1 { one } else { several };
    format!("{} {name}", cardinal(number))
}

/// A whole number below 10¹²: `one hundred twenty-three thousand forty`.
fn cardinal(number: u64) -> String {
    if number == 0 {
        return "zero".into();
    }
    let mut words = String::new();
    for (size, name) in [
        (1_000_000_000, " billion"),
        (1_000_000, " million"),
        (1_000, " thousand"),
        (1, ""),
    ] {
        let part = number / size % 1_000;
        if part > 0 {
            let gap = if words.is_empty() { "" } else { " " };
            words = format!("{words}{gap}{}{name}", below_thousand(part));
        }
    }
    words
}

fn below_thousand(number: u64) -> String {
    let (hundreds, rest) = (number / 100, number % 100);
    match (hundreds, rest) {
        (0, rest) => below_hundred(rest),
        (hundreds, 0) => format!("{} hundred", word(&SMALL, hundreds)),
        (hundreds, rest) => format!("{} hundred {}", word(&SMALL, hundreds), below_hundred(rest)),
    }
}

fn below_hundred(number: u64) -> String {
    match (number / 10, number % 10) {
        (0 | 1, _) => word(&SMALL, number).to_string(),
        (tens, 0) => word(&TENS, tens).to_string(),
        (tens, ones) => format!("{}-{}", word(&TENS, tens), word(&SMALL, ones)),
    }
}

fn word(list: &[&'static str], place: u64) -> &'static str {
    let place = usize::try_from(place).ok();
    place
        .and_then(|place| list.get(place))
        .copied()
        .unwrap_or_default()
}

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

const fn currency(
    code: &'static str,
    one: &'static str,
    several: &'static str,
    minor: [&'static str; 2],
    digits: usize,
) -> Currency {
    Currency {
        code,
        names: [one, several],
        minor,
        digits,
    }
}

const CENTS: [&str; 2] = ["cent", "cents"];
const ORE: [&str; 2] = ["öre", "öre"];
const FILS: [&str; 2] = ["fils", "fils"];
const NONE: [&str; 2] = ["", ""];

const CURRENCIES: [Currency; 34] = [
    currency("AED", "UAE dirham", "UAE dirhams", FILS, 2),
    currency("AUD", "Australian dollar", "Australian dollars", CENTS, 2),
    currency("BHD", "Bahraini dinar", "Bahraini dinars", FILS, 3),
    currency(
        "BRL",
        "Brazilian real",
        "Brazilian reais",
        ["centavo", "centavos"],
        2,
    ),
    currency("CAD", "Canadian dollar", "Canadian dollars", CENTS, 2),
    currency(
        "CHF",
        "Swiss franc",
        "Swiss francs",
        ["centime", "centimes"],
        2,
    ),
    currency("CLP", "Chilean peso", "Chilean pesos", NONE, 0),
    currency("CNY", "yuan", "yuan", ["fen", "fen"], 2),
    currency(
        "CZK",
        "Czech koruna",
        "Czech korunas",
        ["haléř", "haléřů"],
        2,
    ),
    currency("DKK", "Danish krone", "Danish kroner", ["øre", "øre"], 2),
    currency("EUR", "euro", "euros", CENTS, 2),
    currency(
        "GBP",
        "pound sterling",
        "pounds sterling",
        ["penny", "pence"],
        2,
    ),
    currency("HKD", "Hong Kong dollar", "Hong Kong dollars", CENTS, 2),
    currency("HUF", "forint", "forints", ["fillér", "fillérs"], 2),
    currency("IDR", "rupiah", "rupiah", ["sen", "sen"], 2),
    currency("ILS", "new shekel", "new shekels", ["agora", "agorot"], 2),
    currency(
        "INR",
        "Indian rupee",
        "Indian rupees",
        ["paisa", "paise"],
        2,
    ),
    currency("ISK", "Icelandic króna", "Icelandic krónur", NONE, 0),
    currency("JOD", "Jordanian dinar", "Jordanian dinars", FILS, 3),
    currency("JPY", "yen", "yen", NONE, 0),
    currency("KRW", "won", "won", NONE, 0),
    currency("KWD", "Kuwaiti dinar", "Kuwaiti dinars", FILS, 3),
    currency(
        "MXN",
        "Mexican peso",
        "Mexican pesos",
        ["centavo", "centavos"],
        2,
    ),
    currency(
        "NOK",
        "Norwegian krone",
        "Norwegian kroner",
        ["øre", "øre"],
        2,
    ),
    currency("NZD", "New Zealand dollar", "New Zealand dollars", CENTS, 2),
    currency("PLN", "zloty", "zlotys", ["grosz", "groszy"], 2),
    currency("RON", "Romanian leu", "Romanian lei", ["ban", "bani"], 2),
    currency(
        "SAR",
        "Saudi riyal",
        "Saudi riyals",
        ["halala", "halalas"],
        2,
    ),
    currency("SEK", "Swedish krona", "Swedish kronor", ORE, 2),
    currency("SGD", "Singapore dollar", "Singapore dollars", CENTS, 2),
    currency("THB", "baht", "baht", ["satang", "satang"], 2),
    currency(
        "TRY",
        "Turkish lira",
        "Turkish liras",
        ["kuruş", "kuruş"],
        2,
    ),
    currency("USD", "US dollar", "US dollars", CENTS, 2),
    currency("ZAR", "rand", "rand", CENTS, 2),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(decimal: &str, code: &str, words: &str) {
        assert_eq!(amount(decimal, code).as_deref(), Some(words), "{decimal}");
    }

    #[test]
    fn an_amount_reads_as_people_say_it() {
        check("24000.00", "EUR", "twenty-four thousand euros");
        check("1", "EUR", "one euro");
        check("0.01", "USD", "zero US dollars and one cent");
        check("0", "JPY", "zero yen");
        check(
            "24000.5",
            "EUR",
            "twenty-four thousand euros and fifty cents",
        );
        check(
            "100.05",
            "GBP",
            "one hundred pounds sterling and five pence",
        );
        check("7.005", "KWD", "seven Kuwaiti dinars and five fils");
        check("7.1", "BHD", "seven Bahraini dinars and one hundred fils");
        check("1000000", "KRW", "one million won");
        check(
            "999999999999.99",
            "EUR",
            "nine hundred ninety-nine billion nine hundred ninety-nine million nine hundred \
             ninety-nine thousand nine hundred ninety-nine euros and ninety-nine cents",
        );
        check(
            "1001010.00",
            "USD",
            "one million one thousand ten US dollars",
        );
        check("13", "CHF", "thirteen Swiss francs");
        check("110", "CHF", "one hundred ten Swiss francs");
    }

    #[test]
    fn what_cannot_be_said_exactly_is_not_said() {
        assert_eq!(amount("1000000000000", "EUR"), None);
        assert_eq!(amount("1.005", "EUR"), None);
        assert_eq!(amount("1.5", "JPY"), None);
        assert_eq!(amount("1.00", "XTS"), None);
        assert_eq!(amount("1.00", "eur"), None);
    }

    #[test]
    fn every_currency_is_listed_once_and_in_order() {
        assert!(CURRENCIES.is_sorted_by(|one, other| one.code < other.code));
        for currency in &CURRENCIES {
            assert_eq!(
                currency.digits == 0,
                currency.minor == NONE,
                "{}",
                currency.code
            );
        }
    }
}
