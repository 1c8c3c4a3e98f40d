//! A small ledger in memory, kept by the same pure code as a server's, with real software keys. A
//! dishonest server is one that asks `admit` about a state of its own making.

use std::collections::BTreeMap;

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::{Enrolment, Head, Nonce};
use countersign_attest::{Context, PublicKey};
use countersign_flow::{
    Bootstrap, CallDocument, Command, Commit, Decide, Open, Outcome, Redeem, Refusal, Revocation,
    State, Submit, admit, apply, key_enrolled, statement,
};
use countersign_ledger::chain::{genesis, leaf_hash, link};
use countersign_ledger::checkpoint::Checkpoint;
use countersign_ledger::merkle::Frontier;
use countersign_ledger::note::{Signer, VerifierKey};
use countersign_record::action::{fingerprint, policy_digest, text_digest};
use countersign_record::body::Body;
use countersign_record::digest::{BodyRoot, TokenDigest, hex};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, CredentialEnrolled, DenyCause, Draft, Entry, ExecutorEnrolled,
    Fact, Fingerprint, GroupChanged, LedgerCreated, OutcomeCause, OutcomeStatus, Party,
    PersonEnrolled, PolicyAdopted, Refs, ServiceKey,
};
use countersign_record::id::{
    AgentId, CallId, ConfirmationId, CredentialId, ExecutorId, GrantId, KeyId, PersonId, PolicyId,
};
use countersign_record::json::Value;
use countersign_record::object;
use countersign_record::term::{Client, Decision, Enforcement, Role};
use countersign_verify::{BodyState, Options, Report, Source, SourceError, Stored, Trust, verify};
use ed25519_dalek::SigningKey;

pub(crate) const ORIGIN: &str = "log.example/test";
pub(crate) const POLICY: &str = include_str!("policy.toml");
const MINUTE: u64 = 60_000;
const LOG_SEED: [u8; 32] = [9; 32];

/// Who votes.
#[derive(Clone)]
pub(crate) struct Voter {
    pub(crate) person: PersonId,
    pub(crate) key: KeyId,
    secret: SigningKey,
}

impl Voter {
    /// Somebody who votes for this person with the log's own key.
    pub(crate) fn impostor(&self) -> Self {
        Self {
            secret: SigningKey::from_bytes(&LOG_SEED),
            ..self.clone()
        }
    }
}

pub(crate) struct Book {
    pub(crate) state: State,
    pub(crate) records: Vec<Stored>,
    pub(crate) now: u64,
    /// The keyring's generation that the next command records.
    pub(crate) keyring: Option<u64>,
    signer: Signer,
    drawn: u8,
    pub(crate) alice: Voter,
    pub(crate) omar: Voter,
    /// The person for whom the agent acts; in treasury too.
    pub(crate) pat: Voter,
    pub(crate) agent: AgentId,
    pub(crate) bank: ExecutorId,
    pub(crate) responder: CredentialId,
}

/// Bodies of a group: entry of the group, name.
pub(crate) type Bodies = BTreeMap<(usize, String), Body>;

struct Salted(Bodies);

impl Commit for Salted {
    fn commit(&mut self, draft: usize, name: &'static str, value: Option<&Value>) -> BodyRoot {
        let body = Body::commit(value.unwrap(), [1; 16], || [2; 16]).unwrap();
        let root = body.root();
        self.0.insert((draft, name.into()), body);
        root
    }
}

impl Book {
    /// An armed log: Alice, Omar and Chen are owners and treasury, Pat is treasury.
    pub(crate) fn new() -> Self {
        let mut book = Self::unarmed();
        book.run(&Command::Arm).unwrap();
        book
    }

