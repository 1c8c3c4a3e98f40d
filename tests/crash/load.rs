//! Agents, approvers and executors at work, who write down every answer that they get.

use std::sync::{Arc, Mutex};

use base64ct::{Base64, Encoding as _};
use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::{Context, PublicKey};
use serde_json::{Value, json};

use crate::acks::{Acks, Redeemed};
use crate::client::{Answer, Caller};
use crate::ledger::Ledger;
use crate::program::Server;
use crate::random::Random;
use crate::setup::{Person, token};

/// More than a client asks for in a round. Transfers stay below what needs two people.
const ASKED_MAX: u64 = 2_000;
/// The number of a client that only shows that something new is taken.
pub(crate) const LAST: u64 = 400;

/// One of several that work at the same time: agent, approver and executors in one.
pub(crate) struct Client {
    /// Tells the actions of clients apart: no two ask for the same.
    number: u64,
    asked: u64,
    random: Random,
    approver: Person,
    agent: Caller,
    session: Caller,
    /// Where a signature is the authority.
    anybody: Caller,
    bank: Caller,
    files: Caller,
    responder: Caller,
    acks: Arc<Mutex<Acks>>,
}

impl Client {
    /// Logs in; `None` when the server is gone already.
    pub(crate) fn of(
        ledger: &Ledger,
        server: &Server,
        number: u64,
        random: Random,
        acks: &Arc<Mutex<Acks>>,
    ) -> Option<Self> {
        // Alice or Omar: Ines answers for the agent, and may not approve what it asks for.
        let approver = ledger.person(if number.is_multiple_of(2) { 0 } else { 2 });
        let anybody = Caller::new(server.approver(), None);
        let by = |url, name| Caller::new(url, Some(token(name)));
        let session = log_in(&anybody, approver)?;
        Some(Self {
            number,
            asked: 0,
            random,
            approver: approver.clone(),
            agent: by(server.agent(), "agent"),
            session: Caller::new(server.approver(), Some(session)),
            anybody,
            bank: by(server.agent(), "bank"),
            files: by(server.agent(), "files"),
            responder: by(server.audit(), "responder"),
            acks: Arc::clone(acks),
        })
    }

    /// One call, to some point of its life. `None`: something was not answered, or refused.
    pub(crate) fn work(&mut self) -> Option<()> {
        match self.random.below(20) {
            0 => self.freeze(),
            1..=3 => self.short().map(drop),
            4 | 5 => self.allowed(),
            _ => self.wire(),
        }
    }

    /// A transfer that people are asked about.
    fn wire(&mut self) -> Option<()> {
        let asked = self.ask_wire()?;
        match self.random.below(10) {
            0 => return self.withdraw(&asked),
            1 | 2 => return self.decide(&asked, "deny").map(drop),
            3 => return Some(()),
            _ => {}
        }
        let view = self.decide(&asked, "approve")?;
        if self.random.below(10) == 0 {
            return Some(());
        }
        let claimed = self.redeem(&view, "bank")?;
        if self.random.below(5) == 0 {
            return Some(());
        }
        self.report(&claimed, "bank", "succeeded")
    }

    pub(crate) fn ask_wire(&mut self) -> Option<Value> {
        self.submit_wire()?.good()
    }

    /// Asks for transfers until one is refused, at most so often; the refusal.
    pub(crate) fn refused_wire(&mut self, most: usize) -> Option<Answer> {
        let mut answers = (0..most).map_while(|_| self.submit_wire());
        answers.find(|answer| answer.status >= 300)
    }

    fn submit_wire(&mut self) -> Option<Answer> {
        let number = self.next();
        let amount = format!("{}.{:02}", 1 + number / 100, number % 100);
        let account = "DE89370400440532013000";
        let arguments = json!({ "amount": amount, "currency": "EUR", "account": account });
        self.submit("bank.wire", &arguments)
    }

    /// A deletion, about which nobody says anything before its deadline.
    pub(crate) fn short(&mut self) -> Option<Value> {
        let path = format!("/srv/{}", self.next());
        self.submit("delete", &json!({ "path": path }))?.good()
    }

    /// A call that needs nobody.
    pub(crate) fn ask_allowed(&mut self) -> Option<Value> {
        let path = format!("/srv/{}", self.next());
        self.submit("list_files", &json!({ "path": path }))?.good()
    }

    fn allowed(&mut self) -> Option<()> {
        let view = self.ask_allowed()?;
        let claimed = self.redeem(&view, "files")?;
        self.report(&claimed, "files", "failed")
    }

    /// No other action of any client of this log is like it.
    fn next(&mut self) -> u64 {
        self.asked += 1;
        self.number * ASKED_MAX + self.asked
    }

