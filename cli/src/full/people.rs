//! `countersign person`, `countersign group`

use clap::{Args, Subcommand};
use countersign_flow::State;
use countersign_record::entry::Change as Membership;
use countersign_record::id::PersonId;
use countersign_record::json::Object;
use countersign_record::name::GroupName;

use super::change::{Change, Made};
use super::place::PlaceArgs;
use crate::exit;
use crate::output::{Failure, Output};

/// Enrol people, or record that they left
#[derive(Args, Debug)]
pub(crate) struct PersonArgs {
    #[command(subcommand)]
    command: PersonCommand,
}

#[derive(Debug, Subcommand)]
enum PersonCommand {
    /// Enrol a person, who can then enrol a key and be asked
    Add(PersonAdd),
    /// Record that a person left: they are asked no more, and their keys no longer count
    Leave(PersonLeave),
}

#[derive(Args, Debug)]
struct PersonAdd {
    /// The short name on the command line
    handle: String,
    /// The person's name, as others are shown it
    #[arg(long)]
    name: String,
    /// Where they are written to
    #[arg(long)]
    email: String,
    /// A group of the policy that they belong to; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupName>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Debug)]
struct PersonLeave {
    /// Handle or id
    person: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Change who is in a group of the policy
#[derive(Args, Debug)]
pub(crate) struct GroupArgs {
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Debug, Subcommand)]
enum GroupCommand {
    /// Let a person join a group
    Add(GroupMember),
    /// Let a person leave a group
    Remove(GroupMember),
}

#[derive(Args, Debug)]
struct GroupMember {
    /// The group, as the policy declares it
    group: GroupName,
    /// Handle or id of the person
    person: String,
    #[command(flatten)]
    place: PlaceArgs,
}

impl PersonArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        match self.command {
            PersonCommand::Add(args) => add(output, args),
            PersonCommand::Leave(args) => {
                let made = args.place.place()?.change(|state| {
                    Ok(Change::Leave {
                        person: person(state, &args.person)?,
                    })
                })?;
                Ok(tell(output, &made, "left    "))
            }
        }
    }
}

fn add(output: &mut Output, args: PersonAdd) -> Result<u8, Failure> {
    let PersonAdd {
        handle,
        name,
        email,
        groups,
        place,
    } = args;
    let made = place.place()?.change(|state| {
        if state.roster.by_handle(&handle).is_some() {
            let sentence = format!("there is a person with the handle {handle} already");
            return Err(Failure::say(exit::USAGE, sentence));
        }
        groups.iter().try_for_each(|group| declared(state, group))?;
        Ok(Change::Person {
            handle,
            name,
            email,
            groups,
        })
    })?;
    Ok(tell(output, &made, "person  "))
}

impl GroupArgs {
    pub(super) fn run(self, output: &mut Output) -> Result<u8, Failure> {
        let (change, args) = match self.command {
            GroupCommand::Add(args) => (Membership::Add, args),
            GroupCommand::Remove(args) => (Membership::Remove, args),
        };
        let group = args.group;
        let made = args.place.place()?.change(|state| {
            declared(state, &group)?;
            let id = person(state, &args.person)?;
            let member = state
                .roster
                .people
                .get(&id)
                .is_some_and(|it| it.groups.contains(&group));
            if member == (change == Membership::Add) {
                let is = if member { "is already" } else { "is not" };
                let sentence = format!("{} {is} in the group {group}", args.person);
                return Err(Failure::say(exit::USAGE, sentence));
            }
            Ok(Change::Group {
                group,
                person: id,
                change,
            })
        })?;
        Ok(tell(output, &made, "person  "))
    }
}

fn tell(output: &mut Output, made: &Made, label: &str) -> u8 {
    match made {
        Made::Done(id) => {
            output.line(&format!("{label} {id}"));
            output.document(Object::new().with("id", id.as_str()));
        }
        Made::Asked(asked) => asked.tell(output, Object::new()),
    }
    exit::GOOD
}

/// A person by handle or id.
pub(super) fn person(state: &State, named: &str) -> Result<PersonId, Failure> {
    let here = |id: &PersonId| {
        state
            .roster
            .people
            .get(id)
            .is_some_and(|person| !person.left)
    };
    let found = state
        .roster
        .by_handle(named)
        .or_else(|| named.parse().ok().filter(here));
    found.ok_or_else(|| {
        let known: Vec<&str> = state
            .roster
            .people
            .values()
            .filter(|it| !it.left)
            .filter_map(|it| it.handle.as_deref())
            .collect();
        let failure = Failure::say(
            exit::USAGE,
            format!("there is no person {named} in this log"),
        );
        if known.is_empty() {
            failure.hint("enrol one: countersign person add HANDLE --name N --email E --group G")
        } else {
            failure.hint(format!("its people are {}", known.join(", ")))
        }
    })
}

/// A group must be one that the policy in force declares.
fn declared(state: &State, group: &GroupName) -> Result<(), Failure> {
    let Some(policy) = state.document() else {
        return Ok(());
    };
    if policy.groups().any(|(name, _)| name == group) {
        return Ok(());
    }
    let names: Vec<&str> = policy.groups().map(|(name, _)| name.as_str()).collect();
    Err(
        Failure::say(exit::USAGE, format!("the policy declares no group {group}"))
            .hint(format!("its groups are {}", names.join(", "))),
    )
}
