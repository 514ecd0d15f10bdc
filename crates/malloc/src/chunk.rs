//! A chunk: 32 MiB, aligned, of 512 slices, the first ten of which hold the records about the others.
//!
//! ```text
//! chunk  ┌────────┬───────────────┬───────────────┬───────────────┬──────────┬──────────┬───
//!        │ header │ 512 records   │ longer bits   │ remote bits   │ slice 10 │ slice 11 │ …
//!        │ 4 KiB  │ of 128 bytes  │ 4096 cells    │ 4096 cells    │ 64 KiB   │ 64 KiB   │
//!        └────────┴───────────────┴───────────────┴───────────────┴──────────┴──────────┴───
//! ```
//!
//! Of all this only the pages that are written to are resident: 128 bytes for a span of slots from 256 bytes on. Those
//! of slices that are in use no more go back to the system.
//!
//! A flat map with a byte for each 32 MiB of address space says which of them are chunks. So the way from a pointer
//! to its record is one load and some arithmetic, and a foreign pointer is known as one before anything is read.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::*};

use crate::cells::{self, CELL, Cells};
use crate::span::{Kind, SLICE, Span, WORDS};
use crate::sys::{self, PAGE, Range};

/// The size and the alignment of a chunk.
pub(crate) const CHUNK: usize = 32 << 20;
/// Slices of a chunk.
pub(crate) const SLICES: usize = CHUNK / SLICE;
/// The first slice that is not taken by records.
pub(crate) const FIRST_SLICE: usize = (REMOTE_OFFSET + BITMAP_BYTES).div_ceil(SLICE);
/// The longest run a chunk can hold.
pub(crate) const MOST_SLICES: usize = SLICES - FIRST_SLICE;

const RECORDS_OFFSET: usize = PAGE;
const BITS_OFFSET: usize = RECORDS_OFFSET + SLICES * size_of::<Span>();
const REMOTE_OFFSET: usize = BITS_OFFSET + BITMAP_BYTES;
/// Room for the longest bitmaps, one for each slice.
const BITMAP_BYTES: usize = SLICES * cells::MOST * CELL;
const _: () = assert!(cells::SPANS == SLICES && cells::MOST * CELL == WORDS * size_of::<u64>());

/// In how many runs the pages can lie that a chunk has no use for.
const MOST_RANGES: usize = (SLICES / RECORDS_A_PAGE + 2 * BITMAP_BYTES / PAGE) / 2;

const ADDRESS_BITS: u32 = if cfg!(target_arch = "x86_64") { 47 } else { 48 };
const MAP_LEN: usize = 1 << (ADDRESS_BITS - CHUNK.trailing_zeros());
/// Zero pages of the program until a chunk is noted: 4 KiB of it are resident for each 128 GiB of addresses.
static MAP: [AtomicU8; MAP_LEN] = [const { AtomicU8::new(0) }; MAP_LEN];

/// How many slices have their records on one page.
const RECORDS_A_PAGE: usize = PAGE / size_of::<Span>();
const _: () = assert!(SLICES.is_multiple_of(RECORDS_A_PAGE));

/// What stands at the start of a chunk. All but `changed` belongs to the arena and is guarded by its lock.
pub(crate) struct Chunk {
    /// A bit for each free slice.
    pub(crate) free: [Cell<u64>; SLICES / 64],
    /// How many slices are free.
    pub(crate) free_count: Cell<usize>,
    /// No run of free slices is longer than this.
    pub(crate) longest: Cell<usize>,
    /// Where the bitmaps of its spans lie, of the longer ones and as well of the remote ones.
    pub(crate) cells: Cells,
    /// A bit for each page of records that may be resident.
    record_pages: Cell<u64>,
    /// Whether something was allocated or freed here since the purge last came by.
    pub(crate) changed: AtomicBool,
    /// Whether the purge has to come by again because pages are waiting for their time.
    pub(crate) waiting: Cell<bool>,
}

/// Maps a fresh chunk and notes it.
pub(crate) fn map(hint: usize) -> Option<&'static Chunk> {
    let at = sys::map_aligned(hint, CHUNK, CHUNK)?;
    if at >> ADDRESS_BITS != 0 {
        // SAFETY: just mapped, and known to nobody.
        unsafe { sys::unmap(at, CHUNK) };
        return None;
    }
    // khugepaged would fill the holes that the purge makes.
    sys::forbid_huge_pages(at, CHUNK);
    // SAFETY: fresh zeroed memory is a valid `Chunk`. It stays mapped until `unmap`, which only happens when no slice
    // is in use, so that nothing refers to it.
    let chunk: &'static Chunk = unsafe { &*core::ptr::with_exposed_provenance(at) };
    for slice in FIRST_SLICE..SLICES {
        let word = &chunk.free[slice / 64];
        word.set(word.get() | 1 << (slice % 64));
    }
    chunk.free_count.set(MOST_SLICES);
    chunk.longest.set(MOST_SLICES);
    MAP[at / CHUNK].store(1, Release);
    Some(chunk)
}

/// Gives a chunk back, address space and all.
///
/// # Safety
/// No slice of it may be in use, and nobody else may know of it.
pub(crate) unsafe fn unmap(chunk: &'static Chunk) {
    let at = chunk.address();
    MAP[at / CHUNK].store(0, Release);
    // SAFETY: the caller's promise.
    unsafe { sys::unmap(at, CHUNK) };
}

