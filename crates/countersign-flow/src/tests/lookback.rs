//! What was before a call: sums, strangers, and what another policy knows of them.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use countersign_record::entry::{Entry, Fact, OutcomeStatus, Refs, Verdict};
use countersign_record::id::{CallId, PolicyId};
use countersign_record::json::{Object, Value};
use proptest::collection;
use proptest::prelude::*;

use super::world::POLICY;
use super::*;
use crate::{Claimed, Command, Past, PastStage, Submit, Unchecked, snapshot};

const DAY_MS: u64 = 24 * HOUR_MS;

fn tip_in(world: &mut World, currency: &str, amount: &str, to: &str) -> Submit {
    let arguments = Object::new()
        .with("to", to)
        .with("amount", amount)
        .with("currency", currency);
    let id = world.state.size.to_string();
    world.submission_of("tip", Value::Object(arguments), &id)
}

/// What the log says of a call.
fn judged(world: &mut World, submit: Submit) -> (CallId, Verdict) {
    let call = submit.call;
    let entries = world
        .run(&Command::Submit(alloc::boxed::Box::new(submit)))
        .unwrap();
    (call, verdict(&entries))
}

fn verdict(entries: &[Entry]) -> Verdict {
    let evaluated = entries.iter().find_map(|entry| match &entry.draft.fact {
        Fact::CallEvaluated(evaluated) => Some(evaluated.verdict),
        _ => None,
    });
    evaluated.unwrap()
}

/// Asks for a tip; no two are alike, so that none is joined.
pub(super) fn tip(world: &mut World, amount: &str, to: &str) -> (CallId, Verdict) {
    let submit = tip_in(world, "EUR", amount, to);
    judged(world, submit)
}

pub(super) fn gift(world: &mut World, to: &str) -> (CallId, Verdict) {
    let id = world.state.size.to_string();
    let submit = world.submission("gift", to, &id);
    judged(world, submit)
}

fn adopt(world: &mut World, from: &str, to: &str) {
    assert!(POLICY.contains(from));
    let policy = POLICY.replace(from, to);
    let ids = Refs {
        policy: Some(PolicyId::new(world.draw())),
        ..Refs::default()
    };
    let arguments = Value::Object(Object::new().with("toml", policy.as_str()));
    let entries = world.controlled("countersign.policy.adopt", arguments, ids);
    assert!(World::kinds(&entries).contains(&"policy.adopted"));
}

#[test]
fn calls_that_nobody_has_run_yet_add_up() {
    let mut world = World::new();
    assert_eq!(tip(&mut world, "50.00", "Ada").1, Verdict::Allow);
    assert_eq!(tip(&mut world, "50.00", "Bea").1, Verdict::Allow);
    assert_eq!(tip(&mut world, "49.99", "Ada").1, Verdict::Allow);
    assert_eq!(tip(&mut world, "0.01", "Ada").1, Verdict::Allow);
    assert_eq!(tip(&mut world, "0.01", "Ada").1, Verdict::Confirm);
}

#[test]
fn a_window_ends_with_its_last_millisecond() {
    let mut world = World::new();
    tip(&mut world, "60.00", "Ada");
    world.wait(DAY_MS - 1);
    let (asked, verdict) = tip(&mut world, "60.00", "Ada");
    assert_eq!(verdict, Verdict::Confirm);
    world.withdraw(asked).unwrap();
    world.wait(1);
    assert_eq!(tip(&mut world, "60.00", "Ada").1, Verdict::Allow);
}

#[test]
fn what_ended_unexecuted_counts_no_more() {
    let mut world = World::new();
    let (withdrawn, _) = tip(&mut world, "60.00", "Ada");
    world.withdraw(withdrawn).unwrap();
    let (lapsed, _) = tip(&mut world, "61.00", "Ada");
    world.wait(HOUR_MS);
    world.run(&Command::Tick { call: lapsed }).unwrap();
    assert_eq!(tip(&mut world, "100.00", "Ada").1, Verdict::Allow);
}