    /// The same, as long as the operator alone changes it.
    pub(crate) fn unarmed() -> Self {
        let secret = SigningKey::from_bytes(&LOG_SEED);
        let nobody = Voter {
            person: PersonId::new([0; 16]),
            key: KeyId::new([0; 16]),
            secret: secret.clone(),
        };
        let mut book = Self {
            state: State::default(),
            records: Vec::new(),
            now: 1_800_000_000_000,
            keyring: None,
            signer: Signer::new(ORIGIN, secret.clone()).unwrap(),
            drawn: 0,
            alice: nobody.clone(),
            omar: nobody.clone(),
            pat: nobody,
            agent: AgentId::new([0; 16]),
            bank: ExecutorId::new([0; 16]),
            responder: CredentialId::new([0; 16]),
        };
        book.set_up(&secret);
        book.alice = book.person("alice", "Alice Martin", &["owners", "treasury"]);
        book.omar = book.person("omar", "Omar Diaz", &["owners", "treasury"]);
        book.person("chen", "Chen Li", &["owners", "treasury"]);
        book.pat = book.person("pat", "Pat Smith", &["treasury"]);
        book.parties();
        book
    }

    fn set_up(&mut self, secret: &SigningKey) {
        let mut service_key = || ServiceKey {
            id: KeyId::new(self.draw()),
            key: [3; 32],
        };
        let created = LedgerCreated {
            origin: ORIGIN.into(),
            format: 1,
            grant_key: service_key(),
            seal_key: service_key(),
            webhook_key: service_key(),
            log_key: secret.verifying_key().to_bytes(),
            solo: false,
        };
        let refs = Refs {
            executor: Some(ExecutorId::new(self.draw())),
            ..Refs::default()
        };
        self.bootstrap(refs, created, None);
        let refs = Refs {
            policy: Some(PolicyId::new(self.draw())),
            ..Refs::default()
        };
        let adopted = PolicyAdopted {
            digest: policy_digest(POLICY.as_bytes()),
            bootstrap: true,
        };
        self.bootstrap(
            refs,
            adopted,
            Some(("policy", object! { "toml": POLICY }.into())),
        );
    }

    fn parties(&mut self) {
        self.bank = ExecutorId::new(self.draw());
        let refs = Refs {
            executor: Some(self.bank),
            ..Refs::default()
        };
        let name = "bank".parse().unwrap();
        self.bootstrap(
            refs,
            ExecutorEnrolled {
                name,
                token: TokenDigest([4; 32]),
                bootstrap: true,
            },
            None,
        );
        self.agent = AgentId::new(self.draw());
        let refs = Refs {
            agent: Some(self.agent),
            person: Some(self.pat.person),
            ..Refs::default()
        };
        let enforcement = Enforcement::ToolVerified;
        let body = object! { "name": "payer" }.into();
        let enrolled = AgentEnrolled {
            token: TokenDigest([5; 32]),
            enforcement,
            bootstrap: true,
        };
        self.bootstrap(refs, enrolled, Some(("agent", body)));
        self.responder = CredentialId::new(self.draw());
        let refs = Refs {
            credential: Some(self.responder),
            ..Refs::default()
        };
        let (role, token) = (Role::Responder, TokenDigest([6; 32]));
        let enrolled = CredentialEnrolled {
            role,
            token,
            bootstrap: true,
        };
        let body = object! { "name": "on call" }.into();
        self.bootstrap(refs, enrolled, Some(("credential", body)));
    }

    fn person(&mut self, handle: &str, name: &str, groups: &[&str]) -> Voter {
        let person = PersonId::new(self.draw());
        let refs = Refs {
            person: Some(person),
            ..Refs::default()
        };
        let email = format!("{handle}@example.com");
        let body = object! { "handle": handle, "name": name, "email": email }.into();
        self.bootstrap(
            refs.clone(),
            PersonEnrolled { bootstrap: true },
            Some(("person", body)),
        );
        for group in groups {
            let (group, change) = (group.parse().unwrap(), Change::Add);
            self.bootstrap(
                refs.clone(),
                GroupChanged {
                    group,
                    change,
                    bootstrap: true,
                },
                None,
            );
        }
        let secret = SigningKey::from_bytes(&[self.draw()[0]; 32]);
        let key = KeyId::new(self.draw());
        let enrolled = self.enrolment(person, &secret);
        let refs = Refs {
            key: Some(key),
            ..refs
        };
        self.bootstrap(refs, enrolled, None);
        Voter {
            person,
            key,
            secret,
        }
    }

