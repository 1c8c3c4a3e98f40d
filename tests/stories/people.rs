//! What people do: log in, look, open, sign, decide, take back, and change the control.

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::Revocation;
use countersign_attest::{Context, Statement};
use countersign_record::action::text_digest;
use countersign_record::digest::hex;
use serde_json::{Value, json};

use crate::clock::MINUTE;
use crate::http::{Caller, Response};
use crate::setup::{ORIGIN, Person, nowhere};
use crate::world::{World, base64, text, unbase64};

/// How long a session lasts.
pub(crate) const SESSION_MS: u64 = 10 * MINUTE;

/// What was opened, with its statements to sign.
pub(crate) struct Opened(Value);

impl Opened {
    /// The statement for a decision, as the service offers it.
    pub(crate) fn statement(&self, key: &str, decision: &str) -> Vec<u8> {
        let statements = self.0["statements"].as_array().unwrap();
        let fits = |it: &&Value| it["key"] == key && it["decision"] == decision;
        let offered = statements.iter().find(fits).expect("a statement to sign");
        unbase64(&offered["statement"])
    }
}

impl World {
    /// A session for reading; it decides nothing.
    pub(crate) fn session(&self, who: &str) -> Caller {
        let known = self.sessions.borrow().get(who).cloned();
        let lasts = known.filter(|(_, until)| self.clock.passed_ms() < *until);
        let token = lasts.map_or_else(|| self.log_in(who), |(token, _)| token);
        self.approver(Some(token))
    }

    pub(crate) fn log_in(&self, who: &str) -> String {
        let begun = self.begin_login(who).done();
        let signing = &self.people[who].signing;
        let statement = unbase64(&begun["statement"]);
        let signature = sign_ed25519(signing, Context::Login.as_str(), &statement);
        let signed = json!({ "statement": base64(&statement), "signature": base64(&signature) });
        let login = self.approver(None).post("/v1/login", &signed).done();
        let token = text(&login["session"]).to_owned();
        let until = self.clock.passed_ms() + SESSION_MS;
        let known = (token.clone(), until);
        self.sessions.borrow_mut().insert(who.into(), known);
        token
    }

    pub(crate) fn begin_login(&self, who: &str) -> Response {
        let public = self.people[who].signing.verifying_key().to_bytes();
        let public = countersign_attest::PublicKey::from_ed25519(&public).unwrap();
        let body = json!({ "public_key": base64(&public.to_ssh_wire()) });
        self.approver(None).post("/v1/login:begin", &body)
    }

    pub(crate) fn inbox(&self, who: &str) -> Vec<Value> {
        let inbox = self.session(who).get("/v1/inbox").done();
        inbox["items"].as_array().unwrap().clone()
    }

    pub(crate) fn try_open(&self, who: &str, call: &Value) -> Response {
        let path = format!("/v1/calls/{}/openings", text(call));
        self.session(who).post(&path, &json!({ "client": "cli" }))
    }

    pub(crate) fn open_call(&self, who: &str, call: &Value) -> Opened {
        Opened(self.try_open(who, call).done())
    }

    /// Signs the offered statement and sends it: the signature is the authority, no session is.
    pub(crate) fn decide(&self, who: &str, opened: &Opened, decision: &str) -> Response {
        self.decide_saying(who, opened, decision, None)
    }

    pub(crate) fn decide_saying(
        &self,
        who: &str,
        opened: &Opened,
        decision: &str,
        comment: Option<&str>,
    ) -> Response {
        let person = &self.people[who];
        let offered = opened.statement(&person.key.to_string(), decision);
        let mut statement = Statement::read(&offered).unwrap();
        let salt = [7; 32];
        statement.comment_digest = comment.map(|comment| text_digest(&salt, comment));
        let mut body = signed(person, Context::Approval, &statement.to_bytes().unwrap());
        if let Some(comment) = comment {
            body["comment"] = json!({ "salt": hex(&salt), "text": comment });
        }
        self.send_decision(&opened.0["call"]["call"], &body)
    }

    pub(crate) fn send_decision(&self, call: &Value, body: &Value) -> Response {
        let path = format!("/v1/calls/{}/decisions", text(call));
        self.approver(None).post(&path, body)
    }

    /// Opens and approves.
    pub(crate) fn try_approve(&self, who: &str, call: &Value) -> Response {
        self.decide(who, &self.open_call(who, call), "approve")
    }

    /// The call's view after an approval that counted.
    pub(crate) fn approve(&self, who: &str, call: &Value) -> Value {
        self.try_approve(who, call).done()["call"].clone()
    }

    /// The call's view after a refusal that counted.
    pub(crate) fn deny(&self, who: &str, call: &Value) -> Value {
        let opened = self.open_call(who, call);
        self.decide(who, &opened, "deny").done()["call"].clone()
    }

    /// Takes an approval back.
    pub(crate) fn revoke(&self, who: &str, view: &Value) -> Response {
        let person = &self.people[who];
        let revocation = Revocation {
            log: ORIGIN.into(),
            call: text(&view["call"]).parse().unwrap(),
            confirmation: Some(text(&view["confirmation"]).parse().unwrap()),
            person: person.id,
            key: person.key,
            head: nowhere(),
            comment_digest: None,
        };
        let bytes = revocation.to_bytes().unwrap();
        let path = format!("/v1/calls/{}/revocations", text(&view["call"]));
        let body = signed(person, Context::Revocation, &bytes);
        self.approver(None).post(&path, &body)
    }
}

/// A statement with the signature of a person's key.
pub(crate) fn signed(person: &Person, context: Context, statement: &[u8]) -> Value {
    let signature = sign_ed25519(&person.signing, context.as_str(), statement);
    json!({ "statement": base64(statement), "signature": base64(&signature) })
}

/// What responders and operators do.
impl World {
    pub(crate) fn freeze(&self, scope: &Value) -> Value {
        let responder = self.audit("responder");
        responder.post("/v1/freezes", scope).done()
    }

    pub(crate) fn try_control(
        &self,
        by: &str,
        key: &str,
        tool: &str,
        arguments: &Value,
    ) -> Response {
        let body = json!({ "tool": tool, "arguments": arguments, "reason": "as agreed" });
        self.audit(by).post_keyed("/v1/control-calls", key, &body)
    }

    /// A control call that alice and omar agree to; where it ends.
    pub(crate) fn control(&self, key: &str, tool: &str, arguments: &Value) -> Value {
        let asked = self.try_control("operator", key, tool, arguments).done();
        assert_eq!(
            (&asked["state"], &asked["need"]),
            (&json!("pending"), &json!(2))
        );
        self.approve("alice", &asked["call"]);
        self.approve("omar", &asked["call"])
    }

    /// The owners adopt another policy.
    pub(crate) fn adopt(&self, key: &str, toml: &str) {
        let arguments = json!({ "toml": toml });
        let ended = self.control(key, "countersign.policy.adopt", &arguments);
        assert_eq!(ended["state"], "succeeded", "{ended}");
    }
}

/// The policy of the stories with one thing changed.
pub(crate) fn policy_with(was: &str, is: &str) -> String {
    let policy = crate::setup::POLICY;
    assert_eq!(policy.matches(was).count(), 1, "{was} stands there once");
    policy.replace(was, is)
}