#[test]
fn what_ran_counts_however_it_went() {
    for status in [
        OutcomeStatus::Succeeded,
        OutcomeStatus::Failed,
        OutcomeStatus::Unknown,
    ] {
        let mut world = World::new();
        let (run, _) = tip(&mut world, "60.00", "Ada");
        world.redeem(run).unwrap();
        world.report(run, status, None).unwrap();
        assert_eq!(tip(&mut world, "60.00", "Ada").1, Verdict::Confirm);
    }
}

#[test]
fn a_late_report_takes_a_call_out_of_the_sum_only_if_it_never_ran() {
    for (late, verdict) in [
        (OutcomeStatus::NotExecuted, Verdict::Allow),
        (OutcomeStatus::Failed, Verdict::Confirm),
        (OutcomeStatus::Succeeded, Verdict::Confirm),
    ] {
        let mut world = World::new();
        let (run, _) = tip(&mut world, "60.00", "Ada");
        world.redeem(run).unwrap();
        let entries = world.report(run, OutcomeStatus::Unknown, None).unwrap();
        let past = Past {
            seq: entries[0].seq,
            executor: world.bank,
            stage: PastStage::Reported(OutcomeStatus::Unknown),
        };
        world.report(run, late, Some(past)).unwrap();
        assert_eq!(tip(&mut world, "60.00", "Ada").1, verdict, "{late}");
    }
}

#[test]
fn another_currency_leaves_the_sum_in_doubt() {
    let mut world = World::new();
    let dollars = tip_in(&mut world, "USD", "1.00", "Ada");
    assert_eq!(judged(&mut world, dollars).1, Verdict::Confirm);
    assert_eq!(tip(&mut world, "1.00", "Ada").1, Verdict::Confirm);
    assert_eq!(tip(&mut world, "1.00", "Bea").1, Verdict::Allow);
}

#[test]
fn a_stranger_is_known_once_a_call_succeeded_and_for_a_while() {
    let mut world = World::new();
    let (first, verdict) = gift(&mut world, "Ada");
    assert_eq!(verdict, Verdict::Confirm);
    world.approve(first, "ann");
    assert!(world.state.calls[&first].granted().is_some());
    world.redeem(first).unwrap();
    let (second, verdict) = gift(&mut world, "Ada");
    assert_eq!(verdict, Verdict::Confirm, "not yet reported");
    world.withdraw(second).unwrap();
    world.report(first, OutcomeStatus::Succeeded, None).unwrap();
    assert_eq!(gift(&mut world, "Ada").1, Verdict::Allow);
    assert_eq!(gift(&mut world, "ada").1, Verdict::Confirm);
    world.wait(2 * DAY_MS);
    assert_eq!(gift(&mut world, "Ada").1, Verdict::Confirm);
}

#[test]
fn a_claim_looks_at_nothing_that_was_asked_later() {
    let mut world = World::new();
    let (first, _) = tip(&mut world, "60.00", "Ada");
    assert_eq!(tip(&mut world, "60.00", "Ada").1, Verdict::Confirm);
    adopt(&mut world, "version       = 1", "version       = 2");
    world.redeem(first).unwrap();
}

#[test]
fn another_policy_that_looks_in_the_same_way_knows_what_was() {
    let mut world = World::new();
    tip(&mut world, "60.00", "Ada");
    adopt(
        &mut world,
        "total_over = \"100.00\"",
        "total_over = \"119.00\"",
    );
    assert_eq!(tip(&mut world, "60.00", "Ada").1, Verdict::Confirm);
    assert_eq!(tip(&mut world, "60.00", "Bea").1, Verdict::Allow);
}

#[test]
fn a_policy_that_looks_in_another_way_asks_until_its_window_is_full() {
    let mut world = World::new();
    let (before, _) = tip(&mut world, "1.00", "Ada");
    adopt(&mut world, "within = \"24h\"", "within = \"12h\"");
    let refused = world.redeem(before);
    assert!(refused.is_err(), "nobody knows what was before it");
    world.wait(12 * HOUR_MS - 1);
    let (asked, verdict) = tip(&mut world, "1.00", "Bea");
    assert_eq!(verdict, Verdict::Confirm);
    world.withdraw(asked).unwrap();
    world.wait(1);
    assert_eq!(tip(&mut world, "2.00", "Bea").1, Verdict::Allow);
}

