//! What all subscribers have seen, counted in shards so that threads do not wait for each other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

/// Shards; more than any number of threads that take part.
const SHARDS: usize = 32;

/// Longest latency told apart, in nanoseconds: ten minutes. What takes longer counts as that.
const LONGEST: u64 = 600_000_000_000;

/// Counts of one shard.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    /// Messages of this bench that were taken in order, each once.
    pub(crate) delivered: u64,
    /// Messages left out: those that follow came.
    pub(crate) skipped: u64,
    /// Messages that had come before.
    pub(crate) repeated: u64,
    /// Offsets that do not follow the one before.
    pub(crate) out_of_order: u64,
    /// Messages of others.
    pub(crate) foreign: u64,
    /// When the last one came, in nanoseconds since the start of the bench.
    pub(crate) last: u64,
    /// Latencies in nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Counts {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1_000, LONGEST, 3).expect("the bounds are in order");
        Self { delivered: 0, skipped: 0, repeated: 0, out_of_order: 0, foreign: 0, last: 0, latency }
    }

    fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.skipped += other.skipped;
        self.repeated += other.repeated;
        self.out_of_order += other.out_of_order;
        self.foreign += other.foreign;
        self.last = self.last.max(other.last);
        self.latency.add(&other.latency).expect("all shards have the same bounds");
    }
}

/// The shards.
pub(crate) struct Tally(Box<[Mutex<Counts>]>);

impl Tally {
    pub(crate) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::new(Counts::new())).collect())
    }

    /// The shard that a client counts in.
    pub(crate) fn shard(&self, client: usize) -> MutexGuard<'_, Counts> {
        self.0[client % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages delivered so far.
    pub(crate) fn delivered(&self) -> u64 {
        (0..SHARDS).map(|shard| self.shard(shard).delivered).sum()
    }

    /// All shards together.
    pub(crate) fn sum(&self) -> Counts {
        let mut sum = Counts::new();
        (0..SHARDS).for_each(|shard| sum.add(&self.shard(shard)));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_add_up() {
        let tally = Tally::new();
        for client in 0..100 {
            let mut counts = tally.shard(client);
            counts.delivered += 1;
            counts.last = client as u64;
            counts.latency.saturating_record(1_000 * (client as u64 + 1));
        }
        let sum = tally.sum();
        assert_eq!((sum.delivered, sum.last, tally.delivered()), (100, 99, 100));
        assert_eq!(sum.latency.len(), 100);
        assert!((49_000..=51_000).contains(&sum.latency.value_at_quantile(0.5)));
    }
}
