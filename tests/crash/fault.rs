//! A fault at the n-th call that changes a file, for every n: in `init`, and in a server's life from
//! start over appends, new segments, checkpoints and the index to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use crate::acks::Acks;
use crate::client::{Answer, Caller};
use crate::control::{Kind, Writer, writer};
use crate::figures::{amount, figures};
use crate::ledger::{Ledger, copy, policy};
use crate::load::{Client, LAST};
use crate::program::{Server, command, said};
use crate::random::Random;

const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crash/shim.c");
/// For every call, and for those that write also by half.
const MODES: [&str; 4] = ["eio", "dead", "enospc", "kill"];
const MODES_OF_WRITES: [&str; 2] = ["short", "torn"];
/// The smallest ones: a new one begins every few commits.
const SEGMENT_BYTES: u64 = 4096;
/// More calls than the last segment and one made ahead have room for.
const CALLS_MAX: usize = 20;

/// One fault.
#[derive(Clone, Debug)]
struct Point {
    at: u64,
    mode: &'static str,
}

/// The shim, built once; `None`, and a line that says so, where it cannot be.
fn shim() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shim.so");
        let unfinished = built.with_extension(std::process::id().to_string());
        let gcc = Command::new("gcc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&unfinished)
            .args([SHIM, "-ldl"])
            .output();
        match gcc {
            Ok(output) if output.status.success() => {
                fs::rename(&unfinished, &built).unwrap();
                Some(built)
            }
            Ok(output) => panic!("gcc: {}", said(&output)),
            Err(cause) => {
                countersign_tests::skipped(&format!("faults: gcc cannot be run ({cause})"));
                None
            }
        }
    };
    BUILT.get_or_init(build).as_deref()
}

/// A place for one point: what is below `disk` meets the fault.
struct Place {
    _directory: tempfile::TempDir,
    path: PathBuf,
    shim: &'static Path,
}

impl Place {
    fn new(shim: &'static Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The shim sees paths as the kernel tells them.
        let path = directory.path().canonicalize().unwrap();
        fs::create_dir(path.join("disk")).unwrap();
        Self {
            _directory: directory,
            path,
            shim,
        }
    }

    fn disk(&self) -> PathBuf {
        self.path.join("disk")
    }

    fn data(&self) -> PathBuf {
        self.disk().join("made/data")
    }

    fn notes(&self) -> PathBuf {
        self.path.join("calls")
    }

    /// Has the command meet the fault.
    fn faulty(&self, mut command: Command, point: &Point) -> Command {
        command
            .env("LD_PRELOAD", self.shim)
            .env("FAULT_UNDER", self.disk())
            .env("FAULT_LOG", self.notes())
            .env("FAULT_AT", point.at.to_string())
            .env("FAULT_MODE", point.mode);
        command
    }

    /// The calls that were noted, each as `call path`.
    fn noted(&self) -> Vec<String> {
        let notes = fs::read_to_string(self.notes()).unwrap_or_default();
        let calls = notes.lines().filter_map(|line| line.splitn(3, ' ').nth(2));
        calls.map(str::to_owned).collect()
    }
}

/// The faults worth trying after a run without one: of many equal calls in a row, such as the
/// writing of zeros, the first two and the last.
fn points(calls: &[String]) -> Vec<Point> {
    let mut points = Vec::new();
    for (at, call) in (1..).zip(calls) {
        let index = usize::try_from(at - 1).unwrap();
        let same = |other: Option<usize>| other.and_then(|it| calls.get(it)) == Some(call);
        let inside = same(index.checked_sub(1)) && same(index.checked_sub(2));
        if inside && same(Some(index + 1)) {
            continue;
        }
        let writes = call.contains("write");
        let more = MODES_OF_WRITES.iter().filter(|_| writes);
        points.extend(MODES.iter().chain(more).map(|mode| Point { at, mode }));
    }
    points
}

/// Some of them, spread evenly; all when 0 are asked for.
fn some(points: Vec<Point>, most: u64) -> Vec<Point> {
    let most = usize::try_from(most).unwrap();
    let all = points.len();
    if most == 0 || all <= most {
        return points;
    }
    let mut spread = points.into_iter().enumerate();
    let wanted = |at: usize| at * most / all != (at + 1) * most / all;
    let chosen = spread.by_ref().filter(|(at, _)| wanted(*at));
    chosen.map(|(_, point)| point).collect()
}

