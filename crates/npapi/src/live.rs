//! How much is alive: a plugin that holds on to what it should let go shows it here.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What is alive in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Instances that the browser has not destroyed.
    pub instances: usize,
    /// [`crate::Scriptable`] objects that the browser has not freed.
    pub scriptables: usize,
    /// References to script objects that count with the browser.
    pub references: usize,
}

/// Counts what is alive now.
pub fn count() -> Live {
    let [instances, scriptables, references] =
        [&INSTANCES, &SCRIPTABLES, &REFERENCES].map(|count| count.0.load(Ordering::Relaxed));
    Live { instances, scriptables, references }
}

pub(crate) struct Count(AtomicUsize);

pub(crate) static INSTANCES: Count = Count(AtomicUsize::new(0));
pub(crate) static SCRIPTABLES: Count = Count(AtomicUsize::new(0));
pub(crate) static REFERENCES: Count = Count(AtomicUsize::new(0));

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
