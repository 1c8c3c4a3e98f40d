//! `countersign policy`

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use countersign_policy::{Policy, Population, Problem, Severity, TestResult, explain};
use countersign_record::json::Object;

use crate::exit;
use crate::output::{Failure, Output, chain};

/// Check, explain or test a policy file
#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Say what is wrong with a policy, before anybody relies on it
    ///
    /// 0: it may be adopted; 1: it may not. Who is enrolled is not known here, so checks about
    /// people are made when the policy is adopted.
    Check(PolicyFile),
    /// Print a policy in plain English, to be read aloud by those who answer for it
    Explain(PolicyFile),
    /// Run the owner's examples, the `[[test]]` tables of the policy
    ///
    /// 0: all hold; 1: some do not; 3: there are none.
    Test(PolicyFile),
    /// Adopt a policy: directly before arming, afterwards as a call that people confirm
    #[cfg(feature = "full")]
    Adopt(crate::full::AdoptArgs),
}

#[derive(Args, Debug)]
struct PolicyFile {
    /// The TOML file
    file: PathBuf,
}

impl PolicyArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        match self.command {
            PolicyCommand::Check(file) => Ok(check(output, &read(&file.file)?)),
            PolicyCommand::Explain(file) => Ok(explained(output, &read(&file.file)?)),
            PolicyCommand::Test(file) => test(output, &read(&file.file)?),
            #[cfg(feature = "full")]
            PolicyCommand::Adopt(args) => args.run(output),
        }
    }
}

fn read(path: &Path) -> Result<Policy, Failure> {
    let text = fs::read_to_string(path).map_err(|cause| {
        Failure::say(
            exit::USAGE,
            format!("cannot read the policy {}: {cause}", path.display()),
        )
    })?;
    Policy::parse(&text).map_err(|error| {
        Failure::say(
            exit::TAMPERED,
            format!("{}: {}", path.display(), chain(&error)),
        )
    })
}

fn check(output: &mut Output, policy: &Policy) -> u8 {
    let problems = policy.check(&Population::Unknown);
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    for problem in &problems {
        output.line(&problem.to_string());
    }
    let verdict = match errors {
        0 => "may be adopted".into(),
        1 => "has 1 error".into(),
        several => format!("has {several} errors"),
    };
    output.line(&format!(
        "policy {}, version {}: {verdict}",
        policy.id(),
        policy.version()
    ));
    output.line(&format!("digest {}", policy.digest()));
    let listed: Vec<Object> = problems.iter().map(problem).collect();
    output.document(
        head(policy)
            .with("problems", listed)
            .with("adoptable", errors == 0),
    );
    if errors == 0 {
        exit::GOOD
    } else {
        exit::TAMPERED
    }
}

fn explained(output: &mut Output, policy: &Policy) -> u8 {
    let text = explain(policy);
    output.line(text.trim_end());
    output.document(head(policy).with("explanation", text));
    exit::GOOD
}

fn test(output: &mut Output, policy: &Policy) -> Result<u8, Failure> {
    let results = policy.test();
    if results.is_empty() {
        return Err(Failure::say(exit::UNPROVEN, "the policy has no tests")
            .hint("write examples as [[test]] tables: name, call and expect"));
    }
    for result in &results {
        output.line(&format!(
            "{} {}",
            if result.passed() { "PASS" } else { "FAIL" },
            result.name
        ));
        for shortfall in &result.shortfalls {
            output.line(&format!("     {shortfall}"));
        }
    }
    let failed = results.iter().filter(|result| !result.passed()).count();
    output.line(&format!(
        "{} of {} tests hold",
        results.len() - failed,
        results.len()
    ));
    let listed: Vec<Object> = results.iter().map(tested).collect();
    output.document(
        head(policy)
            .with("tests", listed)
            .with("passed", failed == 0),
    );
    Ok(if failed == 0 {
        exit::GOOD
    } else {
        exit::TAMPERED
    })
}

fn head(policy: &Policy) -> Object {
    let head = Object::new()
        .with("id", policy.id().as_str())
        .with("version", policy.version())
        .with("digest", policy.digest().to_string());
    Object::new().with("policy", head)
}

fn problem(problem: &Problem) -> Object {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    Object::new()
        .with("code", problem.code)
        .with("severity", severity)
        .with("place", problem.place.as_str())
        .with("sentence", problem.sentence.as_str())
        .with("advice", problem.advice.as_str())
}

fn tested(result: &TestResult) -> Object {
    let shortfalls: Vec<Object> = result
        .shortfalls
        .iter()
        .map(|shortfall| {
            Object::new()
                .with("of", shortfall.of)
                .with("expected", shortfall.expected.as_str())
                .with("found", shortfall.found.as_str())
        })
        .collect();
    Object::new()
        .with("name", result.name.as_str())
        .with("passed", result.passed())
        .with("shortfalls", shortfalls)
}
