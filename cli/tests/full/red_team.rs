//! The server in the wrong hands against a client that it did not supply.

use base64ct::{Base64, Encoding as _};
use countersign_attest::Statement;
use countersign_record::action::shown_digest;
use countersign_record::body::{Body, Disclosed, Disclosure};
use countersign_record::digest::{ActionDigest, ShownDigest, unhex32};
use countersign_record::json::{Object, Value};
use countersign_record::words::check_words;

use super::liar::{Liar, Lie};
use super::world::{DEVICE, World, command, run};

const WIRE: &str = r#"{"amount":"24000.00","currency":"EUR","beneficiary":{"name":"Example Ltd","account":"DE89370400440532013000"},"reference":"INV-7"}"#;

/// An object with one member replaced by that of another.
fn with(object: &Value, name: &str, from: &Value) -> Value {
    let mut made = Object::new();
    for (other, value) in object.as_object().unwrap().iter() {
        let value = if other == name {
            from.member(name).unwrap()
        } else {
            value
        };
        made.add(other, value.clone());
    }
    made.into()
}

fn with_all(object: &Value, names: &[&str], from: &Value) -> Value {
    names
        .iter()
        .fold(object.clone(), |made, name| with(&made, name, from))
}

/// The view of the first call as it is, but for these members of the second's.
fn view_with(first: &Value, names: &[&str], second: &Value) -> Value {
    let view = with_all(
        first.member("call").unwrap(),
        names,
        second.member("call").unwrap(),
    );
    with(first, "call", &Object::new().with("call", view).into())
}

