//! Who may decide, when, and what it takes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use countersign_attest::{Context, PublicKey, Verified, verify};
use countersign_record::digest::BodyRoot;
use countersign_record::entry::{
    Blob, Change, Compared, EndCause, Fact, GroupChanged, KeyRevoked, Party, Refs, RevocationCause,
};
use countersign_record::id::{GrantId, KeyId};
use countersign_record::json::Value;
use countersign_record::term::{Client, Decision, Independence};

use super::world::sign;
use super::*;
use crate::{Command, Commit, Decide, Refusal, RevokeKey, Stage, Submit, admit};

/// A good approval of `tool` by ann, with one thing changed.
fn refused(tool: &str, change: impl FnOnce(&mut World, &mut Decide)) -> Refusal {
    let mut world = World::new();
    let call = world.ask(tool);
    let served = world.open(call, "ann");
    let mut decide = world.decision(call, "ann", served, Decision::Approve);
    change(&mut world, &mut decide);
    world.decide(decide).unwrap_err()
}

#[test]
fn a_good_approval_is_accepted() {
    let mut world = World::new();
    let call = world.ask("pay");
    let entries = world.approve(call, "ann");
    assert_eq!(
        World::kinds(&entries),
        ["vote.approve", "confirmation.approved"]
    );
}

/// Brings a proof about the signature that was made before.
struct Proven(Verified);

impl Commit for Proven {
    fn commit(&mut self, _: usize, _: &'static str, _: Option<&Value>) -> BodyRoot {
        BodyRoot([0; 32])
    }

    fn proof(&self) -> Option<&Verified> {
        Some(&self.0)
    }
}

/// That this person signed these bytes.
fn proof(world: &World, handle: &'static str, bytes: &[u8]) -> Verified {
    let (_, secret) = &world.keys[&(handle, Client::Cli)];
    let key = PublicKey::from_ed25519(&secret.verifying_key().to_bytes()).unwrap();
    let signature = sign(secret, Context::Approval, bytes);
    verify(Context::Approval, &key, bytes, &signature.0).unwrap()
}

#[test]
fn a_proof_made_before_counts_for_its_own_key_and_bytes_alone() {
    let admitted = |proof: &dyn Fn(&World, &Decide) -> Verified| {
        let mut world = World::new();
        let call = world.ask("pay");
        let served = world.open(call, "ann");
        let mut decide = world.decision(call, "ann", served, Decision::Approve);
        let proof = proof(&world, &decide);
        // The signature in the vote is nobody's: only the proof can speak for it.
        decide.signature = Blob(Vec::new());
        let command = Command::Decide(Box::new(decide));
        admit(&world.state, &command, world.now, &mut Proven(proof)).map(drop)
    };
    let of = |handle| move |world: &World, vote: &Decide| proof(world, handle, &vote.statement.0);
    assert_eq!(admitted(&of("ann")), Ok(()));
    assert_eq!(admitted(&of("bob")), Err(Refusal::SignatureInvalid));
    let of_other_bytes = |world: &World, _: &Decide| proof(world, "ann", b"another statement");
    assert_eq!(admitted(&of_other_bytes), Err(Refusal::SignatureInvalid));
}

#[test]
fn at_the_deadline_it_is_too_late() {
    assert_eq!(
        refused("pay", |world, _| world.wait(HOUR_MS)),
        Refusal::Expired
    );
    let mut world = World::new();
    let call = world.ask("pay");
    let served = world.open(call, "ann");
    let decide = world.decision(call, "ann", served, Decision::Approve);
    world.wait(HOUR_MS - 1);
    world.decide(decide).unwrap();
}

#[test]
fn nobody_outside_of_the_groups_decides() {
    let mut world = World::new();
    let call = world.ask("pay");
    assert_eq!(
        world.vote(call, "lea", Decision::Approve).unwrap_err(),
        Refusal::NotEligible
    );
    assert_eq!(
        world.vote(call, "zed", Decision::Deny).unwrap_err(),
        Refusal::NotEligible
    );
}

/// Takes ann out of Treasury, by a control call of bob and cat.
fn leaves_treasury(world: &mut World) {
    let person = world::word(&world.people["ann"]);
    let arguments = arguments(&alloc::format!(
        r#"{{"group":"treasury","person":"{person}","change":"remove"}}"#
    ));
    let submit = world.control("countersign.group.change", arguments);
    let call = world.submit(submit).unwrap();
    world.approve(call, "bob");
    let served = world.open(call, "cat");
    let mut decide = world.decision(call, "cat", served, Decision::Approve);
    decide.enacted = Some(Refs::default());
    let entries = world.decide(decide).unwrap();
    let removed = |entry: &countersign_record::entry::Entry| {
        matches!(
            &entry.draft.fact,
            Fact::GroupChanged(GroupChanged {
                change: Change::Remove,
                ..
            })
        )
    };
    assert!(entries.iter().any(removed));
}

