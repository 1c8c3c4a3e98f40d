//! A log in memory with everyone that the tests need; each test changes one thing.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use countersign_attest::statement::{Enrolment, Head as StatedHead, Nonce};
use countersign_attest::{Context, PublicKey, sshsig};
use countersign_record::action::{fingerprint, policy_digest};
use countersign_record::digest::{BodyRoot, EntryHash, TokenDigest, sha256};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, Compared, CredentialEnrolled, DenyCause, Entry, ExecutorEnrolled,
    Fact, Fingerprint, GroupChanged, LedgerCreated, OutcomeCause, OutcomeStatus, Party,
    PersonEnrolled, PolicyAdopted, Refs, ServiceKey,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, FreezeId, GrantId, KeyId, PersonId,
    PolicyId,
};
use countersign_record::json::{Limits, Object, Value, canonical, read};
use countersign_record::term::{Client, Decision, Enforcement, Independence, Role};
use ed25519_dalek::SigningKey;

use crate::{
    Bootstrap, CallDocument, Command, Commit, Decide, Freezing, Open, Outcome, Past, Redeem,
    Refusal, Revocation, State, Submit, Unchecked, admit, apply, key_enrolled, statement,
};

pub(super) const MINUTE_MS: u64 = 60_000;
pub(super) const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(super) const POLICY: &str = include_str!("policy.toml");
pub(super) const ORIGIN: &str = "ledger.example/test";

pub(super) type BodyValues = BTreeMap<String, Value>;

/// The service's own id.
pub(super) const SERVICE: ExecutorId = ExecutorId::new([9; 16]);

/// Who has which groups; `pat` is the agent's principal.
const PEOPLE: &[(&str, &[&str])] = &[
    ("ann", &["owners", "treasury"]),
    ("bob", &["owners", "treasury"]),
    ("cat", &["owners", "treasury"]),
    ("lea", &["legal"]),
    ("pat", &["treasury"]),
    ("zed", &[]),
];

#[derive(Clone)]
pub(super) struct World {
    pub(super) state: State,
    pub(super) log: Vec<(Entry, EntryHash, BodyValues)>,
    pub(super) now: u64,
    drawn: u64,
    pub(super) people: BTreeMap<&'static str, PersonId>,
    /// The key of a person, by handle and kind of client.
    pub(super) keys: BTreeMap<(&'static str, Client), (KeyId, SigningKey)>,
    pub(super) agent: AgentId,
    pub(super) bank: ExecutorId,
    pub(super) other: ExecutorId,
    pub(super) responder: CredentialId,
    pub(super) operator: CredentialId,
    pub(super) auditor: CredentialId,
    /// Bodies that the reader of this world does not see.
    pub(super) withheld: bool,
    pub(super) unchecked: Vec<Unchecked>,
}

/// Roots without salts: a test needs them different, not secret.
#[derive(Default)]
struct Roots(BTreeMap<(usize, String), Value>);

impl Commit for Roots {
    fn commit(&mut self, draft: usize, name: &'static str, value: Option<&Value>) -> BodyRoot {
        let value = value.cloned().unwrap_or(Value::Null);
        let root = BodyRoot(sha256(&[name.as_bytes(), &canonical(&value)]));
        self.0.insert((draft, name.into()), value);
        root
    }
}

pub(super) fn arguments(json: &str) -> Value {
    read(json.as_bytes(), &Limits::REQUEST).unwrap()
}

pub(super) fn text_body(members: &[(&str, &str)]) -> Value {
    let object = members.iter().fold(Object::new(), |object, (name, text)| {
        object.with(*name, *text)
    });
    Value::Object(object)
}

impl World {
    /// Set up and armed.
    pub(super) fn new() -> Self {
        let mut world = Self::unarmed();
        world.run(&Command::Arm).unwrap();
        world
    }

    /// Set up, before arming.
    pub(super) fn unarmed() -> Self {
        let mut world = Self::empty();
        world.run(&World::created(false)).unwrap();
        world.adopt_first(POLICY).unwrap();
        world.enrol_everyone();
        world
    }

    /// Without a single entry.
    pub(super) fn empty() -> Self {
        let id = |number| [number; 16];
        Self {
            state: State::default(),
            log: Vec::new(),
            now: 1_700_000_000_000,
            drawn: 0,
            people: BTreeMap::new(),
            keys: BTreeMap::new(),
            agent: AgentId::new(id(1)),
            bank: ExecutorId::new(id(2)),
            other: ExecutorId::new(id(3)),
            responder: CredentialId::new(id(4)),
            operator: CredentialId::new(id(5)),
            auditor: CredentialId::new(id(6)),
            withheld: false,
            unchecked: Vec::new(),
        }
    }

