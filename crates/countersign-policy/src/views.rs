//! Normal forms of typed arguments, to stand beside what the agent sent.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use countersign_record::json::Value;

use crate::catalogue::Tool;
use crate::decimal::grouped;
use crate::field::Found;
use crate::kind::Kind;
use crate::normal;
use crate::words;

/// What a typed argument is, said again in normal form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypedView {
    /// JSON Pointer into the arguments.
    pub pointer: String,
    /// The declared kind.
    pub kind: Kind,
    /// The normal form, or what is wrong; unescaped, it can hold the agent's words.
    pub normal: String,
    /// Whether a person should look twice.
    pub doubtful: bool,
}

impl Tool {
    /// The normal forms of all declared arguments that are present and have one, in the order of
    /// their paths; one per item of a list.
    pub fn typed_views(&self, arguments: &Value) -> Vec<TypedView> {
        let mut views = Vec::new();
        let currency = self.currency(arguments);
        for (path, kind) in self.declared() {
            let Found::Here(value) = path.find(arguments) else {
                continue;
            };
            let pointer = path.pointer();
            match value {
                Value::Array(items) => {
                    views.extend(items.iter().enumerate().filter_map(|(place, item)| {
                        view(format!("{pointer}/{place}"), kind, item, currency)
                    }));
                }
                one => views.extend(view(pointer, kind, one, currency)),
            }
        }
        views
    }

    /// The currency of a call, where the tool has one for all its amounts.
    fn currency<'a>(&self, arguments: &'a Value) -> Option<&'a str> {
        let mut declared = self.declared().filter(|(_, kind)| *kind == Kind::Currency);
        match (declared.next(), declared.next()) {
            (Some((path, _)), None) => match path.find(arguments) {
                Found::Here(value) => value.as_str(),
                Found::Absent | Found::Unreadable => None,
            },
            _ => None,
        }
    }
}

fn view(pointer: String, kind: Kind, value: &Value, currency: Option<&str>) -> Option<TypedView> {
    let (normal, doubtful) = if kind.admits(value) && value.as_array().is_none() {
        match (kind, value) {
            (Kind::Money, Value::String(amount)) => (money_view(amount, currency), false),
            (Kind::Count, Value::Number(count)) => (grouped(&count.as_f64().to_string()), false),
            (Kind::Account, Value::String(account)) => account_view(account),
            (Kind::Path, Value::String(path)) => path_view(path),
            (Kind::Url | Kind::Email, Value::String(address)) => host_view(address),
            _ => return None,
        }
    } else {
        (format!("not of the kind {kind}"), true)
    };
    Some(TypedView {
        pointer,
        kind,
        normal,
        doubtful,
    })
}

fn money_view(amount: &str, currency: Option<&str>) -> String {
    let digits = grouped(amount);
    match currency.and_then(|code| words::amount(amount, code)) {
        Some(words) => format!("{digits}, {words}"),
        None => digits,
    }
}

fn account_view(account: &str) -> (String, bool) {
    let Some(iban) = normal::iban(account) else {
        return ("not an IBAN".into(), false);
    };
    let fours: Vec<String> = iban
        .as_bytes()
        .chunks(4)
        .map(|four| four.iter().copied().map(char::from).collect())
        .collect();
    let right = normal::iban_checks_out(&iban);
    let verdict = if right {
        "the check digits are right"
    } else {
        "the check digits are WRONG"
    };
    (format!("IBAN {}: {verdict}", fours.join(" ")), !right)
}

fn path_view(path: &str) -> (String, bool) {
    let resolved = normal::path(path);
    let climbs = path.split('/').any(|part| part == "..");
    let warning = if climbs {
        " (it was written with \"..\"; a link on the way could lead elsewhere)"
    } else if !path.starts_with('/') {
        " (relative: where it lies depends on where the tool runs)"
    } else if !normal::is_plain_path(path) {
        " (holds characters that a shell or another system reads in its own way)"
    } else {
        ""
    };
    (format!("{resolved}{warning}"), !warning.is_empty())
}

fn host_view(address: &str) -> (String, bool) {
    let host = normal::host(address);
    let punycode = host
        .split('.')
        .any(|label| label.to_ascii_lowercase().starts_with("xn--"));
    let user = address.split_once("://").is_some_and(|(_, rest)| {
        rest.split(['/', '?', '#'])
            .next()
            .unwrap_or_default()
            .contains('@')
    });
    let warning = if !host.is_ascii() || punycode {
        " (letters outside ASCII: it can look like another name)"
    } else if user {
        " (what stands before the @ is a user name, not the host)"
    } else {
        ""
    };
    (
        format!("host {}{warning}", host.to_lowercase().as_str()).to_string(),
        !warning.is_empty(),
    )
}