#[test]
fn whoever_has_left_the_group_since_does_not_decide() {
    let refusal = refused("pay", |world, _| leaves_treasury(world));
    assert_eq!(refusal, Refusal::NotEligible);
}

#[test]
fn whoever_joined_the_group_since_does_not_decide() {
    let mut world = World::new();
    let call = world.ask("pay");
    let person = world::word(&world.people["zed"]);
    let arguments = arguments(&alloc::format!(
        r#"{{"group":"treasury","person":"{person}","change":"add"}}"#
    ));
    world.controlled("countersign.group.change", arguments, Refs::default());
    assert_eq!(
        world.vote(call, "zed", Decision::Approve).unwrap_err(),
        Refusal::NotEligible
    );
    let later = world.submission("pay", "Another Ltd", "later");
    let later = world.submit(later).unwrap();
    world.vote(later, "zed", Decision::Approve).unwrap();
}

#[test]
fn the_agents_principal_does_not_approve_but_may_refuse() {
    let mut world = World::new();
    let call = world.ask("pay");
    let result = world.vote(call, "pat", Decision::Approve);
    assert_eq!(result.unwrap_err(), Refusal::RequesterCannotApprove);
    world.vote(call, "pat", Decision::Deny).unwrap();
}

#[test]
fn the_principal_approves_where_the_policy_says_so_in_words() {
    let mut world = World::new();
    let call = world.ask("note");
    let entries = world.vote(call, "pat", Decision::Approve).unwrap();
    assert_eq!(
        World::kinds(&entries),
        ["vote.approve", "confirmation.approved"]
    );
}

fn revoke(world: &mut World, key: KeyId) {
    let by = Party::Credential(world.operator);
    let cause = RevocationCause::Lost;
    let entries = world
        .run(&Command::RevokeKey(RevokeKey { by, key, cause }))
        .unwrap();
    assert!(matches!(
        entries[0].draft.fact,
        Fact::KeyRevoked(KeyRevoked { .. })
    ));
}

#[test]
fn a_revoked_key_does_not_decide() {
    let refusal = refused("pay", |world, decide| revoke(world, decide.key));
    assert_eq!(refusal, Refusal::KeyNotActive);
}

#[test]
fn somebody_elses_key_does_not_decide() {
    let refusal = refused("pay", |world, decide| {
        decide.key = world.keys[&("bob", Client::Cli)].0;
    });
    assert_eq!(refusal, Refusal::KeyNotActive);
}

#[test]
fn the_statement_is_the_one_that_was_served() {
    let other = refused("pay", |world, decide| {
        let text = alloc::string::String::from_utf8(decide.statement.0.clone()).unwrap();
        let text = text.replace("\"decision\":\"approve\"", "\"decision\":\"deny\"");
        let secret = world.keys[&("ann", Client::Cli)].1.clone();
        decide.signature = sign(&secret, Context::Approval, text.as_bytes());
        decide.statement = Blob(text.into_bytes());
    });
    assert_eq!(other, Refusal::DigestMismatch);
    let garbage = refused("pay", |_, decide| decide.statement = Blob(b"{}".into()));
    assert_eq!(garbage, Refusal::SignatureInvalid);
}

#[test]
fn the_signature_is_of_this_key_over_this_statement() {
    let flipped = refused("pay", |_, decide| {
        *decide.signature.0.last_mut().unwrap() ^= 1;
    });
    assert_eq!(flipped, Refusal::SignatureInvalid);
    let context = refused("pay", |world, decide| {
        let secret = world.keys[&("ann", Client::Cli)].1.clone();
        decide.signature = sign(&secret, Context::Revocation, &decide.statement.0);
    });
    assert_eq!(context, Refusal::SignatureInvalid);
    let raw = refused("pay", |_, decide| decide.raw = Some(Blob(b"x".into())));
    assert_eq!(raw, Refusal::SignatureInvalid);
}

#[test]
fn an_opening_belongs_to_one_person_and_one_call() {
    let other = refused("pay", |world, decide| {
        let call = decide.call;
        decide.served = world.open(call, "bob");
    });
    assert_eq!(other, Refusal::PresentationNotServed);
    let earlier = refused("pay", |world, decide| {
        let call = decide.call;
        decide.served = world.open(call, "ann");
    });
    assert_eq!(earlier, Refusal::PresentationNotServed);
}

