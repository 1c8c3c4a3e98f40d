//! A log with people, keys, an agent, executors and credentials, served on real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64ct::{Base64, Encoding as _};
use countersign_attest::sshsig::sign_ed25519;
use countersign_attest::statement::{Enrolment, Head, Nonce};
use countersign_attest::{Context, PublicKey};
use countersign_flow::{Bootstrap, Command, key_enrolled};
use countersign_record::digest::{TokenDigest, sha256};
use countersign_record::entry::{
    AgentEnrolled, Blob, Change, CredentialEnrolled, ExecutorEnrolled, Fact, GroupChanged,
    PersonEnrolled, Refs,
};
use countersign_record::id::{AgentId, CredentialId, ExecutorId, KeyId, PersonId};
use countersign_record::json::{Object, Value as Json};
use countersign_record::term::{Client, Enforcement, Role};
use countersign_server::{Config, Running, serve};
use countersign_service::{Clock, Core, Options, Setup, SystemClock, SystemEntropy, create, open};
use countersign_store::layout::{DataDir, LogDir};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::http::{Answer, Ask};

pub(crate) const POLICY: &str = include_str!("../../../fixtures/policies/demo.toml");

pub(crate) struct World {
    scratch: tempfile::TempDir,
    directory: LogDir,
    pub(crate) clock: Shifted,
    people: BTreeMap<&'static str, (PersonId, SigningKey)>,
    runtime: Runtime,
    running: Option<Running>,
}

impl World {
    /// Served with the defaults.
    pub(crate) fn served() -> Self {
        Self::served_with(|_| {})
    }

