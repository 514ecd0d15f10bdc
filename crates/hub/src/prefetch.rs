//! Fetching into the cache what will be needed soon.
//!
//! A fan-out visits thousands of connections that nobody has touched since the last message, so all of their memory is
//! cold; and because each visit takes a lock, the processor cannot begin the next one by itself while it waits. A hint
//! some connections ahead lets the waiting overlap.

/// How many connections ahead of the one that is visited.
pub(crate) const AHEAD: usize = 8;

/// Begins to fetch the memory of `value`, where the processor has a way to ask for it.
pub(crate) fn prefetch<T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        const CACHE_LINE: usize = 64;
        let start = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..size_of_val(value)).step_by(CACHE_LINE) {
            // SAFETY: the offset is inside the value. A prefetch is a hint that neither reads nor writes anything the
            // program can see, and does not fault.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
