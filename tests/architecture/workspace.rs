//! What `cargo metadata` and `cargo tree` say about the workspace.

use std::collections::BTreeSet;
use std::process::Command;

use countersign_tests::root;
use serde_json::Value;

/// No I/O, no clock, no randomness.
pub(crate) const PURE: [&str; 6] = [
    "countersign-record",
    "countersign-ledger",
    "countersign-attest",
    "countersign-policy",
    "countersign-flow",
    "countersign-verify",
];

/// One package of the workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Path of its crate root.
    pub(crate) source: String,
    /// Path of its Cargo.toml.
    pub(crate) manifest: String,
    /// Names of what it needs to be built, tests left out.
    pub(crate) needs: BTreeSet<String>,
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Every member of the workspace.
pub(crate) fn members() -> Vec<Member> {
    let told = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(member)
        .collect()
}

fn member(package: &Value) -> Member {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_root = |target: &&Value| {
        let kinds = target["kind"].as_array().expect("kinds");
        kinds.iter().any(|kind| kind == "lib" || kind == "bin")
    };
    let targets = package["targets"].as_array().expect("targets");
    let source = targets.iter().find(is_root).expect("a library or program");
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    let needs = dependencies
        .iter()
        .filter(|dependency| dependency["kind"] != "dev");
    Member {
        name: text(&package["name"]),
        description: text(&package["description"]),
        source: text(&source["src_path"]),
        manifest: text(&package["manifest_path"]),
        needs: needs.map(|dependency| text(&dependency["name"])).collect(),
    }
}

/// Names of all that is linked into a package: its normal dependencies and theirs.
pub(crate) fn linked(package: &str, options: &[&str]) -> BTreeSet<String> {
    let edges = [
        "tree",
        "-p",
        package,
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "-f",
        "{p}",
    ];
    let tree = cargo(&[&edges, options].concat());
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}
