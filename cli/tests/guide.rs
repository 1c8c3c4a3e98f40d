//! docs/guides/auditing.md tells the truth: every command in it runs, and prints what it says.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up should say where"
)]

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_evidence::testing::story;

const TOOLS: &[&str] = &[
    "b3sum",
    "sha256sum",
    "xxd",
    "openssl",
    "ssh-keygen",
    "python3",
];

#[test]
fn every_command_of_the_auditing_guide_prints_what_the_guide_says() {
    let missing: Vec<_> = TOOLS.iter().filter(|tool| !is_there(tool)).collect();
    if !missing.is_empty() {
        eprintln!("SKIPPED: {missing:?} are not installed");
        return;
    }
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/auditing.md");
    let guide = fs::read_to_string(guide).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let log = story();
    log.write(&directory.path().join("data"), log.size());
    fs::write(directory.path().join("trusted.vkey"), log.vkey() + "\n").unwrap();
    let ran = Command::new("bash")
        .args(["-euc", &blocks(&guide, "sh")])
        .current_dir(&directory)
        .env("PATH", path())
        .env("COUNTERSIGN_STATE", directory.path().join("state"))
        .output()
        .unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    let err = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{printed}{err}");
    for line in blocks(&guide, "text").lines() {
        assert!(
            printed.lines().any(|it| it == line),
            "not printed: {line}\n{printed}"
        );
    }
}

/// The fenced blocks of one language, one after the other.
fn blocks(guide: &str, language: &str) -> String {
    let fence = format!("```{language}");
    let mut inside = false;
    let mut blocks = String::new();
    for line in guide.lines() {
        if line.starts_with("```") {
            inside = line == fence;
        } else if inside {
            blocks.push_str(line);
            blocks.push('\n');
        }
    }
    blocks
}

fn path() -> String {
    let built = Path::new(env!("CARGO_BIN_EXE_countersign"))
        .parent()
        .unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    format!("{}:{}", built.display(), path.display())
}

fn is_there(tool: &str) -> bool {
    let shell = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null())
        .status();
    shell.is_ok_and(|status| status.success())
}
