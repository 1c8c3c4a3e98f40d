//! Before arming, and the gate before keys.

use countersign_record::digest::TokenDigest;
use countersign_record::entry::{
    AgentEnrolled, Change, ExecutorEnrolled, GroupChanged, KeyEnrolled, PersonEnrolled, PersonLeft,
    PolicyAdopted, Refs,
};
use countersign_record::id::{AgentId, ExecutorId, KeyId, PersonId, PolicyId};
use countersign_record::term::{Client, Enforcement, KeyClass, Scheme};
use ed25519_dalek::SigningKey;

use super::world::{POLICY, text_body};
use super::*;
use crate::{Bootstrap, Command, Record, Refusal};

#[test]
fn a_log_begins_with_its_creation_and_its_policy() {
    let mut world = World::empty();
    assert_eq!(world.adopt_first(POLICY).unwrap_err(), Refusal::OutOfOrder);
    assert_eq!(world.run(&Command::Arm).unwrap_err(), Refusal::OutOfOrder);
    world.run(&World::created(false)).unwrap();
    assert_eq!(
        world.run(&World::created(false)).unwrap_err(),
        Refusal::OutOfOrder
    );
    let person = Refs {
        person: Some(PersonId::new([0; 16])),
        ..Refs::default()
    };
    let early = world.boot(person, PersonEnrolled { bootstrap: true }, [].into());
    assert_eq!(early.unwrap_err(), Refusal::OutOfOrder);
    let started = Command::Record(Record::Stopped);
    assert_eq!(world.run(&started).unwrap_err(), Refusal::OutOfOrder);
    world.adopt_first(POLICY).unwrap();
    world.run(&started).unwrap();
}

#[test]
fn after_arming_the_operator_changes_nothing_directly() {
    let mut world = World::new();
    assert_eq!(world.adopt_first(POLICY).unwrap_err(), Refusal::Armed);
    assert_eq!(world.run(&Command::Arm).unwrap_err(), Refusal::Armed);
    assert_eq!(Refusal::Armed.code(), "forbidden");
}

#[test]
fn what_is_done_before_arming_says_so() {
    let mut world = World::unarmed();
    let refs = Refs {
        person: Some(world.people["ann"]),
        ..Refs::default()
    };
    let unmarked = world.boot(refs, PersonLeft { bootstrap: false }, [].into());
    assert_eq!(unmarked.unwrap_err(), Refusal::OutOfOrder);
}

#[test]
fn a_policy_is_the_one_of_its_digest_and_has_no_errors() {
    let mut world = World::unarmed();
    let mut adopt = |toml: &str, digest: &str| {
        let digest = countersign_record::action::policy_digest(digest.as_bytes());
        let refs = Refs {
            policy: Some(PolicyId::new([0; 16])),
            ..Refs::default()
        };
        let bodies = [("policy", Some(text_body(&[("toml", toml)])))].into();
        world
            .boot(
                refs,
                PolicyAdopted {
                    digest,
                    bootstrap: true,
                },
                bodies,
            )
            .map(|_| ())
    };
    assert_eq!(adopt(POLICY, "another"), Err(Refusal::DigestMismatch));
    assert_eq!(
        adopt("no policy", "no policy"),
        Err(Refusal::MalformedArguments)
    );
    let ungoverned = POLICY.replace("[governance]\nkey_class = \"software\"\n", "");
    assert_eq!(
        adopt(&ungoverned, &ungoverned),
        Err(Refusal::MalformedArguments)
    );
    assert_eq!(adopt(POLICY, POLICY), Ok(()));
}

#[test]
fn arming_needs_a_control_that_survives_the_loss_of_any_one_person() {
    let mut world = World::empty();
    world.run(&World::created(false)).unwrap();
    world.adopt_first(POLICY).unwrap();
    for handle in ["one", "two"] {
        world.enrol_person(handle, &["owners"]);
        world.enrol_key(handle, Client::Cli).unwrap();
    }
    assert_eq!(world.run(&Command::Arm).unwrap_err(), Refusal::NotArmed);
    world.enrol_person("three", &["owners"]);
    // Three owners, but the third cannot sign.
    assert_eq!(world.run(&Command::Arm).unwrap_err(), Refusal::NotArmed);
    world.enrol_key("three", Client::Cli).unwrap();
    world.run(&Command::Arm).unwrap();
}

