//! The built command, over real sockets and files.

mod demo;
mod help;
mod mistakes;
mod service;
mod spelling;
mod story;
mod world;
