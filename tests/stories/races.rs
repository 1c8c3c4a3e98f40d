//! Two at once, a few hundred times each: whatever comes first, everybody is told the same end. After
//! each race the call's view, its stream and the log are compared, and at the end of each test the
//! verifier decides all of it again. Each side must have come first now and then: otherwise it was no
//! race. `COUNTERSIGN_RACE_ROUNDS` asks for more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use countersign_attest::{Context, Statement};
use countersign_record::entry::Entry;
use countersign_record::id::KeyId;
use countersign_server::Limits;
use countersign_service::{Core, Options, StartError};
use countersign_store::segments::OpenError;
use serde_json::{Value, json};

use crate::clock::MINUTE;
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
    let more = more.and_then(|rounds| rounds.parse().ok());
    more.unwrap_or(ROUNDS).max(ROUNDS)
}

/// Nobody is throttled: a race is between requests that are let in.
fn world() -> World {
    world_of(&Plan::default())
}

fn world_of(plan: &Plan) -> World {
    let mut world = World::planned(plan);
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
    shoot(
        shots
            .into_iter()
            .map(|shot| (Duration::ZERO, shot))
            .collect(),
    )
}

/// Sends two at nearly one moment; the answers, in the order of the requests.
fn nearly_at_once(round: usize, shots: [Shot; 2]) -> Vec<Response> {
    shoot(delays(round).into_iter().zip(shots).collect())
}

/// Another one is late each time, by up to 2 ms: more than the way to the log takes it longer, so that
/// both come first now and then on every machine.
fn delays(round: usize) -> [Duration; 2] {
    // Has no factor in common with the span: another delay in each round.
    let late = Duration::from_micros(u64::try_from(round * 737 % 2000).unwrap());
    match round % 2 {
        0 => [late, Duration::ZERO],
        _ => [Duration::ZERO, late],
    }
}

/// Sends each of them so long after one moment.
fn shoot(shots: Vec<(Duration, Shot)>) -> Vec<Response> {
    let barrier = Arc::new(Barrier::new(shots.len()));
    let shooters = shots.into_iter().map(|(delay, shot)| {
        let barrier = Arc::clone(&barrier);
        thread::spawn(move || {
            barrier.wait();
            pass(delay);
            shot.fire()
        })
    });
    let shooters: Vec<_> = shooters.collect();
    shooters.into_iter().map(|it| it.join().unwrap()).collect()
}

/// Lets so much time pass; to sleep would be coarser than what is raced for.
fn pass(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        thread::yield_now();
    }
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
        let newest = logged.last().map(|(seq, _)| json!(seq));
        assert_eq!(Some(&view["version"]), newest.as_ref(), "{logged:?}");
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

/// Is allowed at once.
fn listing(round: usize) -> Wanted {
    ("list_files", json!({ "path": format!("/{round}") }))
}

fn deletion(round: usize) -> Wanted {
    file(
        "delete",
        Box::leak(format!("/srv/{round}").into_boxed_str()),
    )
}

/// Runs a race some hundred times on one log; it must end in each of these ways, and in no other.
fn race(expected: &[&str], mut round: impl FnMut(&mut World, usize) -> String) {
    let mut ends = BTreeMap::new();
    race_on(world(), 0..rounds(), &mut ends, &mut round);
    assert_ends(&ends, expected);
}

/// Runs these rounds of a race on a log of their own, and has it verified.
fn race_on(
    mut world: World,
    rounds: Range<usize>,
    ends: &mut BTreeMap<String, usize>,
    round: &mut impl FnMut(&mut World, usize) -> String,
) {
    for number in rounds {
        *ends.entry(round(&mut world, number)).or_default() += 1;
    }
    let report = world.close();
    assert!(report.scope.entries > 0);
}

#[expect(clippy::print_stdout, reason = "a figure to read")]
fn assert_ends(ends: &BTreeMap<String, usize>, expected: &[&str]) {
    let test = thread::current();
    println!("FIGURES: {}: {ends:?}", test.name().unwrap_or_default());
    let came: Vec<&str> = ends.keys().map(String::as_str).collect();
    assert_eq!(came, expected, "{ends:?}");
}

#[test]
fn approving_and_denying_at_once_never_lets_it_run() {
    race(&["denied", "revoked"], |world, round| {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let yes = world.ready("alice", call, "approve");
        let no = world.ready("ines", call, "deny");
        let codes = codes(&nearly_at_once(round, [yes, no]));
        assert_eq!(codes[1], 200, "a refusal always counts");
        let (state, kinds) = world.one_end(call);
        assert_eq!(state == "revoked", codes[0] == 200, "{codes:?}");
        assert_eq!(count(&kinds, "grant.redeemed"), 0);
        state
    });
}