#[test]
fn a_log_of_one_person_says_so_from_its_first_entry() {
    let mut world = World::empty();
    world.run(&World::created(true)).unwrap();
    world.adopt_first(POLICY).unwrap();
    let entries = world.run(&Command::Arm).unwrap();
    let countersign_record::entry::Fact::ServiceArmed(armed) = &entries[0].draft.fact else {
        panic!()
    };
    assert!(armed.solo);
}

#[test]
fn nobody_is_enrolled_twice_and_no_name_is_taken_twice() {
    let mut world = World::unarmed();
    let body = |handle| {
        let members = [
            ("handle", handle),
            ("name", "N"),
            ("email", "n@example.com"),
        ];
        [("person", Some(text_body(&members)))].into()
    };
    let mut enrol = |id, handle| {
        let refs = Refs {
            person: Some(id),
            ..Refs::default()
        };
        world
            .boot(refs, PersonEnrolled { bootstrap: true }, body(handle))
            .map(|_| ())
    };
    let fresh = PersonId::new([0; 16]);
    assert_eq!(enrol(fresh, "ann"), Err(Refusal::MalformedArguments));
    assert_eq!(enrol(fresh, "new"), Ok(()));
    assert_eq!(enrol(fresh, "newer"), Err(Refusal::OutOfOrder));
}

#[test]
fn bodies_of_changes_have_a_closed_form() {
    let mut world = World::unarmed();
    let refs = Refs {
        person: Some(PersonId::new([0; 16])),
        ..Refs::default()
    };
    let mut enrol = |bodies| {
        let fact = PersonEnrolled { bootstrap: true }.into();
        world
            .run(&Command::Bootstrap(Bootstrap {
                refs: refs.clone(),
                fact,
                bodies,
            }))
            .unwrap_err()
    };
    assert_eq!(enrol([].into()), Refusal::OutOfOrder);
    let missing = text_body(&[("handle", "h"), ("name", "n")]);
    assert_eq!(
        enrol([("person", Some(missing))].into()),
        Refusal::MalformedArguments
    );
    let more = text_body(&[
        ("handle", "h"),
        ("name", "n"),
        ("email", "e"),
        ("note", "x"),
    ]);
    assert_eq!(
        enrol([("person", Some(more.clone()))].into()),
        Refusal::MalformedArguments
    );
    assert_eq!(enrol([("agent", Some(more))].into()), Refusal::OutOfOrder);
}

#[test]
fn groups_are_those_of_the_policy_and_change_only_what_is_not_so() {
    let mut world = World::unarmed();
    let mut change = |person: &str, group: &str, change| {
        let refs = Refs {
            person: Some(world.people[person]),
            ..Refs::default()
        };
        let group = group.parse().unwrap();
        world
            .boot(
                refs,
                GroupChanged {
                    group,
                    change,
                    bootstrap: true,
                },
                [].into(),
            )
            .map(|_| ())
    };
    assert_eq!(
        change("zed", "nobody-declared-it", Change::Add),
        Err(Refusal::NotFound)
    );
    assert_eq!(
        change("ann", "owners", Change::Add),
        Err(Refusal::MalformedArguments)
    );
    assert_eq!(
        change("zed", "owners", Change::Remove),
        Err(Refusal::MalformedArguments)
    );
    assert_eq!(change("zed", "owners", Change::Add), Ok(()));
}

#[test]
fn a_token_belongs_to_one_credential_of_one_kind() {
    let mut world = World::unarmed();
    let person = Some(world.people["ann"]);
    let mut agent = |token| {
        let refs = Refs {
            agent: Some(AgentId::new([token; 16])),
            person,
            ..Refs::default()
        };
        let token = TokenDigest([token; 32]);
        let enforcement = Enforcement::Cooperative;
        let enrolled = AgentEnrolled {
            token,
            enforcement,
            bootstrap: true,
        };
        let body = [("agent", Some(text_body(&[("name", "x")])))].into();
        world.boot(refs, enrolled, body).map(|_| ())
    };
    // 2 is the executor's, 4 the responder's.
    assert_eq!(agent(2), Err(Refusal::MalformedArguments));
    assert_eq!(agent(4), Err(Refusal::MalformedArguments));
    assert_eq!(agent(0x55), Ok(()));
}

