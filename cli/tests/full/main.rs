//! The built command, over real sockets and files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod demo;
mod help;
mod hostile;
mod liar;
mod mistakes;
mod red_team;
mod service;
mod spelling;
mod story;
mod world;
