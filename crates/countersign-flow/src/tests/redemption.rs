//! Once, by its executor, for exactly what was shown, while everything still stands.

use countersign_record::entry::{Fact, OutcomeStatus, Party, Refs, RevocationCause};
use countersign_record::id::{GrantId, PolicyId};
use countersign_record::json::{Object, Value};
use countersign_record::term::Client;

use super::*;
use crate::{Command, Past, PastStage, Record, Redeem, Refusal, RevokeKey};

/// A good redemption of an approved call, with one thing changed.
fn refused(change: impl FnOnce(&mut World, &mut Redeem)) -> Refusal {
    let mut world = World::new();
    let call = world.approved("pay_twice");
    let mut redeem = world.redemption(call);
    change(&mut world, &mut redeem);
    world.run(&Command::Redeem(redeem)).unwrap_err()
}

#[test]
fn an_approved_call_is_redeemed_once() {
    let mut world = World::new();
    let call = world.approved("pay_twice");
    let redeem = world.redemption(call);
    world.run(&Command::Redeem(redeem.clone())).unwrap();
    // The same reply is the service's to repeat; it is no second redemption.
    assert_eq!(
        world.run(&Command::Redeem(redeem)).unwrap_err(),
        Refusal::AlreadyRedeemed
    );
    world.report(call, OutcomeStatus::Succeeded, None).unwrap();
    assert_eq!(world.redeem_again().unwrap_err(), Refusal::NotFound);
}

impl World {
    /// Every grant that the log ever named is tried again.
    fn redeem_again(&mut self) -> Result<(), Refusal> {
        let grants: alloc::vec::Vec<GrantId> = self
            .log
            .iter()
            .filter_map(|(entry, ..)| entry.draft.refs.grant)
            .collect();
        let action = countersign_record::digest::ActionDigest([0; 32]);
        for grant in grants {
            let redeem = Redeem {
                grant,
                executor: self.bank,
                nonce: [1; 32],
                action,
            };
            self.run(&Command::Redeem(redeem))?;
        }
        Ok(())
    }
}

#[test]
fn a_grant_that_nobody_minted_is_not_found() {
    let refusal = refused(|_, redeem| redeem.grant = GrantId::new([0; 16]));
    assert_eq!(refusal, Refusal::NotFound);
}

#[test]
fn another_executor_is_refused() {
    let refusal = refused(|world, redeem| redeem.executor = world.other);
    assert_eq!(refusal, Refusal::WrongExecutor);
}

#[test]
fn at_its_end_the_grant_has_lapsed() {
    assert_eq!(
        refused(|world, _| world.wait(10 * MINUTE_MS)),
        Refusal::Lapsed
    );
}

fn revoke_credential(world: &mut World, of: Party) {
    let (by, cause) = (
        Party::Credential(world.operator),
        RevocationCause::Compromised,
    );
    world
        .run(&Command::RevokeCredential { by, of, cause })
        .unwrap();
}

#[test]
fn a_revoked_executor_or_agent_stops_it() {
    let executor =
        refused(|world, redeem| revoke_credential(world, Party::Executor(redeem.executor)));
    assert_eq!(executor, Refusal::Forbidden);
    let agent = refused(|world, _| revoke_credential(world, Party::Agent(world.agent)));
    assert_eq!(agent, Refusal::Revoked);
}

#[test]
fn a_revoked_key_of_an_approver_stops_it() {
    let refusal = refused(|world, _| {
        let key = world.keys[&("bob", Client::Cli)].0;
        let by = Party::Credential(world.responder);
        let cause = RevocationCause::Compromised;
        world
            .run(&Command::RevokeKey(RevokeKey { by, key, cause }))
            .unwrap();
    });
    assert_eq!(refusal, Refusal::Revoked);
}

fn adopt(world: &mut World, policy: &str) {
    let ids = Refs {
        policy: Some(PolicyId::new([0x77; 16])),
        ..Refs::default()
    };
    let arguments = Value::Object(Object::new().with("toml", policy));
    let entries = world.controlled("countersign.policy.adopt", arguments, ids);
    assert!(
        World::kinds(&entries).contains(&"policy.adopted"),
        "{:?}",
        World::kinds(&entries)
    );
}

