//! What the page holds, word by word, the same for whoever writes it and whoever reads it.
//!
//! Every word is an atomic of its own: a figure by itself is always whole, and two figures may be a moment apart.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::classes::CLASSES;

/// What the file begins with, once all else is in place.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"plnt-mem");
/// Grows when a word changes its place or its meaning.
pub(super) const VERSION: u32 = 2;
/// How many seconds the peaks are kept for; a minute, and a few that have begun or not ended.
pub(super) const SECONDS: usize = 64;

/// See the module. Sizes are in bytes, times in nanoseconds of the monotonic clock. All zero bytes are an empty page.
#[repr(C, align(4096))]
pub(crate) struct Page {
    pub(super) magic: AtomicU64,
    pub(super) version: AtomicU32,
    /// The size of this struct.
    pub(super) len: AtomicU32,
    pub(super) pid: AtomicU32,
    pub(super) class_count: AtomicU32,
    /// When the process started, in clock ticks after boot, as `/proc/PID/stat` has it.
    pub(super) started: AtomicU64,
    /// Where its stack starts, which every program that a process becomes chooses anew.
    pub(super) stack: AtomicU64,
    /// The command's name, as `/proc/PID/comm` has it, filled up with zero bytes.
    pub(super) command: [AtomicU64; 2],
    /// The advised limit of resident bytes; 0 for none.
    pub(super) limit: AtomicU64,

    // Noted when it happens.
    /// Mapped in chunks.
    pub(super) chunk_bytes: AtomicU64,
    /// In pages of chunks that may be resident, but for those that hold records.
    pub(super) touched_bytes: AtomicU64,
    /// In slices that are cut into slots.
    pub(super) span_bytes: AtomicU64,
    /// Live in runs of slices.
    pub(super) run_bytes: AtomicU64,
    /// Live in large blocks.
    pub(super) large_bytes: AtomicU64,
    /// In freed large blocks that are kept for reuse.
    pub(super) cached_bytes: AtomicU64,
    /// Given back to the system so far.
    pub(super) returned_bytes: AtomicU64,
    /// Runs and large blocks allocated so far, and freed.
    pub(super) big_allocations: AtomicU64,
    pub(super) big_frees: AtomicU64,

    // Known from the last time that the records were counted.
    /// When that was; 0 for never.
    pub(super) counted_at: AtomicU64,
    /// Live in slots then.
    pub(super) counted_slot_bytes: AtomicU64,
    /// What `span_bytes` was then.
    pub(super) counted_span_bytes: AtomicU64,
    /// In resident pages that hold records.
    pub(super) record_bytes: AtomicU64,
    pub(super) classes: [Class; CLASSES],

    /// The peak of each second in which something happened, at the place of that second modulo the length.
    pub(super) seconds: [Second; SECONDS],
}

/// Slots of one size.
#[repr(C)]
pub(super) struct Class {
    pub(super) slot_size: AtomicU64,
    pub(super) live: AtomicU64,
    pub(super) allocations: AtomicU64,
    pub(super) frees: AtomicU64,
}

/// The most of a second. What was before the first event in it counts too.
#[repr(C)]
pub(super) struct Second {
    /// Which second of the monotonic clock; 0 for none.
    pub(super) number: AtomicU64,
    pub(super) live: AtomicU64,
    pub(super) resident: AtomicU64,
}

impl Page {
    pub(super) const fn new() -> Self {
        // SAFETY: atomic integers are all there is, and zero is a valid one.
        unsafe { core::mem::zeroed() }
    }

    /// Live bytes. Slices that were cut into slots since the last count are taken for full ones, as far as their pages
    /// were touched.
    pub(super) fn live(&self) -> u64 {
        let (spans, runs) = (self.span_bytes.load(Relaxed), self.run_bytes.load(Relaxed));
        let since = spans.saturating_sub(self.counted_span_bytes.load(Relaxed));
        let touched = self.touched_bytes.load(Relaxed).saturating_sub(runs);
        let slots = (self.counted_slot_bytes.load(Relaxed) + since).min(spans).min(touched);
        slots + runs + self.large_bytes.load(Relaxed)
    }

    /// Bytes that may be resident.
    pub(super) fn resident(&self) -> u64 {
        let chunks = self.touched_bytes.load(Relaxed) + self.record_bytes.load(Relaxed);
        chunks + self.large_bytes.load(Relaxed) + self.cached_bytes.load(Relaxed)
    }

    /// Bytes of address space.
    pub(super) fn mapped(&self) -> u64 {
        self.chunk_bytes.load(Relaxed) + self.large_bytes.load(Relaxed) + self.cached_bytes.load(Relaxed)
    }
}