    fn submit(&mut self, tool: &str, arguments: &Value) -> Option<Answer> {
        let key = format!("{}-{}", self.number, self.asked);
        let body = json!({ "tool": tool, "arguments": arguments, "reason": "it is due" });
        let answer = self.agent.post_keyed("/v1/calls", &key, &body)?;
        if let Some(view) = answer.clone().good() {
            self.acks().view("submit", &view);
        }
        Some(answer)
    }

    fn withdraw(&mut self, asked: &Value) -> Option<()> {
        let path = format!("/v1/calls/{}/withdraw", asked["call"].as_str()?);
        let view = self.agent.post(&path, &json!({}))?.good()?;
        self.acks().view("withdraw", &view);
        Some(())
    }

    /// Opens, signs, sends; the view behind the decision.
    pub(crate) fn decide(&mut self, asked: &Value, decision: &str) -> Option<Value> {
        let call = asked["call"].as_str()?;
        let path = format!("/v1/calls/{call}/openings");
        let opened = self.session.post(&path, &json!({ "client": "cli" }))?;
        let opened = opened.good()?;
        let key = self.approver.key.to_string();
        let fits = |it: &&Value| it["key"] == *key && it["decision"] == decision;
        let offered = opened["statements"].as_array()?.iter().find(fits)?;
        let statement = Base64::decode_vec(offered["statement"].as_str()?).ok()?;
        let body = signed(&self.approver, Context::Approval, &statement);
        let path = format!("/v1/calls/{call}/decisions");
        let done = self.anybody.post(&path, &body)?.good()?;
        let proof = done["proof"].as_str().expect("a decision has its proof");
        let mut acks = self.acks();
        acks.entry("decide", done["seq"].as_u64()?, call, Some(proof));
        acks.view("decide", &done["call"]);
        Some(done["call"].clone())
    }

    pub(crate) fn redeem(&mut self, view: &Value, executor: &'static str) -> Option<Value> {
        let path = format!("/v1/grants/{}/redeem", view["grant"]["jti"].as_str()?);
        let nonce = format!("{:064x}", self.random.below(u64::MAX));
        let body = json!({ "nonce": nonce, "action_digest": view["action_digest"] });
        let done = self.executor(executor).post(&path, &body)?.good()?;
        let proof = done["proof"].as_str().expect("a redemption has its proof");
        let (seq, call) = (done["seq"].as_u64()?, done["call"].as_str()?);
        let mut acks = self.acks();
        acks.entry("redeem", seq, call, Some(proof));
        acks.moved(call, "redeemed");
        acks.redeemed(Redeemed {
            path,
            body,
            executor,
            seq,
        });
        drop(acks);
        Some(done)
    }

    pub(crate) fn report(&mut self, claimed: &Value, executor: &str, status: &str) -> Option<()> {
        let call = claimed["call"].as_str()?;
        let path = format!("/v1/calls/{call}/outcome");
        let body = json!({ "status": status, "detail": "receipt 7" });
        let done = self.executor(executor).post(&path, &body)?.good()?;
        let mut acks = self.acks();
        acks.entry("outcome", done["seq"].as_u64()?, call, None);
        acks.moved(call, status);
        Some(())
    }

    /// Freezes something that nobody asks for.
    pub(crate) fn freeze(&mut self) -> Option<()> {
        let scope = json!({ "target": format!("nothing-{}", self.next()), "reason": "a drill" });
        let done = self.responder.post("/v1/freezes", &scope)?.good()?;
        let proof = done["proof"].as_str().expect("a freeze has its proof");
        let index = proof.lines().find_map(|line| line.strip_prefix("index "));
        let seq = index.and_then(|index| index.parse().ok());
        let seq = seq.expect("a proof names its entry");
        self.acks().entry("freeze", seq, "", Some(proof));
        Some(())
    }

    fn executor(&self, name: &str) -> &Caller {
        if name == "bank" {
            &self.bank
        } else {
            &self.files
        }
    }

    fn acks(&self) -> std::sync::MutexGuard<'_, Acks> {
        self.acks.lock().unwrap()
    }
}

fn log_in(anybody: &Caller, person: &Person) -> Option<String> {
    let public = person.signing.verifying_key().to_bytes();
    let wire = PublicKey::from_ed25519(&public).unwrap().to_ssh_wire();
    let body = json!({ "public_key": Base64::encode_string(&wire) });
    let begun = anybody.post("/v1/login:begin", &body)?.good()?;
    let statement = Base64::decode_vec(begun["statement"].as_str()?).ok()?;
    let body = signed(person, Context::Login, &statement);
    let login = anybody.post("/v1/login", &body)?.good()?;
    login["session"].as_str().map(str::to_owned)
}

/// A statement with the signature of a person's key.
fn signed(person: &Person, context: Context, statement: &[u8]) -> Value {
    let signature = sign_ed25519(&person.signing, context.as_str(), statement);
    let text = Base64::encode_string;
    json!({ "statement": text(statement), "signature": text(&signature) })
}
