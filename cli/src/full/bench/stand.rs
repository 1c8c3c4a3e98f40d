//! The log under load: the demo's people and policy, served in this process on loopback.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use countersign_server::{Config, Limits, Running, run, serve_plain};
use tokio::runtime::{Builder, Runtime};

use super::client::Client;
use super::limits::Appender;
use super::load::{self, Crew, Target, Wanted};
use super::sizes::{Sizes, sizes};
use super::table::Measured;
use crate::exit;
use crate::full::demo::Stage;
use crate::full::place::log_dir;
use crate::full::sign::Device;
use crate::output::{Failure, Output};

/// A served log and whoever loads it.
pub(super) struct Stand {
    root: PathBuf,
    data: PathBuf,
    /// The service's threads, and the one of all clients.
    service: Runtime,
    clients: Runtime,
    running: Running,
    target: Arc<Target>,
    plain: Appender,
}

impl Stand {
    pub(super) fn set(root: &Path) -> Result<Self, Failure> {
        // The stage tells what it makes; here nobody asked.
        let stage = Stage::set(&mut Output::new(true), root)?;
        let data = root.join("data");
        let service = Builder::new_multi_thread().enable_all().build();
        let service = service.map_err(|it| failed(&it))?;
        let clients = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let clients = clients.map_err(|it| failed(&it))?;
        let config = Config {
            limits: unlimited(),
            ..Config::local(&data)
        };
        let running = service.block_on(run(&config));
        let running = running.map_err(|error| Failure::new(exit::USAGE, &error))?;
        let approver = running.addresses.approver.address;
        let mut people = Vec::new();
        for handle in ["ada", "ben"] {
            let device = Device::open(Path::new(&stage.key(handle)))?;
            let session = clients.block_on(load::session(approver, &device));
            people.push((device, session.map_err(|it| failed(&it))?));
        }
        let target = Target {
            agent: running.addresses.agent.address,
            approver,
            agent_token: stage.agent.as_str().into(),
            executor_token: stage.bank.as_str().into(),
            people,
            next: AtomicU64::new(0),
        };
        Ok(Self {
            root: root.into(),
            data,
            service,
            clients,
            running,
            target: Arc::new(target),
            plain: Appender::start(root, "plain").map_err(|it| failed(&it))?,
        })
    }

    pub(super) fn plain(&self, clients: u16, each: Duration) -> Result<Measured, Failure> {
        let connect = async || Ok(self.plain.clone());
        self.measured(clients, each, connect, Appender::load)
    }

    /// The same behind the service's own HTTP: read, appended, answered.
    pub(super) fn plain_http(&self, clients: u16, each: Duration) -> Result<Measured, Failure> {
        let plain = self.plain.clone();
        let append = move |record| {
            let plain = plain.clone();
            async move { plain.append(record).await }
        };
        let bound = self.service.block_on(serve_plain(append));
        let (at, served) = bound.map_err(|it| failed(&it))?;
        let connect = async || Client::connect(at, "").await;
        let measured = self.measured(clients, each, connect, load::plain);
        served.abort();
        measured
    }

    pub(super) fn calls(
        &self,
        wanted: Wanted,
        clients: u16,
        each: Duration,
    ) -> Result<Measured, Failure> {
        let target = &self.target;
        let connect = async || Client::connect(target.agent, &target.agent_token).await;
        let calls = |client, end| load::calls(client, Arc::clone(target), wanted, end);
        self.measured(clients, each, connect, calls)
    }

    pub(super) fn cycles(&self, clients: u16, each: Duration) -> Result<Measured, Failure> {
        let connect = async || Crew::connect(&self.target).await;
        let cycles = |crew, end| load::cycles(crew, Arc::clone(&self.target), end);
        self.measured(clients, each, connect, cycles)
    }

    fn measured<C, F>(
        &self,
        clients: u16,
        each: Duration,
        connect: impl AsyncFn() -> io::Result<C>,
        load: impl Fn(C, Instant) -> F,
    ) -> Result<Measured, Failure>
    where
        F: Future<Output = io::Result<Vec<Duration>>> + Send + 'static,
    {
        load::measured(&self.clients, clients, each, connect, load).map_err(|it| failed(&it))
    }

    /// Stops the service; how much room its entries take.
    pub(super) fn stop(self) -> Result<Sizes, Failure> {
        self.service.block_on(self.running.stop());
        drop(self.root);
        sizes(&log_dir(&self.data, None)?).map_err(|it| failed(&it))
    }
}

/// What the service can do is measured, not what one credential may.
fn unlimited() -> Limits {
    Limits {
        requests_per_second: 10_000_000,
        request_burst: 10_000_000,
        requests_at_once: 100_000,
        connections: 4096,
        ..Limits::default()
    }
}

fn failed(cause: &io::Error) -> Failure {
    Failure::say(exit::USAGE, format!("measuring: {cause}"))
}
