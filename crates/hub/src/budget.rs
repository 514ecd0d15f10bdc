//! The bound on an app's history: when all its channels together keep too much, the oldest messages of the app go first.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crate::channel::{Channel, HistoryChange};
use crate::log::MESSAGE_OVERHEAD;
use crate::sync::{Mutex, lock};

#[derive(Debug)]
pub(crate) struct HistoryBudget {
    limit: usize,
    used: AtomicUsize,
    /// Messages in order of their publication. Some of them are gone already.
    ages: Mutex<VecDeque<(Weak<Channel>, u64)>>,
}

impl HistoryBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), ages: Mutex::default() }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn free(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts a message that was added, and evicts the app's oldest ones while there is too much; says how many.
    pub(crate) fn add(&self, channel: &Arc<Channel>, offset: u64, history: HistoryChange) -> u64 {
        self.used.fetch_add(history.added, Ordering::Relaxed);
        self.free(history.freed);
        let mut evicted = 0;
        let mut ages = lock(&self.ages);
        ages.push_back((Arc::downgrade(channel), offset));
        // Entries of messages that are gone leave too: there are never more of them than messages can be kept.
        while self.used() > self.limit || ages.len() > self.limit / MESSAGE_OVERHEAD {
            let Some((channel, offset)) = ages.pop_front() else { break };
            drop(ages);
            if let Some(channel) = channel.upgrade() {
                let freed = channel.evict_through(offset);
                evicted += u64::from(freed > 0);
                self.free(freed);
            }
            ages = lock(&self.ages);
        }
        evicted
    }
}