    pub(crate) fn served_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut world = Self::new();
        world.serve(change);
        world
    }

    /// A log that is set up and not served.
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let setup = Setup {
            name: "demo".parse().unwrap(),
            origin: "ledger.example/demo".into(),
            policy_toml: POLICY.into(),
            solo: false,
            head_lock: None,
            segment_bytes: Some(1 << 20),
        };
        let (data, clock) = (DataDir::new(scratch.path()), Shifted::default());
        let created = create(
            &data,
            &setup,
            Box::new(clock.clone()),
            Box::new(SystemEntropy),
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let directory = created.directory;
        let people = BTreeMap::new();
        let mut world = Self {
            scratch,
            directory,
            clock,
            people,
            runtime,
            running: None,
        };
        world.enrol();
        world
    }

    pub(crate) fn config(&self) -> Config {
        Config::local(self.scratch.path())
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn serve(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = self.config();
        change(&mut config);
        let options = Options {
            arm: true,
            ..Options::default()
        };
        let core = self.core(options);
        let running = self.runtime.block_on(async {
            let service = core.serve(&self.directory, options).unwrap();
            let clock = Arc::new(SystemClock::new());
            serve(service, &self.directory, &config, clock)
                .await
                .unwrap()
        });
        self.running = Some(running);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn agent_plane(&self) -> SocketAddr {
        self.running().addresses.agent.address
    }

    pub(crate) fn approver_plane(&self) -> SocketAddr {
        self.running().addresses.approver.address
    }

    pub(crate) fn audit_plane(&self) -> SocketAddr {
        self.running().addresses.audit.address
    }

    fn core(&self, options: Options) -> Core {
        let (clock, entropy) = (Box::new(self.clock.clone()), Box::new(SystemEntropy));
        open(&self.directory, options, clock, entropy).unwrap()
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
        for (byte, name) in [(1, "agent"), (5, "other-agent")] {
            let agent = Some(AgentId::new([byte; 16]));
            let refs = Refs {
                agent,
                person: Some(self.people["ines"].0),
                ..Refs::default()
            };
            let enforcement = Enforcement::Cooperative;
            let fact = AgentEnrolled {
                token: token(name),
                enforcement,
                bootstrap: true,
            };
            run(
                &mut core,
                refs,
                fact.into(),
                Some(("agent", Object::new().with("name", name))),
            );
        }
        for (byte, name) in [(2, "bank"), (3, "files")] {
            let refs = Refs {
                executor: Some(ExecutorId::new([byte; 16])),
                ..Refs::default()
            };
            let fact = ExecutorEnrolled {
                token: token(name),
                name: name.parse().unwrap(),
                bootstrap: true,
            };
            run(&mut core, refs, fact.into(), None);
        }
        let roles = [
            (6, "auditor", Role::Auditor),
            (7, "responder", Role::Responder),
            (8, "operator", Role::Operator),
        ];
        for (byte, name, role) in roles {
            let refs = Refs {
                credential: Some(CredentialId::new([byte; 16])),
                ..Refs::default()
            };
            let fact = CredentialEnrolled {
                role,
                token: token(name),
                bootstrap: true,
            };
            run(
                &mut core,
                refs,
                fact.into(),
                Some(("credential", Object::new().with("name", name))),
            );
        }
        core.settled("setting up").unwrap();
    }

    /// Posts a call as the agent.
    pub(crate) fn submit(&self, key: &str, body: &Value) -> Answer {
        self.ask_submit(key, body).send()
    }

    pub(crate) fn ask_submit(&self, key: &str, body: &Value) -> Ask {
        Ask::post(self.agent_plane(), "/v1/calls", body)
            .token("agent")
            .header("idempotency-key", key)
    }

    /// A session on the approver plane.
    pub(crate) fn login(&self, who: &str) -> String {
        let (_, signing) = &self.people[who];
        let public = PublicKey::from_ed25519(&signing.verifying_key().to_bytes()).unwrap();
        let begin = json!({ "public_key": Base64::encode_string(&public.to_ssh_wire()) });
        let offered = Ask::post(self.approver_plane(), "/v1/login:begin", &begin)
            .send()
            .json();
        let signed = self.signed(who, Context::Login, offered["statement"].as_str().unwrap());
        let login = Ask::post(self.approver_plane(), "/v1/login", &signed)
            .send()
            .json();
        login["session"]
            .as_str()
            .unwrap_or_else(|| panic!("{login}"))
            .to_owned()
    }

    /// A statement with its signature.
    pub(crate) fn signed(&self, who: &str, context: Context, statement: &str) -> Value {
        let bytes = Base64::decode_vec(statement).unwrap();
        let signature = sign_ed25519(&self.people[who].1, context.as_str(), &bytes);
        json!({ "statement": statement, "signature": Base64::encode_string(&signature) })
    }

    /// Opens a call and signs what was offered.
    pub(crate) fn opened(&self, who: &str, call: &str, decision: &str) -> Value {
        let path = format!("/v1/calls/{call}/openings");
        let opening = Ask::post(self.approver_plane(), &path, &json!({ "client": "cli" }))
            .token(&self.login(who))
            .send()
            .json();
        let offered = opening["statements"]
            .as_array()
            .unwrap_or_else(|| panic!("{opening}"));
        let wanted = offered
            .iter()
            .find(|it| it["decision"] == decision)
            .unwrap();
        self.signed(
            who,
            Context::Approval,
            wanted["statement"].as_str().unwrap(),
        )
    }

    pub(crate) fn decide(&self, who: &str, call: &str, decision: &str) -> Answer {
        let signed = self.opened(who, call, decision);
        Ask::post(
            self.approver_plane(),
            &format!("/v1/calls/{call}/decisions"),
            &signed,
        )
        .send()
    }

    /// A deletion that is waiting for somebody of ops.
    pub(crate) fn pending(&self, key: &str) -> Value {
        let answer = self.submit(key, &deletion(key));
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()
    }

    /// A deletion that alice approved.
    pub(crate) fn approved(&self, key: &str) -> Value {
        let call = self.pending(key)["call"].as_str().unwrap().to_owned();
        let decided = self.decide("alice", &call, "approve");
        assert_eq!(decided.status, 200, "{}", decided.text());
        self.look(&call)
    }

    pub(crate) fn look(&self, call: &str) -> Value {
        Ask::get(self.agent_plane(), &format!("/v1/calls/{call}"))
            .token("agent")
            .send()
            .json()
    }

    pub(crate) fn redeem(&self, executor: &str, view: &Value, nonce: u8, digest: &str) -> Answer {
        let path = format!(
            "/v1/grants/{}/redeem",
            view["grant"]["jti"].as_str().unwrap()
        );
        let body = json!({ "nonce": format!("{nonce:02x}").repeat(32), "action_digest": digest });
        Ask::post(self.agent_plane(), &path, &body)
            .token(executor)
            .send()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn deletion(name: &str) -> Value {
    json!({ "tool": "delete_file", "arguments": { "path": format!("/srv/{name}") } })
}

fn token(text: &str) -> TokenDigest {
    TokenDigest(sha256(&[text.as_bytes()]))
}

fn enrol_person(
    core: &mut Core,
    byte: u8,
    handle: &str,
    groups: &[&str],
) -> (PersonId, SigningKey) {
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
    run(
        core,
        refs.clone(),
        PersonEnrolled { bootstrap: true }.into(),
        Some(("person", body)),
    );
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
    (person, signing)
}

fn run(core: &mut Core, refs: Refs, fact: Fact, body: Option<(&'static str, Object)>) {
    let bodies = body
        .into_iter()
        .map(|(name, body)| (name, Some(Json::Object(body))))
        .collect();
    let bootstrap = Bootstrap { refs, fact, bodies };
    core.direct("setting up", &Command::Bootstrap(bootstrap))
        .unwrap();
}

/// The machine's clock, set forward by somebody.
#[derive(Clone)]
pub(crate) struct Shifted {
    clock: Arc<SystemClock>,
    ahead_ms: Arc<AtomicU64>,
}

impl Default for Shifted {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            ahead_ms: Arc::default(),
        }
    }
}

impl Shifted {
    pub(crate) fn jump(&self, ms: u64) {
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Shifted {
    fn wall_ms(&self) -> u64 {
        self.clock.wall_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ms()
    }
}
