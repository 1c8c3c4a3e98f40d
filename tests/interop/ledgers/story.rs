//! What happened: random commands, each decided by `countersign-flow` as a server would. What it
//! refuses did not happen.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use countersign_attest::Context;
use countersign_attest::statement::{Head, Revocation as RevocationStatement};
use countersign_flow::{
    Bootstrap, CallDocument, Command, Commit, Decide, Freezing, Open, Outcome, Past, PastStage,
    Record, Redeem, Revocation, RevokeKey, Stage, State, Submit, admit, apply, statement,
};
use countersign_ledger::chain::{genesis, link};
use countersign_record::action::{fingerprint, policy_digest, text_digest};
use countersign_record::body::Body;
use countersign_record::digest::{BodyRoot, TokenDigest, hex, sha256};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, Compared, CredentialEnrolled, DenyCause, Disclosed, Entry,
    ExecutorEnrolled, Fact, Fingerprint, GroupChanged, LedgerCreated, OutcomeCause, OutcomeStatus,
    Party, PersonEnrolled, PolicyAdopted, Refs, RevocationCause, ServiceKey,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, FreezeId, GrantId, KeyId, PersonId,
    PolicyId, SessionId,
};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Decision, Enforcement, Independence, Role};

use crate::draw::Draw;
use crate::people::Device;
use crate::shelf::{Kept, Shelf};

const POLICY: &str = include_str!("../../stories/policy.toml");
const FILES: &[&str] = &[
    "list_files",
    "delete",
    "format",
    "archive",
    "publish",
    "seal",
    "sign",
    "shred",
    "send",
    "merge",
];
const PEOPLE: &[(&str, &[&str])] = &[
    ("alice", &["treasury", "owners", "ops"]),
    ("omar", &["treasury", "owners"]),
    ("ines", &["owners", "ops"]),
];
/// Steps that may all be refused, before a story is called told.
const STEPS_MAX: u64 = 400;

/// A ledger of 5 to 60 entries, the same for the same seed.
pub(crate) fn tell(seed: u64) -> Shelf {
    let mut teller = Teller::new(seed);
    teller.begin();
    for _ in 0..STEPS_MAX {
        if teller.is_told() {
            break;
        }
        teller.step();
    }
    teller.shelf
}

struct Teller {
    shelf: Shelf,
    draw: Draw,
    state: State,
    now: u64,
    size: u64,
    service: ExecutorId,
    devices: Vec<Device>,
    agents: Vec<AgentId>,
    executors: BTreeMap<&'static str, ExecutorId>,
    credentials: Vec<(CredentialId, Role)>,
    /// Reported outcomes, for reports that come again.
    reported: Vec<(CallId, Past)>,
    freezes: Vec<FreezeId>,
    sessions: Vec<(AgentId, SessionId, String)>,
    accounts: u64,
}

impl Teller {
    fn new(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let size = 5 + draw.below(56);
        Self {
            shelf: Shelf {
                origin: format!("ledger.example/seed-{seed}"),
                log_seed: draw.bytes(),
                commits: Vec::new(),
                draw: Draw::new(draw.number()),
            },
            state: State::default(),
            now: 1_763_700_000_000 + draw.below(1 << 30),
            size,
            service: ExecutorId::new(draw.bytes()),
            devices: Vec::new(),
            agents: Vec::new(),
            executors: BTreeMap::new(),
            credentials: Vec::new(),
            reported: Vec::new(),
            freezes: Vec::new(),
            sessions: Vec::new(),
            accounts: 1 + draw.below(6),
            draw,
        }
    }

    fn is_told(&self) -> bool {
        self.state.size >= self.size
    }

    // ---- before arming ----

    fn begin(&mut self) {
        self.create();
        let mut people: Vec<_> = PEOPLE.iter().map(|person| Some(*person)).collect();
        people.truncate(2 + usize::try_from(self.draw.below(2)).unwrap());
        for (handle, groups) in people.into_iter().flatten() {
            self.person(handle, groups);
        }
        self.parties();
        self.run(&Command::Arm);
        let started = Record::Started {
            software: "countersignd/0".into(),
        };
        self.run(&Command::Record(started));
    }

