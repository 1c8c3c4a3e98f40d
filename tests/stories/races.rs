//! Two at once, a few hundred times each: whatever comes first, everybody is told the same end. After
//! each race the call's view, its stream and the log are compared, and at the end of each test the
//! verifier decides all of it again. `COUNTERSIGN_RACE_ROUNDS` asks for more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use countersign_attest::{Context, Statement};
use countersign_record::entry::Entry;
use countersign_record::id::KeyId;
use countersign_server::Limits;
use countersign_service::Options;
use serde_json::{Value, json};

use crate::clock::{MINUTE, TestClock};
use crate::http::{Caller, Response};
use crate::people::{Opened, policy_with, signed};
use crate::setup::Plan;
use crate::world::{Wanted, World, file, text, unbase64};

const ROUNDS: usize = 200;

#[expect(
    clippy::disallowed_methods,
    reason = "how long to test is told by the environment"
)]
fn rounds() -> usize {
    let more = std::env::var("COUNTERSIGN_RACE_ROUNDS").ok();
    more.and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS)
}

/// Nobody is throttled: a race is between requests that are let in.
fn world() -> World {
    let mut world = World::planned(&Plan::default());
    world.limits = Limits {
        requests_per_second: 1_000_000,
        request_burst: 1_000_000,
        requests_at_once: 1_000,
        ..Limits::default()
    };
    world.serve();
    world
}

/// A request that is ready to be sent.
#[derive(Clone)]
struct Shot {
    caller: Caller,
    path: String,
    key: Option<String>,
    body: Value,
}

impl Shot {
    fn new(caller: Caller, path: String, body: Value) -> Self {
        Self {
            caller,
            path,
            key: None,
            body,
        }
    }

    fn fire(&self) -> Response {
        match &self.key {
            Some(key) => self.caller.post_keyed(&self.path, key, &self.body),
            None => self.caller.post(&self.path, &self.body),
        }
    }
}

/// Sends all of them at one moment; the answers, in the order of the requests.
fn at_once(shots: Vec<Shot>) -> Vec<Response> {
    let barrier = Arc::new(Barrier::new(shots.len()));
    let shooters = shots.into_iter().map(|shot| {
        let barrier = Arc::clone(&barrier);
        thread::spawn(move || {
            barrier.wait();
            shot.fire()
        })
    });
    let shooters: Vec<_> = shooters.collect();
    shooters.into_iter().map(|it| it.join().unwrap()).collect()
}

