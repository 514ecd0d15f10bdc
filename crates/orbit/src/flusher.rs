//! The flusher: writes the queues of connections that have no task of their own to do it.
//!
//! A fan-out leaves its frames in the queues of many connections and hands the list of them over. A few workers write
//! them, a handful of connections at a time. While a connection waits for its turn, later messages join its queue and
//! leave in the same write; when it is done, no task has been woken, which is what makes a delivery cost little more
//! than the write itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use planet_hub::{Connection, Flush};
use tokio::sync::Notify;

/// Connections that a worker takes at once. Small enough that two workers share a short list, and that a worker lets
/// others of its thread run every millisecond or so.
const TURN: usize = 32;

/// Hands out connections to be written. Clones share one list.
#[derive(Clone, Default)]
pub struct Flusher {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Each connection is here at most once, so the list is bounded by the connections there are.
    ready: Mutex<VecDeque<Arc<Connection>>>,
    work: Notify,
}

impl Flusher {
    /// One with nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts `workers` tasks that write until the runtime ends.
    pub fn start(&self, workers: usize) {
        for _ in 0..workers {
            let shared = self.shared.clone();
            tokio::spawn(async move { shared.work().await });
        }
    }

    /// Connections that wait to be written.
    pub fn waiting(&self) -> usize {
        self.shared.lock().len()
    }
}

impl Flush for Flusher {
    fn flush(&self, ready: Vec<Arc<Connection>>) {
        let many = ready.len() > TURN;
        self.shared.lock().extend(ready);
        self.shared.work.notify_one();
        if many {
            self.shared.work.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Connection>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(&self) {
        loop {
            self.work.notified().await;
            while self.take_turn() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Writes some connections; says whether there was anything to do.
    fn take_turn(&self) -> bool {
        let (turn, more) = {
            let mut ready = self.lock();
            let count = ready.len().min(TURN);
            let turn: Vec<_> = ready.drain(..count).collect();
            if ready.is_empty() {
                ready.shrink_to(TURN);
            }
            (turn, !ready.is_empty())
        };
        if more {
            self.work.notify_one();
        }
        Connection::drain_all(&turn);
        !turn.is_empty()
    }
}
