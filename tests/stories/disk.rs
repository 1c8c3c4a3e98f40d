//! A disk without space: a small one of our own, in a namespace of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_server::Limits;
use countersign_store::fsck::{Finding, fsck};
use serde_json::Value;

use crate::clock::MINUTE;
use crate::codes::refused;
use crate::setup::Plan;
use crate::world::{World, file, text, wire};

#[test]
fn on_a_full_disk_nothing_is_asked_and_a_refusal_still_counts() {
    on_a_disk_of(48 << 20, "disk::with_a_full_segment");
}

/// The last segment has room for a week, so that head.lock meets the full disk first.
#[test]
fn on_a_full_disk_a_refusal_counts_also_while_the_segment_has_room() {
    on_a_disk_of(200 << 20, "disk::with_room_in_the_segment");
}

/// Runs an ignored story of this program on a disk of that many bytes.
fn on_a_disk_of(bytes: u64, ignored: &str) {
    let place = tempfile::tempdir().unwrap();
    let story = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={bytes} none \"$1\" || exit 77; cd \"$1\" && \
         exec \"$2\" --exact {ignored} --ignored --nocapture"
    );
    let mut unshare = Command::new("unshare");
    let arguments = [
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &script,
        "story",
    ];
    let told = unshare
        .args(arguments)
        .arg(place.path())
        .arg(story)
        .output();
    let told = match told {
        Ok(told) => told,
        Err(cause) => {
            countersign_tests::skipped(&format!("disk-full: unshare cannot be run ({cause})"));
            return;
        }
    };
    let said = String::from_utf8_lossy(&told.stdout);
    let errors = String::from_utf8_lossy(&told.stderr);
    if !said.contains("running 1 test") {
        countersign_tests::skipped(&format!("disk-full: no small disk here: {errors}"));
        return;
    }
    assert!(told.status.success(), "{said}\n{errors}");
}

#[test]
#[ignore = "a test above runs it on a small disk"]
fn with_a_full_segment() {
    fill_up(64 * 1024);
}

#[test]
#[ignore = "a test above runs it on a small disk"]
fn with_room_in_the_segment() {
    fill_up(64 << 20);
}

fn fill_up(segment_bytes: u64) {
    let small = fs::canonicalize(".").unwrap();
    let plan = Plan {
        segment_bytes,
        ..Plan::default()
    };
    let mut world = World::at(&small, &plan);
    world.limits = Limits {
        requests_per_second: 1_000_000,
        request_burst: 1_000_000,
        ..Limits::default()
    };
    world.serve();
    let asked = world.ask("c0", &wire("240.00"));
    let opened = world.open_call("alice", &asked["call"]);
    let unseen = world.ask("c0b", &wire("241.00"));
    let silent = world.ask("c1", &file("delete", "/srv/a"));
    fill(&small.join("ballast"));
    let full = (2..1000)
        .map(|n| {
            // News is signed when time passes, and what is signed needs space.
            world.clock.pass(10);
            world.submit(&format!("c{n}"), &wire(&format!("{n}.00")))
        })
        .find(|response| response.status >= 300);
    refused("disk-full", &full.expect("the disk fills up"));
    assert_eq!(world.audit("auditor").get("/readyz").status, 503);
    let denied = world.decide("alice", &opened, "deny").done();
    assert_eq!(denied["call"]["state"], "denied");
    let opened = world.open_call("alice", &unseen["call"]);
    refused("disk-full", &world.decide("alice", &opened, "approve"));
    let denied = world.decide("alice", &opened, "deny").done();
    assert_eq!(
        denied["call"]["state"], "denied",
        "also by who had not looked yet"
    );
    let mut again = (0..1024).map(|_| world.try_open("ines", &silent["call"]));
    let before = again.by_ref().take(1000).filter(|it| it.status == 200);
    assert_eq!(before.count(), 1000, "looking goes on for long");
    let over = again.find(|answer| answer.status != 200);
    refused("disk-full", &over.expect("and does not use up the reserve"));
    world.clock.pass(10 * MINUTE);
    let expired = wait_for(&world, || world.state(&silent["call"]) == "expired");
    assert!(expired, "silence is recorded too");
    reads_go_on(&world, &silent["call"]);
    fs::remove_file(small.join("ballast")).unwrap();
    let goes_on = wait_for(&world, || world.submit("c", &wire("9998.00")).status == 202);
    assert!(goes_on, "it goes on by itself when there is space");
    world.restart();
    assert_eq!(world.ask("d", &wire("9999.00"))["state"], "pending");
    world.close();
    is_undamaged(&world);
}

/// Looking, proving and verifying need no space; that somebody read is recorded all the same.
fn reads_go_on(world: &World, call: &Value) {
    let audit = world.audit("auditor");
    assert_eq!(audit.get("/v1/head").status, 200);
    assert_eq!(audit.get("/checkpoint").status, 200);
    assert_eq!(audit.get("/v1/proofs/0").status, 200);
    let read = audit.get("/v1/records?from=0&limit=10").done();
    assert_eq!(read["records"].as_array().unwrap().len(), 10);
    let traced = audit.get(&format!("/v1/trace/{}", text(call))).done();
    assert!(!traced["records"].as_array().unwrap().is_empty());
    assert!(!world.entries().is_empty());
    assert!(wait_for(world, || is_signed(world)));
    world.verify();
    is_undamaged(world);
}

/// `fsck` finds no damage; beside a server, and without one.
fn is_undamaged(world: &World) {
    let report = fsck(&world.directory).unwrap();
    let damaged = report.findings.iter().any(Finding::is_damage);
    assert!(!damaged && report.entries > 0, "{report:?}");
}

/// Whether the newest checkpoint is of all entries.
fn is_signed(world: &World) -> bool {
    let head = world.audit("auditor").get("/v1/head").done();
    let signed = text(&head["checkpoint"]).lines().nth(1);
    signed == Some(&head["size"].to_string())
}

/// Waits for what the server does by itself, within a second or so; whether it did.
fn wait_for(world: &World, done: impl Fn() -> bool) -> bool {
    let patience = Instant::now() + Duration::from_secs(30);
    while Instant::now() < patience {
        if done() {
            return true;
        }
        world.clock.pass(1);
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Takes all the space that is left.
fn fill(place: &Path) {
    use std::io::Write as _;
    let mut ballast = fs::File::create(place).unwrap();
    while ballast.write_all(&[1; 4096]).is_ok() {}
}
