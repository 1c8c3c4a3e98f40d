//! A log behind real sockets, from its first entry to the verifier's verdict on all of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use countersign_evidence::{DataDirectory, Looked};
use countersign_ledger::note::VerifierKey;
use countersign_record::entry::Entry;
use countersign_server::{Config, Limits, Running};
use countersign_service::{Core, Options, Setup, StartError, create, open};
use countersign_store::layout::{DataDir, LogDir};
use countersign_verify::{CheckId, FailOn, Report, Require, Source as _, Status, Trust, Verdict};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::clock::{TestClock, TestEntropy};
use crate::http::{Caller, Response};
use crate::setup::{ORIGIN, Person, Plan, enrol, token};

/// A tool and its arguments.
pub(crate) type Wanted = (&'static str, Value);

/// A log and its server.
pub(crate) struct World {
    _scratch: Option<TempDir>,
    pub(crate) directory: LogDir,
    vkey: String,
    pub(crate) clock: TestClock,
    pub(crate) entropy: TestEntropy,
    pub(crate) people: BTreeMap<&'static str, Person>,
    pub(crate) limits: Limits,
    runtime: Runtime,
    running: Option<Running>,
    /// Tokens by person, and until when they are good.
    pub(crate) sessions: RefCell<BTreeMap<String, (String, u64)>>,
    closed: bool,
}

/// A file, for the tools that take one.
pub(crate) fn file(tool: &'static str, path: &str) -> Wanted {
    (tool, json!({ "path": path }))
}

/// A transfer; more than EUR 10,000 needs two of treasury.
pub(crate) fn wire(amount: &str) -> Wanted {
    let account = "DE89370400440532013000";
    let arguments = json!({ "amount": amount, "currency": "EUR", "account": account });
    ("bank.wire", arguments)
}

/// Its life.
impl World {
    /// A log that is armed and served.
    pub(crate) fn served() -> Self {
        let mut world = Self::planned(&Plan::default());
        world.serve();
        world
    }

    /// A log with its people, not armed and not served yet.
    pub(crate) fn planned(plan: &Plan) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let place = scratch.path().to_owned();
        Self::created(Some(scratch), &place, plan)
    }

    /// The same in a directory of the caller's.
    pub(crate) fn at(place: &Path, plan: &Plan) -> Self {
        Self::created(None, place, plan)
    }

    fn created(scratch: Option<TempDir>, place: &Path, plan: &Plan) -> Self {
        let setup = Setup {
            name: "stories".parse().unwrap(),
            origin: ORIGIN.into(),
            policy_toml: plan.policy.clone(),
            solo: false,
            head_lock: None,
            segment_bytes: Some(plan.segment_bytes),
        };
        let (clock, entropy) = (plan.clock.clone(), plan.entropy.clone());
        let parts = (Box::new(clock.clone()), Box::new(entropy.clone()));
        let created = create(&DataDir::new(place), &setup, parts.0, parts.1).unwrap();
        let mut world = Self {
            _scratch: scratch,
            directory: created.directory,
            vkey: created.vkey,
            clock,
            entropy,
            people: BTreeMap::new(),
            limits: Limits::default(),
            runtime: Runtime::new().unwrap(),
            running: None,
            sessions: RefCell::default(),
            closed: false,
        };
        let mut core = world.open(Options::default()).unwrap();
        world.people = enrol(&mut core, plan);
        world
    }

    /// Opens the log for the operator at the machine.
    pub(crate) fn open(&self, options: Options) -> Result<Core, StartError> {
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        open(&self.directory, options, Box::new(clock), Box::new(entropy))
    }

    /// Arms and serves.
    pub(crate) fn serve(&mut self) {
        let options = Options {
            arm: true,
            ..Options::default()
        };
        self.serve_with(options).unwrap();
    }

    pub(crate) fn serve_with(&mut self, options: Options) -> Result<(), StartError> {
        let core = self.open(options)?;
        self.serve_core(core, options)
    }

    /// Serves what was opened elsewhere.
    pub(crate) fn serve_core(&mut self, core: Core, options: Options) -> Result<(), StartError> {
        let service = core.serve(&self.directory, options)?;
        let config = Config {
            limits: self.limits,
            ..Config::local(self.directory.path())
        };
        let steady = Arc::new(self.clock.steady());
        let served = countersign_server::serve(service, &self.directory, &config, steady);
        self.running = Some(self.runtime.block_on(served).unwrap());
        Ok(())
    }

    /// Stops in good order. Sessions end with the server.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
        self.sessions.borrow_mut().clear();
    }

    pub(crate) fn restart(&mut self) {
        self.stop();
        self.serve();
    }

    /// A configuration of another server on the same data.
    pub(crate) fn another(&self) -> Config {
        let data = self.directory.path().parent().unwrap();
        Config::local(data)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The log's verifier key.
    pub(crate) fn vkey(&self) -> VerifierKey {
        self.vkey.parse().unwrap()
    }

    /// Leaves a log that no longer verifies as a whole, on purpose.
    pub(crate) fn abandon(mut self) {
        self.closed = true;
    }

    /// Stops, and has the log verified.
    pub(crate) fn close(&mut self) -> Report {
        self.stop();
        self.closed = true;
        self.verify()
    }

    /// Has the verifier decide everything again: it must come to the same end.
    pub(crate) fn verify(&self) -> Report {
        let source = DataDirectory::open(self.directory.path()).unwrap();
        assert_eq!(source.inspect().looked, Looked::Good);
        let trust = Trust {
            log_keys: vec![self.vkey()],
            earlier: None,
        };
        let everything = [Require::Policy, Require::Committed, Require::Completeness];
        let options = countersign_verify::Options {
            fail_on: FailOn::Never,
            require: BTreeSet::from(everything),
            ..countersign_verify::Options::default()
        };
        let report = countersign_verify::verify(&source, &trust, &options, &mut |_| {});
        assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
        for check in &report.checks {
            if check.id == CheckId::Policy {
                assert_eq!(check.checked, calls(&source), "every call is judged again");
            }
            let may_warn = [CheckId::Since, CheckId::Ended].contains(&check.id);
            let whole = check.status == Status::Pass && check.not_checked == 0;
            assert!(whole || may_warn, "{}", report.to_text());
        }
        report
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.closed && !std::thread::panicking() {
            drop(self.close());
        }
    }
}

