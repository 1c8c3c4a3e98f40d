//! How fast one credential may ask: a bucket of tokens, and so many requests at once. Buckets are
//! apart, so that one agent's flood is its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::problem::{Code, Problem};

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Asker {
    /// Whoever has this token; its SHA-256.
    Token([u8; 32]),
    /// Whoever comes from this address without one.
    Peer(IpAddr),
}

/// A request that is under way; dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Pass {
    _permit: OwnedSemaphorePermit,
}

/// The buckets.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    burst: f64,
    at_once: u32,
    buckets: Mutex<HashMap<Asker, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
    gate: Arc<Semaphore>,
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            per_second: f64::from(limits.requests_per_second),
            burst: f64::from(limits.request_burst),
            at_once: limits.requests_at_once,
            buckets: Mutex::default(),
        }
    }

    /// Takes one request's worth, or says when to come back.
    pub(crate) fn take(&self, asker: Asker, now: Instant) -> Result<Pass, Problem> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ASKERS_MAX && !buckets.contains_key(&asker) {
            self.forget_idle(&mut buckets, now);
        }
        let bucket = buckets.entry(asker).or_insert_with(|| self.full(now));
        bucket.tokens = self.refilled(bucket, now);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let detail = format!(
                "this credential may send {} requests per second",
                self.per_second
            );
            return Err(Problem::new(Code::RateLimited, detail).retry_after(1));
        }
        let permit = Arc::clone(&bucket.gate).try_acquire_owned().map_err(|_| {
            let detail = format!("{} requests of this credential are under way", self.at_once);
            Problem::new(Code::RateLimited, detail)
                .limit(self.at_once.into())
                .retry_after(1)
        })?;
        bucket.tokens -= 1.0;
        Ok(Pass { _permit: permit })
    }

    fn full(&self, now: Instant) -> Bucket {
        let at_once = usize::try_from(self.at_once).unwrap_or(usize::MAX);
        Bucket {
            tokens: self.burst,
            at: now,
            gate: Arc::new(Semaphore::new(at_once)),
        }
    }

    fn refilled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.tokens + since * self.per_second).min(self.burst)
    }

    /// A bucket that is full again says nothing; if all are in use, somebody invents tokens, and
    /// all start anew.
    fn forget_idle(&self, buckets: &mut HashMap<Asker, Bucket>, now: Instant) {
        buckets.retain(|_, bucket| self.refilled(bucket, now) < self.burst);
        if buckets.len() >= ASKERS_MAX {
            buckets.clear();
        }
    }
}

/// So many askers are told apart.
const ASKERS_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
