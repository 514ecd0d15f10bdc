//! What a hub counts. Each figure only grows; rates are for whoever reads them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

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
    /// Bytes taken from the queues and written.
    pub written_bytes: Counter,
    /// Those of them that were written to a [`Sink`](crate::Sink), rather than by a task of the transport.
    pub sink_bytes: Counter,
    /// From queueing to writing, for the oldest frame of each write.
    pub write_latency: Histogram,
}

/// Upper bounds of the buckets of a [`Histogram`], in microseconds; one more bucket takes what is above the last.
pub const LATENCY_BOUNDS_US: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000,
];

/// Durations, counted by size.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Records how long it is from each of these moments until `now`.
    pub(crate) fn record_until(&self, now: Instant, moments: &[Instant]) {
        let mut counts = [0; LATENCY_BOUNDS_US.len() + 1];
        let mut sum_us = 0;
        for moment in moments {
            let us = now.saturating_duration_since(*moment).as_micros() as u64;
            counts[LATENCY_BOUNDS_US.partition_point(|bound| *bound < us)] += 1;
            sum_us += us;
        }
        for (bucket, count) in self.buckets.iter().zip(counts).filter(|(_, count)| *count > 0) {
            bucket.fetch_add(count, Ordering::Relaxed);
        }
        if sum_us > 0 {
            self.sum_us.fetch_add(sum_us, Ordering::Relaxed);
        }
    }

    /// Durations in each bucket, not cumulative.
    pub fn buckets(&self) -> [u64; LATENCY_BOUNDS_US.len() + 1] {
        std::array::from_fn(|at| self.buckets[at].load(Ordering::Relaxed))
    }

    /// All durations together, in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        let now = Instant::now() + Duration::from_secs(60);
        let moments = [0, 50, 51, 5_000_000, 5_000_001].map(|us| now - Duration::from_micros(us));
        histogram.record_until(now, &moments);
        let buckets = histogram.buckets();
        assert_eq!((buckets[0], buckets[1], buckets[15], buckets[16]), (2, 1, 1, 1));
        assert_eq!(histogram.sum_us(), 10_000_102);
    }
}
