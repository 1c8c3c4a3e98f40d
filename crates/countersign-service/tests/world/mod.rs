//! A log on disk with people, keys, an agent and two executors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::{Enrolment, Head, Nonce};
use countersign_attest::{Context, PublicKey, Statement};
use countersign_flow::{Bootstrap, Command, key_enrolled};
use countersign_record::action::text_digest;
use countersign_record::digest::{TokenDigest, sha256};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, CredentialEnrolled, DenyCause, ExecutorEnrolled, Fact,
    GroupChanged, Party, PersonEnrolled, Refs,
};
use countersign_record::id::{AgentId, CallId, CredentialId, ExecutorId, KeyId, PersonId};
use countersign_record::json::{Object, Value};
use countersign_record::term::{Client, Decision, Enforcement, Role};
use countersign_service::{
    Clock, CommandError, Core, Decision as Decided, NewCall, NewDecision, Opened, Opening, Options,
    Proven, Service, Setup, SystemEntropy, create, open,
};
use countersign_store::layout::{DataDir, LogDir};
use ed25519_dalek::SigningKey;

const POLICY: &str = include_str!("../../../../fixtures/policies/demo.toml");

pub(crate) struct World {
    _scratch: tempfile::TempDir,
    directory: LogDir,
    pub(crate) agent: Party,
    pub(crate) bank: ExecutorId,
    pub(crate) files: ExecutorId,
    pub(crate) responder: CredentialId,
    pub(crate) clock: TestClock,
    people: BTreeMap<&'static str, (PersonId, KeyId, SigningKey)>,
}

/// A transfer that large amounts of need two of treasury for.
pub(crate) fn wire(tool_call_id: &str, amount: &str) -> NewCall {
    let beneficiary = Object::new()
        .with("name", "ACME GmbH")
        .with("account", "DE89370400440532013000");
    let arguments = Object::new()
        .with("amount", amount)
        .with("currency", "EUR")
        .with("beneficiary", beneficiary)
        .with("reference", "INV-7");
    NewCall {
        tool: "bank.wire".into(),
        arguments: Value::Object(arguments),
        tool_call_id: tool_call_id.into(),
        session: Some("s1".into()),
        reason: Some("invoice 7 is due".into()),
        plan: None,
        trace_id: None,
        replaces: None,
        executor: None,
    }
}

