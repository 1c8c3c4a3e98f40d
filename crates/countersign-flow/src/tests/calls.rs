//! What a submission meets.

use alloc::boxed::Box;
use alloc::string::ToString;

use countersign_record::digest::ActionDigest;
use countersign_record::entry::{
    Demand, Entry, Fact, Fingerprint, Party, Refs, RevocationCause, Slot, Verdict,
};
use countersign_record::id::{AgentId, SessionId};
use countersign_record::json::{Object, Value};
use countersign_record::term::Decision;

use super::*;
use crate::{CallDocument, Command, Refusal, Submit};

fn entries(world: &mut World, submit: Submit) -> alloc::vec::Vec<Entry> {
    world.run(&Command::Submit(Box::new(submit))).unwrap()
}

fn verdict(entries: &[Entry]) -> Verdict {
    let Fact::CallEvaluated(evaluated) = &entries[0].draft.fact else {
        panic!()
    };
    evaluated.verdict
}

/// A good call of `pay`, with one thing changed.
fn refused(change: impl FnOnce(&mut World, &mut Submit)) -> Refusal {
    let mut world = World::new();
    let mut submit = world.submission("pay", "Example Ltd", "1");
    change(&mut world, &mut submit);
    world.run(&Command::Submit(Box::new(submit))).unwrap_err()
}

fn document(submit: &mut Submit, change: impl FnOnce(&mut CallDocument)) {
    let document = submit.document.as_mut().unwrap();
    change(document);
    submit.action = document.digest();
    submit.executor = document.audience;
}

#[test]
fn the_policy_lets_a_call_run_refuses_it_or_asks() {
    let mut world = World::new();
    let mut said = |tool: &str| {
        let submit = world.submission(tool, "Example Ltd", tool);
        let entries = entries(&mut world, submit);
        (verdict(&entries), World::kinds(&entries).len())
    };
    assert_eq!(said("read"), (Verdict::Allow, 1));
    assert_eq!(said("wipe"), (Verdict::Deny, 1));
    assert_eq!(said("nobody-knows-it"), (Verdict::Deny, 1));
    assert_eq!(said("pay"), (Verdict::Confirm, 2));
}

#[test]
fn a_tool_that_the_policy_does_not_declare_is_not_named_in_the_header() {
    let mut world = World::new();
    let submit = world.submission("pay ", "Example Ltd", "1");
    let entries = entries(&mut world, submit);
    let Fact::CallEvaluated(evaluated) = &entries[0].draft.fact else {
        panic!()
    };
    assert_eq!(
        (evaluated.tool.as_str(), evaluated.verdict),
        ("*undeclared*", Verdict::Deny)
    );
}

#[test]
fn nothing_is_asked_before_arming() {
    let mut world = World::unarmed();
    let submit = world.submission("pay", "Example Ltd", "1");
    let result = world.run(&Command::Submit(Box::new(submit)));
    assert_eq!(result.unwrap_err(), Refusal::NotArmed);
}

#[test]
fn only_agents_ask_for_calls_and_never_for_changes_of_the_control() {
    let by = |by: fn(&World) -> Party| refused(|world, submit| submit.by = by(world));
    assert_eq!(
        by(|world| Party::Credential(world.operator)),
        Refusal::Forbidden
    );
    assert_eq!(by(|world| Party::Executor(world.bank)), Refusal::Forbidden);
    assert_eq!(
        by(|world| Party::Person(world.people["ann"])),
        Refusal::Forbidden
    );
    assert_eq!(
        by(|_| Party::Agent(AgentId::new([0; 16]))),
        Refusal::Forbidden
    );
    let reserved = refused(|_, submit| {
        document(submit, |document| {
            document.tool = "countersign.freeze.lift".into();
        });
    });
    assert_eq!(reserved, Refusal::Forbidden);
    let to_service = refused(|_, submit| {
        let service = SERVICE;
        document(submit, |document| document.audience = service);
    });
    assert_eq!(to_service, Refusal::Forbidden);
}

#[test]
fn a_revoked_agent_asks_for_nothing() {
    let refusal = refused(|world, submit| {
        let (by, of) = (Party::Credential(world.operator), submit.by);
        let cause = RevocationCause::Lost;
        world
            .run(&Command::RevokeCredential { by, of, cause })
            .unwrap();
    });
    assert_eq!(refusal, Refusal::Forbidden);
}

