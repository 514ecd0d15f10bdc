//! The bound on an app's history: when all its channels together keep too much, the oldest messages of the app go first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use crate::channel::Channel;
use crate::sync::{Mutex, lock};

#[derive(Debug)]
pub(crate) struct HistoryBudget {
    limit: usize,
    used: AtomicUsize,
    /// Each channel that keeps messages, once, the one with the oldest message first.
    channels: Mutex<BinaryHeap<Reverse<Keeper>>>,
}

/// A channel that keeps messages, by the age of its oldest one as it was when it got here. That one may be gone since,
/// but none that the channel keeps is older.
#[derive(Debug)]
struct Keeper {
    oldest: u64,
    channel: Weak<Channel>,
}

impl HistoryBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), channels: Mutex::default() }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// Counts a message. Called with its channel locked, as [`free`](Self::free) is, so that no message is counted as
    /// gone before it is counted as there.
    pub(crate) fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Relaxed);
    }

    /// Counts messages that are gone.
    pub(crate) fn free(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
    }

    /// Takes up a channel whose first message, of the time `oldest`, has just come.
    pub(crate) fn enlist(&self, channel: &Arc<Channel>, oldest: u64) {
        lock(&self.channels).push(Reverse(Keeper { oldest, channel: Arc::downgrade(channel) }));
    }

    /// Evicts the app's oldest messages while there is too much; says how many.
    pub(crate) fn enforce(&self) -> u64 {
        let mut evicted = 0;
        while self.used() > self.limit {
            // Taken out of the heap and put back rather than held: a channel is never locked while the heap is.
            let Some(Reverse(keeper)) = lock(&self.channels).pop() else { break };
            let Some(channel) = keeper.channel.upgrade() else { continue };
            let (gone, oldest) = channel.evict_oldest(self, keeper.oldest);
            evicted += u64::from(gone);
            if let Some(oldest) = oldest {
                lock(&self.channels).push(Reverse(Keeper { oldest, ..keeper }));
            }
        }
        evicted
    }

    /// Lets go of channels that are no more.
    pub(crate) fn sweep(&self) {
        lock(&self.channels).retain(|Reverse(keeper)| keeper.channel.strong_count() > 0);
    }
}

impl PartialEq for Keeper {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Keeper {}

impl PartialOrd for Keeper {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keeper {
    fn cmp(&self, other: &Self) -> Ordering {
        self.oldest.cmp(&other.oldest)
    }
}
