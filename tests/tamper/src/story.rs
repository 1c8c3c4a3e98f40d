//! What happens in the golden ledger: every kind of entry that version 1 writes, through the
//! service's own core, in as few entries as that takes.

use countersign_attest::Context;
use countersign_attest::statement::{Head, Revocation as Statement};
use countersign_flow::{
    Bootstrap, CallDocument, Command, Decide, Freezing, Open, Outcome, Past, PastStage, Record,
    Redeem, Revocation, RevokeKey, Submit, statement,
};
use countersign_record::action::{fingerprint, text_digest};
use countersign_record::digest::{TokenDigest, hex, sha256};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, CredentialEnrolled, DenyCause, Disclosed, ExecutorEnrolled, Fact,
    Fingerprint, GroupChanged, OutcomeCause, OutcomeStatus, Party, PersonEnrolled, PersonLeft,
    Refs, RevocationCause,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, FreezeId, GrantId, PersonId,
    PolicyId, SessionId,
};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Decision, Enforcement, Role};
use countersign_service::Core;

use crate::clock::Hand;
use crate::draw::Draw;
use crate::people::Device;

/// The name of the log.
pub const ORIGIN: &str = "ledger.example/v1";
pub(crate) const POLICY: &str = include_str!("policy.toml");
/// Of the likenesses of actions; in the keyring too.
pub(crate) const SALT: [u8; 32] = [0x5a; 32];

pub(crate) const AGENT: AgentId = AgentId::new([1; 16]);
pub(crate) const OPERATOR: CredentialId = CredentialId::new([2; 16]);
/// For whom the agent acts.
pub(crate) const PRINCIPAL: PersonId = PersonId::new([12; 16]);
const RESPONDER: CredentialId = CredentialId::new([3; 16]);
const AUDITOR: CredentialId = CredentialId::new([4; 16]);
const BANK: ExecutorId = ExecutorId::new([5; 16]);

const SECOND: u64 = 1000;
const DAY: u64 = 24 * 60 * 60 * SECOND;
/// So many commands share a frame.
const BATCH: u64 = 3;

/// The people, by the byte of their ids, and the seeds of their devices: a key in a file, and keys
/// of tokens with either curve.
pub const DEVICES: [(u8, u64); 3] = [(10, 0), (11, 3), (12, 2)];

pub(crate) fn tell(core: Core, clock: Hand) {
    let mut teller = Teller {
        core,
        clock,
        draw: Draw::new(1),
        devices: Vec::new(),
        commands: 0,
    };
    teller.set_up();
    teller.run_and_dispute();
    teller.approve_with_two();
    teller.deny_and_lift();
    teller.end_without_running();
    teller.freeze_and_lift();
    teller.adopt_a_stricter_policy();
    teller.revoke_and_note();
    teller.core.settled("the golden ledger").unwrap();
}

struct Teller {
    core: Core,
    clock: Hand,
    draw: Draw,
    devices: Vec<Device>,
    commands: u64,
}

/// What happens.
impl Teller {
    fn set_up(&mut self) {
        for (byte, seed) in DEVICES {
            self.person(byte, seed);
        }
        let gone = self.enrol(13);
        self.change(gone, PersonLeft { bootstrap: true }, None);
        self.parties();
        self.run(&Command::Arm);
        let software = String::from("golden 1");
        self.run(&Command::Record(Record::Started { software }));
    }

    fn run_and_dispute(&mut self) {
        let session = SessionId::new(self.draw.bytes());
        let call = self.ask(Party::Agent(AGENT), "look", &named("a"), Some(session));
        self.redeem(call);
        let grant = self.grant(call);
        let replayed = Record::Replayed {
            by: BANK,
            grant,
            call,
            past: None,
            count: 2,
        };
        self.run(&Command::Record(replayed));
        let reported = self.outcome(call, OutcomeStatus::Succeeded, None);
        let stage = PastStage::Reported(OutcomeStatus::Succeeded);
        let past = Past {
            seq: reported,
            executor: BANK,
            stage,
        };
        self.outcome(call, OutcomeStatus::Failed, Some(past));
    }