#[test]
fn one_person_is_one_vote_whatever_the_number_of_keys() {
    let mut world = World::unarmed();
    world.enrol_key("ann", Client::External).unwrap();
    world.run(&Command::Arm).unwrap();
    let call = world.ask("pay_twice");
    world.approve(call, "ann");
    let open = world.opening(call, "ann", Client::External);
    let served = world.run(&Command::Open(open)).unwrap()[0].seq;
    let again = world.decision_with(
        call,
        "ann",
        served,
        Decision::Approve,
        Client::External,
        None,
    );
    assert_eq!(world.decide(again).unwrap_err(), Refusal::AlreadyVoted);
    assert!(world.state.calls[&call].granted().is_none());
    let entries = world.approve(call, "bob");
    assert_eq!(
        World::kinds(&entries),
        ["vote.approve", "confirmation.approved"]
    );
}

#[test]
fn an_opening_carries_one_approval() {
    let mut world = World::new();
    let call = world.ask("pay_twice");
    let served = world.open(call, "ann");
    let decide = world.decision(call, "ann", served, Decision::Approve);
    world.decide(decide.clone()).unwrap();
    assert_eq!(world.decide(decide).unwrap_err(), Refusal::NonceUsed);
}

#[test]
fn approve_then_deny_counts_as_deny_and_deny_then_approve_is_refused() {
    let mut world = World::new();
    let call = world.ask("vote");
    let twice = world.ask("pay_twice");
    let served = world.open(twice, "ann");
    let approve = world.decision(twice, "ann", served, Decision::Approve);
    world.decide(approve).unwrap();
    // The same opening may still refuse.
    let deny = world.decision(twice, "ann", served, Decision::Deny);
    let entries = world.decide(deny).unwrap();
    assert_eq!(World::kinds(&entries), ["vote.deny", "confirmation.denied"]);

    let served = world.open(call, "ann");
    let deny = world.decision(call, "ann", served, Decision::Deny);
    assert_eq!(
        World::kinds(&world.decide(deny.clone()).unwrap()),
        ["vote.deny"]
    );
    assert_eq!(world.decide(deny).unwrap_err(), Refusal::AlreadyVoted);
    let approve = world.decision(call, "ann", served, Decision::Approve);
    assert_eq!(world.decide(approve).unwrap_err(), Refusal::AlreadyVoted);
}

#[test]
fn an_approval_that_was_turned_into_a_refusal_no_longer_counts() {
    let mut world = World::new();
    let policy = world::POLICY.replace(
        r#"confirm = { approvals = 2, from = ["treasury"], key_class = "software", expires = "1h", execute_within = "10m" }"#,
        r#"confirm = { approvals = 2, from = ["treasury"], key_class = "software", expires = "1h", deny_threshold = 2 }"#,
    );
    let adopt = arguments(&alloc::format!(
        "{{\"toml\":{}}}",
        alloc::string::String::from_utf8(countersign_record::json::canonical(&Value::String(
            policy
        )))
        .unwrap()
    ));
    let ids = Refs {
        policy: Some(countersign_record::id::PolicyId::new([0x77; 16])),
        ..Refs::default()
    };
    let entries = world.controlled("countersign.policy.adopt", adopt, ids);
    assert!(World::kinds(&entries).contains(&"policy.adopted"));
    let call = world.ask("pay_twice");
    world.approve(call, "ann");
    world.vote(call, "ann", Decision::Deny).unwrap();
    world.approve(call, "bob");
    assert!(world.state.calls[&call].granted().is_none());
    world.approve(call, "cat");
    assert!(world.state.calls[&call].granted().is_some());
}

#[test]
fn refusing_meets_none_of_the_hurdles() {
    for tool in ["deploy", "publish"] {
        let mut world = World::new();
        let call = world.ask(tool);
        world.freeze(|freezing| freezing.all = true);
        let entries = world.vote(call, "pat", Decision::Deny).unwrap();
        assert_eq!(World::kinds(&entries), ["vote.deny", "confirmation.denied"]);
    }
}

#[test]
fn a_late_refusal_takes_the_approval_back() {
    let mut world = World::new();
    let call = world.ask("pay");
    let served = world.open(call, "ann");
    let approve = world.decision(call, "ann", served, Decision::Approve);
    world.decide(approve).unwrap();
    let deny = world.decision(call, "ann", served, Decision::Deny);
    let entries = world.decide(deny).unwrap();
    let Fact::ConfirmationRevoked(revoked) = &entries[1].draft.fact else {
        panic!()
    };
    assert_eq!(revoked.cause, EndCause::LateDeny);
    let again = world.submission("pay", "Example Ltd", "again");
    let entries = world.run(&Command::Submit(Box::new(again))).unwrap();
    assert!(matches!(
        &entries[0].draft.fact,
        Fact::CallEvaluated(it)
            if it.verdict == countersign_record::entry::Verdict::PreviouslyDenied
    ));
}