    fn create(&mut self) {
        let mut service_key = || ServiceKey {
            id: KeyId::new(self.draw.bytes()),
            key: self.draw.bytes(),
        };
        let created = LedgerCreated {
            origin: self.shelf.origin.clone(),
            format: 1,
            grant_key: service_key(),
            seal_key: service_key(),
            webhook_key: service_key(),
            log_key: self.shelf.log_key(),
            solo: self.draw.once_in(4),
        };
        let refs = Refs {
            executor: Some(self.service),
            ..Refs::default()
        };
        self.change(refs, created, None);
        let refs = Refs {
            policy: Some(PolicyId::new(self.draw.bytes())),
            ..Refs::default()
        };
        let adopted = PolicyAdopted {
            digest: policy_digest(POLICY.as_bytes()),
            bootstrap: true,
        };
        self.change(
            refs,
            adopted,
            Some(("policy", Object::new().with("toml", POLICY))),
        );
    }

    fn person(&mut self, handle: &str, groups: &[&str]) {
        let person = PersonId::new(self.draw.bytes());
        let refs = Refs {
            person: Some(person),
            ..Refs::default()
        };
        let body = Object::new()
            .with("handle", handle)
            .with("name", format!("{handle} \u{e4}\u{20ac}\u{1f511}"))
            .with("email", format!("{handle}@example.com"));
        self.change(
            refs.clone(),
            PersonEnrolled { bootstrap: true },
            Some(("person", body)),
        );
        for group in groups {
            let group = GroupChanged {
                group: group.parse().unwrap(),
                change: Change::Add,
                bootstrap: true,
            };
            self.change(refs.clone(), group, None);
        }
        for _ in 0..=self.draw.below(2) {
            let device = Device::draw(&mut self.draw, person);
            let head = self.head();
            let enrolment = device.enrolment(&mut self.draw, &self.shelf.origin, head);
            let mut enrolled = device.enrolled(&mut self.draw, &enrolment, None);
            enrolled.bootstrap = true;
            let key = Some(device.key);
            let refs = Refs {
                key,
                ..refs.clone()
            };
            if self.change(refs, enrolled, None) {
                self.devices.push(device);
            }
        }
    }

    fn parties(&mut self) {
        let principal = self.devices.last().map(|device| device.person);
        for name in ["payer", "tidier"] {
            let agent = AgentId::new(self.draw.bytes());
            let refs = Refs {
                agent: Some(agent),
                person: principal,
                ..Refs::default()
            };
            let enrolled = AgentEnrolled {
                token: TokenDigest(self.draw.bytes()),
                enforcement: Enforcement::Cooperative,
                bootstrap: true,
            };
            let body = Object::new().with("name", name);
            if self.change(refs, enrolled, Some(("agent", body))) {
                self.agents.push(agent);
            }
        }
        for name in ["bank", "files"] {
            let executor = ExecutorId::new(self.draw.bytes());
            let refs = Refs {
                executor: Some(executor),
                ..Refs::default()
            };
            let enrolled = ExecutorEnrolled {
                name: name.parse().unwrap(),
                token: TokenDigest(self.draw.bytes()),
                bootstrap: true,
            };
            if self.change(refs, enrolled, None) {
                self.executors.insert(name, executor);
            }
        }
        for (name, role) in [
            ("night", Role::Responder),
            ("operator", Role::Operator),
            ("auditor", Role::Auditor),
        ] {
            let credential = CredentialId::new(self.draw.bytes());
            let refs = Refs {
                credential: Some(credential),
                ..Refs::default()
            };
            let enrolled = CredentialEnrolled {
                role,
                token: TokenDigest(self.draw.bytes()),
                bootstrap: true,
            };
            let body = Object::new().with("name", name);
            if self.change(refs, enrolled, Some(("credential", body))) {
                self.credentials.push((credential, role));
            }
        }
    }

