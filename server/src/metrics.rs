//! Numbers for operators. Labels are names of planes, routes and states: never ids or arguments.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_service::{CallState, HeadView};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    plane: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct DecisionLabels {
    decision: &'static str,
}

/// What is counted.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<RequestLabels, Counter>,
    submissions: Family<StateLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
    open_calls: Gauge,
    entries: Gauge,
    writable: Gauge,
    clock_trusted: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            submissions: Family::default(),
            decisions: Family::default(),
            open_calls: Gauge::default(),
            entries: Gauge::default(),
            writable: Gauge::default(),
            clock_trusted: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = registry.sub_registry_with_prefix("countersign");
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register(
            "submissions",
            "Calls submitted, by state",
            self.submissions.clone(),
        );
        registry.register("decisions", "Decisions recorded", self.decisions.clone());
        registry.register(
            "open_calls",
            "Calls that have not ended",
            self.open_calls.clone(),
        );
        registry.register(
            "entries",
            "Durable entries of the log",
            self.entries.clone(),
        );
        registry.register(
            "writable",
            "Whether the log takes entries",
            self.writable.clone(),
        );
        registry.register(
            "clock_trusted",
            "Whether time is believed",
            self.clock_trusted.clone(),
        );
    }

    /// A request was answered. `route` is the pattern, not the path.
    pub(crate) fn answered(&self, plane: &'static str, route: Option<&str>, status: u16) {
        let route = route.unwrap_or("none").to_owned();
        self.requests
            .get_or_create(&RequestLabels {
                plane,
                route,
                status,
            })
            .inc();
    }

    pub(crate) fn submitted(&self, state: CallState) {
        self.submissions
            .get_or_create(&StateLabels {
                state: state.as_str(),
            })
            .inc();
    }

    pub(crate) fn decided(&self, decision: countersign_record::term::Decision) {
        self.decisions
            .get_or_create(&DecisionLabels {
                decision: decision.as_str(),
            })
            .inc();
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self, head: &HeadView) -> String {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.open_calls.set(whole(head.open_calls));
        self.entries.set(whole(head.size));
        self.writable
            .set((head.read_only.is_none() && !head.disk_full).into());
        self.clock_trusted.set(head.clock_trusted.into());
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}