#[test]
fn one_person_who_approves_and_denies_at_once_has_denied() {
    race(&["denied", "revoked"], |world, round| {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let yes = world.ready("alice", call, "approve");
        let no = world.ready("alice", call, "deny");
        let codes = codes(&nearly_at_once(round, [yes, no]));
        assert_eq!(codes[1], 200);
        world.one_end(call).0
    });
}

#[test]
fn an_approval_at_its_deadline_is_in_time_or_expired() {
    // How long time stands still after the shot: longer after each one that came too late, shorter
    // after each that did not, so that both happen on every machine.
    let mut soon = Duration::ZERO;
    race(&["expired", "lapsed"], |world, round| {
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
}

#[test]
fn two_who_approve_at_once_make_one_approval() {
    race(&["alice first", "omar first"], |world, round| {
        let amount = format!("{}.00", 20_000 + round);
        let arguments =
            json!({ "amount": amount, "currency": "EUR", "account": "DE89370400440532013000" });
        let view = world.ask(&format!("c{round}"), &("bank.wire", arguments));
        let call = &view["call"];
        let shots = ["alice", "omar"].map(|who| world.ready(who, call, "approve"));
        let answers = nearly_at_once(round, shots);
        let votes: Vec<u64> = answers
            .iter()
            .map(|it| it.done()["seq"].as_u64().unwrap())
            .collect();
        let (state, kinds) = world.one_end(call);
        assert_eq!(state, "approved");
        assert_eq!(count(&kinds, "vote.approve"), 2);
        assert_eq!(count(&kinds, "confirmation.approved"), 1);
        world.redeem("bank", &world.look(call), "01").done();
        let first = if votes[0] < votes[1] { "alice" } else { "omar" };
        format!("{first} first")
    });
}

#[test]
fn a_call_withdrawn_while_it_is_approved_does_not_run() {
    race(&["after", "before"], |world, round| {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let call = &view["call"];
        let path = format!("/v1/calls/{}/withdraw", text(call));
        let leave = Shot::new(world.agent("agent"), path, json!({}));
        let yes = world.ready("alice", call, "approve");
        let codes = codes(&nearly_at_once(round, [yes, leave]));
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
    race(&["redeemed", "revoked"], |world, round| {
        let path = format!("/srv/frozen/{round}");
        let view = world.ask(
            &format!("c{round}"),
            &("list_files", json!({ "path": path })),
        );
        let call = &view["call"];
        let scope = json!({ "target": path, "reason": "to be safe" });
        let stop = Shot::new(world.audit("responder"), "/v1/freezes".into(), scope);
        let claim = world.claim("files", &view, "01");
        let answers = nearly_at_once(round, [claim, stop]);
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
    race(&["redeemed"], |world, round| {
        let view = world.ask(&format!("c{round}"), &listing(round));
        let shots = (0..50).map(|n| world.claim("files", &view, &format!("{n:02x}")));
        let mut codes = codes(&at_once(shots.collect()));
        codes.sort_unstable();
        assert_eq!((codes[0], &codes[1..]), (200, &[409; 49][..]));
        let (state, kinds) = world.one_end(&view["call"]);
        assert_eq!(count(&kinds, "grant.redeemed"), 1);
        world.report("files", &view["call"], "succeeded").done();
        state
    });
}

#[test]
fn the_same_redemption_fifty_times_at_once_is_one() {
    race(&["redeemed"], |world, round| {
        let view = world.ask(&format!("c{round}"), &listing(round));
        let answers = at_once(vec![world.claim("files", &view, "07"); 50]);
        let seqs: BTreeSet<u64> = answers
            .iter()
            .map(|it| it.done()["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs.len(), 1);
        let (state, kinds) = world.one_end(&view["call"]);
        assert_eq!(count(&kinds, "grant.redeemed"), 1);
        world.report("files", &view["call"], "succeeded").done();
        state
    });
}

/// Of the people of one log; a key is lost in each round.
const CROWD: usize = 200;

/// So many people more, each of whom may approve a deletion.
fn crowd(handles: &[&'static str]) -> Plan {
    let groups: &'static [&'static str] = &["ops", "owners", "treasury"];
    let mut people = crate::setup::PEOPLE.to_vec();
    people.extend(handles.iter().map(|handle| (*handle, groups)));
    Plan {
        people: Box::leak(people.into_boxed_slice()),
        ..Plan::default()
    }
}

#[test]
fn a_key_revoked_during_its_ceremony_decides_before_or_never() {
    let handles: Vec<&'static str> = (0..CROWD)
        .map(|n| &*Box::leak(format!("p{n}").into_boxed_str()))
        .collect();
    let plan = crowd(&handles);
    let mut ends = BTreeMap::new();
    let mut round = |world: &mut World, round: usize| {
        let view = world.ask(&format!("c{round}"), &deletion(round));
        let (call, who) = (&view["call"], handles[round % CROWD]);
        let key: KeyId = world.people[who].key;
        let body = json!({ "key": key.to_string(), "cause": "lost" });
        let revoke = Shot::new(world.audit("responder"), "/v1/revocations".into(), body);
        let yes = world.ready(who, call, "approve");
        let codes = codes(&nearly_at_once(round, [yes, revoke]));
        assert_eq!(codes[1], 200);
        let approved = codes[0] == 200;
        let (_, kinds) = world.one_end(call);
        assert_eq!(count(&kinds, "vote.approve"), usize::from(approved));
        if approved {
            let claimed = world.redeem("files", &world.look(call), "01");
            assert_ne!(claimed.status, 200, "a vote goes with its key");
        } else {
            world.deny("alice", call);
        }
        assert_eq!(count(&world.one_end(call).1, "grant.redeemed"), 0);
        (if approved { "before" } else { "never" }).into()
    };
    for begin in (0..rounds()).step_by(CROWD) {
        let some = begin..rounds().min(begin + CROWD);
        race_on(world_of(&plan), some, &mut ends, &mut round);
    }
    assert_ends(&ends, &["before", "never"]);
}

#[test]
fn a_policy_that_is_tightened_meanwhile_counts_from_its_entry_on() {
    let rule = "approvals = 1, from = [\"ops\"], key_class = \"software\", expires = \"10m\", execute_within";
    let strict = policy_with(rule, &rule.replace("approvals = 1", "approvals = 2"));
    race(&["approved", "superseded"], |world, round| {
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
        let yes = world.ready("alice", call, "approve");
        let codes = codes(&nearly_at_once(round, [yes, adopt]));
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
        state
    });
}

/// It breaks off some fifty times a round.
#[test]
fn a_stream_that_breaks_off_again_and_again_tells_each_event_once() {
    (0..rounds() / 50).for_each(|_| reconnect_during_a_thousand_events(&world()));
}

fn reconnect_during_a_thousand_events(world: &World) {
    let agent = world.agent("agent");
    let submissions: Vec<Shot> = (0..1000)
        .map(|n| world.submission(&format!("c{n}"), &listing(n)))
        .collect();
    let begun = submissions[0].fire().done();
    let first = begun["version"].as_u64().unwrap();
    let writer = thread::spawn(move || {
        let rest = submissions[1..].iter().map(|it| it.fire().done());
        rest.map(|view| view["call"].clone()).collect::<Vec<_>>()
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
    let calls = writer.join().unwrap();
    assert!(
        seen.windows(2).all(|pair| pair[0] < pair[1]),
        "in order, none twice"
    );
    let log: Vec<u64> = world.agents_entries();
    assert_eq!(seen, log, "and none left out");
    for call in [&begun["call"]].into_iter().chain(&calls) {
        assert_eq!(world.one_end(call).0, "allowed");
    }
}

/// In each round 250 pairs of the same request.
#[test]
fn five_hundred_submissions_at_once_are_two_hundred_and_fifty_calls() {
    (0..rounds() / 50).for_each(|_| submit_five_hundred_at_once(&world()));
}

fn submit_five_hundred_at_once(world: &World) {
    let shots: Vec<Shot> = (0..500)
        .map(|n| n % 250)
        .map(|n| world.submission(&format!("c{n}"), &listing(n)))
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
    for call in calls.into_keys() {
        assert_eq!(world.one_end(&call.into()).0, "allowed");
    }
}

/// Two servers open the directory at nearly one moment; which was let in, and its log.
fn open_both(world: &World, round: usize) -> (&'static str, Core) {
    let barrier = Barrier::new(2);
    let opened = thread::scope(|scope| {
        let both = delays(round).map(|delay| {
            let (clock, entropy) = (world.clock.clone(), world.entropy.clone());
            let (directory, barrier) = (&world.directory, &barrier);
            scope.spawn(move || {
                let (clock, entropy) = (Box::new(clock), Box::new(entropy));
                barrier.wait();
                pass(delay);
                let core = countersign_service::open(directory, ARMED, clock, entropy);
                // Held until both have tried.
                barrier.wait();
                core
            })
        });
        both.map(|it| it.join().unwrap())
    });
    match opened {
        [Ok(core), Err(StartError::Open(OpenError::InUse { .. }))] => ("one", core),
        [Err(StartError::Open(OpenError::InUse { .. })), Ok(core)] => ("other", core),
        [one, other] => panic!("{:?} and {:?}", one.err(), other.err()),
    }
}

#[test]
fn of_two_servers_on_one_directory_one_is_let_in() {
    race(&["one", "other"], |world, round| {
        world.stop();
        let (which, core) = open_both(world, round);
        world.serve_core(core, ARMED).unwrap();
        let view = world.ask(&format!("c{round}"), &listing(round));
        assert_eq!(world.one_end(&view["call"]).0, "allowed");
        which.into()
    });
}

const ARMED: Options = Options {
    adopt_head: false,
    accept_clock: false,
    arm: true,
};