    fn change(
        &mut self,
        refs: Refs,
        fact: impl Into<Fact>,
        body: Option<(&'static str, Object)>,
    ) -> bool {
        let bodies = body
            .into_iter()
            .map(|(name, body)| (name, Some(Value::Object(body))))
            .collect();
        let change = Bootstrap {
            refs,
            fact: fact.into(),
            bodies,
        };
        self.run(&Command::Bootstrap(change))
    }

    // ---- after it ----

    fn step(&mut self) {
        match self.draw.below(24) {
            0..4 => self.submit(),
            4..7 => self.open(),
            7..12 => self.vote(),
            12..15 => self.redeem(),
            15..17 => self.report(),
            17 => self.report_again(),
            18 => self.end(),
            19 => self.freeze(),
            20 => self.control(),
            21 => self.revoke(),
            22 => self.note(),
            _ => self.take_back(),
        }
    }

    fn submit(&mut self) {
        let Some(agent) = self.draw.of(&self.agents).copied() else {
            return;
        };
        let account = self.draw.below(self.accounts);
        let (tool, executor, arguments) = if self.draw.once_in(3) {
            let amount = ["9.50", "24000.00"][usize::try_from(self.draw.below(2)).unwrap()];
            let account = format!("DE8937040044053201300{account}");
            let arguments = Object::new()
                .with("amount", amount)
                .with("currency", "EUR")
                .with("account", account);
            ("bank.wire", "bank", arguments)
        } else {
            let tool = self.draw.of(FILES).copied().unwrap_or("delete");
            let path = format!("/srv/\u{202e}{account}");
            let arguments = Object::new().with("path", path);
            let arguments = if self.draw.once_in(6) {
                // Not as the catalogue has it: a fallback rule asks people.
                arguments.with("extra", vec![Value::from("~/a b"), Value::from(true)])
            } else {
                arguments
            };
            (tool, "files", arguments)
        };
        let Some(executor) = self.executors.get(executor).copied() else {
            return;
        };
        let tool = if self.draw.once_in(12) { "shell" } else { tool };
        self.ask(Party::Agent(agent), executor, tool, arguments);
    }

    fn ask(&mut self, by: Party, executor: ExecutorId, tool: &str, arguments: Object) {
        let (session, new_session) = self.session(by);
        let reason = self.draw.once_in(2);
        let document = CallDocument {
            tool: tool.into(),
            arguments: arguments.into(),
            audience: executor,
            action_salt: self.draw.bytes(),
            tool_call_id: format!("toolu_{}", self.draw.number()),
            session: new_session.clone(),
            reason: reason.then(|| "As asked, 5 pieces to admin@example.com".into()),
            plan: None,
            trace_id: None,
            replaces: None,
        };
        let is_new = session.is_some_and(|id| !self.state.sessions.contains_key(&id));
        let digest = fingerprint(&document.action(), &sha256(&[by.to_string().as_bytes()]));
        let submit = Submit {
            by,
            session,
            new_session: is_new.then_some(new_session),
            call: CallId::new(self.draw.bytes()),
            replaces: None,
            executor,
            action: document.digest(),
            fp: Fingerprint { epoch: 0, digest },
            older: Vec::new(),
            document: Some(document),
            claimed: None,
            grant: GrantId::new(self.draw.bytes()),
            confirmation: ConfirmationId::new(self.draw.bytes()),
            instance: self.draw.bytes(),
        };
        self.run(&Command::Submit(Box::new(submit)));
    }

    /// Now and then a named session, new or used before.
    fn session(&mut self, by: Party) -> (Option<SessionId>, Option<String>) {
        let Party::Agent(agent) = by else {
            return (None, None);
        };
        match self.draw.below(6) {
            0 => {
                let id = SessionId::new(self.draw.bytes());
                let name = format!("session {}", self.draw.below(99));
                self.sessions.push((agent, id, name.clone()));
                (Some(id), Some(name))
            }
            1 => match self.draw.of(&self.sessions).cloned() {
                Some((_, id, name)) => (Some(id), Some(name)),
                None => (None, None),
            },
            _ => (None, None),
        }
    }

    fn open(&mut self) {
        let (Some(call), Some(device)) = (self.call(), self.device()) else {
            return;
        };
        let fact = String::from("network");
        let found = Independence::Differs;
        let open = Open {
            call,
            person: self.devices[device].person,
            nonce: self.draw.bytes(),
            client: self.client(device),
            independence: if self.draw.once_in(2) {
                vec![Compared { fact, found }]
            } else {
                Vec::new()
            },
            head: self.state.head.clone().unwrap(),
        };
        self.run(&Command::Open(open));
    }

    fn vote(&mut self) {
        let Some(call) = self.call() else {
            return;
        };
        let device = self.draw.below(u64::try_from(self.devices.len()).unwrap());
        let device = usize::try_from(device).unwrap();
        let decision = if self.draw.once_in(4) {
            Decision::Deny
        } else {
            Decision::Approve
        };
        let open = &self.state.calls[&call];
        let Some(pending) = open.question() else {
            return;
        };
        let person = self.devices[device].person;
        let mut openings = pending.openings.iter();
        let Some((served, opening)) = openings.find(|(_, it)| it.person == person) else {
            return;
        };
        let (served, key) = (*served, self.devices[device].key);
        let Some(mut signed) = statement(&self.state, open, pending, opening, key, decision) else {
            return;
        };
        let is_control = open.executor == self.service;
        let comment = (self.draw.once_in(3)).then_some("Seen, and right: \u{201e}ja\u{201c}");
        let salt: [u8; 32] = self.draw.bytes();
        signed.comment_digest = comment.map(|text| text_digest(&salt, text));
        let bytes = signed.to_bytes().unwrap();
        let signature = self.devices[device].sign(&mut self.draw, Context::Approval, &bytes);
        let body = |text| {
            Some(
                Object::new()
                    .with("salt", hex(&salt))
                    .with("text", text)
                    .into(),
            )
        };
        let decide = Decide {
            call,
            person,
            key,
            served,
            decision,
            statement: Blob(bytes),
            signature: Blob(signature),
            raw: None,
            cause: DenyCause::Suspicious,
            comment: comment.map(body),
            grant: GrantId::new(self.draw.bytes()),
            enacted: is_control.then(|| self.ids()),
            claimed: None,
        };
        self.run(&Command::Decide(Box::new(decide)));
    }

    /// Ids for whatever a change makes new.
    fn ids(&mut self) -> Refs {
        Refs {
            agent: Some(AgentId::new(self.draw.bytes())),
            executor: Some(ExecutorId::new(self.draw.bytes())),
            person: Some(PersonId::new(self.draw.bytes())),
            key: Some(KeyId::new(self.draw.bytes())),
            credential: Some(CredentialId::new(self.draw.bytes())),
            policy: Some(PolicyId::new(self.draw.bytes())),
            ..Refs::default()
        }
    }

    fn redeem(&mut self) {
        let mut calls = self.state.calls.values();
        let Some((call, granted)) = calls.find_map(|call| Some((call, *call.granted()?))) else {
            return;
        };
        let redeem = Redeem {
            grant: granted.grant,
            executor: call.executor,
            action: call.action,
            nonce: self.draw.bytes(),
        };
        self.run(&Command::Redeem(redeem));
    }

    fn report(&mut self) {
        let mut calls = self.state.calls.values();
        let redeemed = calls.find(|call| matches!(call.stage, Stage::Redeemed(_)));
        let Some((call, executor)) = redeemed.map(|call| (call.id, call.executor)) else {
            return;
        };
        self.outcome(call, executor, None);
    }

    fn report_again(&mut self) {
        let Some((call, past)) = self.draw.of(&self.reported).copied() else {
            return;
        };
        self.reported.retain(|(of, _)| *of != call);
        self.outcome(call, past.executor, Some(past));
    }

    fn outcome(&mut self, call: CallId, executor: ExecutorId, past: Option<Past>) {
        let statuses = [
            OutcomeStatus::Succeeded,
            OutcomeStatus::Failed,
            OutcomeStatus::Unknown,
        ];
        let status = self
            .draw
            .of(&statuses)
            .copied()
            .unwrap_or(OutcomeStatus::Failed);
        let detail = Object::new()
            .with("receipt", "\u{1f4b6} 7")
            .with("items", Vec::<Value>::new());
        let seq = self.state.size;
        let detail = self.draw.once_in(2).then_some(Some(detail.into()));
        let reported = self.run(&Command::Outcome(Outcome {
            call,
            by: Party::Executor(executor),
            status,
            cause: OutcomeCause::Reported,
            detail,
            past,
        }));
        if reported && past.is_none() {
            let stage = PastStage::Reported(status);
            let past = Past {
                seq,
                executor,
                stage,
            };
            self.reported.push((call, past));
        }
    }

    /// Time passes for a call, or whoever asked wants it no more.
    fn end(&mut self) {
        let Some(call) = self.call() else {
            return;
        };
        let open = &self.state.calls[&call];
        let (by, deadline) = (open.requester.asker, open.deadline());
        if self.draw.once_in(2) {
            self.now = self.now.max(deadline);
            self.run(&Command::Tick { call });
        } else {
            self.run(&Command::Withdraw { by, call });
        }
    }

    fn freeze(&mut self) {
        let (Some(by), false) = (self.credential(Role::Responder), self.draw.once_in(2)) else {
            return;
        };
        let freeze = FreezeId::new(self.draw.bytes());
        let which = self.draw.below(5);
        let reason = Object::new().with("reason", "an incident");
        let set = self.run(&Command::Freeze(Freezing {
            freeze,
            by,
            agent: self.agents.first().copied().filter(|_| which == 0),
            key: None,
            person: None,
            tool: (which == 1).then(|| "delete".into()),
            rule: (which == 2).then(|| "money".parse().unwrap()),
            by_target: which == 3,
            all: which == 4,
            detail: Some(
                if which == 3 {
                    reason.with("target", "/srv/1")
                } else {
                    reason
                }
                .into(),
            ),
            claimed: Vec::new(),
        }));
        if set {
            self.freezes.push(freeze);
        }
    }

    /// A change of the control, asked for as a call.
    fn control(&mut self) {
        let Some(by) = self.credential(Role::Operator) else {
            return;
        };
        let (tool, arguments) = match self.draw.below(4) {
            0 => self.new_key(),
            1 => {
                let handle = format!("new{}", self.draw.below(99));
                let groups = vec![Value::from("ops"), Value::from("owners")];
                let arguments = Object::new()
                    .with("handle", handle)
                    .with("name", "New Person")
                    .with("email", "new@example.com")
                    .with("groups", groups);
                ("countersign.person.add", arguments)
            }
            2 => match self.freezes.pop() {
                Some(freeze) => {
                    let arguments = Object::new().with("freeze", freeze.to_string());
                    ("countersign.freeze.lift", arguments)
                }
                None => return,
            },
            _ => match self.device() {
                Some(device) => {
                    let person = self.devices[device].person.to_string();
                    let arguments = Object::new()
                        .with("group", "ops")
                        .with("person", person)
                        .with(
                            "change",
                            if self.draw.once_in(2) {
                                "add"
                            } else {
                                "remove"
                            },
                        );
                    ("countersign.group.change", arguments)
                }
                None => return,
            },
        };
        self.ask(Party::Credential(by), self.service, tool, arguments);
    }

    /// A further key of somebody, for whom another person vouches.
    fn new_key(&mut self) -> (&'static str, Object) {
        let person = self.devices[0].person;
        let device = Device::draw(&mut self.draw, person);
        let head = self.head();
        let enrolment = device.enrolment(&mut self.draw, &self.shelf.origin, head);
        let voucher = self.devices.iter().find(|it| it.person != person);
        let enrolled = device.enrolled(&mut self.draw, &enrolment, voucher);
        let base64 = |blob: &Blob| Base64::encode_string(&blob.0);
        let mut arguments = Object::new()
            .with("statement", base64(&enrolled.statement))
            .with("signature", base64(&enrolled.signature));
        if let Some(endorsed) = &enrolled.endorsed {
            let endorsement = Object::new()
                .with("key", endorsed.key.to_string())
                .with("statement", base64(&endorsed.statement))
                .with("signature", base64(&endorsed.signature));
            arguments = arguments.with("endorsement", endorsement);
        }
        ("countersign.key.enroll", arguments)
    }

    fn revoke(&mut self) {
        let Some(by) = self.credential(Role::Operator).map(Party::Credential) else {
            return;
        };
        match self.draw.below(6) {
            0 => {
                let key = self.device().map(|device| self.devices[device].key);
                let cause = RevocationCause::Lost;
                let key = key.unwrap_or(KeyId::new([0; 16]));
                self.run(&Command::RevokeKey(RevokeKey { by, key, cause }));
            }
            1 => {
                let of = Party::Agent(self.agents[0]);
                let cause = RevocationCause::Replaced;
                self.run(&Command::RevokeCredential { by, of, cause });
            }
            _ => {}
        }
    }

    fn note(&mut self) {
        let record = match self.draw.below(5) {
            0 => Record::Stopped,
            1 => Record::Refused {
                by: Party::Executor(self.service),
                code: "not-eligible".into(),
                call: self.call(),
                count: 1 + self.draw.below(9),
            },
            2 => match self.credential(Role::Auditor) {
                Some(by) => Record::Accessed {
                    by,
                    what: Disclosed::Export,
                    count: 1,
                },
                None => return,
            },
            3 => {
                let (old, new) = (self.state.last_at, self.now + 1000);
                let by = Party::Executor(self.service);
                Record::ClockAccepted { by, old, new }
            }
            _ => Record::Recovered {
                cut_bytes: self.draw.below(4096),
                digest: self.draw.bytes(),
            },
        };
        self.run(&Command::Record(record));
    }

    /// Somebody who did not vote takes an approval back.
    fn take_back(&mut self) {
        let (Some(call), Some(device)) = (self.call(), self.device()) else {
            return;
        };
        let device = &self.devices[device];
        let Some(pending) = self.state.calls[&call].question() else {
            return;
        };
        let stated = RevocationStatement {
            log: self.shelf.origin.clone(),
            call,
            confirmation: Some(pending.confirmation),
            person: device.person,
            key: device.key,
            head: self.head(),
            comment_digest: None,
        };
        let statement = stated.to_bytes().unwrap();
        let signature = device.sign(&mut self.draw, Context::Revocation, &statement);
        let revocation = Revocation {
            call,
            person: device.person,
            key: device.key,
            statement: Blob(statement),
            signature: Blob(signature),
        };
        self.run(&Command::Revoke(revocation));
    }

    // ---- who and what ----

    fn head(&self) -> Head {
        let head = self.state.head.as_ref().unwrap();
        Head {
            seq: head.seq,
            hash: head.hash,
        }
    }

    fn call(&mut self) -> Option<CallId> {
        let calls: Vec<CallId> = self.state.calls.keys().copied().collect();
        self.draw.of(&calls).copied()
    }

    fn device(&mut self) -> Option<usize> {
        let all: Vec<usize> = (0..self.devices.len()).collect();
        self.draw.of(&all).copied()
    }

    fn client(&self, device: usize) -> countersign_record::term::Client {
        self.state.roster.keys[&self.devices[device].key]
            .enrolled
            .client
    }

    fn credential(&self, wanted: Role) -> Option<CredentialId> {
        let mut all = self.credentials.iter();
        all.find(|(_, role)| *role == wanted).map(|(id, _)| *id)
    }

    // ---- what comes of it ----

    /// Whether it was admitted. A story that is told admits nothing more.
    fn run(&mut self, command: &Command) -> bool {
        if self.is_told() {
            return false;
        }
        self.now += self.draw.below(40_000);
        let mut salted = Salted(&mut self.draw, BTreeMap::new());
        let Ok(admitted) = admit(&self.state, command, self.now, &mut salted) else {
            return false;
        };
        let bodies = salted.1;
        let drafts = admitted.into_drafts();
        let n = u64::try_from(drafts.len()).unwrap();
        let is_keyring_newer = self.draw.below(4) == 0;
        let keyring = is_keyring_newer.then_some(self.state.keyring + 1);
        let mut commit = Vec::new();
        for (place, draft) in drafts.into_iter().enumerate() {
            let head = self.state.head.as_ref();
            let entry = Entry {
                seq: self.state.size,
                prev: head.map_or(genesis(&self.shelf.origin), |head| head.hash),
                at: self.now,
                n: (place == 0).then_some(n),
                keyring: keyring.filter(|_| place == 0),
                draft,
            };
            let bytes = entry.encode();
            let value = |name: &str| {
                let mut own = bodies.iter().filter(|((at, _), _)| *at == place);
                own.find(|((_, of), _)| *of == name)
                    .map(|(_, body)| body.value().clone())
            };
            apply(&mut self.state, &entry, link(&bytes), &value);
            let own = bodies.iter().filter(|((at, _), _)| *at == place);
            let own = own.map(|((_, name), body)| ((name.len(), (*name).into()), body.clone()));
            commit.push(Kept {
                entry: bytes,
                bodies: own.collect(),
            });
        }
        self.shelf.commits.push(commit);
        true
    }
}

struct Salted<'d>(&'d mut Draw, BTreeMap<(usize, &'static str), Body>);

impl Commit for Salted<'_> {
    fn commit(&mut self, draft: usize, name: &'static str, value: Option<&Value>) -> BodyRoot {
        let body_salt = self.0.bytes();
        let body = Body::commit(value.unwrap(), body_salt, || self.0.bytes()).unwrap();
        let root = body.root();
        self.1.insert((draft, name), body);
        root
    }
}
