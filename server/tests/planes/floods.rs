//! What one caller does too much of, and what another one notices of it: nothing. While the flood is on,
//! the other agent's calls are answered; how fast is printed.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{Answer, Ask};
use crate::world::{World, deletion};

const HEAD: &str = "POST /v1/calls HTTP/1.1\r\nhost: t\r\nauthorization: Bearer agent\r\n\
    content-type: application/json\r\n";
const CHUNKED: &str = "transfer-encoding: chunked";

/// A call of the other agent's, answered, and after how long.
fn other_is_answered(world: &World, key: usize) -> Duration {
    let begun = Instant::now();
    let body = deletion(&format!("other-{key}"));
    let answer = Ask::post(world.agent_plane(), "/v1/calls", &body)
        .token("other-agent")
        .header("idempotency-key", &format!("other-{key}"))
        .send();
    assert_eq!(answer.status, 202, "{}", answer.text());
    begun.elapsed()
}

/// Half of the other agent's calls were answered in less.
fn median(world: &World, keys: Range<usize>) -> Duration {
    let mut took: Vec<Duration> = keys.map(|key| other_is_answered(world, key)).collect();
    took.sort();
    took[took.len() / 2]
}

/// A figure to read; only a caller that has to queue behind the flood fails.
#[expect(clippy::print_stdout, reason = "a figure to read")]
fn compare(flood: &str, alone: Duration, beside: Duration) {
    println!("FIGURES: another agent's call, median: {alone:?} alone, {beside:?} beside {flood}");
    assert!(beside < Duration::from_secs(5), "{beside:?} beside {flood}");
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
    let alone = median(&world, 0..20);
    let begun_body = format!("{HEAD}idempotency-key: k\r\ncontent-length: 9\r\n\r\n{{");
    let slow: Vec<TcpStream> = (0..500)
        .map(|number| match number % 2 {
            0 => connected(world.agent_plane(), HEAD),
            _ => connected(world.agent_plane(), &begun_body),
        })
        .collect();
    let beside = median(&world, 20..40);
    compare("500 slow connections", alone, beside);
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

/// Sends 64 MiB in chunks of one; how many were taken, and the answer.
fn send_64_mib(to: SocketAddr, framing: &str) -> (usize, Answer) {
    const MIB: usize = 1 << 20;
    let mut stream = connected(
        to,
        &format!("{HEAD}idempotency-key: k\r\n{framing}\r\n\r\n"),
    );
    let (size, end) = match framing {
        CHUNKED => ("100000\r\n", "\r\n"),
        _ => ("", ""),
    };
    let chunk = [size.as_bytes(), &vec![b' '; MIB], end.as_bytes()].concat();
    let sent = (0..64).take_while(|_| stream.write_all(&chunk).is_ok());
    let sent = sent.count();
    // Reset or not: what was answered before is there to be read.
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    (sent, Answer::read(&answer))
}

/// Bodies of 64 MiB, one after another, until the other agent was heard; how many.
fn flood_of_bodies(to: SocketAddr, framing: &str, heard: &AtomicBool) -> usize {
    const MOST: usize = 10_000;
    let mut bodies = 0;
    while bodies == 0 || (bodies < MOST && !heard.load(Ordering::SeqCst)) {
        let (sent, answer) = send_64_mib(to, framing);
        assert!(sent < 64, "all of it was taken");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "too-large"),
            "{framing}"
        );
        assert_eq!(answer.json()["limit"], 320 * 1024);
        bodies += 1;
    }
    bodies
}

#[test]
fn bodies_of_64_mib_are_cut_short_and_keep_nobody_waiting() {
    // Their number has a limit of its own, which is not asked about here.
    let world = World::served_with(|config| config.limits.request_burst = 1_000_000);
    let to = world.agent_plane();
    let alone = median(&world, 0..50);
    let heard = AtomicBool::new(false);
    thread::scope(|scope| {
        let floods = ["content-length: 67108864", CHUNKED].map(|framing| {
            let heard = &heard;
            scope.spawn(move || flood_of_bodies(to, framing, heard))
        });
        let beside = median(&world, 50..100);
        heard.store(true, Ordering::SeqCst);
        let bodies: usize = floods.map(|it| it.join().unwrap()).into_iter().sum();
        compare(&format!("{bodies} bodies of 64 MiB"), alone, beside);
    });
    other_is_answered(&world, 100);
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
    let alone = median(&world, 0..50);
    let heard = AtomicBool::new(false);
    thread::scope(|scope| {
        let floods: Vec<_> = (0..4)
            .map(|of| {
                let heard = &heard;
                scope.spawn(move || flood(to, of, heard))
            })
            .collect();
        let beside = median(&world, 50..100);
        heard.store(true, Ordering::SeqCst);
        let counted = floods.into_iter().map(|flood| flood.join().unwrap());
        let (taken, refused) = counted.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        assert!(taken >= 400, "the burst is the agent's: {taken}");
        assert!(
            refused > 1000,
            "not a flood: {taken} taken, {refused} refused"
        );
        compare(&format!("{} calls", taken + refused), alone, beside);
    });
    other_is_answered(&world, 100);
}