    pub(super) fn created(solo: bool) -> Command {
        let key = |number| ServiceKey {
            id: KeyId::new([number; 16]),
            key: [number; 32],
        };
        let fact = LedgerCreated {
            origin: ORIGIN.into(),
            format: 1,
            log_key: [1; 32],
            grant_key: key(0xa1),
            seal_key: key(0xa2),
            webhook_key: key(0xa3),
            solo,
        };
        let refs = Refs {
            executor: Some(SERVICE),
            ..Refs::default()
        };
        Command::Bootstrap(Bootstrap {
            refs,
            fact: fact.into(),
            bodies: Vec::new(),
        })
    }

    pub(super) fn adopt_first(&mut self, toml: &str) -> Result<Vec<Entry>, Refusal> {
        let refs = Refs {
            policy: Some(PolicyId::new(self.draw())),
            ..Refs::default()
        };
        let fact = PolicyAdopted {
            digest: policy_digest(toml.as_bytes()),
            bootstrap: true,
        };
        let body = text_body(&[("toml", toml)]);
        self.boot(refs, fact, vec![("policy", Some(body))])
    }

    pub(super) fn boot(
        &mut self,
        refs: Refs,
        fact: impl Into<Fact>,
        bodies: Vec<(&'static str, Option<Value>)>,
    ) -> Result<Vec<Entry>, Refusal> {
        self.run(&Command::Bootstrap(Bootstrap {
            refs,
            fact: fact.into(),
            bodies,
        }))
    }

    fn enrol_everyone(&mut self) {
        for (handle, groups) in PEOPLE {
            self.enrol_person(handle, groups);
            self.enrol_key(handle, Client::Cli).unwrap();
        }
        let refs = Refs {
            agent: Some(self.agent),
            person: Some(self.people["pat"]),
            ..Refs::default()
        };
        let token = TokenDigest([1; 32]);
        let enforcement = Enforcement::ToolVerified;
        let enrolled = AgentEnrolled {
            token,
            enforcement,
            bootstrap: true,
        };
        self.boot(
            refs,
            enrolled,
            vec![("agent", Some(text_body(&[("name", "helper")])))],
        )
        .unwrap();
        for (id, name, token) in [(self.bank, "bank", 2), (self.other, "files", 3)] {
            let refs = Refs {
                executor: Some(id),
                ..Refs::default()
            };
            let (name, token) = (name.parse().unwrap(), TokenDigest([token; 32]));
            self.boot(
                refs,
                ExecutorEnrolled {
                    name,
                    token,
                    bootstrap: true,
                },
                vec![],
            )
            .unwrap();
        }
        let credentials = [
            (self.responder, Role::Responder, 4),
            (self.operator, Role::Operator, 5),
            (self.auditor, Role::Auditor, 6),
        ];
        for (id, role, token) in credentials {
            let refs = Refs {
                credential: Some(id),
                ..Refs::default()
            };
            let enrolled = CredentialEnrolled {
                role,
                token: TokenDigest([token; 32]),
                bootstrap: true,
            };
            let body = text_body(&[("name", role.as_str())]);
            self.boot(refs, enrolled, vec![("credential", Some(body))])
                .unwrap();
        }
    }

    pub(super) fn enrol_person(&mut self, handle: &'static str, groups: &[&str]) {
        let person = PersonId::new(self.draw());
        self.people.insert(handle, person);
        let refs = Refs {
            person: Some(person),
            ..Refs::default()
        };
        let email = format!("{handle}@example.com");
        let body = text_body(&[("handle", handle), ("name", handle), ("email", &email)]);
        let bodies = vec![("person", Some(body))];
        self.boot(refs.clone(), PersonEnrolled { bootstrap: true }, bodies)
            .unwrap();
        for group in groups {
            let group = group.parse().unwrap();
            let changed = GroupChanged {
                group,
                change: Change::Add,
                bootstrap: true,
            };
            self.boot(refs.clone(), changed, vec![]).unwrap();
        }
    }

    pub(super) fn enrol_key(
        &mut self,
        handle: &'static str,
        client: Client,
    ) -> Result<Vec<Entry>, Refusal> {
        let key = KeyId::new(self.draw());
        let secret =
            SigningKey::from_bytes(&sha256(&[handle.as_bytes(), client.as_str().as_bytes()]));
        let fact = self.enrolment(self.people[handle], &secret, client);
        let fact = countersign_record::entry::KeyEnrolled {
            bootstrap: true,
            ..fact
        };
        self.keys.insert((handle, client), (key, secret));
        let refs = Refs {
            key: Some(key),
            person: Some(self.people[handle]),
            ..Refs::default()
        };
        self.boot(refs, fact, vec![])
    }

    /// What a key says of itself, and its proof.
    pub(super) fn enrolment(
        &self,
        person: PersonId,
        secret: &SigningKey,
        client: Client,
    ) -> countersign_record::entry::KeyEnrolled {
        let head = self.state.head.clone().unwrap();
        let enrolment = Enrolment {
            log: ORIGIN.into(),
            person,
            public_key: PublicKey::from_ed25519(secret.verifying_key().as_bytes()).unwrap(),
            usage: client,
            nonce: Nonce([7; 32]),
            head: StatedHead {
                seq: head.seq,
                hash: head.hash,
            },
        };
        let bytes = enrolment.to_bytes().unwrap();
        let signature = sign(secret, Context::Enrolment, &bytes);
        key_enrolled(&enrolment, Blob(bytes), signature, None)
    }

    pub(super) fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let [low, high] = [self.drawn, 0xd0].map(u64::to_be_bytes);
        [high, low].concat().try_into().unwrap()
    }