    fn approve_with_two(&mut self) {
        let call = self.ask_agent("wire", "b");
        self.ask_agent("wire", "b");
        self.vote(0, call, Decision::Approve, Some("seen"));
        self.vote(1, call, Decision::Approve, None);
        self.withdraw(call);
        self.redeem(call);
        self.outcome(call, OutcomeStatus::Unknown, None);
    }

    fn deny_and_lift(&mut self) {
        let call = self.ask_agent("pay", "c");
        self.vote(0, call, Decision::Deny, None);
        let arguments = Object::new().with("call", call.to_string());
        self.control(2, "countersign.denial.lift", &arguments);
    }

    fn end_without_running(&mut self) {
        let silent = self.ask_agent("pay", "d");
        self.clock.pass(DAY / 2);
        self.run(&Command::Tick { call: silent });
        let unwanted = self.ask_agent("pay", "e");
        self.withdraw(unwanted);
        let unused = self.ask_agent("look", "f");
        self.withdraw(unused);
        let late = self.ask_agent("look", "g");
        self.clock.pass(DAY / 2);
        self.run(&Command::Tick { call: late });
        let regretted = self.ask_agent("pay", "h");
        self.vote(1, regretted, Decision::Approve, None);
        self.take_back(0, regretted);
    }

    fn freeze_and_lift(&mut self) {
        self.ask_agent("look", "i");
        let freeze = FreezeId::new(self.draw.bytes());
        self.run(&Command::Freeze(Freezing {
            freeze,
            by: RESPONDER,
            agent: None,
            key: None,
            person: None,
            tool: None,
            rule: None,
            by_target: true,
            all: false,
            detail: Some(
                Object::new()
                    .with("reason", "look")
                    .with("target", "i")
                    .into(),
            ),
            claimed: Vec::new(),
        }));
        let arguments = Object::new().with("freeze", freeze.to_string());
        self.control(1, "countersign.freeze.lift", &arguments);
    }

    fn adopt_a_stricter_policy(&mut self) {
        let asked = self.ask_agent("pay", "j");
        let allowed = self.ask_agent("look", "k");
        let rule =
            "[[rule]]\nid = \"look\"\ntitle = \"Nobody looks\"\ntool = \"look\"\ndeny = true\n";
        let stricter = POLICY
            .replace("version      = 1", "version      = 2")
            .replace("approvals = 1, from", "approvals = 2, from");
        let arguments = Object::new().with("toml", format!("{stricter}\n{rule}"));
        self.control(0, "countersign.policy.adopt", &arguments);
        for call in [asked, allowed] {
            self.run(&Command::Supersede { call });
        }
    }

    fn revoke_and_note(&mut self) {
        let by = Party::Credential(OPERATOR);
        let revoked = RevokeKey {
            by,
            key: self.devices[1].key,
            cause: RevocationCause::Lost,
        };
        self.run(&Command::RevokeKey(revoked));
        self.run(&Command::RevokeCredential {
            by,
            of: Party::Credential(RESPONDER),
            cause: RevocationCause::Replaced,
        });
        let (old, new) = (self.core.state().last_at, self.core.now() + SECOND);
        let notes = [
            Record::ClockAccepted { by, old, new },
            Record::Refused {
                by: Party::Agent(AGENT),
                code: "not-eligible".into(),
                call: None,
                count: 3,
            },
            Record::Accessed {
                by: AUDITOR,
                what: Disclosed::Export,
                count: 1,
            },
            Record::Recovered {
                cut_bytes: 7,
                digest: sha256(&[b"a torn tail"]),
            },
            Record::Repaired {
                what: "adopt-head".into(),
            },
            Record::Stopped,
        ];
        for note in notes {
            self.run(&Command::Record(note));
        }
    }
}

/// Who there is.
impl Teller {
    fn enrol(&mut self, byte: u8) -> Refs {
        let refs = Refs {
            person: Some(PersonId::new([byte; 16])),
            ..Refs::default()
        };
        let handle = format!("p{byte}");
        let body = Object::new()
            .with("handle", handle.as_str())
            .with("name", "N")
            .with("email", format!("{handle}@e.example"));
        let enrolled = PersonEnrolled { bootstrap: true };
        self.change(refs.clone(), enrolled, Some(("person", body)));
        refs
    }

