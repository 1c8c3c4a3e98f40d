//! What a readable policy gets wrong, found before anybody relies on it.

mod conditions;
mod head;
mod names;
mod people;
mod rules;
mod tools;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use countersign_record::id::PersonId;
use countersign_record::name::GroupName;
use countersign_record::term::{Client, KeyClass};

use crate::document::Policy;

/// The people who could approve today.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Population {
    /// Nobody knows (a policy checked away from its ledger); checks about people are left out.
    Unknown,
    /// Everybody enrolled who has not left.
    Known(Vec<LivePerson>),
}

/// One enrolled person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LivePerson {
    /// Who.
    pub person: PersonId,
    /// What people call the person; such a name must not stand in a policy.
    pub names: Vec<String>,
    /// The groups that the person is in.
    pub groups: Vec<GroupName>,
    /// The keys in force.
    pub keys: Vec<LiveKey>,
}

/// One key in force.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiveKey {
    /// Its class.
    pub class: KeyClass,
    /// The client for which it was enrolled.
    pub client: Client,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The policy must not be adopted.
    Error,
    /// It can be, but somebody should know.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// A stable word for programs: `group-undefined`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where: `rule "money-large"`, `[governance]`, `line 12`.
    pub place: String,
    /// What is wrong.
    pub sentence: String,
    /// What to do about it.
    pub advice: String,
}

impl Problem {
    fn error(
        code: &'static str,
        place: impl Into<String>,
        sentence: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        let severity = Severity::Error;
        let (place, sentence, advice) = (place.into(), sentence.into(), advice.into());
        Self {
            code,
            severity,
            place,
            sentence,
            advice,
        }
    }

    fn warning(self) -> Self {
        Self {
            severity: Severity::Warning,
            ..self
        }
    }
}

/// `error: rule "x": what is wrong; what to do`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(
            f,
            "{severity}: {}: {}; {}",
            self.place, self.sentence, self.advice
        )
    }
}

impl Policy {
    /// Everything that is wrong, in the order of the document. Without an error it may be adopted.
    pub fn check(&self, population: &Population) -> Vec<Problem> {
        let mut problems = Vec::new();
        head::check(self, &mut problems);
        tools::check(self, &mut problems);
        rules::check(self, &mut problems);
        conditions::check(self, &mut problems);
        names::check(self, population, &mut problems);
        people::check(self, population, &mut problems);
        problems
    }
}
