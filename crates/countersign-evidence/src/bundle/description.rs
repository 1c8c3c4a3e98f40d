//! `data/bundle.json`: what the bundle is, in one object.

use std::collections::{BTreeMap, BTreeSet};

use countersign_record::json::{Limits, Number, Object, Value, canonical_text, read};

use super::layout::FILE_BYTES_MAX;

/// What kind of document it is, and the version of the bundle's layout.
const TYPE: &str = "countersign.bundle.v1";

/// How many bodies can be named one by one.
pub(super) const LISTED_MAX: usize = 1_000_000;

/// An object with its entry, name and reason.
const NODES_PER_BODY: usize = 4;

/// How many of each there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Entries, each with its proof.
    pub entries: u64,
    /// Bodies disclosed, whole or in part.
    pub disclosed: u64,
    /// Bodies withheld, whole or in part.
    pub withheld: u64,
    /// Bodies that should have been there.
    pub missing: u64,
    /// Presentations, as shown to people.
    pub shown: u64,
    /// Entries with a person's signature.
    pub attested: u64,
    /// Versions of the policy.
    pub policies: u64,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Description {
    /// The log's name.
    pub origin: String,
    /// The checkpoint's size: the bundle has every entry below it.
    pub size: u64,
    /// The case for which it was made, in the exporter's words.
    pub case: String,
    /// How many of each there are.
    pub counts: Counts,
    /// Bodies that the exporter should have had, by entry and name, and why not.
    pub missing: BTreeMap<(u64, String), String>,
    /// Bodies of which something is withheld, by entry and name.
    pub withheld: BTreeSet<(u64, String)>,
}

impl Description {
    pub(crate) fn missing(&self, seq: u64, body: &str) -> Option<&str> {
        self.missing
            .get(&(seq, body.to_owned()))
            .map(String::as_str)
    }

    pub(crate) fn withholds(&self, seq: u64, body: &str) -> bool {
        self.withheld.contains(&(seq, body.to_owned()))
    }

    /// The bodies that are named one by one.
    pub(super) fn listed(&self) -> usize {
        self.missing.len() + self.withheld.len()
    }

    /// The file's text.
    pub(super) fn write(&self) -> String {
        let named = |seq: u64, body: &str| {
            let object = Object::new().with("seq", number(seq));
            object.with("body", body)
        };
        let absent = |((seq, body), why): (&(u64, String), &String)| {
            named(*seq, body).with("why", why.as_str())
        };
        let absent: Vec<_> = self.missing.iter().map(absent).collect();
        let hidden = |(seq, body): &(u64, String)| named(*seq, body);
        let hidden: Vec<_> = self.withheld.iter().map(hidden).collect();
        let profile = if hidden.is_empty() { "full" } else { "partial" };
        let Counts {
            entries,
            disclosed,
            withheld,
            missing,
            shown,
            attested,
            policies,
        } = self.counts;
        let counts = Object::new()
            .with("entries", number(entries))
            .with("disclosed", number(disclosed))
            .with("withheld", number(withheld))
            .with("missing", number(missing))
            .with("shown", number(shown))
            .with("attested", number(attested))
            .with("policies", number(policies));
        let object = Object::new()
            .with("type", TYPE)
            .with("origin", self.origin.as_str())
            .with("size", number(self.size))
            .with("case", self.case.as_str())
            .with("profile", profile)
            .with("prepared", "none")
            .with("counts", counts)
            .with("missing", absent)
            .with("withheld", hidden);
        canonical_text(&object.into()) + "\n"
    }

    /// Reads [`Description::write`] as far as it is needed; whether it is exactly that is for the
    /// check of the files to say.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let limits = Limits {
            depth: 4,
            nodes: 100 + NODES_PER_BODY * LISTED_MAX,
            bytes: FILE_BYTES_MAX,
        };
        let json = read(bytes, &limits).map_err(|error| error.to_string())?;
        let text =
            |of: &Value, name: &str| of.member(name).and_then(Value::as_str).map(str::to_owned);
        if text(&json, "type").as_deref() != Some(TYPE) {
            return Err(format!("its type is not {TYPE}"));
        }
        let mut description = Self {
            origin: text(&json, "origin").unwrap_or_default(),
            size: json
                .member("size")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            case: text(&json, "case").unwrap_or_default(),
            ..Self::default()
        };
        for item in json
            .member("missing")
            .and_then(Value::as_array)
            .unwrap_or_default()
        {
            let seq = item.member("seq").and_then(Value::as_u64);
            if let (Some(seq), Some(body), Some(why)) = (seq, text(item, "body"), text(item, "why"))
            {
                description.missing.insert((seq, body), why);
            }
        }
        for item in json
            .member("withheld")
            .and_then(Value::as_array)
            .unwrap_or_default()
        {
            let seq = item.member("seq").and_then(Value::as_u64);
            if let (Some(seq), Some(body)) = (seq, text(item, "body")) {
                description.withheld.insert((seq, body));
            }
        }
        Ok(description)
    }
}

/// Sizes are far below 2^53.
fn number(count: u64) -> Value {
    Number::try_from(count).map_or(Value::Null, Value::Number)
}