    fn person(&mut self, byte: u8, seed: u64) {
        let refs = self.enrol(byte);
        let group = GroupChanged {
            group: "owners".parse().unwrap(),
            change: Change::Add,
            bootstrap: true,
        };
        self.change(refs.clone(), group, None);
        let draw = &mut Draw::new(seed);
        let device = Device::draw(draw, PersonId::new([byte; 16]));
        let enrolment = device.enrolment(draw, ORIGIN, head(&self.core));
        let mut enrolled = device.enrolled(draw, &enrolment, None);
        enrolled.bootstrap = true;
        let key = Some(device.key);
        self.change(Refs { key, ..refs }, enrolled, None);
        self.devices.push(device);
    }

    fn parties(&mut self) {
        let named = |name: &str| Object::new().with("name", name);
        let refs = Refs {
            agent: Some(AGENT),
            person: Some(PRINCIPAL),
            ..Refs::default()
        };
        let agent = AgentEnrolled {
            token: TokenDigest(self.draw.bytes()),
            enforcement: Enforcement::ToolVerified,
            bootstrap: true,
        };
        self.change(refs, agent, Some(("agent", named("a"))));
        let refs = Refs {
            executor: Some(BANK),
            ..Refs::default()
        };
        let executor = ExecutorEnrolled {
            name: "bank".parse().unwrap(),
            token: TokenDigest(self.draw.bytes()),
            bootstrap: true,
        };
        self.change(refs, executor, None);
        let roles = [
            (OPERATOR, Role::Operator),
            (RESPONDER, Role::Responder),
            (AUDITOR, Role::Auditor),
        ];
        for (id, role) in roles {
            let refs = Refs {
                credential: Some(id),
                ..Refs::default()
            };
            let credential = CredentialEnrolled {
                role,
                token: TokenDigest(self.draw.bytes()),
                bootstrap: true,
            };
            self.change(refs, credential, Some(("credential", named("c"))));
        }
    }

    fn change(&mut self, refs: Refs, fact: impl Into<Fact>, body: Option<(&'static str, Object)>) {
        let bodies = body.map(|(name, body)| (name, Some(Value::Object(body))));
        let change = Bootstrap {
            refs,
            fact: fact.into(),
            bodies: bodies.into_iter().collect(),
        };
        self.run(&Command::Bootstrap(change));
    }
}

/// What each does.
impl Teller {
    fn ask_agent(&mut self, tool: &str, it: &str) -> CallId {
        self.ask(Party::Agent(AGENT), tool, &named(it), None)
    }

    fn ask(
        &mut self,
        by: Party,
        tool: &str,
        arguments: &Object,
        session: Option<SessionId>,
    ) -> CallId {
        let service = self.core.state().ledger.as_ref().unwrap().service;
        let audience = if matches!(by, Party::Agent(_)) {
            BANK
        } else {
            service
        };
        let document = CallDocument {
            tool: tool.into(),
            arguments: arguments.clone().into(),
            audience,
            action_salt: self.draw.bytes(),
            tool_call_id: format!("t{}", self.commands),
            session: session.map(|_| "s".into()),
            reason: None,
            plan: None,
            trace_id: None,
            replaces: None,
        };
        let digest = fingerprint(&document.action(), &SALT);
        let call = CallId::new(self.draw.bytes());
        let submit = Command::Submit(Box::new(Submit {
            by,
            session,
            new_session: session.map(|_| Some("s".into())),
            call,
            replaces: None,
            executor: audience,
            action: document.digest(),
            fp: Fingerprint { epoch: 0, digest },
            older: Vec::new(),
            document: Some(document),
            claimed: None,
            grant: GrantId::new(self.draw.bytes()),
            confirmation: ConfirmationId::new(self.draw.bytes()),
            instance: self.draw.bytes(),
        }));
        self.run(&submit);
        call
    }

