//! Ledgers for two verifiers to judge. `ledgers make DIR FIRST COUNT` writes one directory for each
//! seed: `bundle/`, `data/` and what a forger would want, `log.seed` and `log.vkey`.
//! `ledgers judge` reads lines `PATH TAB VKEY` (`-`: none) and answers each with what
//! `countersign verify` concludes, as one line of JSON: a process for each of some thousand
//! ledgers would take longer than the verifying.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool of the tests: it fails where something is wrong, and answers on stdout"
)]

mod draw;
mod people;
mod shelf;
mod story;

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use countersign_evidence::{Inspection, Looked};
use countersign_verify::{Options, Severity, Trust, verify};
use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["make", directory, first, count] => {
            let first: u64 = first.parse().unwrap();
            let count: u64 = count.parse().unwrap();
            for seed in first..first + count {
                make(&Path::new(directory).join(seed.to_string()), seed);
            }
        }
        ["judge"] => judge_all(),
        _ => println!("usage: ledgers make DIR FIRST COUNT | ledgers judge"),
    }
}

fn make(directory: &Path, seed: u64) {
    let mut told = story::tell(seed);
    std::fs::create_dir_all(directory).unwrap();
    let at = |name: &str| directory.join(name);
    told.write_data(&at("data"));
    told.write_bundle(&at("bundle"));
    std::fs::write(at("log.vkey"), told.vkey()).unwrap();
    std::fs::write(at("log.seed"), told.log_seed()).unwrap();
}

fn judge_all() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (path, vkey) = line.split_once('\t').unwrap();
        writeln!(out, "{}", judge(&PathBuf::from(path), vkey)).unwrap();
        out.flush().unwrap();
    }
}

/// The verdict as `countersign verify` reaches it: entries first, then the files themselves.
fn judge(path: &Path, vkey: &str) -> Value {
    let source = match countersign_evidence::open(path) {
        Ok(source) => source,
        Err(error) if error.is_nothing_to_check() => return json!({ "exit_code": 3, "faults": [] }),
        Err(error) => {
            return json!({ "exit_code": 2, "faults": [], "sentence": error.to_string() });
        }
    };
    let log_keys = Some(vkey).filter(|key| *key != "-");
    let trust = Trust {
        log_keys: log_keys
            .map(|key| key.parse().unwrap())
            .into_iter()
            .collect(),
        earlier: None,
    };
    let report = verify(&source, &trust, &Options::default(), &mut |_| ());
    let mut exit_code = report.exit_code();
    let mut faults: Vec<Value> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Integrity)
        .map(|finding| json!([finding.id, finding.seq, finding.sentence]))
        .collect();
    for Inspection { name, looked, .. } in source.inspect() {
        match looked {
            Looked::Good | Looked::Remark(_) => {}
            Looked::Unfinished(_) if exit_code == 1 => {}
            Looked::Unfinished(_) => exit_code = 3,
            Looked::Bad(bad) => {
                exit_code = 1;
                faults.extend(bad.iter().map(|it| json!([name, it.seq, it.sentence])));
            }
        }
    }
    json!({ "exit_code": exit_code, "faults": faults, "doubts": report.doubts })
}