#[test]
fn refusals_end_the_question_by_number() {
    let mut world = World::new();
    let call = world.ask("vote");
    assert_eq!(
        World::kinds(&world.vote(call, "ann", Decision::Deny).unwrap()),
        ["vote.deny"]
    );
    let entries = world.vote(call, "bob", Decision::Deny).unwrap();
    let Fact::ConfirmationDenied(denied) = &entries[1].draft.fact else {
        panic!()
    };
    assert_eq!(denied.cause, EndCause::Threshold);
}

#[test]
fn a_refusal_ends_the_question_when_those_left_cannot_fill_it() {
    let mut world = World::unarmed();
    let policy = world::POLICY.replace(
        "approvals = 2, from = [\"treasury\"]",
        "approvals = 3, from = [\"treasury\"], deny_threshold = 9",
    );
    world.adopt_first(&policy).unwrap();
    world.run(&Command::Arm).unwrap();
    let call = world.ask("pay_twice");
    // ann, bob, cat and the principal are in Treasury; the principal cannot approve.
    let entries = world.vote(call, "ann", Decision::Deny).unwrap();
    let Fact::ConfirmationDenied(denied) = &entries[1].draft.fact else {
        panic!()
    };
    assert_eq!(denied.cause, EndCause::Unfillable);
}

#[test]
fn every_named_group_is_heard() {
    let mut world = World::new();
    let call = world.ask("merge");
    world.approve(call, "ann");
    world.approve(call, "bob");
    assert!(world.state.calls[&call].granted().is_none());
    let entries = world.approve(call, "lea");
    let Fact::ConfirmationApproved(approved) = &entries[1].draft.fact else {
        panic!()
    };
    let seated: usize = approved.filled.iter().map(|slot| slot.persons.len()).sum();
    assert_eq!(seated, 2);
}

#[test]
fn approval_waits_for_the_cool_down_and_the_comment() {
    let approve = |wait, comment| {
        let mut world = World::new();
        let call = world.ask("deploy");
        let served = world.open(call, "ann");
        let decide =
            world.decision_with(call, "ann", served, Decision::Approve, Client::Cli, comment);
        world.wait(wait);
        world.decide(decide).map(|_| ())
    };
    assert_eq!(
        approve(MINUTE_MS - 1, Some("fine")),
        Err(Refusal::CoolingDown)
    );
    assert_eq!(approve(MINUTE_MS, None), Err(Refusal::ReasonRequired));
    assert_eq!(approve(MINUTE_MS, Some("  ")), Err(Refusal::DigestMismatch));
    assert_eq!(approve(MINUTE_MS, Some("fine")), Ok(()));
}

#[test]
fn a_comment_is_the_one_that_was_signed() {
    let other = refused("pay", |_, decide| {
        let value = world::text_body(&[("salt", &"0".repeat(64)), ("text", "fine")]);
        decide.comment = Some(Some(value));
    });
    assert_eq!(other, Refusal::DigestMismatch);
}

/// An approval of `publish` by ann through this client, with this found about the channel.
fn publish(client: Client, found: Independence) -> Result<(), Refusal> {
    let mut world = World::unarmed();
    world.enrol_key("ann", Client::External).unwrap();
    world.run(&Command::Arm).unwrap();
    let call = world.ask("publish");
    let mut open = world.opening(call, "ann", client);
    open.independence = [Compared {
        fact: "channel".into(),
        found,
    }]
    .into();
    let served = world.run(&Command::Open(open)).unwrap()[0].seq;
    let decide = world.decision_with(call, "ann", served, Decision::Approve, client, None);
    world.decide(decide).map(|_| ())
}

#[test]
fn the_policy_demands_a_client_and_an_independent_channel() {
    assert_eq!(publish(Client::External, Independence::Differs), Ok(()));
    assert_eq!(
        publish(Client::Cli, Independence::Differs),
        Err(Refusal::KeyNotActive)
    );
    for found in [Independence::Same, Independence::Unknown] {
        assert_eq!(
            publish(Client::External, found),
            Err(Refusal::ChannelNotIndependent)
        );
    }
}