#[test]
fn memory_holds_no_more_than_the_window() {
    let mut world = World::new();
    for place in 0..20 {
        tip(&mut world, "1.00", &format!("Somebody {place}"));
    }
    assert_eq!(world.state.lookback.len(), 20);
    world.wait(2 * DAY_MS);
    tip(&mut world, "1.00", "Ada");
    assert_eq!(world.state.lookback.len(), 1);
    assert_eq!(world.refolded(), world.state);
}

#[test]
fn more_calls_than_are_kept_ask_a_person_until_those_that_left_are_over() {
    let mut world = World::new();
    // Two looks have two hundred places.
    for place in 0..=100 {
        let (_, verdict) = tip(&mut world, "1.00", &format!("Somebody {place}"));
        assert_eq!(verdict, Verdict::Allow);
        world.wait(1);
    }
    assert_eq!(world.state.lookback.len(), 100);
    let (asked, verdict) = tip(&mut world, "1.00", "Ada");
    assert_eq!(verdict, Verdict::Confirm, "nobody knows what Ada had");
    world.withdraw(asked).unwrap();
    assert_eq!(world.refolded(), world.state);
    world.wait(DAY_MS - 100);
    assert_eq!(tip(&mut world, "1.00", "Ada").1, Verdict::Allow);
}

#[test]
fn another_policy_with_more_looks_has_fewer_places_for_each() {
    let mut world = World::new();
    for place in 0..100 {
        tip(&mut world, "1.00", &format!("Somebody {place}"));
    }
    adopt(
        &mut world,
        "first_seen = true, within = \"2d\" }",
        "first_seen = true, within = \"2d\" }, { field = \"args.to\", first_seen = true, within = \"9d\" }",
    );
    assert_eq!(world.state.lookback.len(), 200 / 3);
    assert_eq!(tip(&mut world, "1.00", "Ada").1, Verdict::Confirm);
}

#[test]
fn a_forged_log_that_names_a_call_twice_counts_it_once_and_forgets_it() {
    let mut world = World::new();
    let (twice, _) = tip(&mut world, "60.00", "Ada");
    let is_about = |entry: &Entry| entry.draft.refs.call == Some(twice);
    let found = world.log.iter().find(|(entry, ..)| is_about(entry));
    let (mut entry, _, bodies) = found.unwrap().clone();
    entry.seq = world.state.size;
    entry.at += 1;
    world.fold(entry, bodies);
    world.wait(1);
    assert_eq!(tip(&mut world, "40.00", "Ada").1, Verdict::Allow);
    world.wait(2 * DAY_MS);
    tip(&mut world, "1.00", "Ada");
    assert_eq!(world.state.lookback.len(), 1);
}

/// The world as a reader sees it from whom the body of one call is withheld.
fn without_body(world: &World, call: CallId) -> World {
    let mut reader = World::new();
    reader.state = crate::State::default();
    // Its ids are none of the log's.
    (0..1_000).for_each(|_| {
        reader.draw();
    });
    for (entry, hash, bodies) in &world.log {
        let hidden = entry.draft.refs.call == Some(call);
        crate::apply(&mut reader.state, entry, *hash, &|name| {
            bodies.get(name).filter(|_| !hidden).cloned()
        });
    }
    (reader.withheld, reader.now) = (true, world.now);
    reader
}

