//! What the files of the repository say, and what they must not say.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_tests::root;

use crate::workspace::{PURE, members};

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// The lines of one table of a manifest, without empty ones and comments.
fn table<'m>(manifest: &'m str, header: &str) -> Vec<&'m str> {
    let lines = manifest.lines().map(str::trim);
    lines
        .skip_while(|line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

fn has_reason(line: &str) -> bool {
    line.rsplit_once(" # ")
        .is_some_and(|(_, reason)| reason.trim().len() > 5)
}

#[test]
fn the_pure_crates_have_no_standard_library() {
    for member in members()
        .iter()
        .filter(|member| PURE.contains(&member.name.as_str()))
    {
        let source = read(&member.source);
        assert!(source.contains("#![no_std]"), "{}", member.source);
        let borrowed = source.find("extern crate std;");
        let is_for_tests =
            borrowed.is_none_or(|at| source[..at].trim_end().ends_with("#[cfg(test)]"));
        assert!(is_for_tests, "{} takes std in after all", member.source);
    }
}

#[test]
fn every_crate_says_what_it_is_and_what_it_is_not() {
    for member in members() {
        let source = read(&member.source);
        let head: Vec<_> = source
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let head = head.join("\n");
        assert!(
            head.contains("In scope:") && head.contains("Not here:"),
            "{}",
            member.source
        );
        assert!(
            !member.description.is_empty(),
            "{} has no description",
            member.name
        );
    }
}

#[test]
fn every_member_and_every_dependency_has_its_reason() {
    let manifest = read(root().join("Cargo.toml"));
    let listed = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "members = [");
    let listed = listed
        .take_while(|line| *line != "]")
        .filter(|line| line.starts_with('"'));
    let shared = table(&manifest, "[workspace.dependencies]");
    let foreign = shared
        .into_iter()
        .filter(|line| !line.starts_with("countersign"));
    let mut unexplained: Vec<String> = listed.chain(foreign).map(str::to_owned).collect();
    assert!(unexplained.len() > 30, "the manifest was not understood");
    for member in members() {
        let manifest = read(&member.manifest);
        for header in [
            "[dependencies]",
            "[dev-dependencies]",
            "[build-dependencies]",
        ] {
            let own = table(&manifest, header)
                .into_iter()
                .filter(|line| !line.contains("workspace = true"));
            unexplained.extend(own.map(|line| format!("{}: {line}", member.name)));
        }
    }
    unexplained.retain(|line| !has_reason(line));
    assert!(unexplained.is_empty(), "no reason beside: {unexplained:#?}");
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    let manifest = read(root().join("Cargo.toml"));
    let lints = table(&manifest, "[workspace.lints.rust]");
    assert!(lints.contains(&r#"unsafe_code = "forbid""#));
    for member in members() {
        let manifest = read(&member.manifest);
        assert_eq!(
            table(&manifest, "[lints]"),
            ["workspace = true"],
            "{}",
            member.name
        );
    }
}

/// Every file that people get: not what builds and tests leave behind.
pub(crate) fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    const LEFT_BEHIND: [&str; 5] = [
        ".git",
        ".scratch",
        "target",
        "countersign-demo",
        "__pycache__",
    ];
    for entry in fs::read_dir(directory).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if LEFT_BEHIND.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_file_names_the_machine_it_was_made_on() {
    // Written in two halves, so that this file is not its own finding.
    let unwanted = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/opt/wh", "eels"),
        concat!("registry.np", "mjs.org"),
        concat!("files.python", "hosted.org"),
        concat!("index.cra", "tes.io"),
        concat!("static.cra", "tes.io"),
        concat!("proxy.go", "lang.org"),
    ];
    let mut all = Vec::new();
    files(&root(), &mut all);
    assert!(all.len() > 100, "too few files were found");
    for path in all {
        let bytes = fs::read(&path).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        for (number, line) in text.lines().enumerate() {
            for word in unwanted {
                let place = format!("{}:{}", path.display(), number + 1);
                // `/srv/work/x` in an example is not the machine's own folder.
                let found = line.match_indices(word).any(|(at, _)| {
                    !line[..at].ends_with(|it: char| it.is_ascii_alphanumeric() || it == '.')
                });
                assert!(!found, "{place}: {word}");
            }
        }
    }
}