#[test]
fn a_key_signs_only_through_its_own_client() {
    let mut world = World::new();
    let call = world.ask("pay");
    let open = world.opening(call, "ann", Client::External);
    let served = world.run(&Command::Open(open)).unwrap()[0].seq;
    let decide = world.decision(call, "ann", served, Decision::Approve);
    assert_eq!(world.decide(decide).unwrap_err(), Refusal::KeyNotActive);
}

#[test]
fn an_opening_states_known_facts_once_a_fresh_nonce_and_the_head() {
    let refused = |change: fn(&mut crate::Open)| {
        let mut world = World::new();
        let call = world.ask("pay");
        world.open(call, "ann");
        let mut open = world.opening(call, "ann", Client::Cli);
        change(&mut open);
        world.run(&Command::Open(open)).unwrap_err()
    };
    assert_eq!(refused(|open| open.head.seq -= 1), Refusal::OutOfOrder);
    assert_eq!(
        refused(|open| open.independence[0].fact = "a free text".into()),
        Refusal::OutOfOrder
    );
    let twice = |open: &mut crate::Open| open.independence.push(open.independence[0].clone());
    assert_eq!(refused(twice), Refusal::OutOfOrder);
    let mut world = World::new();
    let call = world.ask("pay");
    let open = world.opening(call, "ann", Client::Cli);
    world.run(&Command::Open(open.clone())).unwrap();
    let again = crate::Open {
        head: world.state.head.clone().unwrap(),
        ..open
    };
    assert_eq!(
        world.run(&Command::Open(again)).unwrap_err(),
        Refusal::OutOfOrder
    );
}

#[test]
fn a_revoked_key_takes_its_votes_with_it() {
    let mut world = World::new();
    let call = world.ask("pay_twice");
    world.approve(call, "ann");
    let key = world.keys[&("ann", Client::Cli)].0;
    revoke(&mut world, key);
    world.approve(call, "bob");
    assert!(matches!(world.state.calls[&call].stage, Stage::Pending(_)));
    world.approve(call, "cat");
    assert!(matches!(
        world.state.calls[&call].stage,
        Stage::Approved(..)
    ));
}

#[test]
fn a_grant_has_an_id_of_its_own() {
    let mut world = World::new();
    let call = world.approved("pay");
    let grant: GrantId = world.redemption(call).grant;
    let other = world.submission("pay", "Another Ltd", "another");
    let other = world.submit(other).unwrap();
    let served = world.open(other, "ann");
    let mut decide = world.decision(other, "ann", served, Decision::Approve);
    decide.grant = grant;
    assert_eq!(world.decide(decide).unwrap_err(), Refusal::OutOfOrder);
}

#[test]
fn a_revocation_is_signed_for_this_call_and_comes_in_time() {
    let mut world = World::new();
    let call = world.approved("pay");
    let good = world.revocation(call, "bob");
    let mut other = good.clone();
    other.signature = sign(
        &world.keys[&("ann", Client::Cli)].1,
        Context::Revocation,
        &good.statement.0,
    );
    assert_eq!(
        world.run(&Command::Revoke(other)).unwrap_err(),
        Refusal::SignatureInvalid
    );
    let outsider = world.revocation(call, "lea");
    assert_eq!(
        world.run(&Command::Revoke(outsider)).unwrap_err(),
        Refusal::NotEligible
    );
    let mut elsewhere = good.clone();
    elsewhere.person = world.people["cat"];
    elsewhere.key = world.keys[&("cat", Client::Cli)].0;
    assert_eq!(
        world.run(&Command::Revoke(elsewhere)).unwrap_err(),
        Refusal::DigestMismatch
    );
    world.wait(10 * MINUTE_MS);
    assert_eq!(
        world.run(&Command::Revoke(good)).unwrap_err(),
        Refusal::Lapsed
    );
}

#[test]
fn a_call_of_a_revoked_agent_is_not_approved_any_more() {
    let refusal = refused("pay", |world, _| {
        let (by, of) = (
            Party::Credential(world.responder),
            Party::Agent(world.agent),
        );
        let cause = RevocationCause::Compromised;
        world
            .run(&Command::RevokeCredential { by, of, cause })
            .unwrap();
    });
    assert_eq!(refusal, Refusal::Revoked);
}

#[test]
fn a_call_that_no_longer_waits_is_not_decided() {
    let mut world = World::new();
    let submit: Submit = world.submission("read", "Example Ltd", "r");
    let call = world.submit(submit).unwrap();
    let open = world.opening(call, "ann", Client::Cli);
    assert_eq!(
        world.run(&Command::Open(open)).unwrap_err(),
        Refusal::NotPending
    );
}
