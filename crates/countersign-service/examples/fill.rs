//! Fills a log through the service, in process, and says how long a restart, a proof and a look at a
//! call that ended long ago take:
//!
//! `cargo run --release -p countersign-service --example fill -- DIR ENTRIES`
//!
//! DIR is made when it is absent, else the log there goes on. Every call is allowed by the policy and
//! lapses, two entries each; time is simulated, so that ten million entries take a year. The process ends without stopping
//! in order when `--kill` is given, so that the next start has a tail to fold.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers: it prints, and stops where it fails"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use countersign_flow::{Bootstrap, Command, State, snapshot};
use countersign_record::digest::{TokenDigest, sha256};
use countersign_record::entry::{
    AgentEnrolled, CredentialEnrolled, Entry, ExecutorEnrolled, Fact, Party, PersonEnrolled, Refs,
};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Enforcement, Role};
use countersign_service::{
    Clock, Core, Level, NewCall, Options, Service, Setup, SystemEntropy, create, open,
};
use countersign_store::layout::{DataDir, LogDir};

const AGENT: AgentId = AgentId::new([1; 16]);
const AUDITOR: CredentialId = CredentialId::new([4; 16]);
/// As many callers wait at once.
const CALLERS: u64 = 256;
/// From one call to the next.
const STEP_MS: u64 = 6300;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (directory, entries) = (arguments.next().unwrap(), arguments.next().unwrap());
    let entries: u64 = entries.parse().unwrap();
    let clock = SteppedClock::default();
    let log = log_at(Path::new(&directory), &clock);
    let started = Instant::now();
    let core = opened(&log, &clock);
    println!(
        "open {:?} at {} entries",
        started.elapsed(),
        core.state().size
    );
    print_memory();
    print_snapshot(core.state());
    clock.0.fetch_max(core.state().last_at, Ordering::SeqCst);
    let armed = Options {
        arm: true,
        ..Options::default()
    };
    let service = core.serve(&log, armed).unwrap();
    fill(&service, &clock, entries).await;
    print_memory();
    prove(&service).await;
    look_back(&service).await;
    if arguments.next().as_deref() == Some("--kill") {
        crash();
    }
    let started = Instant::now();
    service.stop();
    println!("stop {:?}", started.elapsed());
}

/// Ends at once, as a crash does.
fn crash() {
    std::process::abort();
}

fn opened(log: &LogDir, clock: &SteppedClock) -> Core {
    let (clock, entropy) = (Box::new(clock.clone()), Box::new(SystemEntropy));
    let options = Options {
        accept_clock: true,
        ..Options::default()
    };
    open(log, options, clock, entropy).unwrap()
}

async fn fill(service: &Service, clock: &SteppedClock, entries: u64) {
    let started = Instant::now();
    let begun = service.head().await.unwrap().size;
    let mut number = begun;
    loop {
        let size = service.head().await.unwrap().size;
        if size >= entries {
            break;
        }
        let mut callers = Vec::new();
        for _ in 0..CALLERS {
            number += 1;
            clock.0.fetch_add(STEP_MS, Ordering::SeqCst);
            let (service, call) = (service.clone(), call(number));
            callers.push(tokio::spawn(async move {
                let asked = service.submit(Party::Agent(AGENT), call, Level::Durable);
                asked.await.map(|_| ())
            }));
        }
        for caller in callers {
            caller.await.unwrap().unwrap();
        }
    }
    let written = service.head().await.unwrap().size - begun;
    println!("filled {written} entries in {:?}", started.elapsed());
}

async fn prove(service: &Service) {
    let size = service.head().await.unwrap().size;
    let mut took: Vec<_> = Vec::new();
    for round in 0..1000_u64 {
        let seq = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (size / 2);
        let started = Instant::now();
        assert!(service.proof(seq).await.unwrap().is_some(), "entry {seq}");
        took.push(started.elapsed());
    }
    took.sort_unstable();
    println!(
        "proof at {size}: p50 {:?}, p99 {:?}, with the way to the writer and back",
        took[500], took[990]
    );
}

/// How a call of long ago ended, and all about it as `countersign trace` asks for it: found in the
/// index, its entries read. That an auditor read it is recorded first.
async fn look_back(service: &Service) {
    let size = service.head().await.unwrap().size;
    let (mut ended, mut traced, mut round) = (Vec::new(), Vec::new(), 0_u64);
    while ended.len() < 1000 {
        round += 1;
        let seq = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (size / 2);
        let stored = service.reader().read(seq).unwrap().unwrap();
        let Some(call) = Entry::decode(&stored.entry).unwrap().draft.refs.call else {
            continue;
        };
        let started = Instant::now();
        let found = service.call(Party::Agent(AGENT), call).await.unwrap();
        ended.push(started.elapsed());
        assert!(found.is_some(), "entry {seq}");
        let started = Instant::now();
        let page = service.about(AUDITOR, call.to_string(), 0, 100).await;
        traced.push(started.elapsed());
        assert!(page.unwrap().records.len() >= 2, "entry {seq}");
    }
    for (what, mut took) in [("a call of long ago", ended), ("its trace", traced)] {
        took.sort_unstable();
        let (p50, p99) = (took[500], took[990]);
        println!("{what} at {size}: p50 {p50:?}, p99 {p99:?}");
    }
}

