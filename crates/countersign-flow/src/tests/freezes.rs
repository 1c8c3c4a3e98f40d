//! What a freeze stops, and what it leaves.

use countersign_record::entry::{Refs, Verdict};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Decision};

use super::world::{text_body, word};
use super::*;
use crate::{Command, Freezing, Refusal, Stage};

type Change = fn(&World, &mut Freezing);

/// Every way to stop `pay` to Example Ltd, approved by ann.
const WAYS: [Change; 7] = [
    |_, it| it.all = true,
    |world, it| it.agent = Some(world.agent),
    |world, it| it.key = Some(world.keys[&("ann", Client::Cli)].0),
    |world, it| it.person = Some(world.people["ann"]),
    |_, it| it.tool = Some("pay".into()),
    |_, it| it.rule = Some("pay".parse().unwrap()),
    |_, it| {
        it.by_target = true;
        it.detail = Some(text_body(&[("reason", "fraud"), ("target", "Example Ltd")]));
    },
];

fn freeze(world: &mut World, change: Change) -> Result<(), Refusal> {
    let mut freezing = world.freezing();
    change(world, &mut freezing);
    world.run(&Command::Freeze(freezing)).map(|_| ())
}

#[test]
fn a_freeze_kills_unredeemed_grants_at_once() {
    for change in WAYS {
        let mut world = World::new();
        let call = world.approved("pay");
        let redeem = world.redemption(call);
        freeze(&mut world, change).unwrap();
        assert_eq!(
            world.run(&Command::Redeem(redeem)).unwrap_err(),
            Refusal::NotFound
        );
    }
}

#[test]
fn a_freeze_leaves_what_it_does_not_name() {
    let others: [Change; 4] = [
        |world, it| it.key = Some(world.keys[&("bob", Client::Cli)].0),
        |_, it| it.tool = Some("merge".into()),
        |_, it| it.rule = Some("merge".parse().unwrap()),
        |_, it| {
            it.by_target = true;
            it.detail = Some(text_body(&[("reason", "fraud"), ("target", "Another Ltd")]));
        },
    ];
    for change in others {
        let mut world = World::new();
        let call = world.approved("pay");
        freeze(&mut world, change).unwrap();
        world.redeem(call).unwrap();
    }
}

#[test]
fn a_freeze_refuses_approvals_and_leaves_the_question_open() {
    for change in WAYS {
        let mut world = World::new();
        let call = world.ask("pay");
        freeze(&mut world, change).unwrap();
        let result = world.vote(call, "ann", Decision::Approve);
        assert_eq!(result.unwrap_err(), Refusal::Frozen);
        assert!(matches!(world.state.calls[&call].stage, Stage::Pending(_)));
        world.vote(call, "ann", Decision::Deny).unwrap();
    }
}

#[test]
fn a_frozen_vote_does_not_count_towards_a_quorum() {
    for change in [WAYS[2], WAYS[3]] {
        let mut world = World::new();
        let call = world.ask("pay_twice");
        world.approve(call, "ann");
        freeze(&mut world, change).unwrap();
        world.approve(call, "bob");
        assert!(world.state.calls[&call].granted().is_none());
        world.approve(call, "cat");
        world.redeem(call).unwrap();
    }
}

#[test]
fn a_frozen_call_is_not_judged_further() {
    let mut world = World::new();
    freeze(&mut world, WAYS[0]).unwrap();
    let submit = world.submission("pay", "Example Ltd", "1");
    let entries = world
        .run(&Command::Submit(alloc::boxed::Box::new(submit)))
        .unwrap();
    let countersign_record::entry::Fact::CallEvaluated(it) = &entries[0].draft.fact else {
        panic!()
    };
    assert_eq!((entries.len(), it.verdict), (1, Verdict::Frozen));
}

#[test]
fn only_a_responder_freezes_and_what_there_is() {
    let refused = |change: Change| {
        let mut world = World::new();
        freeze(&mut world, change).unwrap_err()
    };
    assert_eq!(
        refused(|world, it| it.by = world.operator),
        Refusal::Forbidden
    );
    assert_eq!(refused(|_, _| {}), Refusal::MalformedArguments);
    assert_eq!(
        refused(|_, it| it.by_target = true),
        Refusal::MalformedArguments
    );
    let hidden: Change = |_, it| {
        it.all = true;
        it.detail = Some(text_body(&[("target", "Example Ltd")]));
    };
    assert_eq!(refused(hidden), Refusal::MalformedArguments);
    assert_eq!(
        refused(|_, it| it.tool = Some("a free text".into())),
        Refusal::NotFound
    );
    assert_eq!(
        refused(|_, it| it.rule = Some("nobody".parse().unwrap())),
        Refusal::NotFound
    );
    let nobody: Change = |_, it| it.person = Some(countersign_record::id::PersonId::new([0; 16]));
    assert_eq!(refused(nobody), Refusal::NotFound);
}

#[test]
fn two_owners_lift_even_a_freeze_of_everything() {
    let mut world = World::new();
    let freeze = world.freeze(|it| it.all = true);
    let other = world.control("countersign.person.leave", person(&world));
    let entries = world
        .run(&Command::Submit(alloc::boxed::Box::new(other)))
        .unwrap();
    assert_eq!(World::kinds(&entries), ["call.evaluated"]);
    let arguments = Value::Object(Object::new().with("freeze", word(&freeze)));
    let entries = world.controlled("countersign.freeze.lift", arguments, Refs::default());
    assert!(World::kinds(&entries).contains(&"freeze.lifted"));
    assert!(world.state.freezes.is_empty());
    world.approved("pay");
}

fn person(world: &World) -> Value {
    Value::Object(Object::new().with("person", word(&world.people["zed"])))
}

#[test]
fn a_frozen_owner_does_not_help_to_lift() {
    let mut world = World::new();
    let ann = world.people["ann"];
    let freeze = world.freeze(|it| it.person = Some(ann));
    let arguments = Value::Object(Object::new().with("freeze", word(&freeze)));
    let submit = world.control("countersign.freeze.lift", arguments);
    let call = world.submit(submit).unwrap();
    let result = world.vote(call, "ann", Decision::Approve);
    assert_eq!(result.unwrap_err(), Refusal::Frozen);
}

#[test]
fn what_has_lapsed_is_not_revoked() {
    let mut world = World::new();
    let call = world.approved("pay");
    world.wait(10 * MINUTE_MS);
    freeze(&mut world, WAYS[0]).unwrap();
    let entries = world.run(&Command::Tick { call }).unwrap();
    assert_eq!(World::kinds(&entries), ["grant.lapsed"]);
}

#[test]
fn a_freeze_ends_allowed_calls_too() {
    let mut world = World::new();
    let call = world.ask("read");
    freeze(&mut world, WAYS[1]).unwrap();
    assert!(!world.state.calls.contains_key(&call));
}
