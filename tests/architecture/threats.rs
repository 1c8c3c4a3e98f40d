//! docs/threat-model.md names tests; each of them must exist. And what it says that is not there.

use std::fs;
use std::path::Path;

use countersign_tests::root;

use crate::text::files;
use crate::workspace::linked;

/// What stands in the column "test", which is the fourth of five.
fn named(model: &str) -> Vec<&str> {
    let rows = model.lines().filter(|line| {
        let number = line.trim_start_matches("| ").split(' ').next();
        line.starts_with('|') && number.is_some_and(|it| it.parse::<u32>().is_ok())
    });
    let columns = rows.filter_map(|row| row.split(" | ").nth(3));
    columns
        .flat_map(|column| column.split('`').skip(1).step_by(2))
        .collect()
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "rs")
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let model = fs::read_to_string(root().join("docs/threat-model.md")).expect("the threat model");
    let named = named(&model);
    assert!(named.len() > 60, "the table was not understood");
    let mut paths = Vec::new();
    files(&root(), &mut paths);
    let sources: Vec<String> = paths
        .iter()
        .filter(|path| is_rust(path))
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    let steps = fs::read_to_string(root().join("tests/run")).expect("tests/run");
    let exists = |test: &str| {
        let function = format!("fn {test}(");
        let step = format!("step \"{test}\" ");
        steps.contains(&step) || sources.iter().any(|source| source.contains(&function))
    };
    let missing: Vec<_> = named.into_iter().filter(|test| !exists(test)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// Row 51: a request may name an address in any of its texts.
#[test]
fn the_server_has_nothing_to_fetch_with() {
    let clients = [
        "attohttpc",
        "curl",
        "hickory-resolver",
        "isahc",
        "reqwest",
        "ureq",
    ];
    let found = linked("countersign-server", &[]);
    assert!(found.contains("axum"), "cargo tree was not understood");
    assert!(clients.iter().all(|client| !found.contains(*client)));
    let connecting = [
        "::connect(",
        "TcpSocket",
        "UdpSocket",
        "lookup_host",
        "hyper::client",
        "hyper_util::client",
        "Command::new",
    ];
    let mut paths = Vec::new();
    for directory in [
        "server/src",
        "crates/countersign-service/src",
        "crates/countersign-store/src",
    ] {
        files(&root().join(directory), &mut paths);
    }
    assert!(paths.len() > 50, "the sources were not found");
    for path in paths.iter().filter(|path| is_rust(path)) {
        let source = fs::read_to_string(path).expect("a source");
        let connects: Vec<_> = connecting
            .iter()
            .filter(|word| source.contains(**word))
            .collect();
        assert!(connects.is_empty(), "{}: {connects:?}", path.display());
    }
}
