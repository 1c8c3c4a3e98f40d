//! The service off the beaten track: TLS, configuration.

use super::world::{DEVICE, World, run};

#[test]
fn over_tls_the_pinned_certificate_is_the_only_one_believed() {
    let world = World::set();
    let served = world.serve_with(&["--tls", "self-signed"]);
    assert!(served.url("agent").starts_with("https://"));
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    assert_eq!(
        served
            .by("ada", &["approve", &call, DEVICE])
            .good()
            .text("/state"),
        "approved"
    );
    let (url, key) = (served.url("approver"), world.text("ada"));
    let inbox = ["inbox", "--url", &url, "--key", &key];
    run(&inbox).complains(&["fingerprint"]);
    let other = "ab".repeat(32);
    run(&[&inbox[..], &["--pin", &other]].concat()).complains(&["cannot reach"]);
}

#[test]
fn the_configuration_says_where_its_values_come_from() {
    let world = World::bare();
    let file = world.write("countersign.toml", "agent = '127.0.0.1:1'\n");
    let data = world.data();
    let shown = run(&[
        "config",
        "show",
        "--effective",
        "--config",
        &file,
        "--data",
        &data,
    ])
    .good();
    assert!(
        shown.out.contains("agent = 127.0.0.1:1  # file "),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("# flag --data"), "{}", shown.out);
    run(&["config", "check", "--config", &file, "--data", &data]).good();
    let wrong = world.write("wrong.toml", "agnet = '127.0.0.1:1'\n");
    run(&["config", "check", "--config", &wrong, "--data", &data])
        .complains(&["agnet", "wrong.toml"]);
}

#[test]
fn fsck_lists_a_whole_log() {
    let world = World::bare();
    let listed = run(&["--json", "fsck", "--data", &world.data()]).good();
    assert_eq!(listed.json().member("entries").unwrap().as_u64(), Some(2));
}

#[test]
fn a_bench_measures_and_leaves_nothing_behind() {
    let world = World::bare();
    let data = world.data();
    let before = std::fs::read_dir(&data).unwrap().count();
    let arguments = [
        "bench",
        "--data",
        &data,
        "--clients",
        "2",
        "--seconds",
        "0.05",
    ];
    let measured = run(&[&["--json"], &arguments[..]].concat()).good().json();
    let rows = measured.member("rows").unwrap().as_array().unwrap();
    let rate = |row: &countersign_record::json::Value| row.member("per_s").unwrap().as_u64();
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| rate(row) > Some(0)), "{rows:?}");
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), before);
}
