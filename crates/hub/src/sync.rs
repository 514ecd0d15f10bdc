//! The lock of this crate: the standard one, or loom's when the outbound queue is model-checked.
//!
//! Locks nest in one order only, outermost first:
//!
//! 1. a connection's subscriptions
//! 2. a channel's state
//! 3. a connection's outbound queue
//!
//! The tables of an app (channels, users, connections) and its history budget are leaves: nothing else is locked
//! while one of them is held.

use std::sync::PoisonError;

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Locks, and goes on after another thread panicked while it held the lock: each critical section of this crate leaves
/// its data consistent at every point where it can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
