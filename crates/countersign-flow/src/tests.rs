//! The state machine, transition by transition, over one small world: a log that is set up, people
//! with keys in software, an agent, two executors.

mod calls;
mod control;
mod decisions;
mod folding;
mod freezes;
mod hostile;
mod lookback;
mod presentations;
mod properties;
mod redemption;
mod setup;
mod story;
mod transitions;
mod world;

use world::{HOUR_MS, MINUTE_MS, SERVICE, World, arguments};
