//! How much memory is live, resident and given back: what is noted when it happens, and what has to be counted.

use crate::arena::ARENA;
use crate::cells::CELL;
use crate::chunk::{CHUNK, Chunk, FIRST_SLICE, SLICES};
use crate::classes::{CLASSES, SIZES};
use crate::large::LARGE;
use crate::page::{self, Count};
use crate::span::{INLINE_WORDS, Kind, SLICE, Span};
use crate::sys::PAGE;
use crate::thread;

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
    let mut count = Count { span_bytes: page::span_bytes(), record_bytes: 0, live: [0; CLASSES], taken: [0; CLASSES] };
    let mut sum = Figures::default();
    let mut from = 0;
    loop {
        // Taken anew for each chunk, so that nobody waits for long.
        let arena = ARENA.lock();
        let Some(chunk) = arena.chunk_from(from) else { break };
        from = chunk.address() + 1;
        sum.chunks += 1;
        count_chunk(chunk, &mut count, &mut sum);
    }
    for (class, size) in SIZES.iter().enumerate() {
        let at_hand = thread::heaps().map(|heap| heap.at_hand(class) as u64).sum::<u64>().min(count.live[class]);
        count.live[class] -= at_hand;
        count.taken[class] = thread::heaps().map(|heap| heap.magazine(class).taken()).sum();
        sum.live_slots = sum.live_slots.saturating_sub(at_hand as usize);
        sum.live = sum.live.saturating_sub(at_hand as usize * *size as usize);
    }
    page::counted(&count);
    let large = LARGE.lock();
    sum.live += large.live_bytes;
    sum.cached = large.cached_bytes;
    sum.mapped = sum.chunks * CHUNK + large.live_bytes + large.cached_bytes;
    sum.resident += count.record_bytes + large.live_bytes + large.cached_bytes;
    sum.returned = page::returned_bytes();
    sum
}

fn count_chunk(chunk: &Chunk, count: &mut Count, sum: &mut Figures) {
    let mut record_bytes = PAGE;
    for span in (FIRST_SLICE..SLICES).map(|slice| chunk.span(slice)) {
        let pages = span.possibly_resident().count_ones() as usize;
        sum.resident += pages * PAGE;
        match span.kind() {
            Kind::Slots => {
                let used = span.capacity().saturating_sub(span.count_free());
                sum.live_slots += used;
                sum.live += used * span.slot_size();
                count.live[span.class()] += used as u64;
                record_bytes += bitmap_bytes(span);
            }
            Kind::Run => sum.live += span.run_bytes.get() as usize,
            Kind::Free | Kind::RunRest => {}
        }
        if pages != 0 {
            record_bytes += size_of::<Span>();
        }
    }
    count.record_bytes += record_bytes.next_multiple_of(PAGE).min(FIRST_SLICE * SLICE);
}

/// What of the bitmaps about a span lies outside its record.
fn bitmap_bytes(span: &Span) -> usize {
    let own = usize::from(span.words() > INLINE_WORDS);
    (own + usize::from(span.is_shared())) * span.cells() * CELL
}
