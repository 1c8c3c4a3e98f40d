//! Bytes as a story: what agents, approvers, executors and responders send, in any order and with any
//! arguments, through the state machine that the server and the verifier use. After every entry:
//! no approval after the deadline, by the requester or twice; nothing redeemed without its quorum,
//! after its end or twice; no forged decision taken; and the fold of the log is the state.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "the world is the one of flow's own tests"
)]

extern crate alloc;

// The world names what it uses as a part of flow does.
use countersign_flow::*;
use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/countersign-flow/src/tests"]
mod tests {
    mod story;
    mod world;

    use std::sync::LazyLock;

    use countersign_record::json::{Limits, read};

    use story::{PEOPLE, Step, Story, TOOLS, take};
    use world::{MINUTE_MS, World};

    /// Not more than this is one story: a fold at its end costs as much as all of them.
    const STEPS_MAX: usize = 64;

    /// Set up once: enrolling everybody costs more than most stories.
    static SET_UP: LazyLock<World> = LazyLock::new(World::new);

    /// `[what, a, b, c]`; a call's own arguments follow it, as long as `c` says.
    fn step<'b>(bytes: &'b [u8]) -> Option<(Option<Step>, &'b [u8])> {
        let ([what, a, b, c], mut rest) = bytes.split_first_chunk()?;
        let (call, person) = (usize::from(a % 4), usize::from(*b) % PEOPLE.len());
        let tool = usize::from(*a) % TOOLS.len();
        let step = match what % 13 {
            0 => Step::Ask(tool),
            1 => {
                let (arguments, after) = rest.split_at(rest.len().min(usize::from(*c)));
                rest = after;
                match read(arguments, &Limits::REQUEST) {
                    Ok(arguments) => Step::AskOf(tool, arguments),
                    // What is not strict JSON never comes this far.
                    Err(_) => return Some((None, rest)),
                }
            }
            2 => Step::Open(call, person),
            3 | 4 => Step::Vote(call, person, c % 6 != 0),
            5 => Step::Forge(call, person, usize::from(*c) * 5),
            6 => Step::Redeem(call),
            7 => Step::RedeemOther(call, *c),
            8 => Step::Report(call),
            9 => Step::Withdraw(call),
            10 => Step::Tick(call),
            11 => match c % 3 {
                0 => Step::Freeze(tool),
                1 => Step::Revoke(call, person),
                _ => Step::RevokeKey(person),
            },
            _ => Step::Wait(u64::from(*c) * MINUTE_MS / 8),
        };
        Some((Some(step), rest))
    }

    pub(crate) fn run(mut bytes: &[u8]) {
        let (mut world, mut story) = (SET_UP.clone(), Story::default());
        for _ in 0..STEPS_MAX {
            let Some((taken, rest)) = step(bytes) else {
                break;
            };
            if let Some(taken) = taken {
                take(&mut world, &mut story, taken);
            }
            bytes = rest;
        }
        assert!(
            world.refolded() == world.state,
            "the fold of the log is another state"
        );
    }
}

fuzz_target!(|bytes: &[u8]| tests::run(bytes));