#[test]
fn the_executor_is_the_one_that_the_catalogue_binds() {
    let other = refused(|world, submit| {
        let other = world.other;
        document(submit, |document| document.audience = other);
    });
    assert_eq!(other, Refusal::UnknownTool);
    let revoked = refused(|world, _| {
        let (by, of) = (
            Party::Credential(world.operator),
            Party::Executor(world.bank),
        );
        let cause = RevocationCause::Lost;
        world
            .run(&Command::RevokeCredential { by, of, cause })
            .unwrap();
    });
    assert_eq!(revoked, Refusal::UnknownTool);
}

#[test]
fn the_digest_is_that_of_the_document() {
    let refusal = refused(|_, submit| submit.action = ActionDigest([0; 32]));
    assert_eq!(refusal, Refusal::DigestMismatch);
    let audience = refused(|world, submit| submit.executor = world.other);
    assert_eq!(audience, Refusal::DigestMismatch);
}

#[test]
fn an_idempotency_key_counts_for_thirty_days_in_its_session() {
    let again = |wait| {
        let mut world = World::new();
        let submit = world.submission("read", "Example Ltd", "1");
        world.submit(submit).unwrap();
        world.wait(wait);
        let mut submit = world.submission("read", "Another Ltd", "1");
        submit.fp.epoch = u64::from(wait >= 30 * 24 * HOUR_MS);
        world.submit(submit).map(|_| ())
    };
    assert_eq!(
        again(30 * 24 * HOUR_MS - 1),
        Err(Refusal::IdempotencyKeyReused)
    );
    assert_eq!(again(30 * 24 * HOUR_MS), Ok(()));
}

#[test]
fn ids_are_fresh() {
    let mut world = World::new();
    let first = world.ask("read");
    let call = &world.state.calls[&first];
    let (call, grant) = (call.id, call.granted().unwrap().grant);
    let mut submit = world.submission("pay", "Example Ltd", "2");
    submit.call = call;
    assert_eq!(
        world.submit(submit.clone()).unwrap_err(),
        Refusal::OutOfOrder
    );
    submit.call = countersign_record::id::CallId::new([0; 16]);
    submit.grant = grant;
    assert_eq!(world.submit(submit).unwrap_err(), Refusal::OutOfOrder);
}

#[test]
fn a_likeness_is_of_the_present_epoch_and_of_the_next_once_that_is_over() {
    let after = |wait, epoch| {
        let mut world = World::new();
        let first = world.submission("read", "Example Ltd", "1");
        world.submit(first).unwrap();
        world.wait(wait);
        let mut second = world.submission("read", "Example Ltd", "2");
        second.fp.epoch = epoch;
        world.submit(second).map(|_| ())
    };
    let month = 30 * 24 * HOUR_MS;
    assert_eq!(after(0, 0), Ok(()));
    assert_eq!(after(0, 1), Err(Refusal::OutOfOrder));
    assert_eq!(after(month - 1, 0), Ok(()));
    assert_eq!(after(month - 1, 1), Err(Refusal::OutOfOrder));
    assert_eq!(after(month, 0), Err(Refusal::OutOfOrder));
    assert_eq!(after(month, 1), Ok(()));
    assert_eq!(after(month, 2), Err(Refusal::OutOfOrder));
    let first = refused(|_, submit| submit.fp.epoch = 1);
    assert_eq!(first, Refusal::OutOfOrder);
    let older = refused(|_, submit| submit.older = [submit.fp.clone()].into());
    assert_eq!(older, Refusal::OutOfOrder);
}

#[test]
fn an_equal_open_call_is_joined_and_not_asked_twice() {
    let mut world = World::new();
    let call = world.ask("pay");
    let again = world.submission("pay", "Example Ltd", "again");
    let joined = entries(&mut world, again);
    assert_eq!(World::kinds(&joined), ["call.attached"]);
    assert_eq!(joined[0].draft.refs.call, Some(call));
    world.approve(call, "ann");
    let third = world.submission("pay", "Example Ltd", "third");
    assert_eq!(World::kinds(&entries(&mut world, third)), ["call.attached"]);
    world.redeem(call).unwrap();
    let fourth = world.submission("pay", "Example Ltd", "fourth");
    assert_eq!(verdict(&entries(&mut world, fourth)), Verdict::Confirm);
}

