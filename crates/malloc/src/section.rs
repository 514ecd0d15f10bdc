//! The moment in which a thread works on its heap, made visible to others at the cost of two plain stores.
//!
//! A thread takes and gives slots without any lock. Somebody who wants the heap to himself, to give back what a
//! sleeping thread holds, offers another heap in its place first, then makes every thread pass a barrier, then looks
//! whether the owner is inside its section. If it is not, then whatever section it enters next sees the offer.

use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// Where a thread finds what it works on, a heap.
#[repr(C)]
pub(crate) struct Seat<T> {
    /// Whether the thread is inside its section. Four bytes, since stores of fewer take some processors (AMD Zen) longer.
    inside: AtomicU32,
    /// What the thread works on from its next section on.
    offered: AtomicPtr<T>,
    /// What the thread has of its own, which may be borrowed at present; or null.
    own: AtomicPtr<T>,
}

impl<T> Seat<T> {
    #[cfg(loom)]
    fn new(offered: *const T) -> Self {
        let offered = offered.cast_mut();
        Self { inside: AtomicU32::new(0), offered: AtomicPtr::new(offered), own: AtomicPtr::new(offered) }
    }

    /// Begins the thread's section. What it finds stays its own until [`Seat::leave`].
    #[cfg(any(loom, thread_sanitizer, not(target_arch = "x86_64")))]
    pub(crate) fn enter(&self) -> *const T {
        self.inside.store(1, Ordering::Relaxed);
        crate::sync::light_barrier();
        self.offered.load(Ordering::Acquire)
    }

    /// Ends the thread's section.
    #[cfg(any(loom, thread_sanitizer, not(target_arch = "x86_64")))]
    pub(crate) fn leave(&self) {
        self.inside.store(0, Ordering::Release);
    }

    /// Has the thread find `other` from its next section on.
    pub(crate) fn offer(&self, other: *const T) {
        self.offered.store(other.cast_mut(), Ordering::Release);
    }

    /// Whether the thread is outside its section. When asked after [`Seat::offer`] and a barrier on every thread, a
    /// yes means that the thread has seen the offer, or will see it on entering.
    pub(crate) fn is_left(&self) -> bool {
        self.inside.load(Ordering::Acquire) == 0
    }

    pub(crate) fn own(&self) -> *const T {
        self.own.load(Ordering::Relaxed)
    }

    pub(crate) fn set_own(&self, own: *const T) {
        self.own.store(own.cast_mut(), Ordering::Relaxed);
    }
}

#[cfg(all(test, loom))]
mod tests {
    use core::ptr;

    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::sync::atomic::fence;

    use super::*;

    struct Heap(UnsafeCell<u32>);

    // SAFETY: what is inside is what the test is about; loom reports it when two threads meet there.
    unsafe impl Sync for Heap {}
    // SAFETY: as above.
    unsafe impl Send for Heap {}

    struct Shared {
        heap: Heap,
        seat: Seat<Heap>,
    }

    #[test]
    fn a_borrowed_heap_is_left_alone_until_it_is_returned() {
        loom::model(|| {
            let shared = Arc::new(Shared { heap: Heap(UnsafeCell::new(0)), seat: Seat::new(ptr::null()) });
            shared.seat.offer(&shared.heap);
            let owner = loom::thread::spawn({
                let shared = shared.clone();
                move || {
                    for _ in 0..2 {
                        // SAFETY: null, or the heap that the test keeps.
                        if let Some(heap) = unsafe { shared.seat.enter().as_ref() } {
                            // SAFETY: inside the section, so nobody else may be here.
                            heap.0.with_mut(|slots| unsafe { *slots += 1 });
                        }
                        shared.seat.leave();
                    }
                }
            });
            shared.seat.offer(ptr::null());
            fence(Ordering::SeqCst);
            while !shared.seat.is_left() {
                loom::thread::yield_now();
            }
            // SAFETY: borrowed, and the owner has left.
            shared.heap.0.with_mut(|slots| unsafe { *slots += 10 });
            shared.seat.offer(&shared.heap);
            owner.join().expect("the owner ends");
        });
    }
}
