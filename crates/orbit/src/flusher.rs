//! The flusher: writes the queues of connections that have no task of their own to do it.
//!
//! A fan-out leaves its frames in the queues of many connections and hands the list of them over. A few workers write
//! them, a handful of connections at a time. While a connection waits for its turn, later messages join its queue and
//! leave in the same write; when it is done, no task has been woken, which is what makes a delivery cost little more
//! than the write itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use planet_hub::{Connection, Flush};
use tokio::sync::Semaphore;

/// Connections that a worker takes at once. Small enough that it lets others of its thread run every millisecond or so, and
/// large enough that being put off and called again, which may wake another thread for nothing, costs each write little.
const TURN: usize = 128;

/// Connections that wait before a second worker helps. One worker writes so many within some milliseconds, and has in its
/// core's cache what another would have to fetch first.
const HELP_ABOVE: usize = 1024;

/// Hands out connections to be written. Clones share one list.
#[derive(Clone)]
pub struct Flusher {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// A permit for each worker that is called and has not yet come.
    calls: Semaphore,
}

#[derive(Default)]
struct State {
    /// Each connection is here at most once, so the list is bounded by the connections there are.
    ready: VecDeque<Arc<Connection>>,
    /// Workers there are.
    workers: usize,
    /// Workers that write, or have been called to.
    called: usize,
}

impl Default for Flusher {
    fn default() -> Self {
        Self { shared: Arc::new(Shared { state: Mutex::default(), calls: Semaphore::new(0) }) }
    }
}

impl Flusher {
    /// One with nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts `workers` tasks that write until the runtime ends.
    pub fn start(&self, workers: usize) {
        self.shared.lock().workers += workers;
        for _ in 0..workers {
            let shared = self.shared.clone();
            tokio::spawn(async move { shared.work().await });
        }
    }

    /// Connections that wait to be written.
    pub fn waiting(&self) -> usize {
        self.shared.lock().ready.len()
    }
}

impl Flush for Flusher {
    fn flush(&self, ready: Vec<Arc<Connection>>) {
        let mut state = self.shared.lock();
        state.ready.extend(ready);
        let calls = state.needs_another();
        state.called += usize::from(calls);
        drop(state);
        if calls {
            self.shared.calls.add_permits(1);
        }
    }
}

impl State {
    /// Whether one more worker is to come: the first when there is anything to do, the others when there is much.
    fn needs_another(&self) -> bool {
        self.called == 0 || (self.called < self.workers && self.ready.len() > HELP_ABOVE * self.called)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(&self) {
        // Fails only when the semaphore is closed, which it never is.
        while let Ok(call) = self.calls.acquire().await {
            call.forget();
            while self.take_turn() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Writes some connections; without any, the worker is no longer called, and waits until it is again.
    fn take_turn(&self) -> bool {
        let turn: Vec<_> = {
            let mut state = self.lock();
            let count = state.ready.len().min(TURN);
            if count == 0 {
                state.called -= 1;
                state.ready.shrink_to(TURN);
                return false;
            }
            state.ready.drain(..count).collect()
        };
        Connection::drain_all(&turn);
        true
    }
}
