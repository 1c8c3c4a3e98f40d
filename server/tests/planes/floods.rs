//! What one caller does too much of, and what another one notices of it: nothing. While the flood is on,
//! the other agent's calls are answered; how fast is for the benchmarks to say.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::http::{Answer, Ask};
use crate::world::{World, deletion};

const HEAD: &str = "POST /v1/calls HTTP/1.1\r\nhost: t\r\nauthorization: Bearer agent\r\n\
    content-type: application/json\r\n";

/// A call of the other agent's, answered.
fn other_is_answered(world: &World, key: usize) {
    let body = deletion(&format!("other-{key}"));
    let answer = Ask::post(world.agent_plane(), "/v1/calls", &body)
        .token("other-agent")
        .header("idempotency-key", &format!("other-{key}"))
        .send();
    assert_eq!(answer.status, 202, "{}", answer.text());
}

fn connected(to: SocketAddr, begin: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    stream.write_all(begin.as_bytes()).unwrap();
    stream
}

#[test]
fn five_hundred_slow_heads_and_bodies_keep_nobody_waiting() {
    let world = World::served_with(|config| {
        config.limits.header = Duration::from_mins(5);
        config.limits.body = Duration::from_mins(5);
    });
    let begun_body = format!("{HEAD}idempotency-key: k\r\ncontent-length: 9\r\n\r\n{{");
    let slow: Vec<TcpStream> = (0..500)
        .map(|number| match number % 2 {
            0 => connected(world.agent_plane(), HEAD),
            _ => connected(world.agent_plane(), &begun_body),
        })
        .collect();
    (0..10).for_each(|key| other_is_answered(&world, key));
    // The one agent's own limit speaks for the bodies under way above it; the rest still hang.
    let hangs = |stream: &&TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let read = (*stream).peek(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    assert!(
        slow.iter().filter(hangs).count() >= 250,
        "they were not slow"
    );
}

#[test]
fn bodies_of_64_mib_are_cut_short_and_keep_nobody_waiting() {
    const MIB: usize = 1 << 20;
    let world = World::served();
    let to = world.agent_plane();
    let chunk = vec![b' '; MIB];
    thread::scope(|scope| {
        let floods: Vec<_> = ["content-length: 67108864", "transfer-encoding: chunked"]
            .into_iter()
            .map(|framing| {
                let chunk = &chunk;
                scope.spawn(move || {
                    let head = format!("{HEAD}idempotency-key: k\r\n{framing}\r\n\r\n");
                    let mut stream = connected(to, &head);
                    let is_chunked = framing.starts_with("transfer");
                    let sent = (0..64).take_while(|_| {
                        let size = if is_chunked { "100000\r\n" } else { "" };
                        let end = if is_chunked { "\r\n" } else { "" };
                        let parts = [size.as_bytes(), chunk, end.as_bytes()].concat();
                        stream.write_all(&parts).is_ok()
                    });
                    let sent = sent.count();
                    let mut answer = Vec::new();
                    drop(stream.read_to_end(&mut answer));
                    (sent, answer)
                })
            })
            .collect();
        (0..10).for_each(|key| other_is_answered(&world, key));
        for flood in floods {
            let (sent, answer) = flood.join().unwrap();
            assert!(sent < 64, "all of it was taken");
            // A reset may have taken the answer away; what is there is the refusal.
            if !answer.is_empty() {
                let answer = Answer::read(&answer);
                assert_eq!(
                    (answer.status, answer.json()["limit"].as_u64()),
                    (413, Some(327_680))
                );
            }
        }
    });
    (10..20).for_each(|key| other_is_answered(&world, key));
}

/// Sends calls, one connection after another, until there were enough and the other agent was heard;
/// how many were taken and refused.
fn flood(to: SocketAddr, of: usize, heard: &AtomicBool) -> (usize, usize) {
    const RUN: usize = 50;
    const LEAST: usize = 2500;
    const MOST: usize = 10 * LEAST;
    let (mut taken, mut refused, mut next) = (0, 0, 0);
    while next < LEAST || (next < MOST && !heard.load(Ordering::SeqCst)) {
        let run: Vec<String> = (1..=RUN)
            .map(|place| {
                let body = deletion(&format!("flood-{of}-{}", next + place)).to_string();
                let end = if place == RUN {
                    "connection: close\r\n"
                } else {
                    ""
                };
                let key = format!("idempotency-key: flood-{of}-{}\r\n", next + place);
                format!(
                    "{HEAD}{key}{end}content-length: {}\r\n\r\n{body}",
                    body.len()
                )
            })
            .collect();
        let mut stream = connected(to, &run.concat());
        let mut answers = Vec::new();
        drop(stream.read_to_end(&mut answers));
        let answers = String::from_utf8_lossy(&answers);
        taken += answers.matches("HTTP/1.1 202").count();
        refused += answers.matches("HTTP/1.1 429").count();
        next += RUN;
    }
    (taken, refused)
}

#[test]
fn ten_thousand_calls_of_one_agent_keep_no_other_waiting() {
    // So slow a refill that no slow machine keeps up with it.
    let world = World::served_with(|config| config.limits.requests_per_second = 20);
    let to = world.agent_plane();
    let heard = AtomicBool::new(false);
    thread::scope(|scope| {
        let floods: Vec<_> = (0..4)
            .map(|of| {
                let heard = &heard;
                scope.spawn(move || flood(to, of, heard))
            })
            .collect();
        (0..50).for_each(|key| other_is_answered(&world, key));
        heard.store(true, Ordering::SeqCst);
        let counted = floods.into_iter().map(|flood| flood.join().unwrap());
        let (taken, refused) = counted.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        assert!(taken >= 400, "the burst is the agent's: {taken}");
        assert!(
            refused > 1000,
            "not a flood: {taken} taken, {refused} refused"
        );
    });
    other_is_answered(&world, 50);
}