    /// Opens, signs and decides.
    fn vote(&mut self, who: usize, call: CallId, decision: Decision, comment: Option<&str>) {
        let served = self.core.state().size;
        let (person, key) = (self.devices[who].person, self.devices[who].key);
        let state = self.core.state();
        let (client, head) = (
            state.roster.keys[&key].enrolled.client,
            state.head.clone().unwrap(),
        );
        let open = Command::Open(Open {
            call,
            person,
            nonce: self.draw.bytes(),
            client,
            independence: Vec::new(),
            head,
        });
        self.run(&open);
        let state = self.core.state();
        let asked = &state.calls[&call];
        let pending = asked.question().unwrap();
        let opening = &pending.openings[&served];
        let mut stated = statement(state, asked, pending, opening, key, decision).unwrap();
        let salt = [7; 32];
        stated.comment_digest = comment.map(|text| text_digest(&salt, text));
        let bytes = stated.to_bytes().unwrap();
        let signature = self.devices[who].sign(&mut self.draw, Context::Approval, &bytes);
        let body = |text| {
            let body = Object::new().with("salt", hex(&salt)).with("text", text);
            Some(body.into())
        };
        let decide = Command::Decide(Box::new(Decide {
            call,
            person,
            key,
            served,
            decision,
            statement: Blob(bytes),
            signature: Blob(signature),
            raw: None,
            cause: DenyCause::NotAsked,
            comment: comment.map(body),
            grant: GrantId::new(self.draw.bytes()),
            enacted: Some(Refs {
                policy: Some(PolicyId::new(self.draw.bytes())),
                ..Refs::default()
            }),
            claimed: None,
        }));
        self.run(&decide);
    }

    fn control(&mut self, who: usize, tool: &str, arguments: &Object) {
        let call = self.ask(Party::Credential(OPERATOR), tool, arguments, None);
        self.vote(who, call, Decision::Approve, None);
        assert!(!self.core.state().calls.contains_key(&call), "{tool}");
    }

    fn withdraw(&mut self, call: CallId) {
        let by = Party::Agent(AGENT);
        self.run(&Command::Withdraw { by, call });
    }

    fn grant(&self, call: CallId) -> GrantId {
        let call = &self.core.state().calls[&call];
        let redeemed = match &call.stage {
            countersign_flow::Stage::Redeemed(redeemed) => Some(redeemed.grant),
            _ => None,
        };
        let granted = call.granted().map(|granted| granted.grant);
        granted.or(redeemed).unwrap()
    }

    fn redeem(&mut self, call: CallId) {
        let (grant, action) = (self.grant(call), self.core.state().calls[&call].action);
        let nonce = self.draw.bytes();
        let executor = BANK;
        self.run(&Command::Redeem(Redeem {
            grant,
            executor,
            nonce,
            action,
        }));
    }

    /// The number of the report's entry.
    fn outcome(&mut self, call: CallId, status: OutcomeStatus, past: Option<Past>) -> u64 {
        let seq = self.core.state().size;
        let receipt = Object::new().with("receipt", 7);
        self.run(&Command::Outcome(Outcome {
            call,
            by: Party::Executor(BANK),
            status,
            cause: OutcomeCause::Reported,
            detail: Some(Some(receipt.into())),
            past,
        }));
        seq
    }

    fn take_back(&mut self, who: usize, call: CallId) {
        let confirmation = self.core.state().calls[&call].question();
        let confirmation = confirmation.map(|pending| pending.confirmation);
        let (person, key) = (self.devices[who].person, self.devices[who].key);
        let stated = Statement {
            log: ORIGIN.into(),
            call,
            confirmation,
            person,
            key,
            head: head(&self.core),
            comment_digest: None,
        };
        let bytes = stated.to_bytes().unwrap();
        let signature = self.devices[who].sign(&mut self.draw, Context::Revocation, &bytes);
        self.run(&Command::Revoke(Revocation {
            call,
            person,
            key,
            statement: Blob(bytes),
            signature: Blob(signature),
        }));
    }

    fn run(&mut self, command: &Command) {
        self.clock.pass(SECOND);
        self.core.direct("telling the story", command).unwrap();
        self.commands += 1;
        if self.commands.is_multiple_of(BATCH) {
            self.core.settled("telling the story").unwrap();
        }
    }
}

fn named(it: &str) -> Object {
    Object::new().with("it", it)
}

fn head(core: &Core) -> Head {
    let head = core.state().head.as_ref().unwrap();
    Head {
        seq: head.seq,
        hash: head.hash,
    }
}
