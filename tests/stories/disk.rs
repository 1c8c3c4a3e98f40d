//! A disk without space: a small one of our own, in a namespace of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::codes::refused;
use crate::setup::Plan;
use crate::world::{World, wire};

#[test]
fn on_a_full_disk_nothing_is_asked_and_a_refusal_still_counts() {
    let place = tempfile::tempdir().unwrap();
    let story = std::env::current_exe().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={DISK_BYTES} none \"$1\" || exit 77; cd \"$1\" && \
         exec \"$2\" --exact {STORY} --ignored --nocapture"
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
#[ignore = "the test above runs it on a small disk"]
fn on_a_small_disk() {
    let small = fs::canonicalize(".").unwrap();
    let plan = Plan {
        segment_bytes: 64 * 1024,
        ..Plan::default()
    };
    let mut world = World::at(&small, &plan);
    world.serve();
    let asked = world.ask("c0", &wire("240.00"));
    let opened = world.open_call("alice", &asked["call"]);
    fill(&small.join("ballast"));
    let full = (1..1000)
        .map(|n| world.submit(&format!("c{n}"), &wire(&format!("{n}.00"))))
        .find(|response| response.status >= 300);
    refused("disk-full", &full.expect("the disk fills up"));
    assert_eq!(world.audit("auditor").get("/readyz").status, 503);
    let denied = world.decide("alice", &opened, "deny").done();
    assert_eq!(denied["call"]["state"], "denied");
    fs::remove_file(small.join("ballast")).unwrap();
    world.restart();
    assert_eq!(world.ask("c", &wire("9999.00"))["state"], "pending");
    world.close();
}

/// Takes all the space that is left.
fn fill(place: &Path) {
    use std::io::Write as _;
    let mut ballast = fs::File::create(place).unwrap();
    while ballast.write_all(&[1; 4096]).is_ok() {}
}

const STORY: &str = "disk::on_a_small_disk";
const DISK_BYTES: u64 = 48 << 20;
