//! The moment in which a thread takes a slot, made visible to others at the cost of two plain stores.
//!
//! A thread takes slots from the span it has open without any lock. Somebody who wants that span closed — to give
//! its free pages back while the thread sleeps — writes "closed" first, then makes every thread pass a barrier, then
//! looks whether the owner is inside its section. If it is not, then whatever section it enters next sees the write.

use crate::sync::{AtomicU32, Ordering, light_barrier};

/// Says whether its owner is between [`Section::enter`] and [`Section::leave`].
pub(crate) struct Section(AtomicU32);

impl Section {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[inline(always)]
    pub(crate) fn enter(&self) {
        self.0.store(1, Ordering::Relaxed);
        light_barrier();
    }

    #[inline(always)]
    pub(crate) fn leave(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether the owner is outside. When asked after a barrier on every thread, a yes means that the owner has seen,
    /// or will see on entering, all that was written before that barrier.
    pub(crate) fn is_left(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

#[cfg(all(test, loom))]
mod tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::fence;

    use super::*;

    struct Shared {
        section: Section,
        open: AtomicU32,
        slots: UnsafeCell<u32>,
    }

    // SAFETY: `slots` is what the test is about; loom reports it when two threads meet there.
    unsafe impl Sync for Shared {}
    // SAFETY: as above.
    unsafe impl Send for Shared {}

    #[test]
    fn a_closed_span_is_left_alone() {
        loom::model(|| {
            let shared =
                Arc::new(Shared { section: Section::new(), open: AtomicU32::new(1), slots: UnsafeCell::new(0) });
            let owner = loom::thread::spawn({
                let shared = shared.clone();
                move || {
                    for _ in 0..2 {
                        shared.section.enter();
                        if shared.open.load(Ordering::Relaxed) == 1 {
                            // SAFETY: inside the section and open: nobody else may be here.
                            shared.slots.with_mut(|slots| unsafe { *slots += 1 });
                        }
                        shared.section.leave();
                    }
                }
            });
            shared.open.store(0, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            while !shared.section.is_left() {
                loom::thread::yield_now();
            }
            // SAFETY: closed, and the owner has left.
            shared.slots.with_mut(|slots| unsafe { *slots += 10 });
            owner.join().expect("the owner ends");
        });
    }
}
