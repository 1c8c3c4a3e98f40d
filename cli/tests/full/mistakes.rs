//! Mistakes get an answer that names the place and says what to do, and change nothing.

use std::net::TcpListener;

use super::world::{DEVICE, POLICY, World, exists, run};

#[test]
fn a_policy_with_a_typo_makes_no_log() {
    let world = World::bare();
    let text = std::fs::read_to_string(POLICY)
        .unwrap()
        .replace("approvals = 2", "aprovals = 2");
    let policy = world.write("typo.toml", &text);
    let data = world.text("other");
    run(&["init", "--data", &data, "--policy", &policy]).complains(&["typo.toml", "aprovals"]);
    assert!(!exists(&data));
}

#[test]
fn a_policy_that_check_refuses_makes_no_log() {
    let world = World::bare();
    let text = std::fs::read_to_string(POLICY)
        .unwrap()
        .replace("from = [\"treasury\"]", "from = [\"tresury\"]");
    let policy = world.write("undefined.toml", &text);
    let data = world.text("other");
    run(&["init", "--data", &data, "--policy", &policy]).complains(&["tresury", "policy check"]);
}

#[test]
fn a_policy_that_names_somebody_enrolled_is_not_adopted() {
    let world = World::set();
    let adopt = |file: &str, owner: &str| {
        let text = std::fs::read_to_string(POLICY).unwrap();
        let (first, rest) = text.split_once("owner ").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let policy = world.write(file, &format!("{first}owner = \"{owner}\"\n{rest}"));
        run(&["policy", "adopt", &policy, "--data", &world.data()])
    };
    adopt("named.toml", "Dora").complains(&["line ", "the name of an enrolled person", "a role"]);
    adopt("role.toml", "Everybody here").good();
}

#[test]
fn a_log_is_made_once() {
    let world = World::bare();
    run(&["init", "--data", &world.data(), "--policy", POLICY])
        .complains(&["exists already", "--data"]);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    // A file where a directory should be refuses everybody, also root.
    let world = World::bare();
    let file = world.write("file", "");
    let data = format!("{file}/data");
    run(&["init", "--data", &data, "--policy", POLICY]).complains(&[&data, "write"]);
    run(&["demo", "--yes", "--dir", &data]).complains(&[&data, "--dir"]);
}

#[test]
fn a_directory_without_a_log_is_named() {
    let world = World::bare();
    let empty = world.text("empty");
    std::fs::create_dir(&empty).unwrap();
    let add = |data: &str| run(&["auditor", "add", "a", "--data", data]);
    add(&empty).complains(&[&empty, "no log"]);
    add(&world.text("absent")).complains(&["absent", "countersign init"]);
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_armed() {
    let world = World::set();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = world.data();
    let serve = [
        "serve",
        "--data",
        &data,
        "--agent",
        &address,
        "--approver",
        "localhost:0",
    ];
    run(&serve).complains(&[&address, "in use"]);
    run(&["auditor", "add", "late", "--data", &data]).good();
}

#[test]
fn a_log_that_one_loss_would_lock_is_not_armed() {
    let world = World::bare();
    let data = world.data();
    let serve = [
        "serve",
        "--data",
        &data,
        "--agent",
        "127.0.0.1:0",
        "--approver",
        "localhost:0",
        "--audit",
        "127.0.0.1:0",
    ];
    run(&serve).complains(&["cannot be armed", "[governance]", "--solo"]);
}

#[test]
fn without_a_terminal_nobody_decides() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    served
        .by("ada", &["approve", &call])
        .complains(&["no terminal", "nothing was"]);
    served
        .by("ada", &["deny", &call])
        .complains(&["no terminal"]);
    let shown = served.by("ada", &["show", &call]).good();
    assert_eq!(
        (shown.text("/state"), shown.text("/call")),
        ("pending".into(), call)
    );
}

#[test]
fn an_enrolment_for_another_log_is_refused() {
    let (world, other) = (World::set(), World::set());
    let other_data = other.data();
    let enrol = ["key", "enroll", "--data", &other_data, "--statement"];
    // Same origin: then the person is unknown there.
    let (statement, key) = (world.text("ada.json"), world.text("ada"));
    run(&[&enrol[..], &[&statement, "--key", &key]].concat()).exits(2);
    let origin = std::fs::read_to_string(&statement)
        .unwrap()
        .replace("log.invalid/main", "log.invalid/else");
    let elsewhere = world.write("elsewhere.json", &origin);
    run(&[&enrol[..], &[&elsewhere, "--key", &key]].concat())
        .complains(&["log.invalid/else", "log.invalid/main"]);
}

#[test]
fn names_that_nobody_has_are_told_with_those_there_are() {
    let world = World::set();
    let data = world.data();
    let add = [
        "person",
        "add",
        "eve",
        "--name",
        "E",
        "--email",
        "e@example.com",
        "--data",
        &data,
    ];
    run(&[&add[..], &["--group", "tresury"]].concat()).complains(&["tresury", "treasury"]);
    run(&["agent", "add", "x", "--principal", "eve", "--data", &data]).complains(&["eve", "ada"]);
    run(&["executor", "add", "bnak", "--data", &data]).complains(&["bnak", "bank"]);
    run(&["executor", "add", "bank", "--data", &data]).complains(&["enrolled already"]);
    run(&["group", "add", "ops", "ada", "--data", &data]).complains(&["already"]);
}

#[test]
fn arguments_that_are_no_strict_json_are_not_sent() {
    let world = World::set();
    let served = world.serve();
    for (text, fault) in [
        (r#"{"path":"a","path":"b"}"#, "/path"),
        (r#"{"count":9007199254740993}"#, "strings"),
        ("{", "not strict JSON"),
    ] {
        served
            .ask("delete_file", text)
            .complains(&["arguments.json", fault]);
    }
    served.ask("shell", "{}").complains(&["unknown-tool"]);
}

#[test]
fn one_planes_credentials_do_not_open_another() {
    let world = World::set();
    let served = world.serve();
    let arguments = world.write("a.json", r#"{"path":"/srv/a"}"#);
    let ask = [
        "request",
        "--tool",
        "delete_file",
        "--arguments",
        &arguments,
    ];
    served
        .with_token("agent", "operator", &ask)
        .complains(&["forbidden"]);
    served
        .with_token("audit", "agent", &["key", "history"])
        .complains(&["forbidden"]);
    let (url, key) = (served.url("agent"), world.text("ada"));
    run(&["inbox", "--url", &url, "--key", &key]).exits(2);
    let empty = world.write("empty.token", "\n");
    let url = served.url("agent");
    run(&[&ask[..], &["--url", &url, "--token-file", &empty]].concat()).complains(&["empty.token"]);
}

#[test]
fn a_key_that_is_not_enrolled_opens_nothing() {
    let world = World::set();
    super::world::keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &world.text("eve")]);
    let served = world.serve();
    served.by("eve", &["inbox"]).exits(2);
    served
        .by("nobody", &["approve", DEVICE])
        .complains(&["cannot read the key"]);
}