/// Runs all points on both cores; how many met their call.
fn run(points: &[Point], run: &(impl Fn(&Point) -> Result<bool, String> + Sync)) -> usize {
    let (next, hits) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            match run(point) {
                Ok(hit) => {
                    hits.fetch_add(usize::from(hit), Ordering::Relaxed);
                }
                Err(why) => {
                    println!("\n{point:?}: {why}");
                    failed.lock().unwrap().push(point.clone());
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {}: {failed:?}",
        failed.len(),
        points.len()
    );
    hits.into_inner()
}

#[test]
#[ignore = "tests/run runs it, with its amount"]
fn init_leaves_nothing_or_a_log_that_works_whatever_fails() {
    let Some(shim) = shim() else { return };
    let without = Place::new(shim);
    let made = init(&without, &Point { at: 0, mode: "" });
    assert!(made.status.success(), "{}", said(&made));
    let calls = without.noted();
    let above = format!("fsync {}", without.disk().display());
    assert!(
        calls.contains(&above),
        "the name of the data directory is made durable too"
    );
    let points = some(points(&calls), amount("POINTS", 0));
    let hits = run(&points, &|point| init_point(&Place::new(shim), point));
    figures(&format!(
        "init: {} calls, {hits} faults, 0 logs that do not work; the second init made the log \
         wherever the first had not",
        calls.len()
    ));
    assert!(hits * 10 > points.len() * 9, "{hits} of {}", points.len());
}

fn init(place: &Place, point: &Point) -> std::process::Output {
    let file = place.path.join("policy.toml");
    fs::write(&file, policy()).unwrap();
    let mut command = place.faulty(command(), point);
    let segment = SEGMENT_BYTES.to_string();
    command.args(["init", "--log", "crash", "--segment-size", &segment]);
    command.arg("--data").arg(place.data());
    command.arg("--policy").arg(file).output().unwrap()
}

fn init_point(place: &Place, point: &Point) -> Result<bool, String> {
    let first = init(place, point);
    let hit = place.notes().exists();
    let there = place.data().join("crash/log/format").exists();
    if first.status.success() && !there {
        return Err("it said that the log was made".into());
    }
    let second = init(
        place,
        &Point {
            at: u64::MAX,
            mode: "",
        },
    );
    if there == second.status.success() {
        return Err(format!(
            "there: {there}; the second init: {}",
            said(&second)
        ));
    }
    works(&place.data())?;
    Ok(hit)
}

/// Somebody can be added, and the log is whole and verifies.
fn works(data: &Path) -> Result<(), String> {
    let mut add = command();
    add.args([
        "person",
        "add",
        "ada",
        "--name",
        "Ada",
        "--email",
        "ada@example.com",
    ]);
    let added = add.arg("--data").arg(data).output().unwrap();
    if !added.status.success() {
        return Err(format!("nobody can be added: {}", said(&added)));
    }
    let ledger = Ledger::found(data);
    ledger.fsck()?;
    ledger.verify()
}

#[test]
#[ignore = "tests/run runs it, with its amount"]
fn a_server_keeps_what_it_answered_whatever_fails() {
    let Some(shim) = shim() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let template = Ledger::make(scratch.path(), SEGMENT_BYTES);
    let acks = Mutex::new(0);
    let without = Place::new(shim);
    serve_point(&without, &template, &Point { at: 0, mode: "" }, &acks).unwrap();
    let calls = without.noted();
    let all = points(&calls);
    let mut points = some(all.clone(), amount("POINTS", 600));
    add_each_fault_of_each_part(&calls, &all, &mut points);
    let hits = run(&points, &|point| {
        let place = Place::new(shim);
        serve_point(&place, &template, point, &acks)
            .map_err(|why| format!("{:?}: {why}", place.noted()))
    });
    figures(&format!(
        "serve: {} calls ({}), {hits} faults, {} answers checked, 0 lost; \
         fsck and verify held after each",
        calls.len(),
        census(&calls),
        acks.into_inner().unwrap()
    ));
    // Which call is the n-th differs a little from run to run; a run may end before a late one.
    assert!(hits * 10 > points.len() * 8, "{hits} of {}", points.len());
}

/// What a call is about: its name's beginning, what its path holds, and what that is called.
const PARTS: [(&str, &str, &str); 5] = [
    ("pwrite", ".seg", "frames"),
    ("rename", ".seg", "new segments"),
    ("rename", "/head.lock", "checkpoints"),
    ("rename", "/keyring", "keyrings"),
    ("", "/index/", "of the index"),
];

fn is_about(call: &str, (name, part, _): (&str, &str, &str)) -> bool {
    call.starts_with(name) && call.contains(part)
}

/// What the calls were about.
fn census(calls: &[String]) -> String {
    let counts = PARTS.map(|part| {
        let about = calls.iter().filter(|call| is_about(call, part)).count();
        format!("{about} {}", part.2)
    });
    counts.join(", ")
}

/// Nothing of what a fault should meet may be missing.
fn add_each_fault_of_each_part(calls: &[String], all: &[Point], chosen: &mut Vec<Point>) {
    for part in PARTS {
        for mode in MODES {
            let meets = |point: &&Point| {
                let call = &calls[usize::try_from(point.at).unwrap() - 1];
                point.mode == mode && is_about(call, part)
            };
            if !chosen.iter().any(|point| meets(&point)) {
                let more = all.iter().find(meets);
                chosen.push(
                    more.unwrap_or_else(|| panic!("no {} among the calls", part.2))
                        .clone(),
                );
            }
        }
    }
}

fn serve_point(
    place: &Place,
    template: &Ledger,
    point: &Point,
    total: &Mutex<usize>,
) -> Result<bool, String> {
    let ledger = Ledger {
        said: place.path.join("said.log"),
        ..template.at(place.data().parent().unwrap())
    };
    fs::create_dir(ledger.data.parent().unwrap()).unwrap();
    copy(&template.data, &ledger.data);
    let acks = Arc::new(Mutex::new(Acks::default()));
    if let Some(mut server) = ledger.serve_by(place.faulty(command(), point)) {
        let mut client = Client::of(&ledger, &server, 0, Random::new(0), &acks);
        if let Some(client) = &mut client {
            script(client);
        }
        let noted = place.noted();
        let hit = noted.first().filter(|_| point.at > 0);
        if let Some(hit) = hit.filter(|_| server.is_alive()) {
            says_so(point.mode, hit, &server, client)?;
        }
        server.end()?;
    }
    let hit = place.notes().exists();
    let server = ledger.serve_by(command());
    let server = server.ok_or_else(|| format!("it does not serve: {}", ledger.told()))?;
    let checked = acks.lock().unwrap().check(&ledger, &server)?;
    *total.lock().unwrap() += checked.acks;
    let client = Client::of(&ledger, &server, LAST, Random::new(1), &acks);
    client
        .and_then(|mut client| client.ask_wire())
        .ok_or("nothing new is taken")?;
    server.end()?;
    ledger.fsck()?;
    ledger.verify()?;
    Ok(hit)
}

/// One of every kind of thing that clients do; each goes on where the one before failed.
fn script(client: &mut Client) {
    for decision in ["approve", "deny", "approve"] {
        let asked = client.ask_wire();
        let view = asked.and_then(|asked| client.decide(&asked, decision));
        let claimed = view.and_then(|view| client.redeem(&view, "bank"));
        claimed.and_then(|claimed| client.report(&claimed, "bank", "succeeded"));
        let _left_open = client.short();
        let _frozen = client.freeze();
    }
}

/// A server that lives must know what its disk did (docs/spec/disk.md, parts 3 and 4).
fn says_so(mode: &str, hit: &str, server: &Server, client: Option<Client>) -> Result<(), String> {
    match mode {
        "eio" | "dead" | "enospc" | "short" if ends_writing(hit) => is_read_only(server),
        "dead" => {
            // Whatever met it: the next thing to write tells.
            let _refused = client.and_then(|mut client| client.ask_wire());
            is_read_only(server)
        }
        "enospc" | "short" => match is_full(&mut client.ok_or("nobody can log in")?) {
            // A failed sync may end writing for want of space too.
            Err(_) if hit.starts_with("fsync ") => is_read_only(server),
            full => full,
        },
        // One failure elsewhere need not end anything; who is killed says nothing.
        _ => Ok(()),
    }
}

/// After a failed write or sync of a segment nothing is known of what the disk holds.
fn ends_writing(call: &str) -> bool {
    let (call, path) = call.split_once(' ').unwrap_or_default();
    let is_segment = Path::new(path).extension().is_some_and(|it| it == "seg");
    is_segment && ["pwrite", "fdatasync"].contains(&call)
}

fn is_read_only(server: &Server) -> Result<(), String> {
    let answer = Caller::new(server.audit(), None).get("/readyz");
    match answer {
        Some(answer) if answer.status == 503 && says_read_only(&answer) => Ok(()),
        other => Err(format!("it goes on after a failed write: {other:?}")),
    }
}

fn says_read_only(answer: &Answer) -> bool {
    answer.body["because"].to_string().contains("read-only")
}

/// Nothing can be allocated: what is left of the segments is soon used up, and new calls are refused.
fn is_full(client: &mut Client) -> Result<(), String> {
    match client.refused_wire(CALLS_MAX) {
        Some(answer) if answer.status == 507 && answer.code() == "disk-full" => Ok(()),
        other => Err(format!("it goes on without space: {other:?}")),
    }
}

/// A plain log under the same faults: written carefully it loses nothing; carelessly, it must.
#[test]
#[ignore = "tests/run runs it"]
fn a_careless_store_is_found_out_by_the_same_faults() {
    let Some(shim) = shim() else { return };
    for (kind, loses) in [(Kind::Careful, false), (Kind::Careless, true)] {
        let without = Place::new(shim);
        control_point(&without, kind, &Point { at: 0, mode: "" });
        let points = points(&without.noted());
        let lost: u64 = points
            .iter()
            .map(|point| control_point(&Place::new(shim), kind, point))
            .sum();
        figures(&format!(
            "{kind:?} control: {} faults, {lost} records lost",
            points.len()
        ));
        assert_eq!(lost > 0, loses, "{kind:?}");
    }
}

/// How many records it lost.
fn control_point(place: &Place, kind: Kind, point: &Point) -> u64 {
    const RECORDS: u64 = 12;
    fs::create_dir_all(place.data()).unwrap();
    let writer = place.faulty(writer(kind, &place.data(), RECORDS), point);
    let told = Writer::start(writer).told();
    told.saturating_sub(kind.kept(&place.data()))
}