impl World {
    /// A log that is set up and ready to be armed by `serve`.
    pub(crate) fn armed() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let setup = Setup {
            name: "demo".parse().unwrap(),
            origin: "ledger.example/demo".into(),
            policy_toml: POLICY.into(),
            solo: false,
            head_lock: None,
            segment_bytes: Some(1 << 20),
        };
        let data = DataDir::new(scratch.path());
        let clock = TestClock::default();
        let created = create(
            &data,
            &setup,
            Box::new(clock.clone()),
            Box::new(SystemEntropy),
        )
        .unwrap();
        let mut world = Self {
            _scratch: scratch,
            directory: created.directory,
            agent: Party::Agent(AgentId::new([1; 16])),
            bank: ExecutorId::new([2; 16]),
            files: ExecutorId::new([3; 16]),
            responder: CredentialId::new([4; 16]),
            clock,
            people: BTreeMap::new(),
        };
        world.enrol();
        world
    }

    fn core(&self, options: Options) -> Core {
        open(
            &self.directory,
            options,
            Box::new(self.clock.clone()),
            Box::new(SystemEntropy),
        )
        .unwrap()
    }

    pub(crate) fn serve(&self) -> Service {
        let options = Options {
            arm: true,
            ..Options::default()
        };
        self.core(options).serve(&self.directory, options).unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Core, countersign_service::StartError> {
        let (clock, entropy) = (Box::new(self.clock.clone()), Box::new(SystemEntropy));
        open(&self.directory, Options::default(), clock, entropy)
    }

    /// Further agents, enrolled before the log is armed.
    pub(crate) fn crowd(&self, agents: u8) -> Vec<Party> {
        let mut core = self.core(Options::default());
        let crowd = (100..100 + agents).map(|byte| AgentId::new([byte; 16]));
        let crowd: Vec<AgentId> = crowd.collect();
        for agent in &crowd {
            enrol_agent(&mut core, *agent, self.people["ines"].0);
        }
        core.settled("setting up").unwrap();
        crowd.into_iter().map(Party::Agent).collect()
    }

    pub(crate) fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn delete_index(&self) {
        std::fs::remove_dir_all(self.directory.path().join("index")).unwrap();
    }

    fn enrol(&mut self) {
        let mut core = self.core(Options::default());
        let people: [(&'static str, &[&str]); 3] = [
            ("alice", &["treasury", "owners", "ops"]),
            ("omar", &["treasury", "owners"]),
            ("ines", &["owners", "ops"]),
        ];
        for (byte, (handle, groups)) in (10..).zip(people) {
            let enrolled = enrol_person(&mut core, byte, handle, groups);
            self.people.insert(handle, enrolled);
        }
        let Party::Agent(agent) = self.agent else {
            panic!("the agent is an agent")
        };
        enrol_agent(&mut core, agent, self.people["ines"].0);
        for (id, name) in [(self.bank, "bank"), (self.files, "files")] {
            let refs = Refs {
                executor: Some(id),
                ..Refs::default()
            };
            let name = name.parse().unwrap();
            let fact = ExecutorEnrolled {
                token: token(&name),
                name,
                bootstrap: true,
            };
            run(&mut core, refs, fact.into(), None);
        }
        let refs = Refs {
            credential: Some(self.responder),
            ..Refs::default()
        };
        let fact = CredentialEnrolled {
            role: Role::Responder,
            token: token("responder"),
            bootstrap: true,
        };
        let body = Object::new().with("name", "night shift");
        run(&mut core, refs, fact.into(), Some(("credential", body)));
        core.settled("setting up").unwrap();
    }

    pub(crate) async fn open(
        &self,
        service: &Service,
        call: CallId,
        who: &str,
        client: Client,
    ) -> Result<Opened, CommandError> {
        let person = self.people[who].0;
        service
            .open(Opening {
                call,
                person,
                client,
                network_differs: Some(true),
            })
            .await
    }

    /// Signs what was opened, with a comment when one is given.
    pub(crate) fn sign(
        &self,
        opened: &Opened,
        who: &str,
        decision: Decision,
        comment: Option<&([u8; 32], String)>,
    ) -> (Vec<u8>, Vec<u8>) {
        let (_, key, signing) = &self.people[who];
        let offered = opened
            .statements
            .iter()
            .find(|it| it.0 == *key && it.1 == decision)
            .unwrap();
        let mut statement = Statement::read(&offered.2).unwrap();
        statement.comment_digest = comment.map(|(salt, text)| text_digest(salt, text));
        let bytes = statement.to_bytes().unwrap();
        let signature = sign_ed25519(signing, Context::Approval.as_str(), &bytes);
        (bytes, signature)
    }

    pub(crate) async fn vote(
        &self,
        service: &Service,
        call: CallId,
        who: &str,
        decision: Decision,
    ) -> Result<Proven<Decided>, CommandError> {
        let opened = self.open(service, call, who, Client::Cli).await?;
        let (statement, signature) = self.sign(&opened, who, decision, None);
        let cause = DenyCause::NotAsked;
        service
            .decide(NewDecision {
                call,
                statement,
                signature,
                comment: None,
                cause,
            })
            .await
    }
}

fn token(of: &(impl ToString + ?Sized)) -> TokenDigest {
    TokenDigest(sha256(&[of.to_string().as_bytes()]))
}

fn enrol_agent(core: &mut Core, agent: AgentId, principal: PersonId) {
    let refs = Refs {
        agent: Some(agent),
        person: Some(principal),
        ..Refs::default()
    };
    let fact = AgentEnrolled {
        token: token(&agent),
        enforcement: Enforcement::Cooperative,
        bootstrap: true,
    };
    let body = Object::new().with("name", "payments-bot");
    run(core, refs, fact.into(), Some(("agent", body)));
}

fn enrol_person(
    core: &mut Core,
    byte: u8,
    handle: &str,
    groups: &[&str],
) -> (PersonId, KeyId, SigningKey) {
    let (person, key) = (PersonId::new([byte; 16]), KeyId::new([byte; 16]));
    let signing = SigningKey::from_bytes(&[byte; 32]);
    let refs = Refs {
        person: Some(person),
        ..Refs::default()
    };
    let body = Object::new()
        .with("handle", handle)
        .with("name", handle.to_uppercase())
        .with("email", format!("{handle}@bank.example"));
    let fact = PersonEnrolled { bootstrap: true };
    run(core, refs.clone(), fact.into(), Some(("person", body)));
    for group in groups {
        let group = group.parse().unwrap();
        let fact = GroupChanged {
            group,
            change: Change::Add,
            bootstrap: true,
        };
        run(core, refs.clone(), fact.into(), None);
    }
    let head = core.state().head.clone().unwrap();
    let enrolment = Enrolment {
        log: core.state().origin().into(),
        person,
        public_key: PublicKey::from_ed25519(&signing.verifying_key().to_bytes()).unwrap(),
        usage: Client::Cli,
        nonce: Nonce([byte; 32]),
        head: Head {
            seq: head.seq,
            hash: head.hash,
        },
    };
    let bytes = enrolment.to_bytes().unwrap();
    let signature = sign_ed25519(&signing, Context::Enrolment.as_str(), &bytes);
    let mut fact = key_enrolled(&enrolment, Blob(bytes), Blob(signature), None);
    fact.bootstrap = true;
    run(
        core,
        Refs {
            key: Some(key),
            ..refs
        },
        fact.into(),
        None,
    );
    (person, key, signing)
}

/// A clock that a test moves.
#[derive(Clone, Default)]
pub(crate) struct TestClock {
    wall: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

impl TestClock {
    /// Time passes.
    pub(crate) fn pass(&self, ms: u64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
        self.monotonic.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
    pub(crate) fn jump(&self, ms: u64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        1_700_000_000_000 + self.wall.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}

fn run(core: &mut Core, refs: Refs, fact: Fact, body: Option<(&'static str, Object)>) {
    let bodies = body
        .into_iter()
        .map(|(name, body)| (name, Some(Value::Object(body))))
        .collect();
    let bootstrap = Bootstrap { refs, fact, bodies };
    core.direct("setting up", &Command::Bootstrap(bootstrap))
        .unwrap();
}