/// What a snapshot costs: the copy on the writer's thread, the rest on another.
fn print_snapshot(state: &State) {
    let started = Instant::now();
    let copy = state.clone();
    let copied = started.elapsed();
    let started = Instant::now();
    let bytes = snapshot::write(&copy);
    let (written, started) = (started.elapsed(), Instant::now());
    assert!(snapshot::read(&bytes).as_ref() == Some(state));
    let (read, len) = (started.elapsed(), bytes.len());
    println!(
        "snapshot of {len} bytes: copied in {copied:?}, written in {written:?}, read in {read:?}"
    );
}

fn print_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines.for_each(|line| println!("{line}"));
}

fn call(number: u64) -> NewCall {
    NewCall {
        tool: "list_files".into(),
        arguments: Value::Object(Object::new().with("path", format!("/srv/reports/{number}"))),
        tool_call_id: format!("call-{number}"),
        session: None,
        reason: Some("the monthly report needs last month's figures".into()),
        plan: None,
        trace_id: None,
        replaces: None,
        executor: None,
    }
}

fn log_at(directory: &Path, clock: &SteppedClock) -> LogDir {
    if directory.exists() {
        return DataDir::new(directory).log(None).unwrap();
    }
    fs::create_dir_all(directory).unwrap();
    let policy = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/policies/demo.toml"
    );
    let setup = Setup {
        name: "fill".parse().unwrap(),
        origin: "ledger.example/fill".into(),
        policy_toml: fs::read_to_string(policy).unwrap(),
        solo: true,
        head_lock: None,
        segment_bytes: None,
    };
    let (data, entropy) = (DataDir::new(directory), Box::new(SystemEntropy));
    let log = create(&data, &setup, Box::new(clock.clone()), entropy)
        .unwrap()
        .directory;
    enrol(&log, clock);
    log
}

fn enrol(log: &LogDir, clock: &SteppedClock) {
    let mut core = opened(log, clock);
    let person = PersonId::new([9; 16]);
    let body = Object::new()
        .with("handle", "ines")
        .with("name", "Ines")
        .with("email", "ines@bank.example");
    let of = |person| Refs {
        person: Some(person),
        ..Refs::default()
    };
    run(
        &mut core,
        of(person),
        PersonEnrolled { bootstrap: true }.into(),
        Some(("person", body)),
    );
    let refs = Refs {
        agent: Some(AGENT),
        ..of(person)
    };
    let agent = AgentEnrolled {
        token: token("agent"),
        enforcement: Enforcement::Cooperative,
        bootstrap: true,
    };
    run(
        &mut core,
        refs,
        agent.into(),
        Some(("agent", Object::new().with("name", "bot"))),
    );
    for (byte, name) in [(2, "bank"), (3, "files")] {
        let refs = Refs {
            executor: Some(ExecutorId::new([byte; 16])),
            ..Refs::default()
        };
        let executor = ExecutorEnrolled {
            name: name.parse().unwrap(),
            token: token(name),
            bootstrap: true,
        };
        run(&mut core, refs, executor.into(), None);
    }
    let refs = Refs {
        credential: Some(AUDITOR),
        ..Refs::default()
    };
    let auditor = CredentialEnrolled {
        role: Role::Auditor,
        token: token("auditor"),
        bootstrap: true,
    };
    let body = Object::new().with("name", "audit");
    run(&mut core, refs, auditor.into(), Some(("credential", body)));
    core.settled("setting up").unwrap();
}

fn run(core: &mut Core, refs: Refs, fact: Fact, body: Option<(&'static str, Object)>) {
    let bodies = body.into_iter();
    let bodies = bodies
        .map(|(name, body)| (name, Some(Value::Object(body))))
        .collect();
    let bootstrap = Bootstrap { refs, fact, bodies };
    core.direct("setting up", &Command::Bootstrap(bootstrap))
        .unwrap();
}

fn token(of: &str) -> TokenDigest {
    TokenDigest(sha256(&[of.as_bytes()]))
}

/// Time that passes only when a call is made.
#[derive(Clone)]
struct SteppedClock(Arc<AtomicU64>);

impl Default for SteppedClock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000_000)))
    }
}

impl Clock for SteppedClock {
    fn wall_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.wall_ms()
    }
}