#[test]
fn an_executors_name_is_bound_once_and_never_to_the_service() {
    let mut world = World::unarmed();
    let service = SERVICE;
    let mut executor = |id, name: &str| {
        let refs = Refs {
            executor: Some(id),
            ..Refs::default()
        };
        let (name, token) = (name.parse().unwrap(), TokenDigest([0x56; 32]));
        world
            .boot(
                refs,
                ExecutorEnrolled {
                    name,
                    token,
                    bootstrap: true,
                },
                [].into(),
            )
            .map(|_| ())
    };
    assert_eq!(
        executor(ExecutorId::new([0; 16]), "bank"),
        Err(Refusal::MalformedArguments)
    );
    assert_eq!(executor(service, "control"), Err(Refusal::OutOfOrder));
    assert_eq!(executor(ExecutorId::new([0; 16]), "platform"), Ok(()));
}

/// A good enrolment of a key for zed, with one thing changed.
fn refused(change: impl FnOnce(&mut World, &mut Refs, &mut KeyEnrolled)) -> Refusal {
    let mut world = World::unarmed();
    let secret = SigningKey::from_bytes(&[0x66; 32]);
    let person = world.people["zed"];
    let mut fact = world.enrolment(person, &secret, Client::External);
    fact.bootstrap = true;
    let mut refs = Refs {
        key: Some(KeyId::new([0; 16])),
        person: Some(person),
        ..Refs::default()
    };
    change(&mut world, &mut refs, &mut fact);
    world.boot(refs, fact, [].into()).unwrap_err()
}

#[test]
fn a_key_is_enrolled_as_it_says_of_itself() {
    assert_eq!(
        refused(|world, refs, _| refs.person = Some(world.people["ann"])),
        Refusal::DigestMismatch
    );
    assert_eq!(
        refused(|_, _, it| it.client = Client::Cli),
        Refusal::DigestMismatch
    );
    assert_eq!(
        refused(|_, _, it| it.class = KeyClass::HardwareAttested),
        Refusal::DigestMismatch
    );
    assert_eq!(
        refused(|_, _, it| it.scheme = Scheme::WebAuthn),
        Refusal::DigestMismatch
    );
    assert_eq!(
        refused(|_, _, it| it.rp_id = Some("example.com".into())),
        Refusal::DigestMismatch
    );
    assert_eq!(
        refused(|_, _, it| it.origins = ["x".into()].into()),
        Refusal::DigestMismatch
    );
    assert_eq!(
        refused(|_, refs, _| refs.person = Some(PersonId::new([0; 16]))),
        Refusal::NotFound
    );
}

#[test]
fn a_key_proves_its_possession() {
    let refusal = refused(|_, _, it| *it.signature.0.last_mut().unwrap() ^= 1);
    assert_eq!(refusal, Refusal::SignatureInvalid);
    let other = refused(|_, _, it| {
        let secret = SigningKey::from_bytes(&[0x67; 32]);
        let context = countersign_attest::Context::Enrolment;
        it.signature = world::sign(&secret, context, &it.statement.0);
    });
    assert_eq!(other, Refusal::SignatureInvalid);
}

#[test]
fn one_key_belongs_to_one_person_once_also_when_it_was_revoked() {
    let mut world = World::unarmed();
    let (key, secret) = world.keys[&("ann", Client::Cli)].clone();
    let by = countersign_record::entry::Party::Executor(SERVICE);
    let cause = countersign_record::entry::RevocationCause::Lost;
    world
        .run(&Command::RevokeKey(crate::RevokeKey { by, key, cause }))
        .unwrap();
    for handle in ["ann", "zed"] {
        let person = world.people[handle];
        let mut fact = world.enrolment(person, &secret, Client::Cli);
        fact.bootstrap = true;
        let refs = Refs {
            key: Some(KeyId::new([0; 16])),
            person: Some(person),
            ..Refs::default()
        };
        assert_eq!(
            world.boot(refs, fact, [].into()).unwrap_err(),
            Refusal::KeyNotActive
        );
    }
}