const TWO: &str = "approvals = 2, from = [\"treasury\"]";

#[test]
fn a_stricter_policy_supersedes_what_was_approved() {
    let mut world = World::new();
    let call = world.approved("pay_twice");
    adopt(
        &mut world,
        &world::POLICY.replace(TWO, "approvals = 3, from = [\"treasury\"]"),
    );
    assert_eq!(world.redeem(call).unwrap_err(), Refusal::PolicyStricter);
    let entries = world.run(&Command::Supersede { call }).unwrap();
    assert_eq!(World::kinds(&entries), ["confirmation.superseded"]);
}

#[test]
fn a_policy_that_now_denies_supersedes_and_one_that_asks_less_does_not() {
    let mut world = World::new();
    let call = world.approved("pay_twice");
    adopt(
        &mut world,
        &world::POLICY.replace(TWO, "from = [\"treasury\"]"),
    );
    assert_eq!(
        world.run(&Command::Supersede { call }).unwrap_err(),
        Refusal::OutOfOrder
    );
    world.redeem(call).unwrap();

    let mut world = World::new();
    let call = world.approved("pay_twice");
    let denies = world::POLICY.replace("tool    = \"wipe\"", "tool    = \"pay_twice\"");
    adopt(&mut world, &denies);
    assert_eq!(world.redeem(call).unwrap_err(), Refusal::PolicyStricter);
}

#[test]
fn a_stricter_policy_stops_votes_and_allowed_calls_too() {
    let mut world = World::new();
    let call = world.ask("pay_twice");
    let read = world.ask("read");
    world.wait(1);
    let stricter = world::POLICY
        .replace(TWO, "approvals = 3, from = [\"treasury\"]")
        .replace("tool    = \"note\"", "tool    = \"read\"");
    adopt(&mut world, &stricter);
    let vote = world.vote(call, "ann", countersign_record::term::Decision::Approve);
    assert_eq!(vote.unwrap_err(), Refusal::PolicyStricter);
    assert_eq!(world.redeem(read).unwrap_err(), Refusal::PolicyStricter);
    let entries = world.run(&Command::Supersede { call: read }).unwrap();
    assert_eq!(World::kinds(&entries), ["grant.superseded"]);
}

#[test]
fn only_the_executor_reports() {
    let mut world = World::new();
    let call = world.approved("pay");
    world.redeem(call).unwrap();
    world.bank = world.other;
    let result = world.report(call, OutcomeStatus::Succeeded, None);
    assert_eq!(result.unwrap_err(), Refusal::WrongExecutor);
}

#[test]
fn a_report_about_a_call_that_nobody_knows_is_not_found() {
    let mut world = World::new();
    let call = countersign_record::id::CallId::new([0; 16]);
    let result = world.report(call, OutcomeStatus::Succeeded, None);
    assert_eq!(result.unwrap_err(), Refusal::NotFound);
}

#[test]
fn an_ended_call_is_named_by_its_ending_entry() {
    let mut world = World::new();
    let call = world.approved("pay");
    world.wait(10 * MINUTE_MS);
    let seq = world.run(&Command::Tick { call }).unwrap()[0].seq;
    let stage = PastStage::NotExecuted(Refusal::Lapsed);
    let past = Past {
        seq,
        executor: world.bank,
        stage,
    };
    let entries = world
        .report(call, OutcomeStatus::Succeeded, Some(past))
        .unwrap();
    assert_eq!(entries[0].draft.refs.ended, Some(seq));
}

#[test]
fn a_second_claim_is_recorded_only_where_there_was_a_first() {
    let mut world = World::new();
    let call = world.approved("pay");
    let grant = world.redemption(call).grant;
    let replayed = Record::Replayed {
        by: world.other,
        grant,
        call,
        past: None,
        count: 1,
    };
    let before = world.run(&Command::Record(replayed.clone()));
    assert_eq!(before.unwrap_err(), Refusal::OutOfOrder);
    world.redeem(call).unwrap();
    let entries = world.run(&Command::Record(replayed)).unwrap();
    assert!(matches!(entries[0].draft.fact, Fact::GrantReplayed(_)));
}
