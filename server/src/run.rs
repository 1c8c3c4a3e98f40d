//! From a configuration to a running server, and back.

use std::sync::Arc;

use countersign_service::{Clock, Service, SystemClock, SystemEntropy, open};
use countersign_store::layout::{DataDir, LayoutError, LogDir};
use tokio::task::JoinSet;

use crate::config::{Config, Limits, TlsMode};
use crate::door::Door;
use crate::metrics::Metrics;
use crate::net::{
    Bound, Halt, ListenError, Listening, Tls, TlsError, accept, bind, connections_within,
    notify_ready, raise_open_files, tls,
};
use crate::plane::{
    AgentPlane, ApproverPlane, AuditPlane, Plane, Surroundings, agent_plane, approver_plane,
    audit_plane, surrounded,
};
use crate::port::{AgentPort, ApproverPort, AuditPort};
use crate::whereabouts::Whereabouts;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Every connection is an open file.
    #[error(
        "the process may have {open_files} files open, which leaves none for connections: allow \
         more (LimitNOFILE= of systemd, ulimit -n)"
    )]
    OpenFiles {
        /// How many it may.
        open_files: u64,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] countersign_service::StartError),
    /// The log was being opened and that ended in disorder.
    #[error("opening the log ended in disorder; the operator's log says more")]
    Disorder,
}

/// Where the planes listen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addresses {
    /// Agents and executors.
    pub agent: Bound,
    /// Approvers.
    pub approver: Bound,
    /// Auditors, responders, operators.
    pub audit: Bound,
}

/// A server that runs until it is stopped.
#[derive(Debug)]
pub struct Running {
    /// Where.
    pub addresses: Addresses,
    /// What clients pin, with TLS: `sha256:` and the SHA-256 of the certificate's DER in hex.
    pub fingerprint: Option<String>,
    halt: Halt,
    planes: JoinSet<()>,
    service: Service,
}

impl Running {
    /// Ends waiters, lets requests under way finish, and closes the log in good order.
    pub async fn stop(mut self) {
        self.halt.halt();
        while self.planes.join_next().await.is_some() {}
        let service = self.service;
        if tokio::task::spawn_blocking(move || service.stop())
            .await
            .is_err()
        {
            tracing::error!("the log was closed in disorder");
        }
    }
}

/// Opens the log that `config` names and serves it. The sockets come first: a port in use must not
/// leave a started log behind.
pub async fn run(config: &Config) -> Result<Running, StartError> {
    let directory = DataDir::new(&config.data).log(config.log.as_deref())?;
    let sockets = Sockets::open(config, &directory).await?;
    let start = config.start;
    let opened = tokio::task::spawn_blocking(move || {
        let (clock, entropy) = (SystemClock::new(), SystemEntropy);
        let core = open(&directory, start, Box::new(clock), Box::new(entropy))?;
        core.serve(&directory, start)
    });
    let service = opened.await.map_err(|_| StartError::Disorder)??;
    Ok(sockets.serve(service, config, Arc::new(SystemClock::new())))
}

/// Serves a log that is already open. `clock` measures how long sessions last.
pub async fn serve(
    service: Service,
    directory: &LogDir,
    config: &Config,
    clock: Arc<dyn Clock + Sync>,
) -> Result<Running, StartError> {
    let sockets = Sockets::open(config, directory).await?;
    Ok(sockets.serve(service, config, clock))
}

struct Sockets {
    agent: Listening,
    approver: Listening,
    audit: Listening,
    tls: Option<Tls>,
    limits: Limits,
}

impl Sockets {
    async fn open(config: &Config, directory: &LogDir) -> Result<Self, StartError> {
        let limits = within_descriptors(config.limits)?;
        let encrypted = config.tls != TlsMode::Off;
        let agent = bind(Plane::Agent, &config.agent, encrypted).await?;
        let approver = bind(Plane::Approver, &config.approver, encrypted).await?;
        let audit = bind(Plane::Audit, &config.audit, encrypted).await?;
        let tls = tls(&config.tls, &directory.path().join("keys"), hosts(config))?;
        Ok(Self {
            agent,
            approver,
            audit,
            tls,
            limits,
        })
    }

    fn serve(self, service: Service, config: &Config, clock: Arc<dyn Clock + Sync>) -> Running {
        let (halt, stop) = Halt::new();
        let Sockets {
            agent,
            approver,
            audit,
            tls,
            limits,
        } = self;
        let addresses = Addresses {
            agent: agent.bound,
            approver: approver.bound,
            audit: audit.bound,
        };
        let fingerprint = tls.as_ref().map(|tls| tls.fingerprint.clone());
        let door = Door::new(service.clone(), clock, &limits);
        let [agents, approvers, audits] = routers(&service, door, &limits, &stop);
        let mut planes = JoinSet::new();
        let routed = [
            (agent.listener, agents),
            (approver.listener, approvers),
            (audit.listener, audits),
        ];
        for (listener, router) in routed {
            planes.spawn(accept(listener, tls.clone(), router, limits, stop.clone()));
        }
        if let Some(Err(error)) = config.notify_socket.as_deref().map(notify_ready) {
            tracing::warn!(%error, "the service manager was not told that the service is ready");
        }
        Running {
            addresses,
            fingerprint,
            halt,
            planes,
            service,
        }
    }
}

fn routers(
    service: &Service,
    door: Door,
    limits: &Limits,
    stop: &crate::net::Stop,
) -> [axum::Router; 3] {
    let metrics = Metrics::new();
    let whereabouts = Arc::new(Whereabouts::default());
    let agent = AgentPlane {
        port: AgentPort::new(service.clone(), Arc::clone(&whereabouts), stop.clone()),
        door: door.clone(),
        metrics: metrics.clone(),
    };
    let approver = ApproverPlane {
        port: ApproverPort::new(service.clone(), whereabouts),
        door: door.clone(),
        metrics: metrics.clone(),
    };
    let port = AuditPort::new(service.clone(), stop.clone());
    let audit = AuditPlane {
        port,
        door,
        metrics: metrics.clone(),
    };
    let around = |plane, routes| {
        surrounded(
            routes,
            Surroundings {
                plane,
                metrics: metrics.clone(),
                body: limits.body,
            },
        )
    };
    [
        around(Plane::Agent, agent_plane(agent)),
        around(Plane::Approver, approver_plane(approver)),
        around(Plane::Audit, audit_plane(audit)),
    ]
}

/// The same limits with no more connections than there are files to open.
fn within_descriptors(limits: Limits) -> Result<Limits, StartError> {
    let open_files = raise_open_files();
    let Some(connections) = connections_within(open_files, limits.connections) else {
        let open_files = open_files.unwrap_or_default();
        return Err(StartError::OpenFiles { open_files });
    };
    if connections < limits.connections {
        let wanted = limits.connections;
        tracing::warn!(wanted, connections, "too few open files are allowed");
    }
    Ok(Limits {
        connections,
        ..limits
    })
}

/// The names that a certificate of our own is for.
fn hosts(config: &Config) -> Vec<String> {
    let listed = [&config.agent, &config.approver, &config.audit];
    let listed = listed.into_iter().filter_map(|text| {
        let (host, _) = text.rsplit_once(':')?;
        Some(host.trim_matches(['[', ']']).to_owned())
    });
    let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut hosts: Vec<String> = always.into_iter().chain(listed).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}
