//! How fast somebody may ask: a bucket of tokens, and so many requests at once. Buckets are apart,
//! so that one agent's flood is its own, and tables too, so that a flood of logins is not one of
//! decisions.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use countersign_record::id::PersonId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::problem::Problem;

/// A table for each purpose. What strangers do takes nothing from a table that is not theirs.
#[derive(Debug)]
pub(crate) struct Paces {
    /// Tokens that the log knows, by their SHA-256.
    pub(crate) tokens: Pace<[u8; 32]>,
    /// Tokens that it does not know, or that were not seen yet.
    pub(crate) strangers: Pace<Network>,
    /// Logins.
    pub(crate) logins: Pace<Network>,
    /// Decisions and revocations of people with a session.
    pub(crate) deciders: Pace<PersonId>,
    /// Decisions and revocations without one.
    pub(crate) signers: Pace<Network>,
    /// Routes where nobody is asked who they are.
    pub(crate) open: Pace<Network>,
}

impl Paces {
    pub(crate) fn new(limits: &Limits) -> Self {
        let generous = Limits {
            requests_per_second: limits.requests_per_second.saturating_mul(GENEROUS),
            request_burst: limits.request_burst.saturating_mul(GENEROUS),
            requests_at_once: limits.requests_at_once.saturating_mul(GENEROUS),
            ..*limits
        };
        Self {
            tokens: Pace::new("credential", limits),
            strangers: Pace::new("address", &generous),
            logins: Pace::new("address", limits),
            deciders: Pace::new("person", &generous),
            signers: Pace::new("address", &generous),
            open: Pace::new("address", &generous),
        }
    }
}

/// Whom an address is taken for: with IPv6 a whole /64, which one host has to itself.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits() & HOST_BITS_CLEAR).into(),
            it @ IpAddr::V4(_) => it,
        })
    }
}

/// A request that is under way; dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Pass {
    _permit: OwnedSemaphorePermit,
}

/// The buckets of one table.
#[derive(Debug)]
pub(crate) struct Pace<K> {
    whose: &'static str,
    per_second: u32,
    burst: f64,
    at_once: usize,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
    gate: Arc<Semaphore>,
}

impl<K: Copy + Eq + Hash> Pace<K> {
    fn new(whose: &'static str, limits: &Limits) -> Self {
        let at_once = usize::try_from(limits.requests_at_once).unwrap_or(usize::MAX);
        Self {
            whose,
            per_second: limits.requests_per_second,
            burst: f64::from(limits.request_burst),
            at_once: at_once.min(Semaphore::MAX_PERMITS),
            buckets: Mutex::default(),
        }
    }

    /// Takes one request's worth, or says when to come back.
    pub(crate) fn take(&self, asker: K, now: Instant) -> Result<Pass, Problem> {
        let mut buckets = self.locked();
        if buckets.len() >= ASKERS_MAX && !buckets.contains_key(&asker) {
            buckets.retain(|_, bucket| !self.is_idle(bucket, now));
            if buckets.len() >= ASKERS_MAX {
                let detail = "too many others are asking; come back";
                return Err(refusal(detail.into(), ASKERS_MAX));
            }
        }
        let bucket = buckets.entry(asker).or_insert_with(|| self.full(now));
        bucket.tokens = self.refilled(bucket, now);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let (whose, rate) = (self.whose, self.per_second);
            let detail = format!("this {whose} may send {rate} requests per second");
            return Err(refusal(detail, usize::try_from(rate).unwrap_or(usize::MAX)));
        }
        let permit = Arc::clone(&bucket.gate).try_acquire_owned().map_err(|_| {
            let (whose, most) = (self.whose, self.at_once);
            refusal(
                format!("{most} requests of this {whose} are under way"),
                most,
            )
        })?;
        bucket.tokens -= 1.0;
        Ok(Pass { _permit: permit })
    }

    /// Whether this asker has a bucket.
    pub(crate) fn has(&self, asker: &K) -> bool {
        self.locked().contains_key(asker)
    }

    /// Takes an asker's bucket away.
    pub(crate) fn forget(&self, asker: &K) {
        self.locked().remove(asker);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<K, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn full(&self, now: Instant) -> Bucket {
        Bucket {
            tokens: self.burst,
            at: now,
            gate: Arc::new(Semaphore::new(self.at_once)),
        }
    }

    fn refilled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.tokens + since * f64::from(self.per_second)).min(self.burst)
    }

    /// Such a bucket is as good as a new one: forgetting it lets nobody ask more.
    fn is_idle(&self, bucket: &Bucket, now: Instant) -> bool {
        self.refilled(bucket, now) >= self.burst && bucket.gate.available_permits() == self.at_once
    }
}

fn refusal(detail: String, limit: usize) -> Problem {
    Problem::rate_limited(detail, limit.try_into().unwrap_or(u64::MAX)).retry_after(1)
}

/// So many askers of a table are told apart; one more is refused, none loses its count.
const ASKERS_MAX: usize = 10_000;
/// What has more room than one credential has this many times as much.
const GENEROUS: u32 = 10;
const HOST_BITS_CLEAR: u128 = !0 << 64;

#[cfg(test)]
mod tests;
