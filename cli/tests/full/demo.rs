//! The whole story, as a new user starts it.

use super::world::run;

#[test]
fn the_demo_holds_and_leaves_evidence_that_verifies() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("demo");
    let demo = ["demo", "--yes", "--dir", place.to_str().unwrap()];
    let done = run(&demo).good();
    for line in [
        "[ok] the approved deletion really happened",
        "[ok] silence was a cancel",
        "everything held",
    ] {
        assert!(done.out.contains(line), "{line:?} not in {}", done.out);
    }
    assert!(
        !place.join("work/report-2019.csv").exists() && place.join("work/customers.csv").exists()
    );
    let (evidence, key) = (place.join("evidence"), place.join("trusted.vkey"));
    let key = format!("@{}", key.display());
    let verify = ["verify", evidence.to_str().unwrap(), "--no-memory"];
    run(&[&verify[..], &["--trusted-log-key", &key]].concat()).good();
    run(&verify).exits(3);
    run(&demo).complains(&["exists already", "rm -r"]);
}
