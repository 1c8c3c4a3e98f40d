//! Medians of runs, and their table.

use std::time::Duration;

use countersign_record::json::{Object, Value};

use super::sizes::Sizes;
use crate::output::{Output, number};

/// Every row is the median of so many runs.
pub(super) const RUNS: usize = 5;

/// Several runs of one thing.
#[derive(Default)]
pub(super) struct Measured {
    rates: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Measured {
    /// One run: how long each of its operations took, and all of them.
    pub(super) fn run(&mut self, mut took: Vec<Duration>, all: Duration) {
        took.sort_unstable();
        let at = |part: usize| {
            let place = (took.len() * part / 100).min(took.len().saturating_sub(1));
            took.get(place).map_or(0.0, Duration::as_secs_f64)
        };
        let count = u32::try_from(took.len()).unwrap_or(u32::MAX);
        self.rates.push(f64::from(count) / all.as_secs_f64());
        self.p50.push(at(50) * 1e6);
        self.p99.push(at(99) * 1e6);
    }
}

/// One line of the table; times in µs.
pub(super) struct Row {
    label: &'static str,
    clients: u16,
    is_limit: bool,
    rate: f64,
    slowest: f64,
    fastest: f64,
    p50: f64,
    p99: f64,
}

impl Row {
    pub(super) fn of(label: &'static str, clients: u16, mut measured: Measured) -> Self {
        let rate = median(&mut measured.rates);
        Self {
            label,
            clients,
            is_limit: false,
            rate,
            slowest: measured.rates.first().copied().unwrap_or_default(),
            fastest: measured.rates.last().copied().unwrap_or_default(),
            p50: median(&mut measured.p50),
            p99: median(&mut measured.p99),
        }
    }

    /// What the machine does without us.
    pub(super) fn limit(label: &'static str, clients: u16, measured: Measured) -> Self {
        Self {
            is_limit: true,
            ..Self::of(label, clients, measured)
        }
    }
}

/// Operations per second on one core.
#[derive(Default)]
pub(super) struct Processor {
    pub(super) sha256: f64,
    pub(super) link: f64,
    pub(super) sign: f64,
    pub(super) verify: f64,
}

/// Everything that was measured.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    processor: Processor,
    sizes: Option<Sizes>,
}

impl Table {
    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn processor(&mut self, processor: Processor) {
        self.processor = processor;
    }

    pub(super) fn sizes(&mut self, sizes: Sizes) {
        self.sizes = Some(sizes);
    }

    /// The rate, as a part of what the plain file does with as many clients behind HTTP.
    fn ratio(&self, row: &Row) -> Option<f64> {
        let limit = self.rows.iter().find(|limit| {
            limit.label == "plain file behind HTTP" && limit.clients == row.clients
        })?;
        (!row.is_limit && limit.rate > 0.0).then(|| row.rate / limit.rate)
    }

    pub(super) fn print(&self, output: &mut Output) {
        output.line(&format!(
            "{:38} {:>7} {:>9} {:>19} {:>9} {:>9} {:>8}",
            "", "clients", "per s", "slowest..fastest", "p50 µs", "p99 µs", "of plain"
        ));
        for row in &self.rows {
            let ratio = self.ratio(row).map(|it| format!("{it:.2}"));
            output.line(&format!(
                "{:38} {:>7} {:>9.0} {:>19} {:>9.0} {:>9.0} {:>8}",
                row.label,
                row.clients,
                row.rate,
                format!("{:.0}..{:.0}", row.slowest, row.fastest),
                row.p50,
                row.p99,
                ratio.unwrap_or_default()
            ));
        }
        let it = &self.processor;
        output.line(&format!(
            "one core, per s: SHA-256 of 1 KiB {:.0}, BLAKE3 of 1 KiB {:.0}, Ed25519 sign {:.0}, verify {:.0}",
            it.sha256, it.link, it.sign, it.verify
        ));
        if let Some(it) = &self.sizes {
            output.line(&format!(
                "bytes per entry: call.evaluated {:.0}; with bodies {:.0}, on disk {:.0} ({:.3} of it), over {} entries",
                it.routine,
                it.stored,
                it.on_disk,
                it.on_disk / it.stored,
                it.entries
            ));
        }
        output.document(self.document());
    }

    fn document(&self) -> Object {
        let rows = self.rows.iter().map(|row| {
            let object = Object::new()
                .with("what", row.label)
                .with("clients", u32::from(row.clients))
                .with("per_s", whole(row.rate))
                .with("slowest_per_s", whole(row.slowest))
                .with("fastest_per_s", whole(row.fastest))
                .with("p50_us", whole(row.p50))
                .with("p99_us", whole(row.p99));
            Value::from(object)
        });
        let it = &self.processor;
        let processor = Object::new()
            .with("sha256_1k", whole(it.sha256))
            .with("blake3_1k", whole(it.link))
            .with("ed25519_sign", whole(it.sign))
            .with("ed25519_verify", whole(it.verify));
        let document = Object::new()
            .with("runs", number(RUNS.try_into().unwrap_or_default()))
            .with("rows", rows.collect::<Vec<Value>>())
            .with("one_core_per_s", processor);
        match &self.sizes {
            None => document,
            Some(it) => document.with(
                "bytes_per_entry",
                Object::new()
                    .with("call_evaluated", whole(it.routine))
                    .with("stored", whole(it.stored))
                    .with("on_disk", whole(it.on_disk)),
            ),
        }
    }
}

/// The middle one; sorts them.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and times are small and never negative; the cast saturates"
)]
fn whole(value: f64) -> u32 {
    value.round() as u32
}
