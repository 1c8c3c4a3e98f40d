//! Hostile texts (`fixtures/hostile/text.txt`) in everything that people and agents write, and every
//! command that prints it: nothing steers a terminal, and no line is written that is not ours.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use countersign_hostile::{all_at_once, steers, texts};
use countersign_record::json::{self, Limits, Object, Value};

use super::world::{DEVICE, Done, Served, World, run};

/// A request of the agent's, as bytes: no client stands between.
fn post(served: &Served<'_>, key: &str, body: &Value) -> (u16, Value) {
    let url = served.url("agent");
    let host = url.strip_prefix("http://").unwrap();
    let token = fs::read_to_string(served.world.path("hostile.token")).unwrap();
    let body = json::canonical(body);
    let head = format!(
        "POST /v1/calls HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        token.trim_end(),
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream
        .write_all(&[head.as_bytes(), &body].concat())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer[9..12].parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        status,
        json::read(body.as_bytes(), &Limits::DOCUMENT).unwrap(),
    )
}

fn call(path: &str, text: &str) -> Value {
    let cut = |most: usize| text.chars().take(most).collect::<String>();
    let inner = Object::new().with(text, Value::from(Vec::from([text])));
    let arguments = Object::new().with("path", path).with("more", inner);
    let body = Object::new()
        .with("tool", "delete_file")
        .with("arguments", arguments)
        .with("reason", cut(1500))
        .with("session", cut(60))
        .with("plan", cut(60))
        .with("trace_id", cut(60));
    Value::Object(body)
}

/// A log in which a person, an agent and its every word are hostile, served.
fn world() -> World {
    let (world, text) = (World::set(), all_at_once());
    let person = ["person", "add", &text, "--name", &text, "--email", &text];
    let person = run(&[&person[..], &["--data", &world.data()]].concat()).good();
    assert_harmless("person add", &person);
    world.keep("hostile", &["agent", "add", &text, "--principal", &text]);
    world
}

#[track_caller]
fn assert_harmless(what: &str, done: &Done) {
    for (stream, output) in [("stdout", &done.out), ("stderr", &done.err)] {
        assert_eq!(steers(output.as_bytes()), None, "{what}, {stream}");
        let count = |begin: &str| {
            output
                .lines()
                .filter(|line| line.starts_with(begin))
                .count()
        };
        assert_eq!(count("APPROVED BY Ada"), 0, "{what}, {stream}: {output}");
        assert!(
            count("VERIFIED (") <= usize::from(what == "verify"),
            "{what}, {stream}: {output}"
        );
    }
}

/// The command as text and as JSON; the JSON's document.
#[track_caller]
fn both(arguments: &[&str]) -> Value {
    let (text, json) = (run(arguments), run(&[&["--json"], arguments].concat()));
    assert_harmless(arguments[0], &text);
    assert_harmless(arguments[0], &json);
    assert_eq!(text.code, json.code, "{}{}", text.err, json.err);
    let depth = Limits::DOCUMENT.depth;
    let limits = Limits {
        depth,
        ..Limits::DISCLOSURE
    };
    json::read(json.out.trim().as_bytes(), &limits).unwrap()
}

/// Views for people are harmless whole. JSON holds texts as they are, for machines: there no ESC and
/// no other C0 stands but the line feed at its end.
fn assert_views_harmless(directory: &Path) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += assert_views_harmless(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let name = path.display();
        match path.extension().and_then(|it| it.to_str()) {
            Some("json") => {
                let control = bytes.iter().find(|byte| **byte < b' ' && **byte != b'\n');
                assert_eq!(control, None, "{name}");
            }
            Some("txt") => assert_eq!(steers(&bytes), None, "{name}"),
            _ => continue,
        }
        found += 1;
    }
    found
}

#[test]
fn hostile_texts_steer_no_terminal_and_write_no_line_of_their_own() {
    let world = world();
    let served = world.serve();
    for (number, hostile) in texts().into_iter().enumerate() {
        let text = hostile.text.as_str();
        let asked = |key: &str, path: &str| {
            let key = format!("{key}-{number}");
            let (status, answer) = post(&served, &key, &call(path, text));
            let code = answer.member("code").and_then(Value::as_str);
            (status, code.map(str::to_owned))
        };
        let refused = |code: &str| (422, Some(code.to_owned()));
        let blank = |it: char| it.is_whitespace() && it != ' ';
        let hides = text.contains(blank) || steers(text.as_bytes()).is_some();
        let (as_target, elsewhere) = match (hostile.refused, hides) {
            (true, _) => (
                refused("arguments-not-canonical"),
                refused("arguments-not-canonical"),
            ),
            (false, true) => (refused("malformed-arguments"), (202, None)),
            (false, false) => ((202, None), (202, None)),
        };
        assert_eq!(asked("t", text), as_target, "{}", hostile.name);
        assert_eq!(asked("e", "/srv/a"), elsewhere, "{}", hostile.name);
    }
    let (status, answer) = post(&served, "all", &call("/srv/a", &all_at_once()));
    assert_eq!(status, 202, "{answer:?}");
    let id = answer
        .member("call")
        .and_then(Value::as_str)
        .unwrap()
        .to_owned();

    let (url, key) = (served.url("approver"), world.text("ada"));
    let ada = ["--url", &url, "--key", &key];
    let inbox = both(&[&["inbox"][..], &ada].concat());
    let items = inbox.member("items").and_then(Value::as_array).unwrap();
    assert!(items.len() > 70, "{}", items.len());
    both(&[&["show", &id][..], &ada].concat());
    let text = all_at_once();
    let deny = run(&[&["deny", &id, "--comment", &text, DEVICE][..], &ada].concat()).good();
    assert_harmless("deny", &deny);

    let (url, token) = (served.url("audit"), world.text("responder.token"));
    let responder = ["--url", &url, "--token-file", &token];
    let freeze = ["freeze", "--tool", "restart_machine", "--reason", &text];
    assert_harmless("freeze", &run(&[&freeze[..], &responder].concat()).good());
    let token = world.text("auditor.token");
    let auditor = ["--url", &url, "--token-file", &token];
    both(&[&["trace", &id][..], &auditor].concat());
    served.stop();

    let (data, vkey) = (world.data(), format!("@{}", world.text("vkey")));
    both(&["trace", &id, "--data", &data]);
    both(&["key", "history", "--data", &data]);
    let trusted = ["--trusted-log-key", &vkey, "--no-memory"];
    both(&[&["verify", &data][..], &trusted].concat());
    let bundle = world.text("evidence");
    let export = ["export", "--data", &data, "--case", &text, "--out", &bundle];
    assert_harmless("export", &run(&export).good());
    assert!(assert_views_harmless(Path::new(&bundle)) > 100);
    both(&[&["verify", &bundle][..], &trusted].concat());
}
