//! What the clients of one bench share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::client::Emulation;
use crate::error::ClientError;
use crate::options::BenchArgs;
use crate::payload::Clock;
use crate::tally::Tally;
use crate::target::Target;

/// One bench.
pub(crate) struct Context {
    pub(crate) args: BenchArgs,
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    /// Marks the bench's own messages.
    pub(crate) run: u32,
    pub(crate) tally: Tally,
    /// Where clients of one-way streams answer pings.
    pub(crate) emulation: Emulation,
    ready: AtomicUsize,
    failures: Mutex<Failures>,
}

/// Clients that did not get to the end.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) first: Option<(usize, ClientError)>,
}

impl Context {
    pub(crate) fn new(args: BenchArgs, target: Target) -> Self {
        let emulation = Emulation::new(&target);
        Self {
            args,
            target,
            clock: Clock::start(),
            run: rand::random(),
            tally: Tally::new(),
            emulation,
            ready: AtomicUsize::new(0),
            failures: Mutex::default(),
        }
    }

    /// A client has all its subscriptions.
    pub(crate) fn count_ready(&self) {
        self.ready.fetch_add(1, Ordering::Relaxed);
    }

    /// Clients that have all their subscriptions, or had them before they failed.
    pub(crate) fn ready(&self) -> usize {
        self.ready.load(Ordering::Relaxed)
    }

    /// A client has ended, which none should before the bench does.
    pub(crate) fn fail(&self, client: usize, error: ClientError) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.count += 1;
        failures.first.get_or_insert((client, error));
    }

    /// Takes what failed so far.
    pub(crate) fn take_failures(&self) -> Failures {
        std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