/// Who talks to it.
impl World {
    fn urls(&self) -> [&str; 3] {
        let at = &self.running.as_ref().expect("it is served").addresses;
        [&at.agent.url, &at.approver.url, &at.audit.url]
    }

    /// An agent or executor of that name, on the agent plane.
    pub(crate) fn agent(&self, name: &str) -> Caller {
        Caller::new(self.urls()[0], Some(token(name)))
    }

    /// Whoever has this token, or none, on the approver plane.
    pub(crate) fn approver(&self, token: Option<String>) -> Caller {
        Caller::new(self.urls()[1], token)
    }

    /// A credential of that name, on the audit plane.
    pub(crate) fn audit(&self, name: &str) -> Caller {
        Caller::new(self.urls()[2], Some(token(name)))
    }

    /// Somebody without a token, on the agent plane.
    pub(crate) fn stranger(&self) -> Caller {
        Caller::new(self.urls()[0], None)
    }
}

/// What agents and executors do.
impl World {
    pub(crate) fn submit(&self, key: &str, wanted: &Wanted) -> Response {
        let (tool, arguments) = wanted;
        let body = json!({
            "tool": tool, "arguments": arguments, "session": "s1", "reason": "it is due",
        });
        self.agent("agent").post_keyed("/v1/calls", key, &body)
    }

    /// Submits what is neither denied nor frozen.
    pub(crate) fn ask(&self, key: &str, wanted: &Wanted) -> Value {
        self.submit(key, wanted).done()
    }

    pub(crate) fn look(&self, call: &Value) -> Value {
        let path = format!("/v1/calls/{}", text(call));
        self.agent("agent").get(&path).done()
    }

    pub(crate) fn state(&self, call: &Value) -> String {
        text(&self.look(call)["state"]).to_owned()
    }

    /// Waits at the server for news of a call, from now on.
    pub(crate) fn waiting(&self, view: &Value) -> JoinHandle<Value> {
        let (agent, version) = (self.agent("agent"), view["version"].clone());
        let path = format!("/v1/calls/{}", text(&view["call"]));
        std::thread::spawn(move || agent.wait(&path, &version).done())
    }

    pub(crate) fn withdraw(&self, call: &Value) -> Response {
        let path = format!("/v1/calls/{}/withdraw", text(call));
        self.agent("agent").post(&path, &json!({}))
    }

    /// The executor claims the grant in this view; `nonce` is its own.
    pub(crate) fn redeem(&self, executor: &str, view: &Value, nonce: &str) -> Response {
        let path = format!("/v1/grants/{}/redeem", text(&view["grant"]["jti"]));
        let body = json!({ "nonce": nonce.repeat(32), "action_digest": view["action_digest"] });
        self.agent(executor).post(&path, &body)
    }

    pub(crate) fn report(&self, executor: &str, call: &Value, status: &str) -> Response {
        let path = format!("/v1/calls/{}/outcome", text(call));
        let body = json!({ "status": status, "detail": "receipt 7" });
        self.agent(executor).post(&path, &body)
    }
}

/// What stands in the log.
impl World {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let page = self.audit("auditor").get("/v1/entries").done();
        let entries = page["entries"].as_array().unwrap().iter();
        let bytes = entries.map(|line| unbase64(&line["entry"]));
        bytes.map(|bytes| Entry::decode(&bytes).unwrap()).collect()
    }

    /// The kinds of the entries about a call, in order.
    pub(crate) fn kinds(&self, call: &Value) -> Vec<&'static str> {
        let about = |entry: &&Entry| {
            let id = entry.draft.refs.call.map(|id| id.to_string());
            id.as_deref() == call.as_str()
        };
        let entries = self.entries();
        entries.iter().filter(about).map(Entry::kind).collect()
    }
}

/// How many calls the log has judged.
fn calls(source: &DataDirectory) -> u64 {
    let entries = source.records().map(|record| record.unwrap().entry);
    let judged = |bytes: &Vec<u8>| Entry::decode(bytes).unwrap().kind() == "call.evaluated";
    u64::try_from(entries.filter(judged).count()).unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64::encode_string(bytes)
}

pub(crate) fn unbase64(value: &Value) -> Vec<u8> {
    use base64ct::Encoding as _;
    base64ct::Base64::decode_vec(text(value)).unwrap()
}
