//! Stops threads for a moment where they meet others, as a machine does on which much else runs.
//!
//! A thread that loses its processor between two steps finds afterwards what it does not find on a quiet machine in
//! millions of calls. So the tests run once more with `--cfg interrupted`; in other builds nothing of this is left.

/// Where a thread may lose its processor.
#[inline(always)]
pub(crate) fn here() {
    #[cfg(interrupted)]
    now_and_then();
}

#[cfg(interrupted)]
fn now_and_then() {
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

    /// One in so many times.
    const SELDOM: u32 = 6;
    static TIMES: AtomicU32 = AtomicU32::new(0);

    let random = TIMES.fetch_add(1, Relaxed).wrapping_mul(0x9e37_79b1) >> 16;
    if random.is_multiple_of(SELDOM) {
        let nobody_wakes = AtomicU32::new(0);
        crate::sys::futex_wait(nobody_wakes.as_ptr(), 0, Some(20_000 + 4 * u64::from(random)));
    }
}
