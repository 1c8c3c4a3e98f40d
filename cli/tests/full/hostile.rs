//! Hostile texts (`fixtures/hostile/text.txt`) in everything that people and agents write, and every
//! command that prints it: nothing steers a terminal, and no line is written that is not ours.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use countersign_hostile::{all_at_once, steers, texts};
use countersign_record::json::{self, Limits, Object, Value};
use tempfile::NamedTempFile;

use super::world::{DEVICE, Done, POLICY, Served, World, run};

/// A request by the holder of that token, as bytes: no client stands between.
fn post(served: &Served<'_>, who: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let url = served.url("agent");
    let host = url.strip_prefix("http://").unwrap();
    let token = fs::read_to_string(served.world.path(&format!("{who}.token"))).unwrap();
    let body = json::canonical(body);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {key}\r\n\
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

fn ask(served: &Served<'_>, key: &str, body: &Value) -> (u16, Value) {
    post(served, "hostile", "/v1/calls", key, body)
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn call(path: &str, text: &str) -> Value {
    let inner = Object::new().with(text, Value::from(Vec::from([text])));
    let arguments = Object::new().with("path", path).with("more", inner);
    let body = Object::new()
        .with("tool", "delete_file")
        .with("arguments", arguments)
        .with("reason", cut(text, 1500))
        .with("session", cut(text, 60))
        .with("plan", cut(text, 60))
        .with("trace_id", cut(text, 60));
    Value::Object(body)
}

/// A call of a tool that the policy does not declare, or that an executor of this name would run.
fn undeclared(tool: &str, executor: &str) -> Value {
    let arguments = Object::new().with("path", "/srv/a");
    let body = Object::new()
        .with("tool", tool)
        .with("arguments", arguments)
        .with("executor", executor);
    Value::Object(body)
}

/// An executor runs an allowed call and says this of it.
fn report(served: &Served<'_>, key: &str, detail: &str) -> (u16, Value) {
    let arguments = Object::new().with("path", format!("/srv/{key}"));
    let listing = Object::new()
        .with("tool", "list_files")
        .with("arguments", arguments);
    let (_, allowed) = ask(served, key, &Value::Object(listing));
    let text = |pointer: &str| allowed.at(pointer).unwrap().as_str().unwrap();
    let claim = Object::new()
        .with("nonce", "07".repeat(32))
        .with("action_digest", text("/action_digest"));
    let redeem = format!("/v1/grants/{}/redeem", text("/grant/jti"));
    let redeemed = post(served, "files", &redeem, key, &Value::Object(claim));
    assert_eq!(redeemed.0, 200, "{redeemed:?}");
    let said = Object::new()
        .with("status", "failed")
        .with("detail", detail);
    let outcome = format!("/v1/calls/{}/outcome", text("/call"));
    post(served, "files", &outcome, key, &Value::Object(said))
}

/// The demo's policy, but that people are asked about a tool that nobody declared.
fn policy() -> NamedTempFile {
    let demo = fs::read_to_string(POLICY).unwrap();
    let (rules, _) = demo.split_once("[[test]]").unwrap();
    let asks = rules.replace("unknown_tool  = \"deny\"", "unknown_tool  = \"confirm\"");
    assert_ne!(asks, rules);
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(asks.as_bytes()).unwrap();
    file
}

/// A log in which a person, an agent, its every word and every credential's name are hostile, served.
fn world() -> World {
    let (world, text) = (World::set(), all_at_once());
    let (policy, data) = (policy(), world.data());
    let adopt = ["policy", "adopt", policy.path().to_str().unwrap()];
    let person = ["person", "add", &text, "--name", &text, "--email", &text];
    for add in [&adopt[..], &person] {
        let added = run(&[add, &["--data", &data]].concat()).good();
        assert_harmless(add[0], &added);
    }
    world.keep("hostile", &["agent", "add", &text, "--principal", &text]);
    for role in ["auditor", "responder", "operator"] {
        let added = run(&[role, "add", &text, "--data", &data]).good();
        assert_harmless(role, &added);
        world.keep(role, &[role, "add", &text]);
    }
    for hostile in texts().into_iter().filter(|it| !it.text.contains('\0')) {
        let added = run(&["executor", "add", &hostile.text, "--data", &data]);
        assert_harmless("executor add", &added.exits(2));
    }
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
    let (mut all, mut found) = (Vec::new(), 0);
    files(directory, &mut all);
    for path in all {
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

/// Each text in each place of a request that has room for it.
fn assert_each_is_taken_or_refused(served: &Served<'_>) {
    for (number, hostile) in texts().into_iter().enumerate() {
        let text = hostile.text.as_str();
        let answered = |(status, answer): (u16, Value)| {
            let code = answer.member("code").and_then(Value::as_str);
            (status, code.map(str::to_owned))
        };
        let key = |place: &str| format!("{place}-{number}");
        let asked = |place: &str, body: &Value| answered(ask(served, &key(place), body));
        let refused = |status: u16, code: &str| (status, Some(code.to_owned()));
        let not_canonical = refused(422, "arguments-not-canonical");
        let name = &hostile.name;
        let or_taken = |taken| {
            if hostile.refused {
                not_canonical.clone()
            } else {
                taken
            }
        };

        let blank = |it: char| it.is_whitespace() && it != ' ';
        let hides = text.contains(blank) || steers(text.as_bytes()).is_some();
        let as_target = if hides {
            refused(422, "malformed-arguments")
        } else {
            (202, None)
        };
        assert_eq!(asked("t", &call(text, text)), or_taken(as_target), "{name}");
        assert_eq!(
            asked("e", &call("/srv/a", text)),
            or_taken((202, None)),
            "{name}"
        );

        let too_long = text.len() > 128;
        let as_tool = if too_long {
            refused(413, "too-large")
        } else {
            (202, None)
        };
        assert_eq!(
            asked("u", &undeclared(text, "files")),
            or_taken(as_tool),
            "{name}"
        );
        let as_executor = or_taken(refused(422, "malformed-arguments"));
        assert_eq!(asked("x", &undeclared("tool", text)), as_executor, "{name}");

        let told = answered(report(served, &key("o"), &cut(text, 1000)));
        assert_eq!(told, or_taken((200, None)), "{name}");
    }
}

fn id(asked: &(u16, Value)) -> String {
    assert!(asked.0 < 300, "{asked:?}");
    let id = asked.1.member("call").and_then(Value::as_str);
    id.unwrap().to_owned()
}

/// Each text as a comment, as what is frozen, and as what no command knows.
fn assert_each_is_harmless_alone(
    served: &Served<'_>,
    ada: [&str; 4],
    responder: [&str; 4],
    auditor: [&str; 4],
) {
    // An argument of a command has no NUL.
    let arguments = texts().into_iter().filter(|it| !it.text.contains('\0'));
    for (number, hostile) in arguments.enumerate() {
        let text = cut(&hostile.text, 500);
        let plain = call(&format!("/srv/{number}"), "plain");
        let asked = id(&ask(served, &format!("c-{number}"), &plain));
        let (agent, unknown) = (format!("--agent={text}"), format!("--{text}"));
        for typed in [
            &["freeze", &agent][..],
            &["show", &unknown],
            &["trace", &unknown],
            &[&text],
        ] {
            assert_harmless("usage", &run(typed).exits(2));
        }
        let (comment, target) = (format!("--comment={text}"), format!("--target={text}"));
        let reason = format!("--reason={text}");
        let deny = run(&[&["deny", &asked, &comment, DEVICE][..], &ada].concat());
        assert_harmless("deny", &deny);
        both(&[&["trace", &asked][..], &auditor].concat());
        let freeze = [&["--json", "freeze", &target, &reason][..], &responder].concat();
        let frozen = run(&freeze);
        assert_harmless("freeze", &frozen);
        let is_taken = |taken: bool| if taken { 0 } else { 2 };
        let says_something = !text.trim().is_empty();
        assert_eq!(
            deny.code,
            is_taken(says_something && !hostile.refused),
            "{}",
            deny.err
        );
        assert_eq!(frozen.code, is_taken(!hostile.refused), "{}", frozen.err);
        if frozen.code == 0 {
            let freeze = json::read(frozen.out.trim().as_bytes(), &Limits::DOCUMENT).unwrap();
            let freeze = freeze.member("freeze").and_then(Value::as_str).unwrap();
            both(&[&["trace", freeze][..], &auditor].concat());
        }
    }
}

#[test]
fn hostile_texts_steer_no_terminal_and_write_no_line_of_their_own() {
    let world = world();
    let served = world.serve();
    assert_each_is_taken_or_refused(&served);
    let text = all_at_once();
    let all = id(&ask(&served, "all", &call("/srv/a", &text)));
    let unknown = id(&ask(&served, "tool", &undeclared(&cut(&text, 30), "files")));
    let reported = id(&report(&served, "report", &cut(&text, 1000)));

    let (url, key) = (served.url("approver"), world.text("ada"));
    let ada = ["--url", &url, "--key", &key];
    let inbox = both(&[&["inbox"][..], &ada].concat());
    let items = inbox.member("items").and_then(Value::as_array).unwrap();
    assert!(items.len() > 120, "{}", items.len());
    both(&[&["show", &all][..], &ada].concat());
    both(&[&["show", &unknown][..], &ada].concat());
    let deny = run(&[&["deny", &all, "--comment", &text, DEVICE][..], &ada].concat()).good();
    assert_harmless("deny", &deny);

    let (url, token) = (served.url("audit"), world.text("responder.token"));
    let responder = ["--url", &url, "--token-file", &token];
    let freeze = ["freeze", "--tool", "restart_machine", "--reason", &text];
    assert_harmless("freeze", &run(&[&freeze[..], &responder].concat()).good());
    let token = world.text("auditor.token");
    let auditor = ["--url", &url, "--token-file", &token];
    assert_each_is_harmless_alone(&served, ada, responder, auditor);
    both(&[&["trace", &all][..], &auditor].concat());
    served.stop();

    let (data, vkey) = (world.data(), format!("@{}", world.text("vkey")));
    for id in [&all, &unknown, &reported] {
        both(&["trace", id, "--data", &data]);
    }
    both(&["key", "history", "--data", &data]);
    let trusted = ["--trusted-log-key", &vkey, "--no-memory"];
    both(&[&["verify", &data][..], &trusted].concat());
    let bundle = world.text("evidence");
    let export = ["export", "--data", &data, "--case", &text, "--out", &bundle];
    assert_harmless("export", &run(&export).good());
    assert!(assert_views_harmless(Path::new(&bundle)) > 100);
    both(&[&["verify", &bundle][..], &trusted].concat());
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn no_file_of_a_log_or_of_its_bundle_holds_a_token() {
    let world = World::set();
    let served = world.serve();
    served.ask("delete_file", r#"{"path":"/srv/a"}"#).good();
    served.stop();
    let (data, bundle) = (world.data(), world.text("evidence"));
    let case = ["--case", "case", "--out", &bundle];
    run(&[&["export", "--data", &data][..], &case].concat()).good();
    let mut found = Vec::new();
    files(Path::new(&data), &mut found);
    files(Path::new(&bundle), &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let tokens = ["agent", "files", "bank", "auditor", "responder", "operator"]
        .map(|who| fs::read_to_string(world.path(&format!("{who}.token"))).unwrap());
    for path in found {
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let holds = tokens.iter().any(|token| text.contains(token.trim_end()));
        assert!(!holds, "{} holds a token", path.display());
    }
}