#[test]
fn a_revocation_names_what_was_revoked_and_of_whom() {
    use countersign_record::entry::{Party, RevocationCause};
    let mut world = World::new();
    let (by, cause) = (Party::Credential(world.operator), RevocationCause::Lost);
    let key = world.keys[&("ann", Client::Cli)].0;
    let revoke = crate::RevokeKey { by, key, cause };
    let entries = world.run(&Command::RevokeKey(revoke)).unwrap();
    let of_ann = Refs {
        key: Some(key),
        person: Some(world.people["ann"]),
        ..Refs::default()
    };
    assert_eq!(entries[0].draft.refs, of_ann);

    let of = Party::Agent(world.agent);
    let entries = world.run(&Command::RevokeCredential { by, of, cause });
    let of_agent = Refs {
        agent: Some(world.agent),
        ..Refs::default()
    };
    assert_eq!(entries.unwrap()[0].draft.refs, of_agent);
}

#[test]
fn only_operators_responders_and_the_machine_revoke() {
    use countersign_record::entry::{Party, RevocationCause};
    let by = |party: fn(&World) -> Party| {
        let mut world = World::new();
        let (by, of) = (party(&world), Party::Agent(world.agent));
        let cause = RevocationCause::Lost;
        world
            .run(&Command::RevokeCredential { by, of, cause })
            .map(|_| ())
    };
    assert_eq!(by(|world| Party::Credential(world.operator)), Ok(()));
    assert_eq!(by(|world| Party::Credential(world.responder)), Ok(()));
    assert_eq!(by(|_| Party::Executor(SERVICE)), Ok(()));
    assert_eq!(
        by(|world| Party::Credential(world.auditor)),
        Err(Refusal::Forbidden)
    );
    assert_eq!(
        by(|world| Party::Agent(world.agent)),
        Err(Refusal::Forbidden)
    );
    assert_eq!(
        by(|world| Party::Person(world.people["ann"])),
        Err(Refusal::Forbidden)
    );
}

#[test]
fn the_clock_is_accepted_by_the_operator_with_the_last_time() {
    use countersign_record::entry::Party;
    let mut world = World::new();
    let last = world.state.last_at;
    let mut accept = |by, old| {
        let command = Command::Record(Record::ClockAccepted {
            by,
            old,
            new: last + 9,
        });
        world.run(&command).map(|_| ())
    };
    let operator = Party::Credential(countersign_record::id::CredentialId::new([5; 16]));
    let responder = Party::Credential(countersign_record::id::CredentialId::new([4; 16]));
    assert_eq!(accept(responder, last), Err(Refusal::Forbidden));
    assert_eq!(accept(operator, last + 1), Err(Refusal::OutOfOrder));
    assert_eq!(accept(operator, last), Ok(()));
}

#[test]
fn refused_attempts_are_noted_of_known_parties_in_words() {
    use countersign_record::entry::Party;
    let mut world = World::new();
    let mut note = |by, code: &str, count| {
        let command = Command::Record(Record::Refused {
            by,
            code: code.into(),
            call: None,
            count,
        });
        world.run(&command).map(|_| ())
    };
    let agent = Party::Agent(AgentId::new([1; 16]));
    assert_eq!(note(agent, "already-redeemed", 1), Ok(()));
    assert_eq!(note(agent, "A free text", 1), Err(Refusal::OutOfOrder));
    assert_eq!(note(agent, "frozen", 0), Err(Refusal::OutOfOrder));
    assert_eq!(
        note(Party::Agent(AgentId::new([0; 16])), "frozen", 1),
        Err(Refusal::OutOfOrder)
    );
}

#[test]
fn no_entry_is_longer_than_an_entry_may_be() {
    let mut world = World::new();
    let software = "x".repeat(16 * 1024);
    let started = Command::Record(Record::Started { software });
    assert_eq!(world.run(&started).unwrap_err(), Refusal::TooLarge);
}
