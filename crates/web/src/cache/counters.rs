//! What the cache has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters at one moment. Each request counts once in one of the first six.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests answered from a fresh stored answer.
    pub hits: u64,
    /// Requests answered from a stale stored answer, as the answer, the request or the settings allow.
    pub stale: u64,
    /// Requests that waited for another one's fetch and were answered from what it stored.
    pub coalesced: u64,
    /// Requests answered from a stored answer that the service said is still good.
    pub revalidated: u64,
    /// Requests that the service answered, or that nothing could answer.
    pub misses: u64,
    /// Requests that went past the cache: other methods than GET and HEAD, requests with a body, upgrades, too long keys,
    /// and those that ask for it by `no-store`.
    pub bypassed: u64,
    /// Stored answers that gave way to others.
    pub evicted: u64,
    /// Bytes of all stored answers now, with their headers and keys.
    pub stored_bytes: u64,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Hit,
    Stale,
    Coalesced,
    Revalidated,
    Miss,
    Bypass,
}

#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; 6]);

impl Tally {
    pub(crate) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, evicted: u64, stored_bytes: u64) -> Counters {
        let count = |outcome: Outcome| self.0[outcome as usize].load(Ordering::Relaxed);
        Counters {
            hits: count(Outcome::Hit),
            stale: count(Outcome::Stale),
            coalesced: count(Outcome::Coalesced),
            revalidated: count(Outcome::Revalidated),
            misses: count(Outcome::Miss),
            bypassed: count(Outcome::Bypass),
            evicted,
            stored_bytes,
        }
    }
}
