//! One question to this person: opened, recomputed, shown.

use base64ct::{Base64, Encoding as _};
use countersign_attest::Statement;
use countersign_attest::statement::Requester;
use countersign_flow::{RENDERER, presentation_text};
use countersign_gate::CallView;
use countersign_policy::Policy;
use countersign_record::action::{action_digest, policy_digest, shown_digest};
use countersign_record::body::{Disclosed, Disclosure};
use countersign_record::digest::{PolicyDigest, ShownDigest, unhex32};
use countersign_record::id::CallId;
use countersign_record::json::{Object, Value};
use countersign_record::name::RuleName;
use countersign_record::term::{Client, Decision};
use countersign_record::words::check_words;
use countersign_service::{Clock as _, SystemClock};

use super::hours::ClockDoubt;
use super::rebuild::rebuild;
use super::session::Session;
use crate::exit;
use crate::output::{Failure, Output};

/// What a person is shown, recomputed here.
pub(super) struct Shown {
    pub(super) view: CallView,
    /// The presentation.
    value: Value,
    digest: ShownDigest,
    policy: PolicyDigest,
    text: String,
    words: String,
    clock: Option<ClockDoubt>,
}

/// A question that may be answered.
pub(super) struct Ceremony {
    pub(super) shown: Shown,
    statements: Vec<Statement>,
}

impl Shown {
    /// Looks without opening: nothing can be signed over it.
    pub(super) fn look(session: &Session, call: CallId) -> Result<Self, Failure> {
        let path = format!("/v1/calls/{call}/presentation");
        let answer = session.get(&path)?;
        let view = session.view(&path, answer.body.member("view"))?;
        Self::check(session, &path, view, answer.body.member("shown"), call)
    }

    /// Recomputes everything that can be.
    fn check(
        session: &Session,
        path: &str,
        view: CallView,
        shown: Option<&Value>,
        call: CallId,
    ) -> Result<Self, Failure> {
        let disclosure = shown.ok_or_else(|| session.malformed(path, "nothing is shown"))?;
        let disclosure = Disclosure::from_json(disclosure)
            .map_err(|error| session.malformed(path, &error.to_string()))?;
        let root = disclosure
            .root()
            .map_err(|error| refuse(&error.to_string()))?;
        let Ok(Disclosed::Whole(value)) = disclosure.disclosed() else {
            return Err(refuse("part of what should be shown is withheld"));
        };
        let digest = shown_digest(&root);
        let action = value
            .member("action")
            .ok_or_else(|| refuse("the action is not shown"))?;
        match view.action_salt {
            Some(salt) if action_digest(action, &salt) != view.action => {
                return Err(refuse("the action digest is not that of the action shown"));
            }
            None if view.state.is_pending() || view.state.is_redeemable() => {
                return Err(refuse("the salt of the action digest is not told"));
            }
            // Of a call that has ended it is not told any more, and nothing can be signed.
            Some(_) | None => {}
        }
        let named = value.member("call").and_then(Value::as_str);
        if view.call != call || named != Some(call.to_string().as_str()) {
            return Err(refuse("it is about another call"));
        }
        let (policy, clock) = policy_of(session, &value)?;
        let text = presentation_text(&value).ok_or_else(|| refuse("it cannot be shown as text"))?;
        let words = check_words(&view.action, &digest).to_string();
        if view.check_words.as_ref().is_some_and(|told| *told != words) {
            return Err(refuse("the service tells the agent other check words"));
        }
        Ok(Self {
            view,
            value,
            digest,
            policy,
            text,
            words,
            clock,
        })
    }

    /// Shows it, check words last.
    pub(super) fn tell(&self, output: &mut Output) {
        let mut say = |line: &str| {
            if output.is_json() {
                output.hint(line);
            } else {
                output.line(line);
            }
        };
        say(&format!("{} ({})\n", self.view.call, self.view.state));
        say(self.text.trim_end());
        say(&format!("\nCheck words: {}", self.words));
        say("The agent's own screen must show the same four words.");
        if let Some(doubt) = &self.clock {
            output.hint(&format!("note: {doubt}"));
        }
    }

    pub(super) fn document(&self) -> Object {
        Object::new()
            .with("call", self.view.call.to_string())
            .with("state", self.view.state.as_str())
            .with("message", self.view.message.as_str())
            .with("check_words", self.words.as_str())
            .with("shown_digest", format!("sha256:{}", self.digest))
            .with("presentation", self.value.clone())
            .with("text", self.text.as_str())
    }
}

/// The policy of a presentation, fetched by its digest; the presentation is rebuilt under it.
fn policy_of(
    session: &Session,
    shown: &Value,
) -> Result<(PolicyDigest, Option<ClockDoubt>), Failure> {
    let digest = shown
        .at("/why/policy")
        .and_then(Value::as_str)
        .and_then(unhex32)
        .map(PolicyDigest);
    let digest = digest.ok_or_else(|| refuse("it names no policy"))?;
    let path = format!("/v1/policies/sha256:{digest}");
    let answer = session.get(&path)?;
    let toml = answer.body.member("toml").and_then(Value::as_str);
    let toml = toml.ok_or_else(|| session.malformed(&path, "no policy text"))?;
    if policy_digest(toml.as_bytes()) != digest {
        return Err(refuse("the policy's text is not that of its digest"));
    }
    let policy = Policy::parse(toml).map_err(|error| refuse(&error.to_string()))?;
    let clock = rebuild(shown, &policy, digest, SystemClock::new().wall_ms());
    Ok((digest, clock.map_err(|error| refuse(&error.to_string()))?))
}

