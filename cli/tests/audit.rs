//! The auditor's commands as a script sees them: exit codes and words.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up should say where"
)]

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_evidence::testing::{LogOnDisk, story};
use tempfile::TempDir;

/// A log on disk, the bundle of it, and a memory of its own.
struct Case {
    directory: TempDir,
    log: LogOnDisk,
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Case {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = story();
        log.write(&directory.path().join("data"), log.size());
        Self { directory, log }
    }

    fn with_bundle() -> Self {
        let case = Self::new();
        assert_eq!(case.export("evidence").code, 0);
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(arguments).current_dir(&self.directory);
        command.env("COUNTERSIGN_STATE", self.path("state"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn export(&self, out: &str) -> Ran {
        self.run(&["export", "--data", "data", "--case", "CASE-7", "--out", out])
    }

    fn verify(&self, path: &str, more: &[&str]) -> Ran {
        let key = self.log.vkey();
        self.run(&[&["verify", path, "--trusted-log-key", &key], more].concat())
    }

    fn segment(&self) -> PathBuf {
        self.path("data/acme/log/00000000000000000000.seg")
    }

    /// Sets the log back to its first frames, checkpoint and all.
    fn set_back(&self, frames: usize) {
        let (end, size) = (self.log.offsets()[frames], self.log.first_seqs()[frames]);
        change(&self.segment(), |bytes| bytes[end..].fill(0));
        fs::write(self.path("data/acme/head.lock"), self.log.note(size)).unwrap();
    }
}

/// Changes a file and gives what it held before.
fn change(file: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let before = fs::read(file).unwrap();
    let mut bytes = before.clone();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
    before
}

/// Writes a bundle's manifest again, as somebody does who hides a change.
fn sum(bundle: &Path) {
    let summed = Command::new("sh")
        .arg("-c")
        .arg("LC_ALL=C; export LC_ALL; find data -type f | sort | xargs sha256sum > manifest-sha256.txt")
        .current_dir(bundle)
        .status()
        .unwrap();
    assert!(summed.success());
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort_unstable();
    files
}

#[test]
fn a_bundle_and_a_data_directory_verify_under_the_key_that_the_caller_names() {
    let case = Case::with_bundle();
    for path in ["evidence", "data", "data/acme"] {
        let ran = case.verify(path, &[]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("VERIFIED (exit 0)"));
        assert!(ran.out.contains("What this shows, and what it does not:"));
    }
    fs::write(case.path("trusted.vkey"), case.log.vkey() + "\n").unwrap();
    let ran = case.run(&["verify", "evidence", "--trusted-log-key", "@trusted.vkey"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("[PASS] files-unchanged"));
}

#[test]
fn a_key_that_came_with_the_evidence_is_not_taken() {
    let case = Case::with_bundle();
    let inside = "evidence/data/keys/log.vkey";
    let link = case.path("linked.vkey");
    std::os::unix::fs::symlink(case.path(inside), link).unwrap();
    for key in ["@evidence/data/keys/log.vkey", "@linked.vkey"] {
        let ran = case.run(&["verify", "evidence", "--trusted-log-key", key]);
        assert_eq!(ran.code, 2, "{key}: {}", ran.out);
        assert!(ran.err.contains("part of what is verified"), "{}", ran.err);
    }
    fs::write(case.path("data/trusted.vkey"), case.log.vkey()).unwrap();
    let ran = case.run(&["verify", "data", "--trusted-log-key", "@data/trusted.vkey"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
}

#[test]
fn a_body_that_was_taken_out_of_a_bundle_is_a_failure() {
    let case = Case::with_bundle();
    fs::remove_file(case.path("evidence/data/disclosures/0000000002.person.json")).unwrap();
    sum(&case.path("evidence"));
    let ran = case.verify("evidence", &[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("[PASS] files-unchanged"), "{}", ran.out);
    assert!(ran.out.contains("[FAIL] bodies"), "{}", ran.out);
}

#[test]
fn the_name_of_a_file_cannot_write_lines_into_the_report() {
    let case = Case::with_bundle();
    fs::write(case.path("evidence/x\n[PASS] everything"), "x").unwrap();
    let ran = case.verify("evidence", &[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(
        !ran.out
            .lines()
            .any(|line| line.starts_with("[PASS] everything"))
    );
    let ran = case.verify("no\n[PASS] everything", &[]);
    assert!(
        !ran.err
            .lines()
            .any(|line| line.starts_with("[PASS] everything"))
    );
}

#[test]
fn a_checkpoint_from_elsewhere_is_named() {
    let case = Case::new();
    fs::rename(case.path("data/acme/head.lock"), case.path("head")).unwrap();
    let place = case.path("head").display().to_string();
    fs::write(case.path("data/acme/head.lock.path"), format!("{place}\n")).unwrap();
    let ran = case.verify("data", &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.err.contains(&place), "{}", ran.err);
    assert!(case.export("evidence").err.contains(&place));
}

#[test]
fn without_a_trusted_key_nothing_is_concluded() {
    let case = Case::with_bundle();
    for path in ["evidence", "data"] {
        let ran = case.run(&["verify", path]);
        assert_eq!(ran.code, 3, "{}", ran.out);
        assert!(ran.err.contains("--trusted-log-key"));
    }
}

#[test]
fn structure_alone_is_no_conclusion_and_finds_damage() {
    let case = Case::with_bundle();
    for path in ["data", "evidence"] {
        let ran = case.verify(path, &["--structure", "--no-memory"]);
        assert_eq!(ran.code, 3, "{}", ran.out);
        assert!(ran.out.contains("[SKIP] flow"), "{}", ran.out);
        assert!(ran.out.contains("[PASS] tree"), "{}", ran.out);
    }
    change(&case.segment(), |bytes| bytes[200] ^= 1);
    let ran = case.verify("data", &["--structure", "--no-memory"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
}

#[test]
fn where_there_is_nothing_to_check_nothing_is_concluded() {
    let case = Case::new();
    fs::create_dir(case.path("empty")).unwrap();
    assert_eq!(case.verify("empty", &[]).code, 3);
    fs::write(case.path("empty/notes.txt"), "x").unwrap();
    assert_eq!(case.verify("empty", &[]).code, 3);
    assert_eq!(case.verify("absent", &[]).code, 2);
    fs::remove_file(case.path("data/acme/head.lock")).unwrap();
    assert_eq!(case.verify("data", &[]).code, 3);
    assert_eq!(case.export("evidence").code, 3);
}

#[test]
fn another_key_is_not_trusted() {
    let case = Case::with_bundle();
    let other = case.log.other_vkey();
    let ran = case.run(&["verify", "evidence", "--trusted-log-key", &other]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("[FAIL] checkpoint"));
    let mistyped = other.replace("acme+", "acne+");
    let ran = case.run(&["verify", "evidence", "--trusted-log-key", &mistyped]);
    assert_eq!(
        ran.code, 2,
        "the hash in a key covers its name: {}",
        ran.out
    );
    let ran = case.run(&["verify", "evidence", "--trusted-log-key", "@absent.vkey"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("absent.vkey"));
}

#[test]
fn a_changed_bit_of_any_file_of_a_bundle_is_found() {
    let case = Case::with_bundle();
    for file in files(&case.path("evidence")) {
        let before = change(&file, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x20;
        });
        let ran = case.verify("evidence", &[]);
        assert_eq!(ran.code, 1, "{}: {}{}", file.display(), ran.out, ran.err);
        fs::write(file, before).unwrap();
    }
    assert_eq!(case.verify("evidence", &[]).code, 0);
}

#[test]
fn a_changed_disclosure_is_found_although_the_manifest_was_changed_with_it() {
    let case = Case::with_bundle();
    let file = case.path("evidence/data/disclosures/0000000002.person.json");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("Alice Martin"));
    fs::write(&file, text.replace("Alice Martin", "Mallory X")).unwrap();
    sum(&case.path("evidence"));
    let ran = case.verify("evidence", &[]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(
        ran.out.contains("[PASS] files-unchanged"),
        "the manifest fits: {}",
        ran.out
    );
    assert!(ran.out.contains("[FAIL] bodies"));
    assert!(ran.out.contains("entry 2"));
}

#[test]
fn a_changed_byte_of_the_log_is_found_and_the_first_bad_entry_named() {
    let case = Case::new();
    let (offsets, seqs) = (case.log.offsets(), case.log.first_seqs());
    for frame in (0..seqs.len()).step_by(4) {
        let before = change(&case.segment(), |bytes| bytes[offsets[frame] + 20] ^= 1);
        let ran = case.verify("data", &[]);
        assert_eq!(ran.code, 1, "{}", ran.out);
        assert!(
            ran.out.contains(&format!("entry {}:", seqs[frame])),
            "{}",
            ran.out
        );
        fs::write(case.segment(), before).unwrap();
    }
}

#[test]
fn a_log_that_was_set_back_is_found_by_the_callers_own_checkpoint() {
    let case = Case::with_bundle();
    fs::write(case.path("kept"), case.log.note(case.log.size())).unwrap();
    case.set_back(20);
    assert_eq!(
        case.verify("data", &["--no-memory"]).code,
        0,
        "nothing else tells"
    );
    for since in ["kept", "evidence"] {
        let ran = case.verify("data", &["--no-memory", "--since", since]);
        assert_eq!(ran.code, 1, "{}", ran.out);
        assert!(ran.out.contains("[FAIL] since"));
    }
    assert_eq!(case.verify("data", &["--since", "absent"]).code, 2);
    assert_eq!(
        case.verify("data", &["--no-memory", "--require", "since"])
            .code,
        3
    );
}

#[test]
fn a_log_that_was_set_back_is_found_by_what_was_verified_before() {
    let case = Case::with_bundle();
    assert_eq!(case.verify("data", &[]).code, 0);
    let before = fs::read(case.segment()).unwrap();
    case.set_back(20);
    assert_eq!(case.verify("data", &[]).code, 1);
    fs::write(case.path("early"), case.log.note(10)).unwrap();
    assert_eq!(
        case.verify("data", &["--since", "early"]).code,
        1,
        "both heads count"
    );
    assert_eq!(case.export("older").code, 0);
    let ran = case.verify("older", &[]);
    assert_eq!(ran.code, 0, "a bundle is a snapshot: {}", ran.out);
    assert!(ran.err.contains("older"));
    fs::write(case.segment(), before).unwrap();
    fs::write(
        case.path("data/acme/head.lock"),
        case.log.note(case.log.size()),
    )
    .unwrap();
    assert_eq!(case.verify("data", &["--require", "since"]).code, 0);
}

#[test]
fn a_torn_tail_is_no_conclusion_unless_a_server_is_writing_it() {
    let case = Case::new();
    let offsets = case.log.offsets();
    let signed = *case.log.first_seqs().last().unwrap();
    fs::write(case.path("data/acme/head.lock"), case.log.note(signed)).unwrap();
    change(&case.segment(), |bytes| {
        bytes[offsets[offsets.len() - 1] - 1] ^= 1;
    });
    let ran = case.verify("data", &[]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("serve"), "{}", ran.out);
    let lock = File::create(case.path("data/acme/log/lock")).unwrap();
    lock.lock().unwrap();
    let ran = case.verify("data", &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("is writing"));
}

#[test]
fn an_entry_of_a_later_version_is_no_conclusion_and_is_exported() {
    let mut case = Case::new();
    case.log.append_unknown();
    case.log.write(&case.path("data"), case.log.size());
    assert_eq!(case.verify("data", &[]).code, 3);
    assert_eq!(case.export("evidence").code, 0);
    let ran = case.verify("evidence", &[]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("[PASS] views-derived"));
}

#[test]
fn without_the_keyring_bodies_are_withheld_and_not_missing() {
    let case = Case::new();
    fs::remove_file(case.path("data/acme/keyring")).unwrap();
    let ran = case.export("evidence");
    assert!(
        ran.out.contains("1 disclosed, 10 withheld, 0 missing"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("keyring"));
    let ran = case.verify("evidence", &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(ran.out.contains("[WARN] policy"), "{}", ran.out);
    assert_eq!(case.verify("evidence", &["--require", "policy"]).code, 3);
    assert_eq!(
        case.verify("evidence", &["--require", "completeness"]).code,
        3
    );
}

#[test]
fn an_export_never_overwrites() {
    let case = Case::with_bundle();
    let ran = case.export("evidence");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("evidence exists already"));
}

#[test]
fn the_first_line_of_a_trace_answers_who() {
    let case = Case::with_bundle();
    let first = |what: &str| {
        let ran = case.run(&["trace", what, "--in", "evidence"]);
        (
            ran.code,
            ran.out.lines().next().unwrap_or_default().to_owned(),
        )
    };
    let (code, line) = first("toolu_1");
    assert_eq!(code, 0);
    for part in [
        "APPROVED BY Alice Martin (key_",
        " and Omar Diaz (key_",
        "under rule money",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(first("toolu_2").1.starts_with("DENIED BY Omar Diaz"));
    assert!(first("toolu_3").1.starts_with("ALLOWED BY POLICY"));
    assert!(first("toolu_4").1.starts_with("DENIED BY POLICY"));
    assert_eq!(case.run(&["trace", "nothing", "--data", "data"]).code, 3);
    assert_eq!(
        case.run(&["trace", "toolu_1"]).code,
        2,
        "no place was named"
    );
}

#[test]
fn a_trace_of_a_changed_bundle_says_so() {
    let case = Case::with_bundle();
    change(&case.path("evidence/data/shown/0000000018.txt"), |bytes| {
        bytes[0] ^= 0x20;
    });
    let ran = case.run(&["trace", "toolu_1", "--in", "evidence"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("data/shown/0000000018.txt"));
}

#[test]
fn json_is_one_document_with_a_version_also_when_it_fails() {
    let case = Case::with_bundle();
    for arguments in [
        &["verify", "evidence", "--json"][..],
        &["verify", "absent", "--json"],
        &["trace", "toolu_1", "--in", "evidence", "--json"],
        &[
            "export", "--data", "data", "--case", "C", "--out", "again", "--json",
        ],
    ] {
        let ran = case.run(arguments);
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
        assert!(
            ran.out.starts_with('{') && ran.out.contains("\"schema_version\":1"),
            "{}",
            ran.out
        );
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let case = Case::with_bundle();
    let key = case.log.vkey();
    let mut child = case
        .command(&["verify", "evidence", "--trusted-log-key", &key])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
    assert!(!err.contains("panicked"));
}

#[test]
fn a_policy_is_checked_explained_and_tested() {
    let case = Case::new();
    let policy = "../fixtures/policies/demo.toml";
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join(policy);
    let policy = policy.to_str().unwrap();
    assert_eq!(case.run(&["policy", "check", policy]).code, 0);
    assert_eq!(case.run(&["policy", "test", policy]).code, 0);
    assert!(
        case.run(&["policy", "explain", policy])
            .out
            .contains("two people from treasury")
    );
    let text = fs::read_to_string(policy).unwrap();
    let typo = case.path("typo.toml");
    fs::write(&typo, text.replace("fallback_rule =", "fallbak_rule =")).unwrap();
    let ran = case.run(&["policy", "check", "typo.toml"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("typo.toml: line "), "{}", ran.err);
    fs::write(
        &typo,
        text.replace("confirm = { approvals = 2", "confirm = { approvals = 1"),
    )
    .unwrap();
    assert_eq!(case.run(&["policy", "test", "typo.toml"]).code, 1);
    assert_eq!(case.run(&["policy", "check", "absent.toml"]).code, 2);
    fs::write(&typo, text.split("[[test]]").next().unwrap()).unwrap();
    assert_eq!(
        case.run(&["policy", "test", "typo.toml"]).code,
        3,
        "nothing was tested"
    );
}

#[test]
fn completions_name_the_commands() {
    let case = Case::new();
    let ran = case.run(&["completions", "bash"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("verify") && ran.out.contains("export"));
    let told = case.run(&["completions", "bash", "--json"]).out;
    assert!(told.starts_with('{') && told.contains("\"schema_version\":1"));
}
