//! What a server has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the start. Connections and bytes are counted by the listener, in [`planet_net::Traffic`].
#[derive(Debug, Default)]
pub struct Counters {
    answered: AtomicU64,
    oneway: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    /// Calls that got an answer, exceptions of methods included.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Calls handled that expect no answer.
    pub fn oneway(&self) -> u64 {
        self.oneway.load(Ordering::Relaxed)
    }

    /// Calls whose handler failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Calls whose handler took too long.
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// Messages that could not be read, each of which cost its connection.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn count_answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_oneway(&self) {
        self.oneway.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}