impl Ceremony {
    /// Opens the question, which is recorded, and checks all that may be signed.
    pub(super) fn open(session: &Session, call: CallId) -> Result<Self, Failure> {
        let path = format!("/v1/calls/{call}/openings");
        let answer = session.post(&path, Object::new().with("client", Client::Cli.as_str()))?;
        let view = session.view(&path, answer.body.member("call"))?;
        let salt = answer
            .body
            .member("action_salt")
            .and_then(Value::as_str)
            .and_then(unhex32);
        let view = CallView {
            action_salt: salt.or(view.action_salt),
            ..view
        };
        if view.action_salt.is_none() {
            return Err(refuse("the salt of the action digest is not told"));
        }
        let shown = Shown::check(session, &path, view, answer.body.member("shown"), call)?;
        let lines = answer
            .body
            .member("statements")
            .and_then(Value::as_array)
            .unwrap_or_default();
        let mine = lines.iter().filter(|line| {
            line.member("key").and_then(Value::as_str) == Some(session.key().to_string().as_str())
        });
        let read = |line: &Value| {
            let bytes = line.member("statement").and_then(Value::as_str);
            let bytes = bytes.and_then(|text| Base64::decode_vec(text).ok());
            let bytes =
                bytes.ok_or_else(|| session.malformed(&path, "a statement without bytes"))?;
            let told = Statement::read(&bytes).map_err(|error| refuse(&error.to_string()))?;
            shown.expect(session, &told, &bytes)
        };
        let statements = mine.map(read).collect::<Result<Vec<_>, Failure>>()?;
        Ok(Self { shown, statements })
    }

    /// The statement of a decision.
    pub(super) fn statement(&self, decision: Decision) -> Result<&Statement, Failure> {
        let found = self
            .statements
            .iter()
            .find(|statement| statement.decision == decision);
        found.ok_or_else(|| {
            Failure::say(
                exit::USAGE,
                format!("the service offers this key no statement to {decision}"),
            )
            .hint("was the key enrolled for the client cli? see: countersign key history")
        })
    }
}

impl Shown {
    /// The statement rebuilt member by member. What only the service can know (instance, nonce,
    /// when and at which head it was opened, independence) is taken as told; every other member
    /// must follow from what was shown, and the bytes must be the same.
    fn expect(
        &self,
        session: &Session,
        told: &Statement,
        bytes: &[u8],
    ) -> Result<Statement, Failure> {
        let missing = || refuse("what is shown lacks a member that the statement has");
        let why = self.value.member("why").ok_or_else(missing)?;
        let number = |name| why.member(name).and_then(Value::as_u64).ok_or_else(missing);
        let rules = why
            .member("rules")
            .and_then(Value::as_array)
            .ok_or_else(missing)?;
        let rules = rules
            .iter()
            .map(|rule| rule.member("rule")?.as_str()?.parse::<RuleName>().ok());
        let asked_by = why.member("asked_by").ok_or_else(missing)?;
        let circle = ["id", "on_behalf_of"]
            .into_iter()
            .filter_map(|name| asked_by.member(name));
        let circle = circle.map(|id| id.as_str()?.parse::<Requester>().ok());
        let rebuilt = Statement {
            log: session.log().to_owned(),
            call: self.view.call,
            confirmation: self.view.confirmation.ok_or_else(missing)?,
            action_digest: self.view.action,
            shown_digest: self.digest,
            renderer: countersign_attest::statement::Renderer {
                version: RENDERER.parse().map_err(|_| missing())?,
                asset_digest: None,
            },
            client: Client::Cli,
            policy: self.policy,
            rules: rules.collect::<Option<_>>().ok_or_else(missing)?,
            requester: circle.collect::<Option<_>>().ok_or_else(missing)?,
            person: session.person(),
            key: session.key(),
            deadline_ms: number("decide_before")?,
            execute_within_ms: number("execute_within_ms")?,
            typed_target_digest: None,
            matched_number_digest: None,
            comment_digest: None,
            ..told.clone()
        };
        let confirmation = self.value.member("confirmation").and_then(Value::as_str);
        let same = confirmation == Some(rebuilt.confirmation.to_string().as_str())
            && rebuilt.to_bytes().is_ok_and(|rebuilt| rebuilt == bytes);
        if same {
            Ok(rebuilt)
        } else {
            Err(refuse(
                "the statement says something else than what was shown",
            ))
        }
    }
}

/// The service shows or asks for something that is not so.
pub(super) fn refuse(fault: &str) -> Failure {
    Failure::say(
        exit::TAMPERED,
        format!("refusing to go on, nothing was signed: {fault}"),
    )
    .hint("tell the people who run the service; do not approve this by another way")
}