#[test]
fn the_presentation_of_one_action_cannot_be_paired_with_another() {
    let lies: [(&str, Lie); 7] = [
        ("the other question", |_, second| second),
        ("the other statements", |first, second| {
            with(&first, "statements", &second)
        }),
        ("the other presentation", |first, second| {
            with(&first, "shown", &second)
        }),
        ("the other action's digest and salt", |first, second| {
            let first = view_with(&first, &["action_digest"], &second);
            with(&first, "action_salt", &second)
        }),
        (
            "this presentation, everything else of the other",
            |first, second| with(&second, "shown", &first),
        ),
        ("the same under this call's id", |first, second| {
            let lie = with_all(&first, &["statements", "action_salt"], &second);
            view_with(&lie, &["action_digest", "confirmation"], &second)
        }),
        (
            "the other question under this call's id",
            |first, second| {
                let lie = with(&second, "call", &first);
                view_with(&lie, &["action_digest", "confirmation"], &second)
            },
        ),
    ];
    let world = World::set();
    let served = world.serve();
    let harmless = served.ask("delete_file", r#"{"path":"/srv/tmp/a"}"#).good();
    let harmful = served
        .ask("delete_file", r#"{"path":"/srv/prod/b"}"#)
        .good();
    let calls = [&*harmless.text("/call"), &*harmful.text("/call")];
    let approver = served.url("approver");
    for (what, lie) in lies {
        let liar = Liar::before(&approver, calls, "/openings", lie);
        let done = served.by_way_of(&liar.url, "ada", &["approve", calls[0], DEVICE]);
        assert_eq!(done.code, 1, "{what}: {}{}", done.out, done.err);
        assert!(
            done.err.contains("nothing was signed"),
            "{what}: {}",
            done.err
        );
        assert!(
            liar.was_asked("/openings") && !liar.was_asked("/decisions"),
            "{what}"
        );
    }
    let honest = Liar::before(&approver, calls, "/openings", |first, _| first);
    let approve = ["approve", calls[0], DEVICE];
    served.by_way_of(&honest.url, "ada", &approve).good();
    assert!(honest.was_asked("/decisions"));
}

fn presentation(answer: &Value) -> Value {
    let disclosure = Disclosure::from_json(answer.member("shown").unwrap()).unwrap();
    match disclosure.disclosed() {
        Ok(Disclosed::Whole(value)) => value,
        other => unreachable!("nothing is withheld from an approver: {other:?}"),
    }
}

fn action_digest(answer: &Value) -> ActionDigest {
    let text = answer.at("/call/action_digest").and_then(Value::as_str);
    let hex = text.and_then(|text| text.strip_prefix("sha256:"));
    ActionDigest(hex.and_then(unhex32).unwrap())
}

/// The same answer with another presentation: with its commitments, its check words, and statements
/// over it. No key of the server's is in any of this, so that it can say whatever it likes.
fn composed(answer: &Value, shown: &Value) -> Value {
    let mut salt = 0;
    let salts = || {
        salt += 1;
        [salt; 16]
    };
    let body = Body::commit(shown, [0; 16], salts).unwrap();
    let digest = shown_digest(&body.root());
    let words = check_words(&action_digest(answer), &digest).to_string();
    let call = answer.member("call").unwrap();
    let call = with(
        call,
        "check_words",
        &Object::new().with("check_words", words).into(),
    );
    let lines = answer
        .member("statements")
        .and_then(Value::as_array)
        .unwrap();
    let lines: Vec<Value> = lines.iter().map(|line| over(line, digest)).collect();
    let made = Object::new()
        .with("call", call)
        .with("shown", body.disclose_all().to_json())
        .with("statements", lines);
    with_all(answer, &["call", "shown", "statements"], &made.into())
}

/// A statement to sign, over another presentation.
fn over(line: &Value, shown_digest: ShownDigest) -> Value {
    let bytes = line.member("statement").and_then(Value::as_str).unwrap();
    let told = Statement::read(&Base64::decode_vec(bytes).unwrap()).unwrap();
    let said = Statement {
        shown_digest,
        ..told
    };
    let text = Base64::encode_string(&said.to_bytes().unwrap());
    with(
        line,
        "statement",
        &Object::new().with("statement", text).into(),
    )
}

/// What the verifier says of it once it is recorded: `tests/tamper/matrix/pairing.rs`.
#[test]
fn a_presentation_composed_of_two_actions_is_refused() {
    const IDS: [&str; 2] = ["call", "confirmation"];
    let other_action = "the action digest is not that of the action shown";
    let lies: [(&str, Lie, &str); 3] = [
        (
            "what is shown of the harmless one, under this call's ids",
            |harmful, harmless| {
                let shown = with_all(&presentation(&harmless), &IDS, &presentation(&harmful));
                composed(&harmful, &shown)
            },
            other_action,
        ),
        (
            "the words of the harmless one over this action",
            |harmful, harmless| {
                let own = presentation(&harmful);
                let shown = with_all(&presentation(&harmless), &IDS, &own);
                composed(&harmful, &with(&shown, "action", &own))
            },
            "sentence, parameters or rules are not those of the policy and the action",
        ),
        (
            "all of the harmless one under this call's ids, but for the statement's action",
            |harmful, harmless| {
                let shown = with_all(&presentation(&harmless), &IDS, &presentation(&harmful));
                let answer = view_with(&harmful, &["action_digest"], &harmless);
                composed(&with(&answer, "action_salt", &harmless), &shown)
            },
            "the statement says something else than what was shown",
        ),
    ];
    let world = World::set();
    let served = world.serve();
    let ask = |path: &str| served.ask("delete_file", path).good().text("/call");
    let [harmful, harmless] = [r#"{"path":"/srv/prod/b"}"#, r#"{"path":"/srv/tmp/a"}"#].map(ask);
    let calls = [&*harmful, &*harmless];
    let approver = served.url("approver");
    let approve = ["approve", calls[0], DEVICE];
    for (what, lie, why) in lies {
        let liar = Liar::before(&approver, calls, "/openings", lie);
        let done = served.by_way_of(&liar.url, "ada", &approve);
        assert_eq!(done.code, 1, "{what}: {}{}", done.out, done.err);
        let said = format!("nothing was signed: {why}");
        assert!(done.err.contains(&said), "{what}: {}", done.err);
        assert!(!liar.was_asked("/decisions"), "{what}");
    }
    // Composed in the same way of one action alone it is signed: the server refuses it then.
    let lie: Lie = |harmful, _| composed(&harmful, &presentation(&harmful));
    let liar = Liar::before(&approver, calls, "/openings", lie);
    let done = served.by_way_of(&liar.url, "ada", &approve);
    assert!(liar.was_asked("/decisions"), "{}", done.err);
    assert!(
        done.code != 0 && done.err.contains("digest-mismatch"),
        "{}",
        done.err
    );
}

#[test]
fn looking_compares_the_action_with_its_digest() {
    let world = World::set();
    let served = world.serve();
    let ask = |path: &str| served.ask("delete_file", path).good().text("/call");
    let calls = [r#"{"path":"/srv/a"}"#, r#"{"path":"/srv/b"}"#].map(ask);
    let lies: [(&str, Lie); 2] = [
        ("the action digest is not that", |first, second| {
            let views = [&first, &second].map(|it| it.member("view").unwrap().clone());
            let view = with(&views[0], "action_digest", &views[1]);
            with(&first, "view", &Object::new().with("view", view).into())
        }),
        ("the salt of the action digest is not told", |first, _| {
            let view = first.member("view").unwrap().as_object().unwrap().iter();
            let view = view.filter(|(name, _)| *name != "action_salt");
            let unsalted = view.fold(Object::new(), |made, (name, value)| {
                made.with(name, value.clone())
            });
            with(&first, "view", &Object::new().with("view", unsalted).into())
        }),
    ];
    for (why, lie) in lies {
        let calls = [&*calls[0], &*calls[1]];
        let liar = Liar::before(&served.url("approver"), calls, "/presentation", lie);
        let done = served.by_way_of(&liar.url, "ada", &["show", calls[0]]);
        assert_eq!(done.code, 1, "{}{}", done.out, done.err);
        assert!(done.err.contains(why), "{}", done.err);
    }
}

#[test]
fn another_policys_text_is_not_taken_for_the_one_that_was_shown() {
    let world = World::set();
    let served = world.serve();
    let call = served
        .ask("delete_file", r#"{"path":"/srv/a"}"#)
        .good()
        .text("/call");
    let liar = Liar::before(&served.url("approver"), [&call, &call], "", |first, _| {
        let toml = first.member("toml").and_then(Value::as_str);
        let Some(toml) = toml.map(|toml| toml.replace("Delete the file", "Look at the file"))
        else {
            return first;
        };
        with(&first, "toml", &Object::new().with("toml", toml).into())
    });
    let done = served.by_way_of(&liar.url, "ada", &["approve", &call, DEVICE]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(done.err.contains("not that of its digest"), "{}", done.err);
    assert!(!liar.was_asked("/decisions"));
}

/// A transfer that two people approve and that runs.
fn run_a_transfer(world: &World) {
    let served = world.serve();
    let call = served.ask("bank.wire", WIRE).good().text("/call");
    for who in ["ada", "ben"] {
        served.by(who, &["approve", &call, DEVICE]).good();
    }
    let arguments = world.text("arguments.json");
    let tool = ["--tool", "bank.wire", "--arguments", &arguments];
    let redeem = [&["grant", "redeem", &call], &tool[..]].concat();
    served.with_token("agent", "bank", &redeem).good();
    served.stop();
}

fn copy(from: &str, to: &str) {
    let copied = std::process::Command::new("cp")
        .args(["-a", from, to])
        .status();
    assert!(copied.unwrap().success());
}

#[test]
fn a_rewrite_below_a_kept_head_is_found() {
    let world = World::set();
    let (data, early) = (world.data(), world.text("early"));
    let key = format!("@{}", world.text("vkey"));
    let state = world.text("state");
    let verify = |more: &[&str]| {
        let line = ["verify", &data, "--trusted-log-key", &key];
        let mut command = command();
        command
            .args([&line[..], more].concat())
            .env("COUNTERSIGN_STATE", &state);
        command.output().unwrap()
    };
    copy(&data, &early);
    run_a_transfer(&world);
    let kept = world.text("kept");
    run(&["export", "--data", &data, "--case", "kept", "--out", &kept]).good();
    assert_eq!(
        verify(&[]).status.code(),
        Some(0),
        "and the head is remembered"
    );

    // With every key of the server: back to before the transfer, and on as if it had not been.
    std::fs::rename(&data, world.path("hidden")).unwrap();
    copy(&early, &data);
    let served = world.serve();
    for number in 0..20 {
        let path = format!(r#"{{"path":"/srv/{number}"}}"#);
        served.ask("delete_file", &path).good();
    }
    served.stop();

    let remembered = verify(&[]);
    assert_eq!(remembered.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&remembered.stdout).contains("[FAIL] since"));
    let compared = verify(&["--no-memory", "--since", &kept]);
    assert_eq!(compared.status.code(), Some(1));
    let alone = verify(&["--no-memory"]);
    let said = String::from_utf8_lossy(&alone.stdout).into_owned();
    assert_eq!(
        alone.status.code(),
        Some(0),
        "nothing in the log itself tells"
    );
    assert!(
        said.contains("append-only since your last look: not checked"),
        "{said}"
    );
}

#[test]
fn pages_of_nothing_are_not_asked_for_without_end() {
    let world = World::set();
    let served = world.serve();
    let first = "/v1/records?from=0&limit=500";
    let liar = Liar::before(&served.url("audit"), ["", ""], first, |_, _| {
        let nothing = Object::new().with("records", Vec::<Value>::new());
        nothing.with("next", 0_u32).into()
    });
    let token = world.text("auditor.token");
    let trace = ["trace", "0", "--url", &liar.url, "--token-file", &token];
    run(&trace).complains(&["an empty page before the end"]);
}
