//! `countersign policy adopt`

use std::path::PathBuf;

use clap::Args;
use countersign_flow::State;
use countersign_policy::Policy;
use countersign_record::json::Object;

use super::change::{Change, Made};
use super::init::{checked, read_policy};
use super::place::PlaceArgs;
use crate::exit;
use crate::output::{Failure, Output};

#[derive(Args, Debug)]
pub(crate) struct AdoptArgs {
    /// The TOML file
    file: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
}

impl AdoptArgs {
    pub(crate) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let toml = read_policy(&self.file)?;
        let policy = checked(output, &self.file, &toml)?;
        let made = self.place.place()?.change(|state| {
            if state
                .policy
                .as_ref()
                .is_some_and(|it| it.digest == policy.digest())
            {
                return Err(Failure::say(
                    exit::USAGE,
                    "this very policy is in force already",
                ));
            }
            names_nobody(&policy, state)?;
            Ok(Change::Policy { toml })
        })?;
        let document = Object::new().with("policy_digest", policy.digest().to_string());
        match made {
            Made::Done(id) => {
                output.line(&format!(
                    "adopted  {id}: {}, version {}",
                    policy.id(),
                    policy.version()
                ));
                output.line(&format!("digest   {}", policy.digest()));
                output.document(document.with("id", id));
            }
            Made::Asked(asked) => asked.tell(output, document),
        }
        Ok(exit::GOOD)
    }
}

/// A policy is kept for ever and never erased, so that nobody enrolled is named in it.
fn names_nobody(policy: &Policy, state: &State) -> Result<(), Failure> {
    state.roster.named_in(policy).map_or(Ok(()), |problem| {
        let sentence = format!(
            "the policy cannot be adopted: {}: {}",
            problem.place, problem.sentence
        );
        Err(Failure::say(exit::USAGE, sentence).hint(problem.advice))
    })
}
