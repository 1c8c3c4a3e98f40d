//! One seed's history: what is asked and what goes wrong, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use countersign_service::Level;

use crate::chance::Rng;
use crate::index;
use crate::judge::Broken;
use crate::model::Loss;
use crate::request::{Action, Reply, Request};
use crate::tally::Tally;
use crate::template::Template;
use crate::world::{Started, World};

/// 1970, and far ahead.
const CLOCKS: [u64; 2] = [1_000, 4_102_444_800_000];
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A history in which a rule was broken.
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) broken: Broken,
    pub(crate) steps: Vec<String>,
}

/// Plays one history.
pub(crate) fn play(seed: u64, templates: &[Template]) -> Result<Tally, Box<Failure>> {
    let mut rng = Rng::new(seed);
    let template = &templates[rng.index(templates.len())];
    let mut world = World::new(template, rng);
    let played = catch_unwind(AssertUnwindSafe(|| whole(seed, &template.vkey, &mut world)));
    let broken = match played {
        Ok(Ok(())) => {
            world.tally.histories = 1;
            world.tally.acknowledged = world.clients.acknowledged;
            world.tally.faults = world.weather.fired();
            return Ok(world.tally);
        }
        Ok(Err(broken)) => broken,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            format!("panicked: {}", words.unwrap_or_default())
        }
    };
    world.note("broken here");
    Err(Box::new(Failure {
        seed,
        broken,
        steps: world.steps,
    }))
}

fn whole(seed: u64, vkey: &str, world: &mut World<'_>) -> Result<(), Broken> {
    if let Started::Refused(_) = world.start(Loss::None)? {
        return Err("the template is refused".into());
    }
    world.weather.calm(false);
    let steps = 10 + world.rng.below(40);
    for _ in 0..steps {
        world.tally.steps += 1;
        if step(world)? == Goes::Refused {
            world.tally.ended_refused += 1;
            return Ok(());
        }
    }
    world.weather.calm(true);
    end(seed, vkey, world)
}

#[derive(Eq, PartialEq)]
enum Goes {
    On,
    /// The disk is spoiled, and the server says so.
    Refused,
}

fn step(world: &mut World<'_>) -> Result<Goes, Broken> {
    world.clock.pass(world.rng.clone().below(3_000));
    if !world.is_up() || (world.is_read_only && world.rng.below(3) == 0) {
        world.kill();
        return Ok(started(&world.start(Loss::None)?));
    }
    match world.rng.below(100) {
        0..72 => requests(world)?,
        72..80 => {
            let ms = 10_000 + world.rng.below(60_000);
            world.clock.pass(ms);
            world.note(format!("{ms} ms pass"));
            world.round(Vec::new())?;
        }
        80..84 => clock(world)?,
        84..87 => world.kill(),
        87..91 => world.cut_power(),
        91..93 => world.stop()?,
        93..96 => world.snapshot(),
        96..98 => return Ok(started(&world.set_back()?)),
        98 => world.second_server()?,
        _ if world.rng.below(2) == 0 => return Ok(started(&world.lose_head_lock()?)),
        _ => world.server_on_a_copy()?,
    }
    Ok(Goes::On)
}

fn started(started: &Started) -> Goes {
    match started {
        Started::Serving => Goes::On,
        Started::Refused(_) => Goes::Refused,
    }
}

fn requests(world: &mut World<'_>) -> Result<(), Broken> {
    let count = 1 + world.rng.below(3);
    let mut requests: Vec<Request> = (0..count)
        .map(|_| world.clients.ask(&mut world.rng))
        .collect();
    // One batch in eight: the same request twice at once.
    if world.rng.below(8) == 0 {
        requests.extend(requests.first().cloned());
    }
    requests.push(Request::Head);
    world.round(requests)
}

fn clock(world: &mut World<'_>) -> Result<(), Broken> {
    world.tally.clock_jumps += 1;
    let wall = world.clock.wall();
    let days = 1 + world.rng.below(3);
    match world.rng.below(6) {
        0 => world.clock.set(CLOCKS[world.rng.index(2)]),
        1 => world.clock.set(wall.saturating_sub(days * DAY_MS)),
        2 => world.clock.set(wall.saturating_add(days * DAY_MS)),
        3 => world.clock.set(wall.saturating_sub(90_000)),
        4 => world.clock.set(wall.saturating_add(90_000)),
        _ => world.clock.pass_frozen(100_000),
    }
    world.note(format!(
        "the wall clock goes from {wall} to {}",
        world.clock.wall()
    ));
    world.round(vec![Request::Head])
}

/// Nothing more goes wrong: everything ends, and the log verifies.
fn end(seed: u64, vkey: &str, world: &mut World<'_>) -> Result<(), Broken> {
    world.kill();
    let spoiled = world.weather.is_spoiled();
    if let Started::Refused(_) = world.start(Loss::None)? {
        world.tally.ended_refused += 1;
        return Ok(());
    }
    world
        .clock
        .set(world.clock.wall().max(world.model.judge.at));
    let accepted = world.ask(&Request::AcceptClock);
    world.note("the end: the clock is right and accepted");
    if let (Some(Reply::Done(Err(error))), false) = (&accepted, spoiled) {
        return Err(format!("the clock cannot be accepted: {error}"));
    }
    for _ in 0..6 {
        world.clock.pass(40_000);
        world.round(vec![Request::Head])?;
    }
    // What was let run without asking may be reported for a day.
    world.clock.pass(DAY_MS);
    world.round(vec![Request::Head])?;
    if spoiled && world.is_read_only {
        world.tally.ended_refused += 1;
        return Ok(());
    }
    alive(world)?;
    world.model.check_released()?;
    audit(seed, vkey, world)?;
    world.stop()
}

/// Every call has ended, and new ones are answered.
fn alive(world: &mut World<'_>) -> Result<(), Broken> {
    let mut open = world
        .model
        .judge
        .calls
        .iter()
        .filter(|(_, case)| case.is_open());
    if let Some((call, case)) = open.next() {
        return Err(format!("{call} never ends: {:?}", case.stage));
    }
    let request = Request::Submit {
        name: "last".into(),
        action: Action {
            tool: "look",
            path: "/last",
        },
        level: Level::Committed,
    };
    let reply = world.ask(&request);
    world.learn()?;
    match reply {
        Some(Reply::Submitted(Ok(done))) if done.proof.is_some() => {
            let state = done.value.view.state;
            if state.is_redeemable() == world.model.judge.is_frozen() {
                return Err(format!("the last call is {}", state.as_str()));
            }
            Ok(())
        }
        other => Err(format!("the last call is not answered: {other:?}")),
    }
}

fn audit(seed: u64, vkey: &str, world: &mut World<'_>) -> Result<(), Broken> {
    if world.weather.is_spoiled() {
        return Ok(());
    }
    let Some(audited) = world.audited() else {
        return Ok(());
    };
    let audited = audited?;
    audited.holds(vkey)?;
    world.tally.verified += 1;
    if seed.is_multiple_of(4) {
        audited.tampered_is_caught(vkey, &mut world.rng)?;
        world.tally.tampered += 1;
    }
    if seed.is_multiple_of(16)
        && let Some(reader) = world.reader()
    {
        index::is_as_the_log(&reader, &mut world.rng)?;
        world.tally.indexed += 1;
    }
    Ok(())
}