#[test]
fn the_last_caller_ends_the_call() {
    let mut world = World::new();
    let call = world.ask("pay");
    let again = world.submission("pay", "Example Ltd", "again");
    world.submit(again).unwrap();
    assert_eq!(
        World::kinds(&world.withdraw(call).unwrap()),
        ["call.attached"]
    );
    assert_eq!(
        World::kinds(&world.withdraw(call).unwrap()),
        ["confirmation.withdrawn"]
    );
}

#[test]
fn only_whoever_asked_withdraws_and_in_time() {
    let mut world = World::new();
    let call = world.ask("pay");
    let by = Party::Credential(world.operator);
    let other = world.run(&Command::Withdraw { by, call });
    assert_eq!(other.unwrap_err(), Refusal::NotFound);
    world.wait(HOUR_MS);
    assert_eq!(world.withdraw(call).unwrap_err(), Refusal::Expired);
}

#[test]
fn the_retry_of_a_caller_that_joined_is_recognised() {
    let mut world = World::new();
    world.ask("pay");
    let mut again = world.submission("pay", "Example Ltd", "again");
    let document = again.document.as_mut().unwrap();
    document.plan = Some("year end".into());
    document.reason = Some("the invoice is due".into());
    let (content, call) = (document.content_digest(), again.clone());
    world.submit(again).unwrap();
    let key = crate::request_key(call.by, None, "again");
    assert_eq!(world.state.requests[&key].content, content);
    assert_eq!(
        world.submit(call).unwrap_err(),
        Refusal::IdempotencyKeyReused
    );
}

#[test]
fn an_expired_question_is_not_joined() {
    let mut world = World::new();
    world.ask("pay");
    world.wait(HOUR_MS);
    let again = world.submission("pay", "Example Ltd", "again");
    assert_eq!(verdict(&entries(&mut world, again)), Verdict::Confirm);
}

#[test]
fn a_denied_action_stays_refused_for_a_day_under_every_epoch() {
    let again = |wait, epoch| {
        let mut world = World::new();
        if epoch > 0 {
            world.ask("read");
            world.wait(29 * 24 * HOUR_MS + 12 * HOUR_MS);
        }
        let call = world.ask("pay");
        let denied = world.state.calls[&call].fp.clone();
        world.vote(call, "ann", Decision::Deny).unwrap();
        world.wait(wait);
        let mut submit = world.submission("pay", "Example Ltd", "again");
        if epoch > 0 {
            submit.fp = Fingerprint {
                epoch,
                digest: countersign_record::digest::FingerprintDigest([9; 32]),
            };
            submit.older = [denied].into();
        }
        let entries = entries(&mut world, submit);
        let Fact::CallEvaluated(evaluated) = &entries[0].draft.fact else {
            panic!()
        };
        (evaluated.verdict, evaluated.same_as.is_some())
    };
    let day = 24 * HOUR_MS;
    assert_eq!(again(day - 1, 0), (Verdict::PreviouslyDenied, false));
    assert_eq!(again(day, 0), (Verdict::Confirm, false));
    assert_eq!(again(day - 1, 1), (Verdict::PreviouslyDenied, true));
    assert_eq!(again(day, 1), (Verdict::Confirm, false));
}

#[test]
fn a_lifted_denial_lets_the_action_be_asked_again() {
    let mut world = World::new();
    let call = world.ask("pay");
    world.vote(call, "ann", Decision::Deny).unwrap();
    let lift = Value::Object(Object::new().with("call", call.to_string()));
    let entries_of = world.controlled("countersign.denial.lift", lift, Refs::default());
    assert!(World::kinds(&entries_of).contains(&"denial.lifted"));
    let again = world.submission("pay", "Example Ltd", "again");
    assert_eq!(verdict(&entries(&mut world, again)), Verdict::Confirm);
}

#[test]
fn silence_and_withdrawal_deny_nothing_for_later() {
    let mut world = World::new();
    let call = world.ask("pay");
    world.withdraw(call).unwrap();
    let again = world.submission("pay", "Example Ltd", "again");
    assert_eq!(verdict(&entries(&mut world, again)), Verdict::Confirm);
}

fn session(submit: &mut Submit, id: u8, name: Option<&str>, new: bool) {
    let id = SessionId::new([id; 16]);
    submit.session = Some(id);
    submit.new_session = new.then(|| name.map(Into::into));
    document(submit, |document| document.session = name.map(Into::into));
}

