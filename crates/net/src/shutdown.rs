//! Stopping in order: tell everyone, wait for them, but not for ever.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// A handle on the one shutdown of a server. Clones are handles on the same shutdown.
///
/// Work that must be finished first holds a [`guard`](Shutdown::guard). After
/// [`begin`](Shutdown::begin), [`begun`](Shutdown::begun) wakes everyone who waits for it, and
/// [`drained`](Shutdown::drained) returns when the last guard is gone or the time is up.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: CancellationToken,
    deadline: OnceLock<Instant>,
    tracker: TaskTracker,
}

/// As long as it lives, [`Shutdown::drained`] waits for it.
#[derive(Debug)]
#[must_use = "the shutdown waits only for guards that are kept"]
pub struct ShutdownGuard {
    _token: TaskTrackerToken,
}

/// How a shutdown ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every guard was dropped in time.
    Completely,
    /// The deadline came first; so many guards were still held.
    DeadlinePassed {
        /// Guards still held.
        left: usize,
    },
}

impl Shutdown {
    /// A shutdown that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the shutdown, which is to be over within that time. Beginning again changes nothing.
    pub fn begin(&self, within: Duration) {
        self.0.deadline.get_or_init(|| Instant::now() + within);
        self.0.tracker.close();
        self.0.begun.cancel();
    }

    /// Whether the shutdown has begun.
    pub fn has_begun(&self) -> bool {
        self.0.begun.is_cancelled()
    }

    /// Returns once the shutdown has begun.
    pub async fn begun(&self) {
        self.0.begun.cancelled().await;
    }

    /// When the shutdown is to be over; `None` before it has begun.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline.get().copied()
    }

    /// Returns once the shutdown has begun and its deadline has passed.
    pub async fn deadline_passed(&self) {
        self.begun().await;
        if let Some(deadline) = self.deadline() {
            tokio::time::sleep_until(deadline).await;
        }
    }

    /// Makes the shutdown wait until the guard is dropped.
    pub fn guard(&self) -> ShutdownGuard {
        ShutdownGuard { _token: self.0.tracker.token() }
    }

    /// Guards now held.
    pub fn guards(&self) -> usize {
        self.0.tracker.len()
    }

    /// Returns once the shutdown has begun and either every guard is gone or its deadline has
    /// passed.
    pub async fn drained(&self) -> Drained {
        tokio::select! {
            biased;
            () = self.0.tracker.wait() => Drained::Completely,
            () = self.deadline_passed() => Drained::DeadlinePassed { left: self.guards() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_the_last_guard() {
        let shutdown = Shutdown::new();
        let (first, second) = (shutdown.guard(), shutdown.guard());
        assert!(!shutdown.has_begun());
        shutdown.begin(Duration::from_secs(60));
        assert!(shutdown.has_begun());
        shutdown.begun().await;
        drop(first);
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.drained().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(second);
        assert_eq!(waiting.await.unwrap(), Drained::Completely);
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_wait_past_its_deadline() {
        let shutdown = Shutdown::new();
        let _held = shutdown.guard();
        let start = Instant::now();
        shutdown.begin(Duration::from_secs(5));
        shutdown.begin(Duration::from_secs(500));
        assert_eq!(shutdown.drained().await, Drained::DeadlinePassed { left: 1 });
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_drained_before_it_has_begun() {
        let shutdown = Shutdown::new();
        let waiting = tokio::time::timeout(Duration::from_secs(3600), shutdown.drained());
        assert!(waiting.await.is_err());
    }
}