#[test]
fn a_sum_over_a_withheld_call_is_not_checked_where_it_matters() {
    let mut world = World::new();
    let (hidden, _) = tip(&mut world, "60.00", "Ada");
    let claimed = |verdict| Claimed {
        tool: "tip".into(),
        verdict,
        rules: Vec::new(),
        demand: None,
    };
    let mut reader = without_body(&world, hidden);
    let mut small = tip_in(&mut reader, "EUR", "10.00", "Ada");
    small.claimed = Some(claimed(Verdict::Allow));
    let entries = reader
        .run(&Command::Submit(alloc::boxed::Box::new(small)))
        .unwrap();
    assert_eq!(verdict(&entries), Verdict::Allow, "the server's word");
    assert!(reader.unchecked.contains(&Unchecked::Policy));

    let mut reader = without_body(&world, hidden);
    let mut large = tip_in(&mut reader, "EUR", "100.01", "Ada");
    large.claimed = Some(claimed(Verdict::Allow));
    let entries = reader
        .run(&Command::Submit(alloc::boxed::Box::new(large)))
        .unwrap();
    assert_eq!(
        verdict(&entries),
        Verdict::Confirm,
        "no earlier call matters"
    );
    assert!(!reader.unchecked.contains(&Unchecked::Policy));
}

#[test]
fn a_service_that_cannot_read_an_earlier_call_asks() {
    let mut world = World::new();
    let (erased, _) = tip(&mut world, "1.00", "Ada");
    let mut service = without_body(&world, erased);
    assert_eq!(tip(&mut service, "1.00", "Bea").1, Verdict::Confirm);
    assert!(!service.unchecked.contains(&Unchecked::Policy));
}

#[test]
fn a_snapshot_holds_what_the_policy_looks_back_at() {
    let mut world = World::new();
    let (erased, _) = tip(&mut world, "1.00", "Ada");
    for (currency, amount) in [("USD", "1.00"), ("EUR", "one"), ("EUR", "60.00")] {
        let submit = tip_in(&mut world, currency, amount, "Ada");
        judged(&mut world, submit);
    }
    gift(&mut world, "Bea");
    let reader = without_body(&world, erased);
    let before = world.state.clone();
    adopt(&mut world, "within = \"24h\"", "within = \"12h\"");
    assert!(before.lookback.len() > 3);
    let mut calls = before.calls.values();
    assert!(calls.any(|call| !call.facts.earlier.is_empty()));
    for state in [&before, &reader.state, &world.state] {
        let read = snapshot::read(&snapshot::write(state));
        assert_eq!(read.as_ref(), Some(state));
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Tip(u64, usize),
    Withdraw(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..60_u64, 0..3_usize).prop_map(|(amount, to)| Step::Tip(amount, to)),
        2 => (0..6_usize).prop_map(Step::Withdraw),
        2 => (0..DAY_MS / 2).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The same sums, added up from scratch each time.
    #[test]
    fn a_sum_is_that_of_the_calls_in_its_window(steps in collection::vec(step(), 1..40)) {
        const NAMES: [&str; 3] = ["Ada", "Bea", "Cai"];
        let mut world = World::new();
        let mut asked: Vec<(u64, u64, usize, CallId)> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(ms) => world.wait(ms),
                Step::Withdraw(place) => {
                    if let Some((.., call)) = asked.get(place).copied()
                        && world.withdraw(call).is_ok()
                    {
                        asked.remove(place);
                    }
                }
                Step::Tip(amount, to) => {
                    let now = world.now;
                    let counts = |it: &&(u64, u64, usize, CallId)| it.0 + DAY_MS > now && it.2 == to;
                    let sum: u64 = asked.iter().filter(counts).map(|it| it.1).sum();
                    // An amount that no other call has: a call like an open one would be joined.
                    let units = amount * 1_000_000 + world.state.size;
                    let text = format!("{}.{:06}", units / 1_000_000, units % 1_000_000);
                    let (call, verdict) = tip(&mut world, &text, NAMES[to]);
                    prop_assert_eq!(verdict == Verdict::Confirm, sum + units > 100_000_000);
                    asked.push((now, units, to, call));
                }
            }
        }
        prop_assert_eq!(world.refolded(), world.state.clone());
        let read = snapshot::read(&snapshot::write(&world.state));
        prop_assert_eq!(read, Some(world.state));
    }
}
