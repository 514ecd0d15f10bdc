//! What a hub counts. Each figure only grows; rates are for whoever reads them.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        if count > 0 {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The figures of one hub.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages published to channels, repeats with the same idempotency key not counted.
    pub published: Counter,
    /// Bytes of their payloads.
    pub published_bytes: Counter,
    /// Publications answered as an earlier one with the same idempotency key.
    pub repeated: Counter,
    /// Frames queued for connections by fan-out.
    pub deliveries: Counter,
    /// Bytes of those frames, framing included.
    pub delivered_bytes: Counter,
    /// Connections closed because they could not keep up.
    pub slow_connections: Counter,
    /// Messages dropped with such a connection; it gets them when it resumes, or is told of a gap.
    pub dropped_slow: Counter,
    /// Messages dropped to make room for newer ones, told as a gap.
    pub dropped_oldest: Counter,
    /// Messages replaced by newer ones.
    pub dropped_conflated: Counter,
    /// Messages that left the history early because the app's history was full.
    pub evicted: Counter,
    /// Resumes answered with exactly the missed messages.
    pub recovered: Counter,
    /// Resumes answered with a gap.
    pub unrecovered: Counter,
}