    /// Runs a command; what it appends is encoded, read back and folded.
    pub(super) fn run(&mut self, command: &Command) -> Result<Vec<Entry>, Refusal> {
        let mut roots = Roots::default();
        let admitted = admit(&self.state, command, self.now, &mut roots)?;
        self.unchecked = admitted.unchecked().to_vec();
        assert!(
            self.withheld || self.unchecked.is_empty(),
            "{:?}",
            self.unchecked
        );
        let drafts = admitted.into_drafts();
        let n = u64::try_from(drafts.len()).unwrap();
        let mut entries = Vec::new();
        for (place, draft) in drafts.into_iter().enumerate() {
            let entry = Entry {
                seq: self.state.size,
                prev: self
                    .state
                    .head
                    .as_ref()
                    .map_or(EntryHash([0; 32]), |head| head.hash),
                at: self.now,
                n: (place == 0).then_some(n),
                keyring: None,
                draft,
            };
            let of_entry = roots.0.iter().filter(|((draft, _), _)| *draft == place);
            let bodies: BodyValues = of_entry
                .filter(|((_, name), _)| entry.draft.bodies.root(name).is_some())
                .map(|((_, name), value)| (name.clone(), value.clone()))
                .collect();
            self.fold(entry.clone(), bodies);
            entries.push(entry);
        }
        Ok(entries)
    }