#[test]
fn a_session_is_its_agents_and_keeps_its_name() {
    let mut world = World::new();
    let mut first = world.submission("read", "Example Ltd", "1");
    session(&mut first, 1, Some("monday"), true);
    assert_eq!(
        World::kinds(&entries(&mut world, first)),
        ["session.registered", "call.evaluated"]
    );
    let mut tried = |new, name| {
        let id = alloc::format!("{}", world.state.size);
        let mut submit = world.submission("read", "Example Ltd", &id);
        session(&mut submit, 1, Some(name), new);
        world.submit(submit).map(|_| ())
    };
    assert_eq!(tried(false, "monday"), Ok(()));
    assert_eq!(tried(false, "tuesday"), Err(Refusal::OutOfOrder));
    assert_eq!(tried(true, "monday"), Err(Refusal::OutOfOrder));
    let unnamed = refused(|_, submit| document(submit, |it| it.session = Some("x".into())));
    assert_eq!(unnamed, Refusal::OutOfOrder);
}

#[test]
fn what_it_replaces_is_what_the_document_says() {
    let refusal = refused(|_, submit| submit.replaces = Some(submit.call));
    assert_eq!(refusal, Refusal::OutOfOrder);
}

#[test]
fn what_cannot_be_shown_whole_is_not_asked() {
    let refusal = refused(|_, submit| {
        let long = "a".repeat(300 * 1024);
        document(submit, |document| {
            document.arguments = Value::Object(Object::new().with("to", long.as_str()));
        });
    });
    assert_eq!(refusal, Refusal::CannotBeShown);
}

#[test]
fn entries_come_in_order_of_time() {
    let refusal = refused(|world, _| world.now -= 1);
    assert_eq!(refusal, Refusal::OutOfOrder);
}

/// Without the policy, the header's own form is all that there is to judge.
#[test]
fn a_demand_is_sound_where_people_of_the_named_rules_can_meet_it() {
    let mut world = World::new();
    let call = world.ask("pay");
    let call = &world.state.calls[&call];
    let is_sound = |change: fn(&mut Demand)| {
        let mut demand = call.question().unwrap().demand.clone();
        change(&mut demand);
        crate::requirement::is_sound(&call.rules, &demand)
    };
    assert!(is_sound(|_| {}));
    let faults: [fn(&mut Demand); 4] = [
        |it| it.slots.clear(),
        |it| it.slots[0].need = 0,
        |it| it.slots[0].groups.clear(),
        |it| {
            let mut of_another_rule = it.slots[0].clone();
            of_another_rule.rule = "vote".parse().unwrap();
            it.slots.push(of_another_rule);
        },
    ];
    for fault in faults {
        assert!(!is_sound(fault));
    }
}

#[test]
fn a_header_that_claims_what_no_policy_demands_is_refused() {
    let claim = |change: fn(&mut crate::Claimed)| {
        let mut world = World::new();
        world.ask("pay");
        let call = world.state.calls.values().next().unwrap().clone();
        let mut claimed = crate::Claimed {
            tool: "pay".into(),
            verdict: Verdict::Confirm,
            rules: call.rules.clone(),
            demand: Some(call.question().unwrap().demand.clone()),
        };
        change(&mut claimed);
        world.withheld = true;
        let mut submit = world.submission("pay", "Another Ltd", "2");
        submit.document = None;
        submit.claimed = Some(claimed);
        world.submit(submit).map(|_| ())
    };
    assert_eq!(claim(|_| {}), Ok(()));
    let faults: [fn(&mut crate::Claimed); 9] = [
        |it| it.demand = None,
        |it| it.demand.as_mut().unwrap().slots.clear(),
        |it| it.demand.as_mut().unwrap().slots[0].need = 0,
        |it| it.demand.as_mut().unwrap().slots[0].groups.clear(),
        |it| it.demand.as_mut().unwrap().deny_threshold = 0,
        |it| it.demand.as_mut().unwrap().number = true,
        |it| it.demand.as_mut().unwrap().typed = true,
        |it| it.rules.push("vote".parse().unwrap()),
        |it| {
            let slots = &mut it.demand.as_mut().unwrap().slots;
            let rule = "vote".parse().unwrap();
            let of_another_rule = Slot {
                rule,
                ..slots[0].clone()
            };
            slots.push(of_another_rule);
        },
    ];
    for fault in faults {
        assert_eq!(claim(fault), Err(Refusal::OutOfOrder));
    }
    let reserved = claim(|it| it.tool = "countersign.person.add".into());
    assert_eq!(reserved, Err(Refusal::Forbidden));
}