    pub(crate) fn enrolment(&mut self, person: PersonId, secret: &SigningKey) -> Fact {
        let head = self.state.head.clone().unwrap();
        let public = secret.verifying_key().to_bytes();
        let enrolment = Enrolment {
            log: ORIGIN.into(),
            person,
            public_key: PublicKey::from_ed25519(&public).unwrap(),
            usage: Client::Cli,
            nonce: Nonce([5; 32]),
            head: Head {
                seq: head.seq,
                hash: head.hash,
            },
        };
        let bytes = enrolment.to_bytes().unwrap();
        let signature = sign_ed25519(secret, Context::Enrolment.as_str(), &bytes);
        let mut enrolled = key_enrolled(&enrolment, Blob(bytes), Blob(signature), None);
        enrolled.bootstrap = true;
        enrolled.into()
    }

    pub(crate) fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        [self.drawn; 16]
    }

    pub(crate) fn bootstrap(
        &mut self,
        refs: Refs,
        fact: impl Into<Fact>,
        body: Option<(&'static str, Value)>,
    ) {
        let bodies = body
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect();
        let bootstrap = Bootstrap {
            refs,
            fact: fact.into(),
            bodies,
        };
        self.run(&Command::Bootstrap(bootstrap)).unwrap();
    }

    /// What an honest server does.
    pub(crate) fn run(&mut self, command: &Command) -> Result<u64, Refusal> {
        let (drafts, bodies) = self.admit(command)?;
        Ok(self.append(drafts, &bodies))
    }

    /// What the entries of a command would be.
    pub(crate) fn admit(&self, command: &Command) -> Result<(Vec<Draft>, Bodies), Refusal> {
        let mut salted = Salted(Bodies::new());
        let admitted = admit(&self.state, command, self.now, &mut salted)?;
        assert_eq!(admitted.unchecked(), [], "the server sees all bodies");
        Ok((admitted.into_drafts(), salted.0))
    }

    /// What they would be in a state that was tampered with.
    pub(crate) fn admit_in(
        &self,
        tamper: impl FnOnce(&mut State),
        command: &Command,
    ) -> (Vec<Draft>, Bodies) {
        let mut state = self.state.clone();
        tamper(&mut state);
        let mut salted = Salted(Bodies::new());
        let admitted = admit(&state, command, self.now, &mut salted).unwrap();
        (admitted.into_drafts(), salted.0)
    }

    /// Appends entries as one command, whatever they are; the answer is the first one's seq.
    pub(crate) fn append(&mut self, drafts: Vec<Draft>, bodies: &Bodies) -> u64 {
        let n = drafts.len() as u64;
        let first = self.records.len() as u64;
        for (place, draft) in drafts.into_iter().enumerate() {
            let seq = first + place as u64;
            let prev = self
                .state
                .head
                .as_ref()
                .map_or(genesis(ORIGIN), |head| head.hash);
            let n = (place == 0).then_some(n);
            let entry = Entry {
                seq,
                prev,
                at: self.now,
                n,
                keyring: self.keyring.take(),
                draft,
            };
            let bytes = entry.encode();
            let own = bodies.iter().filter(|((at, _), _)| *at == place);
            let own: BTreeMap<String, &Body> =
                own.map(|((_, name), body)| (name.clone(), body)).collect();
            let value = |name: &str| own.get(name).map(|body| body.value().clone());
            apply(&mut self.state, &entry, link(&bytes), &value);
            let bodies = own
                .iter()
                .map(|(name, body)| {
                    (
                        name.clone(),
                        BodyState::Disclosed(body.disclose_all().clone()),
                    )
                })
                .collect();
            self.records.push(Stored {
                entry: bytes,
                bodies,
            });
        }
        self.now += 1000;
        first
    }

    pub(crate) fn submission(&mut self, tool: &str, account: &str) -> Submit {
        let arguments = if tool == "bank.wire" {
            object! { "account": account, "amount": "24000.00 EUR" }
        } else {
            object! { "account": account }
        };
        let call = CallId::new(self.draw());
        let document = CallDocument {
            tool: tool.into(),
            arguments: arguments.into(),
            audience: self.bank,
            action_salt: [6; 32],
            tool_call_id: format!("tool-call-{}", self.drawn),
            session: None,
            reason: Some("invoice 7".into()),
            plan: None,
            trace_id: Some(format!("trace-{}", self.drawn)),
            replaces: None,
        };
        let digest = fingerprint(&document.action(), &[7; 32]);
        Submit {
            by: Party::Agent(self.agent),
            session: None,
            new_session: None,
            call,
            replaces: None,
            executor: self.bank,
            action: document.digest(),
            fp: Fingerprint { epoch: 0, digest },
            older: Vec::new(),
            document: Some(document),
            claimed: None,
            grant: GrantId::new(self.draw()),
            confirmation: ConfirmationId::new(self.draw()),
            instance: self.draw(),
        }
    }

    pub(crate) fn submit(&mut self, tool: &str, account: &str) -> CallId {
        let submit = self.submission(tool, account);
        let call = submit.call;
        self.run(&Command::Submit(Box::new(submit))).unwrap();
        call
    }

    /// Serves the presentation, and signs.
    pub(crate) fn ballot(&mut self, call: CallId, voter: &Voter, decision: Decision) -> Command {
        let served = self.serve(call, voter);
        self.sign(call, voter, decision, served, None)
    }

    pub(crate) fn serve(&mut self, call: CallId, voter: &Voter) -> u64 {
        let open = Open {
            call,
            person: voter.person,
            nonce: [self.draw()[0]; 32],
            client: Client::Cli,
            independence: Vec::new(),
            head: self.state.head.clone().unwrap(),
        };
        self.run(&Command::Open(open)).unwrap()
    }

    pub(crate) fn sign(
        &mut self,
        call: CallId,
        voter: &Voter,
        decision: Decision,
        served: u64,
        comment: Option<&str>,
    ) -> Command {
        let open = &self.state.calls[&call];
        let pending = open.question().unwrap();
        let opening = &pending.openings[&served];
        let signed = statement(&self.state, open, pending, opening, voter.key, decision);
        let mut signed = signed.unwrap();
        signed.comment_digest = comment.map(|text| text_digest(&[1; 32], text));
        let bytes = signed.to_bytes().unwrap();
        let signature = sign_ed25519(&voter.secret, Context::Approval.as_str(), &bytes);
        let comment =
            comment.map(|text| Some(object! { "salt": hex(&[1; 32]), "text": text }.into()));
        Command::Decide(Box::new(Decide {
            call,
            person: voter.person,
            key: voter.key,
            served,
            decision,
            statement: Blob(bytes),
            signature: Blob(signature),
            raw: None,
            cause: DenyCause::NotAsked,
            comment,
            grant: GrantId::new(self.draw()),
            enacted: None,
            claimed: None,
        }))
    }

    pub(crate) fn vote(&mut self, call: CallId, voter: &Voter, decision: Decision) -> u64 {
        let command = self.ballot(call, voter, decision);
        self.run(&command).unwrap()
    }

    /// Takes back what was approved.
    pub(crate) fn revocation(&self, call: CallId, voter: &Voter) -> Revocation {
        let head = self.state.head.clone().unwrap();
        let question = self.state.calls[&call].question();
        let stated = countersign_attest::statement::Revocation {
            log: ORIGIN.into(),
            call,
            confirmation: question.map(|it| it.confirmation),
            person: voter.person,
            key: voter.key,
            head: Head {
                seq: head.seq,
                hash: head.hash,
            },
            comment_digest: None,
        };
        let bytes = stated.to_bytes().unwrap();
        let signature = sign_ed25519(&voter.secret, Context::Revocation.as_str(), &bytes);
        Revocation {
            call,
            person: voter.person,
            key: voter.key,
            statement: Blob(bytes),
            signature: Blob(signature),
        }
    }

    /// A call that Alice and Omar approved.
    pub(crate) fn approved(&mut self, account: &str) -> CallId {
        let call = self.submit("bank.wire", account);
        let (alice, omar) = (self.alice.clone(), self.omar.clone());
        self.vote(call, &alice, Decision::Approve);
        self.vote(call, &omar, Decision::Approve);
        call
    }

    pub(crate) fn redemption(&mut self, call: CallId) -> Command {
        let call = &self.state.calls[&call];
        let grant = call.granted().unwrap().grant;
        let action = call.action;
        Command::Redeem(Redeem {
            grant,
            executor: self.bank,
            nonce: [8; 32],
            action,
        })
    }

    pub(crate) fn redeem(&mut self, call: CallId) -> u64 {
        let command = self.redemption(call);
        self.run(&command).unwrap()
    }

    pub(crate) fn ran(&mut self, call: CallId, status: OutcomeStatus) -> u64 {
        let outcome = Outcome {
            call,
            by: Party::Executor(self.bank),
            status,
            cause: OutcomeCause::Reported,
            detail: None,
            past: None,
        };
        self.run(&Command::Outcome(outcome)).unwrap()
    }

    /// A whole story: a payment approved and made, a balance read, a payment denied.
    pub(crate) fn story() -> Self {
        let mut book = Self::new();
        let paid = book.approved("DE1");
        book.redeem(paid);
        book.ran(paid, OutcomeStatus::Succeeded);
        let read = book.submit("bank.balance", "DE1");
        book.redeem(read);
        book.ran(read, OutcomeStatus::Succeeded);
        let denied = book.submit("bank.wire", "DE2");
        let omar = book.omar.clone();
        book.vote(denied, &omar, Decision::Deny);
        book
    }

    pub(crate) fn wait(&mut self, minutes: u64) {
        self.now += minutes * MINUTE;
    }

    pub(crate) fn key(&self) -> VerifierKey {
        self.signer.verifier_key()
    }

    /// A checkpoint over the first entries.
    /// A note as only somebody signs who keeps to no rule.
    pub(crate) fn signed(&self, checkpoint: &Checkpoint) -> String {
        self.signer.sign(&checkpoint.text()).unwrap()
    }

    pub(crate) fn note(&self, size: usize) -> String {
        let mut tree = Frontier::new();
        self.records[..size]
            .iter()
            .for_each(|stored| tree.append(leaf_hash(&stored.entry)));
        let checkpoint = Checkpoint {
            origin: ORIGIN.into(),
            size: tree.size(),
            root: tree.root(),
        };
        checkpoint.sign(&self.signer).unwrap().note().into()
    }

    /// The log as somebody gets it, with a fresh checkpoint over everything.
    pub(crate) fn shelf(&self) -> Shelf {
        Shelf {
            records: self.records.clone(),
            note: Some(self.note(self.records.len())),
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust {
            log_keys: vec![self.key()],
            earlier: None,
        }
    }

    pub(crate) fn verdict_on(&self, given: &Shelf) -> Report {
        verify(given, &self.trust(), &Options::default(), &mut |_| ())
    }

    pub(crate) fn examine(&self) -> Report {
        self.verdict_on(&self.shelf())
    }
}

/// What a reader is given.
pub(crate) struct Shelf {
    pub(crate) records: Vec<Stored>,
    pub(crate) note: Option<String>,
}

impl Shelf {
    /// Puts this in the place of every body.
    pub(crate) fn every_body(&mut self, state: &BodyState) {
        let bodies = self.records.iter_mut();
        let bodies = bodies.flat_map(|stored| stored.bodies.values_mut());
        bodies.for_each(|body| body.clone_from(state));
    }
}

impl Source for Shelf {
    fn checkpoint(&self) -> Option<String> {
        self.note.clone()
    }

    fn records(&self) -> Box<dyn Iterator<Item = Result<Stored, SourceError>> + '_> {
        Box::new(self.records.iter().cloned().map(Ok))
    }

    fn record(&self, seq: u64) -> Option<Stored> {
        self.records.get(usize::try_from(seq).ok()?).cloned()
    }
}

/// The one integrity finding's id and seq; more or fewer are a failed test.
pub(crate) fn only_fault(report: &Report) -> (&'static str, Option<u64>) {
    let faults: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == countersign_verify::Severity::Integrity)
        .collect();
    assert_eq!(faults.len(), 1, "{}", report.to_text());
    (faults[0].id, faults[0].seq)
}