    pub(super) fn fold(&mut self, entry: Entry, bodies: BodyValues) {
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes).as_ref(), Ok(&entry));
        let hash = EntryHash(sha256(&[&bytes]));
        apply(&mut self.state, &entry, hash, &|name| {
            bodies.get(name).cloned()
        });
        self.log.push((entry, hash, bodies));
    }

    /// The state folded anew from the log.
    pub(super) fn refolded(&self) -> State {
        let mut state = State::default();
        for (entry, hash, bodies) in &self.log {
            apply(&mut state, entry, *hash, &|name| bodies.get(name).cloned());
        }
        state
    }

    /// The state before each entry and after the last.
    pub(super) fn states(&self) -> Vec<State> {
        let mut states = alloc::vec![State::default()];
        for (entry, hash, bodies) in &self.log {
            let mut state = states.last().cloned().unwrap_or_default();
            apply(&mut state, entry, *hash, &|name| bodies.get(name).cloned());
            states.push(state);
        }
        states
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.now += ms;
    }

    /// A submission by the agent; `id` is the caller's own.
    pub(super) fn submission(&mut self, tool: &str, to: &str, id: &str) -> Submit {
        let arguments = Value::Object(Object::new().with("to", to));
        self.submission_of(tool, arguments, id)
    }

    pub(super) fn submission_of(&mut self, tool: &str, arguments: Value, id: &str) -> Submit {
        let document = CallDocument {
            tool: tool.into(),
            arguments,
            audience: self.bank,
            action_salt: [0x5a; 32],
            tool_call_id: id.into(),
            session: None,
            reason: None,
            plan: None,
            trace_id: None,
            replaces: None,
        };
        self.submitted(document, Party::Agent(self.agent))
    }

    pub(super) fn submitted(&mut self, document: CallDocument, by: Party) -> Submit {
        Submit {
            by,
            session: None,
            new_session: None,
            call: CallId::new(self.draw()),
            replaces: document.replaces,
            executor: document.audience,
            action: document.digest(),
            fp: Fingerprint {
                epoch: 0,
                digest: fingerprint(&document.action(), &[1; 32]),
            },
            older: Vec::new(),
            document: Some(document),
            claimed: None,
            grant: GrantId::new(self.draw()),
            confirmation: ConfirmationId::new(self.draw()),
            instance: self.draw(),
        }
    }

    pub(super) fn submit(&mut self, submit: Submit) -> Result<CallId, Refusal> {
        let call = submit.call;
        let entries = self.run(&Command::Submit(Box::new(submit)))?;
        Ok(entries
            .last()
            .and_then(|entry| entry.draft.refs.call)
            .unwrap_or(call))
    }

    /// A new call of that tool.
    pub(super) fn ask(&mut self, tool: &str) -> CallId {
        let id = format!("{tool}-{}", self.state.size);
        let submit = self.submission(tool, "Example Ltd", &id);
        self.submit(submit).unwrap()
    }

    pub(super) fn opening(&mut self, call: CallId, handle: &str, client: Client) -> Open {
        let nonce = sha256(&[&self.state.size.to_be_bytes()]);
        Open {
            call,
            person: self.people[handle],
            nonce,
            client,
            independence: vec![Compared {
                fact: "channel".into(),
                found: Independence::Differs,
            }],
            head: self.state.head.clone().unwrap(),
        }
    }

    /// Opens the call for the person; the seq of the opening.
    pub(super) fn open(&mut self, call: CallId, handle: &str) -> u64 {
        let open = self.opening(call, handle, Client::Cli);
        self.run(&Command::Open(open)).unwrap()[0].seq
    }

    /// A signed decision through that opening.
    pub(super) fn decision(
        &mut self,
        call: CallId,
        handle: &'static str,
        served: u64,
        decision: Decision,
    ) -> Decide {
        self.decision_with(call, handle, served, decision, Client::Cli, None)
    }

    pub(super) fn decision_with(
        &mut self,
        call: CallId,
        handle: &'static str,
        served: u64,
        decision: Decision,
        client: Client,
        comment: Option<&str>,
    ) -> Decide {
        let comment = comment.map(|text| {
            let salt = [3; 32];
            let digest = countersign_record::action::text_digest(&salt, text);
            let salt = countersign_record::digest::hex(&salt);
            (text_body(&[("salt", &salt), ("text", text)]), digest)
        });
        let (key, secret) = self.keys[&(handle, client)].clone();
        let asked = &self.state.calls[&call];
        let pending = asked.question().unwrap();
        let opening = &pending.openings[&served];
        let mut stated = statement(&self.state, asked, pending, opening, key, decision).unwrap();
        stated.comment_digest = comment.as_ref().map(|(_, digest)| *digest);
        let bytes = stated.to_bytes().unwrap();
        Decide {
            call,
            person: self.people[handle],
            key,
            served,
            decision,
            signature: sign(&secret, Context::Approval, &bytes),
            statement: Blob(bytes),
            raw: None,
            cause: DenyCause::Other,
            comment: comment.map(|(value, _)| Some(value)),
            grant: GrantId::new(self.draw()),
            enacted: None,
            claimed: None,
        }
    }

    pub(super) fn decide(&mut self, decide: Decide) -> Result<Vec<Entry>, Refusal> {
        self.run(&Command::Decide(Box::new(decide)))
    }

    /// Opens and approves.
    pub(super) fn approve(&mut self, call: CallId, handle: &'static str) -> Vec<Entry> {
        self.vote(call, handle, Decision::Approve).unwrap()
    }

    /// Opens and decides.
    pub(super) fn vote(
        &mut self,
        call: CallId,
        handle: &'static str,
        decision: Decision,
    ) -> Result<Vec<Entry>, Refusal> {
        let open = self.opening(call, handle, Client::Cli);
        let served = self.run(&Command::Open(open))?[0].seq;
        let decide = self.decision(call, handle, served, decision);
        self.decide(decide)
    }

    /// An approved call.
    pub(super) fn approved(&mut self, tool: &str) -> CallId {
        let call = self.ask(tool);
        self.approve(call, "ann");
        if self.state.calls[&call].granted().is_none() {
            self.approve(call, "bob");
        }
        call
    }

    pub(super) fn redemption(&self, call: CallId) -> Redeem {
        let call = &self.state.calls[&call];
        let grant = call
            .granted()
            .map_or(GrantId::new([0; 16]), |granted| granted.grant);
        Redeem {
            grant,
            executor: call.executor,
            nonce: [8; 32],
            action: call.action,
        }
    }

    pub(super) fn redeem(&mut self, call: CallId) -> Result<Vec<Entry>, Refusal> {
        let redeem = self.redemption(call);
        self.run(&Command::Redeem(redeem))
    }

    pub(super) fn report(
        &mut self,
        call: CallId,
        status: OutcomeStatus,
        past: Option<Past>,
    ) -> Result<Vec<Entry>, Refusal> {
        self.run(&Command::Outcome(Outcome {
            call,
            by: Party::Executor(self.bank),
            status,
            cause: OutcomeCause::Reported,
            detail: None,
            past,
        }))
    }

    pub(super) fn withdraw(&mut self, call: CallId) -> Result<Vec<Entry>, Refusal> {
        self.run(&Command::Withdraw {
            by: Party::Agent(self.agent),
            call,
        })
    }

    pub(super) fn revocation(&self, call: CallId, handle: &'static str) -> Revocation {
        let (key, secret) = &self.keys[&(handle, Client::Cli)];
        let head = self.state.head.clone().unwrap();
        let pending = self.state.calls.get(&call).and_then(crate::Call::question);
        let stated = countersign_attest::statement::Revocation {
            log: ORIGIN.into(),
            call,
            confirmation: pending.map(|pending| pending.confirmation),
            person: self.people[handle],
            key: *key,
            head: StatedHead {
                seq: head.seq,
                hash: head.hash,
            },
            comment_digest: None,
        };
        let bytes = stated.to_bytes().unwrap();
        Revocation {
            call,
            person: self.people[handle],
            key: *key,
            signature: sign(secret, Context::Revocation, &bytes),
            statement: Blob(bytes),
        }
    }

    /// A freeze of nothing yet.
    pub(super) fn freezing(&mut self) -> Freezing {
        Freezing {
            freeze: FreezeId::new(self.draw()),
            by: self.responder,
            agent: None,
            key: None,
            person: None,
            tool: None,
            rule: None,
            by_target: false,
            all: false,
            detail: Some(text_body(&[("reason", "look into it")])),
            claimed: Vec::new(),
        }
    }

    pub(super) fn freeze(&mut self, change: impl FnOnce(&mut Freezing)) -> FreezeId {
        let mut freezing = self.freezing();
        change(&mut freezing);
        self.run(&Command::Freeze(freezing.clone())).unwrap();
        freezing.freeze
    }

    /// A control call by the operator.
    pub(super) fn control(&mut self, tool: &str, arguments: Value) -> Submit {
        let document = CallDocument {
            tool: tool.into(),
            arguments,
            audience: SERVICE,
            action_salt: [0x5a; 32],
            tool_call_id: format!("control-{}", self.state.size),
            session: None,
            reason: None,
            plan: None,
            trace_id: None,
            replaces: None,
        };
        self.submitted(document, Party::Credential(self.operator))
    }

    /// A control call that two owners approve; the entries of the deciding vote.
    pub(super) fn controlled(&mut self, tool: &str, arguments: Value, ids: Refs) -> Vec<Entry> {
        let submit = self.control(tool, arguments);
        let call = self.submit(submit).unwrap();
        self.approve(call, "ann");
        let served = self.open(call, "bob");
        let mut decide = self.decision(call, "bob", served, Decision::Approve);
        decide.enacted = Some(ids);
        self.decide(decide).unwrap()
    }

    pub(super) fn kinds(entries: &[Entry]) -> Vec<&'static str> {
        entries.iter().map(Entry::kind).collect()
    }
}

pub(super) fn sign(secret: &SigningKey, context: Context, bytes: &[u8]) -> Blob {
    Blob(sshsig::sign_ed25519(secret, context.as_str(), bytes))
}

/// The text of an id, for arguments.
pub(super) fn word(id: &impl ToString) -> String {
    id.to_string()
}
