//! How much memory is live, resident and given back, counted when asked for.

use core::sync::atomic::Ordering::Relaxed;

use crate::arena::ARENA;
use crate::chunk::{CHUNK, FIRST_SLICE, SLICES};
use crate::large::{self, LARGE};
use crate::purge;
use crate::span::{Kind, SLICE};
use crate::sys::PAGE;

/// What the allocator holds, in bytes unless said. Counted without stopping other threads, so a figure may be off by
/// what they do meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// In blocks that the program holds, each counted with what was rounded up.
    pub live: usize,
    /// How many blocks of up to 32 KiB the program holds.
    pub live_slots: usize,
    /// Address space in use: chunks, and large blocks with those kept for reuse.
    pub mapped: usize,
    /// Of the mapped bytes, those that may be in memory.
    pub resident: usize,
    /// In freed large blocks that are kept for reuse.
    pub cached: usize,
    /// Given back to the system so far, in all.
    pub returned: u64,
    /// How many chunks are mapped.
    pub chunks: usize,
}

/// Counts. Takes about a tenth of a millisecond for each 100 MB.
///
/// ```
/// let before = planet_malloc::figures();
/// assert!(before.live <= before.mapped);
/// ```
pub fn figures() -> Figures {
    let mut sum = Figures::default();
    {
        let arena = ARENA.lock();
        for chunk in arena.chunks() {
            sum.chunks += 1;
            sum.mapped += CHUNK;
            for span in (FIRST_SLICE..SLICES).map(|slice| chunk.span(slice)) {
                let pages = span.dirty.get() | span.touched.load(Relaxed);
                sum.resident += pages.count_ones() as usize * PAGE;
                match span.kind() {
                    Kind::Slots => {
                        let used = span.capacity().saturating_sub(span.count_free());
                        sum.live_slots += used;
                        sum.live += used * span.slot_size();
                    }
                    Kind::Run => sum.live += span.run_bytes.get() as usize,
                    Kind::Free | Kind::RunRest => {}
                }
            }
            sum.resident += FIRST_SLICE * SLICE;
        }
    }
    let large = LARGE.lock();
    sum.live += large.live_bytes;
    sum.cached = large.cached_bytes;
    sum.mapped += large.live_bytes + large.cached_bytes;
    sum.resident += large.live_bytes + large.cached_bytes;
    sum.returned = purge::RETURNED.load(Relaxed) + large::RETURNED.load(Relaxed);
    sum
}