fn codes(answers: &[Response]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

impl World {
    fn ballot(&self, who: &str, call: &Value, opened: &Opened, decision: &str) -> Shot {
        let person = &self.people[who];
        let statement = opened.statement(&person.key.to_string(), decision);
        let statement = Statement::read(&statement).unwrap().to_bytes().unwrap();
        let path = format!("/v1/calls/{}/decisions", text(call));
        let body = signed(person, Context::Approval, &statement);
        Shot::new(self.approver(None), path, body)
    }

    /// Opens the question and signs; nothing is sent yet.
    fn ready(&self, who: &str, call: &Value, decision: &str) -> Shot {
        self.ballot(who, call, &self.open_call(who, call), decision)
    }

    fn claim(&self, executor: &str, view: &Value, nonce: &str) -> Shot {
        let path = format!("/v1/grants/{}/redeem", text(&view["grant"]["jti"]));
        let body = json!({ "nonce": nonce.repeat(32), "action_digest": view["action_digest"] });
        Shot::new(self.agent(executor), path, body)
    }

    fn submission(&self, key: &str, wanted: &Wanted) -> Shot {
        let body = json!({ "tool": wanted.0, "arguments": wanted.1, "session": "s1" });
        Shot {
            key: Some(key.into()),
            ..Shot::new(self.agent("agent"), "/v1/calls".into(), body)
        }
    }

    /// The numbers of the entries that the agent made.
    fn agents_entries(&self) -> Vec<u64> {
        let auditor = self.audit("auditor");
        let (mut found, mut from) = (Vec::new(), 0);
        loop {
            let page = auditor
                .get(&format!("/v1/entries?from={from}&limit=1000"))
                .done();
            let entries = page["entries"].as_array().unwrap();
            if entries.is_empty() {
                return found;
            }
            from += u64::try_from(entries.len()).unwrap();
            let entries = entries
                .iter()
                .map(|it| Entry::decode(&unbase64(&it["entry"])).unwrap());
            let calls = entries.filter(|it| it.kind() == "call.evaluated");
            found.extend(calls.map(|it| it.seq));
        }
    }

    /// Where the call ended, and its entries' kinds: the same in its view, its stream and the log.
    fn one_end(&self, call: &Value) -> (String, Vec<String>) {
        let trace = self
            .audit("auditor")
            .get(&format!("/v1/trace/{}", text(call)))
            .done();
        let entries = trace["records"].as_array().unwrap().iter();
        let entries = entries.map(|it| Entry::decode(&unbase64(&it["entry"])).unwrap());
        let about =
            |it: &Entry| it.draft.refs.call.map(|id| id.to_string()).as_deref() == call.as_str();
        let logged: Vec<(u64, String)> = entries
            .filter(about)
            .map(|it| (it.seq, it.kind().to_owned()))
            .collect();
        let path = format!("/v1/calls/{}/events", text(call));
        let events = self
            .agent("agent")
            .listen(&path, Some(0))
            .take(logged.len());
        let streamed: Vec<(u64, String)> = events.map(|event| told(&event)).collect();
        assert_eq!(streamed, logged);
        let view = self.look(call);
        assert!(
            logged.iter().any(|(seq, _)| view["version"] == *seq),
            "{view}"
        );
        let kinds = logged.into_iter().map(|(_, kind)| kind).collect();
        (text(&view["state"]).to_owned(), kinds)
    }
}

fn told(event: &Value) -> (u64, String) {
    (
        event["seq"].as_u64().unwrap(),
        text(&event["kind"]).to_owned(),
    )
}

fn count(kinds: &[String], kind: &str) -> usize {
    kinds.iter().filter(|it| *it == kind).count()
}

fn deletion(round: usize) -> Wanted {
    file(
        "delete",
        Box::leak(format!("/srv/{round}").into_boxed_str()),
    )
}

/// Runs a race some hundred times on one log; how often it ended in each way.
fn race(mut round: impl FnMut(&mut World, usize) -> String) -> BTreeMap<String, usize> {
    let mut world = world();
    let mut ends = BTreeMap::new();
    for number in 0..rounds() {
        *ends.entry(round(&mut world, number)).or_default() += 1;
    }
    let report = world.close();
    assert!(report.scope.entries > 0);
    ends
}

#[test]
fn approving_and_denying_at_once_never_lets_it_run() {
    race(|world, round| {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let (yes, no) = (
            world.ready("alice", call, "approve"),
            world.ready("ines", call, "deny"),
        );
        let codes = codes(&at_once(vec![yes, no]));
        assert_eq!(codes[1], 200, "a refusal always counts");
        let (state, kinds) = world.one_end(call);
        assert!(["denied", "revoked"].contains(&&*state), "{state}");
        assert_eq!(state == "revoked", codes[0] == 200, "{codes:?}");
        assert_eq!(count(&kinds, "grant.redeemed"), 0);
        state
    });
}

#[test]
fn one_person_who_approves_and_denies_at_once_has_denied() {
    race(|world, round| {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let yes = world.ready("alice", call, "approve");
        let no = world.ready("alice", call, "deny");
        let codes = codes(&at_once(vec![yes, no]));
        assert_eq!(codes[1], 200);
        let (state, _) = world.one_end(call);
        assert!(["denied", "revoked"].contains(&&*state), "{state}");
        state
    });
}

#[test]
fn an_approval_at_its_deadline_is_in_time_or_expired() {
    // How long time stands still after the shot: longer after each one that came too late, shorter
    // after each that did not, so that both happen on every machine.
    let mut soon = Duration::ZERO;
    let ends = race(|world, round| {
        world.sessions.borrow_mut().clear();
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let yes = world.ready("alice", call, "approve");
        world.clock.pass(10 * MINUTE - 50);
        let (clock, started) = (world.clock.clone(), Instant::now());
        let time = thread::spawn(move || {
            while started.elapsed() < soon {
                thread::yield_now();
            }
            (0..100).for_each(|_| clock.pass(1));
        });
        let answer = yes.fire();
        time.join().unwrap();
        let (state, kinds) = world.one_end(call);
        let approved = count(&kinds, "confirmation.approved") == 1;
        assert_eq!(approved, answer.status == 200, "{state}: {}", answer.text());
        assert_eq!(approved, count(&kinds, "confirmation.expired") == 0);
        soon = if approved {
            soon / 2
        } else {
            soon * 5 / 4 + Duration::from_micros(100)
        };
        world.clock.pass(10 * MINUTE);
        let (end, _) = world.one_end(call);
        assert_eq!(end, if approved { "lapsed" } else { "expired" });
        end
    });
    let both: Vec<&str> = ends.keys().map(String::as_str).collect();
    assert_eq!(both, ["expired", "lapsed"], "{ends:?}");
}

#[test]
fn two_who_approve_at_once_make_one_approval() {
    race(|world, round| {
        let amount = format!("{}.00", 20_000 + round);
        let arguments =
            json!({ "amount": amount, "currency": "EUR", "account": "DE89370400440532013000" });
        let view = world.ask(&format!("c{round}"), &("bank.wire", arguments));
        let call = &view["call"];
        let shots = ["alice", "omar"].map(|who| world.ready(who, call, "approve"));
        assert_eq!(codes(&at_once(shots.to_vec())), [200, 200]);
        let (state, kinds) = world.one_end(call);
        assert_eq!(state, "approved");
        assert_eq!(count(&kinds, "vote.approve"), 2);
        assert_eq!(count(&kinds, "confirmation.approved"), 1);
        world.redeem("bank", &world.look(call), "01").done();
        state
    });
}

#[test]
fn a_call_withdrawn_while_it_is_approved_does_not_run() {
    race(|world, round| {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let path = format!("/v1/calls/{}/withdraw", text(call));
        let leave = Shot::new(world.agent("agent"), path, json!({}));
        let codes = codes(&at_once(vec![world.ready("alice", call, "approve"), leave]));
        assert_eq!(codes[1], 200);
        let (state, kinds) = world.one_end(call);
        assert_eq!(state, "withdrawn");
        assert_eq!(count(&kinds, "confirmation.withdrawn"), 1);
        let approved = count(&kinds, "confirmation.approved") == 1;
        assert_eq!(approved, codes[0] == 200, "{kinds:?}");
        (if approved { "after" } else { "before" }).into()
    });
}

#[test]
fn a_grant_is_redeemed_or_frozen_and_never_both() {
    race(|world, round| {
        let path = format!("/srv/frozen/{round}");
        let view = world.ask(
            &format!("c{round}"),
            &("list_files", json!({ "path": path })),
        );
        let call = &view["call"];
        let scope = json!({ "target": path, "reason": "to be safe" });
        let stop = Shot::new(world.audit("responder"), "/v1/freezes".into(), scope);
        let answers = at_once(vec![world.claim("files", &view, "01"), stop]);
        assert_eq!(answers[1].status, 200);
        let (state, kinds) = world.one_end(call);
        let ran = answers[0].status == 200;
        assert_eq!(state, if ran { "redeemed" } else { "revoked" });
        assert_eq!(count(&kinds, "grant.redeemed"), usize::from(ran));
        assert_eq!(count(&kinds, "grant.revoked"), usize::from(!ran));
        assert_eq!(answers[1].json()["killed"], u64::from(!ran));
        if ran {
            world.report("files", call, "succeeded").done();
        }
        state
    });
}

#[test]
fn of_fifty_redemptions_at_once_one_is_let_through() {
    let world = world();
    for round in 0..rounds() / 10 {
        let view = world.ask(
            &format!("c{round}"),
            &("list_files", json!({ "path": format!("/{round}") })),
        );
        let shots = (0..50).map(|n| world.claim("files", &view, &format!("{n:02x}")));
        let codes = codes(&at_once(shots.collect()));
        assert_eq!(
            codes.iter().filter(|code| **code == 200).count(),
            1,
            "{codes:?}"
        );
        assert_eq!(
            codes.iter().filter(|code| **code == 409).count(),
            49,
            "{codes:?}"
        );
        let (state, kinds) = world.one_end(&view["call"]);
        assert_eq!((&*state, count(&kinds, "grant.redeemed")), ("redeemed", 1));
        world.report("files", &view["call"], "succeeded").done();
    }
}

#[test]
fn the_same_redemption_fifty_times_at_once_is_one() {
    let world = world();
    for round in 0..rounds() / 10 {
        let view = world.ask(
            &format!("c{round}"),
            &("list_files", json!({ "path": format!("/{round}") })),
        );
        let answers = at_once(vec![world.claim("files", &view, "07"); 50]);
        let seqs: BTreeSet<u64> = answers
            .iter()
            .map(|it| it.done()["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs.len(), 1);
        world.report("files", &view["call"], "succeeded").done();
    }
}

#[test]
fn a_key_revoked_during_its_ceremony_decides_before_or_never() {
    let handles: Vec<&'static str> = (0..100)
        .map(|n| &*Box::leak(format!("p{n}").into_boxed_str()))
        .collect();
    let groups: &'static [&'static str] = &["ops", "owners", "treasury"];
    let mut people: Vec<(&'static str, &'static [&'static str])> = crate::setup::PEOPLE.to_vec();
    people.extend(handles.iter().map(|handle| (*handle, groups)));
    let plan = Plan {
        people: Box::leak(people.into_boxed_slice()),
        ..Plan::default()
    };
    let mut world = World::planned(&plan);
    world.serve();
    for (round, who) in handles.into_iter().enumerate() {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let key: KeyId = world.people[who].key;
        let body = json!({ "key": key.to_string(), "cause": "lost" });
        let revoke = Shot::new(world.audit("responder"), "/v1/revocations".into(), body);
        let codes = codes(&at_once(vec![world.ready(who, call, "approve"), revoke]));
        assert_eq!(codes[1], 200);
        let approved = codes[0] == 200;
        let (state, kinds) = world.one_end(call);
        assert_eq!(
            count(&kinds, "vote.approve"),
            usize::from(approved),
            "{state}"
        );
        if approved {
            let claimed = world.redeem("files", &world.look(call), "01");
            assert_ne!(claimed.status, 200, "a vote goes with its key");
        } else {
            world.deny("alice", call);
        }
    }
}

#[test]
fn a_policy_that_is_tightened_meanwhile_counts_from_its_entry_on() {
    let mut world = world();
    let rule = "approvals = 1, from = [\"ops\"], key_class = \"software\", expires = \"10m\", execute_within";
    let strict = policy_with(rule, &rule.replace("approvals = 1", "approvals = 2"));
    for round in 0..rounds() / 4 {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let number = 2 * round + 2;
        let version = |toml: &str, number: usize| {
            toml.replace("version       = 1", &format!("version       = {number}"))
        };
        let arguments = json!({ "toml": version(&strict, number) });
        let change = world.try_control(
            "operator",
            &format!("k{round}"),
            "countersign.policy.adopt",
            &arguments,
        );
        let change = change.done()["call"].clone();
        world.approve("alice", &change);
        let adopt = world.ready("omar", &change, "approve");
        let codes = codes(&at_once(vec![world.ready("alice", call, "approve"), adopt]));
        assert_eq!(codes[1], 200);
        let (state, kinds) = world.one_end(call);
        let expected = match count(&kinds, "confirmation.approved") {
            0 => "superseded",
            _ => "approved",
        };
        assert_eq!(state, expected);
        if state == "approved" {
            let claimed = world.redeem("files", &world.look(call), "01");
            assert_ne!(
                claimed.status, 200,
                "and the stricter policy counts at the claim"
            );
        }
        world.adopt(
            &format!("b{round}"),
            &version(crate::setup::POLICY, number + 1),
        );
    }
    world.close();
}

#[test]
fn a_stream_that_breaks_off_again_and_again_tells_each_event_once() {
    let world = world();
    let agent = world.agent("agent");
    let submissions: Vec<Shot> = (0..1000)
        .map(|n| {
            world.submission(
                &format!("c{n}"),
                &("list_files", json!({ "path": format!("/{n}") })),
            )
        })
        .collect();
    let first = submissions[0].fire().done()["version"].as_u64().unwrap();
    let writer = thread::spawn(move || {
        submissions[1..]
            .iter()
            .for_each(|it| drop(it.fire().done()));
    });
    let (mut last, mut seen) = (first, vec![first]);
    let mut patience = (1..=37).cycle();
    while seen.len() < 1000 {
        let events = agent.listen("/v1/events", Some(last));
        let some: Vec<u64> = events
            .take(patience.next().unwrap().min(1000 - seen.len()))
            .map(|event| event["seq"].as_u64().unwrap())
            .collect();
        last = *some.last().unwrap();
        seen.extend(some);
    }
    writer.join().unwrap();
    assert!(
        seen.windows(2).all(|pair| pair[0] < pair[1]),
        "in order, none twice"
    );
    let log: Vec<u64> = world.agents_entries();
    assert_eq!(seen, log, "and none left out");
}

#[test]
fn five_hundred_submissions_at_once_are_five_hundred_calls() {
    let world = world();
    let shots: Vec<Shot> = (0..500)
        .map(|n| {
            world.submission(
                &format!("c{}", n % 250),
                &("list_files", json!({ "path": format!("/{}", n % 250) })),
            )
        })
        .collect();
    let answers = at_once(shots);
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for answer in &answers {
        *calls
            .entry(text(&answer.done()["call"]).to_owned())
            .or_default() += 1;
    }
    assert_eq!(calls.len(), 250, "the same key is the same call");
    assert!(calls.values().all(|times| *times == 2));
    assert_eq!(world.agents_entries().len(), 250);
}

#[test]
fn of_two_servers_on_one_directory_one_is_let_in() {
    let mut world = World::planned(&Plan::default());
    world.clock = TestClock::default();
    for _ in 0..rounds() {
        let barrier = Barrier::new(2);
        let opened = thread::scope(|scope| {
            let both = [0, 1].map(|_| {
                let (directory, clock, entropy) =
                    (&world.directory, world.clock.clone(), world.entropy.clone());
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let core = countersign_service::open(
                        directory,
                        Options::default(),
                        Box::new(clock),
                        Box::new(entropy),
                    );
                    // Held until both have tried.
                    let opened = core.is_ok();
                    barrier.wait();
                    opened
                })
            });
            both.map(|it| it.join().unwrap())
        });
        assert_eq!(opened.into_iter().filter(|it| *it).count(), 1);
    }
    world.serve();
}