impl Chunk {
    pub(crate) fn address(&self) -> usize {
        core::ptr::from_ref(self).expose_provenance()
    }

    /// The record about a slice.
    #[inline(always)]
    pub(crate) fn span(&self, slice: usize) -> &'static Span {
        debug_assert!(slice < SLICES);
        let at = self.address() + RECORDS_OFFSET + slice * size_of::<Span>();
        // SAFETY: inside the chunk, where a `Span` lies for each slice; valid as long as the chunk is.
        unsafe { &*core::ptr::with_exposed_provenance(at) }
    }

    /// Notes that the slice is about to have something in its record. The arena's lock must be held.
    pub(crate) fn note_record(&self, slice: usize) {
        self.record_pages.set(self.record_pages.get() | 1 << (slice / RECORDS_A_PAGE));
    }

    /// Gives back the pages of bitmaps that no span has, and those of records that are all of slices without a use or a
    /// page of their own. The arena's lock must be held, so that no slice comes to need them.
    pub(crate) fn discard_unused(&self) {
        let (bitmaps, records) = (self.cells.unmark_unused(), self.unmark_unused_records());
        let parts = [(RECORDS_OFFSET, records), (BITS_OFFSET, bitmaps), (REMOTE_OFFSET, bitmaps)];
        let mut ranges = [Range { at: 0, len: 0 }; MOST_RANGES];
        let mut count = 0;
        for (offset, pages) in parts {
            for range in sys::runs_of_pages(self.address() + offset, pages) {
                ranges[count] = range;
                count += 1;
            }
        }
        if count != 0 {
            // SAFETY: no span has a bitmap on these pages. When one gets it, its own is written anew, and the remote one
            // must be all zeros, as it was left. The records say that their slices are free and clean, and so do zeros.
            unsafe { sys::discard(&ranges[..count]) };
        }
    }

    /// A bit for each page of records that may be resident though all are of slices without a use or a page of their own.
    /// From now on it is held not to be.
    fn unmark_unused_records(&self) -> u64 {
        let is_unused = |span: &Span| span.kind() == Kind::Free && span.possibly_resident() == 0;
        let records = |page: usize| (page * RECORDS_A_PAGE..).take(RECORDS_A_PAGE).map(|slice| self.span(slice));
        let marked = self.record_pages.get();
        let unused = (0..SLICES / RECORDS_A_PAGE)
            .filter(|page| marked >> page & 1 != 0 && records(*page).all(is_unused))
            .fold(0, |pages, page| pages | 1 << page);
        self.record_pages.set(marked & !unused);
        unused
    }

    /// Tells the purge to come by.
    #[inline]
    pub(crate) fn note_change(&self) {
        if !self.changed.load(Relaxed) {
            self.changed.store(true, Relaxed);
        }
    }
}

/// The record about the slice that `address` lies in, or `None` when it lies in no chunk.
#[inline(always)]
pub(crate) fn span_at(address: usize) -> Option<&'static Span> {
    let index = address / CHUNK;
    if index < MAP_LEN && MAP[index].load(Relaxed) != 0 {
        let chunk = core::ptr::with_exposed_provenance::<Chunk>(address & !(CHUNK - 1));
        // SAFETY: the map says that a chunk starts there. A caller with a live block inside keeps it mapped.
        let chunk: &'static Chunk = unsafe { &*chunk };
        Some(chunk.span(address / SLICE % SLICES))
    } else {
        None
    }
}

/// The record about the slice that `address`, which must be in a chunk, lies in.
#[inline(always)]
pub(crate) fn span_of(address: usize) -> &'static Span {
    // SAFETY: the caller's promise.
    let chunk: &'static Chunk = unsafe { &*core::ptr::with_exposed_provenance(address & !(CHUNK - 1)) };
    chunk.span(address / SLICE % SLICES)
}

/// The chunk in which a record lies.
#[inline]
pub(crate) fn chunk_of(span: &Span) -> &'static Chunk {
    let at = core::ptr::from_ref(span).addr() & !(CHUNK - 1);
    // SAFETY: records lie in chunks only, at whose start there is a `Chunk`.
    unsafe { &*core::ptr::with_exposed_provenance(at) }
}

/// The number of the slice a record is about.
pub(crate) fn slice_of(span: &Span) -> usize {
    ((core::ptr::from_ref(span).addr() & (CHUNK - 1)) - RECORDS_OFFSET) / size_of::<Span>()
}

/// The address of the slice a record is about.
pub(crate) fn base_of(span: &Span) -> usize {
    chunk_of(span).address() + slice_of(span) * SLICE
}

/// Where the bitmap of a span lies that is too long for its record.
pub(crate) fn own_bits_of(span: &Span) -> &'static [AtomicU64] {
    bitmap_at(BITS_OFFSET, span)
}

/// The remote bitmap that goes with a record.
#[inline]
pub(crate) fn remote_bits_of(span: &Span) -> &'static [AtomicU64] {
    bitmap_at(REMOTE_OFFSET, span)
}

#[inline]
fn bitmap_at(offset: usize, span: &Span) -> &'static [AtomicU64] {
    let at = chunk_of(span).address() + offset + span.first_cell() * CELL;
    // SAFETY: inside the chunk, where the span has cells for as many words; zero bytes are a valid bitmap.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(at), span.words()) }
}
