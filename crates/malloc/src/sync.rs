//! Atomics and barriers: the real ones, or loom's when the lock-free parts are being model-checked.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// The cheap half of an asymmetric barrier: the other side pays, by [`crate::sys::barrier_everywhere`].
#[cfg(any(loom, thread_sanitizer, not(target_arch = "x86_64")))]
#[inline(always)]
pub(crate) fn light_barrier() {
    #[cfg(not(loom))]
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(loom)]
    loom::sync::atomic::fence(Ordering::SeqCst);
}
