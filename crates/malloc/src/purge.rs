//! Giving back: which pages hold nothing, how long they have, and handing them to the system.
//!
//! The purge comes by several times within the delay. Each time it looks at the chunks where something changed or
//! where pages are waiting, and every page that is free and dirty grows a step older, unless slots were taken from
//! it meanwhile. Slices are in three groups that reach the age at which their pages go one visit after the other, so
//! that a spike's memory leaves in portions and not at one blow, and all of it within the delay.
//!
//! Pages are marked as held while the kernel takes them; nothing is allocated from a held span, and no lock is held
//! during the call but the purge's own.

use core::sync::atomic::Ordering::*;

use crate::arena::ARENA;
use crate::chunk::{self, Chunk, FIRST_SLICE, MOST_SLICES, SLICES};
use crate::heap::{Heap, ORPHANS, Patience, borrow};
use crate::lock::RawLock;
use crate::span::{Kind, Pages, SLICE, SLICE_PAGES, Span, pages};
use crate::sys::{self, PAGE, Range};
use crate::{interrupted, large, page, thread};

/// Taken for a chunk's worth of work, so that a fork need not wait for a whole round. The outermost lock.
pub(crate) static PURGE: RawLock = RawLock::new();

/// Visits within the delay.
pub(crate) const VISITS: u64 = 8;
/// After how many visits the pages of the first group go; the others follow one visit later each.
const FIRST_AGE: u16 = 3;
const GROUPS: usize = 3;
/// An active thread is not disturbed for less than this, in bytes.
const WORTH_BORROWING: usize = 64 * 1024;
/// How many spans' pages are given back in one go: at most 8 MiB, which takes less than half a millisecond.
const BATCH: usize = 128;
/// A span has at most eight separate runs of free pages, and `process_madvise` takes 1024 ranges.
const MOST_RANGES: usize = BATCH * SLICE_PAGES / 2;
/// Some microseconds, since the owners of other heaps may be waiting. Whom the purge does not get now it gets at its next
/// visit.
const PATIENCE: Patience = Patience { looks: 300, between: core::hint::spin_loop };

/// Which pages are to go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those whose time has come.
    Aged,
    /// Those in spans from which nobody takes slots at present.
    Closed,
    /// All that are free.
    All,
}

/// Comes by everywhere once. Large blocks freed before `before` go too. Whether something is waiting for its time.
pub(crate) fn run(which: Which, before: u64) -> bool {
    thread::clear_left_behind();
    let mut waiting = {
        let _purge = PURGE.hold();
        put_away(which)
    };
    for_each_chunk(|chunk| {
        if chunk.changed.swap(false, Relaxed) || chunk.waiting.get() || which == Which::All {
            waiting |= visit(chunk, which);
        }
    });
    large::purge(before) || waiting
}

/// Gives back at once what is free in spans, but for those from which slots are being taken. For the moment when more is
/// resident than ever before: a span serves one size alone, and what the program needs now is another.
pub(crate) fn relieve() {
    {
        let _purge = PURGE.hold();
        put_away(Which::Aged);
    }
    for_each_chunk(|chunk| {
        visit_spans(chunk, Which::Closed, &mut Batch::new());
    });
}

fn for_each_chunk(mut visit: impl FnMut(&'static Chunk)) {
    let mut from = 0;
    loop {
        let _purge = PURGE.hold();
        let Some(chunk) = ARENA.lock().chunk_from(from) else { break };
        from = chunk.address() + 1;
        visit(chunk);
    }
}

/// Whether something happened since the last visit that makes another one worth while.
pub(crate) fn is_wanted() -> bool {
    large::LARGE.lock().cached_bytes != 0
        || ORPHANS.has_post()
        || ARENA.lock().chunks().iter().any(|chunk| chunk.changed.load(Relaxed))
        || thread::heaps().any(Heap::has_post)
}

/// Puts slots that threads have at hand back into their spans: those that lay there unneeded since the last visit, or
/// all. Whether there are threads that need theirs.
fn put_away(which: Which) -> bool {
    let mut active = false;
    for heap in thread::heaps() {
        let spared = which == Which::Aged && heap.is_active();
        active |= spared && heap.cached() != 0;
        heap.wanted.set(if spared {
            heap.unneeded() >= WORTH_BORROWING
        } else {
            heap.cached() != 0 || heap.has_post()
        });
    }
    if thread::heaps().any(|heap| heap.wanted.get()) {
        let borrowed = borrow(|heap| heap.wanted.get(), PATIENCE);
        active |= thread::heaps().any(|heap| heap.wanted.get() && !heap.is_borrowed());
        thread::heaps().filter(|heap| heap.is_borrowed()).for_each(|heap| {
            if which == Which::Aged && heap.is_active() {
                heap.put_away_unneeded();
            } else {
                heap.put_away();
                heap.shrink();
            }
            heap.give_back();
        });
        drop(borrowed);
    }
    thread::heaps().for_each(Heap::note_visit);
    let _held = ORPHANS.lock.hold();
    ORPHANS.drain_inbox();
    active
}

/// Whether the purge has something to do with the span. Only a hint, but for a borrower.
fn needs_visit(span: &Span) -> bool {
    !span.is_held()
        && (span.free.load(Relaxed) as usize == span.capacity() || span.free_pages() & span.possibly_resident() != 0)
}

/// Whether something in the chunk is waiting for its time. The chunk may be gone afterwards.
fn visit(chunk: &'static Chunk, which: Which) -> bool {
    let mut batch = Batch::new();
    let mut waiting = visit_spans(chunk, which, &mut batch);
    waiting |= visit_rest(chunk, which, &mut batch);
    batch.give_back();
    chunk.waiting.set(waiting);
    let mut arena = ARENA.lock();
    let empty = chunk.free_count.get() == MOST_SLICES;
    if empty
        && arena.chunks().len() > 1
        && (FIRST_SLICE..SLICES).all(|slice| chunk.span(slice).dirty.load(Relaxed) == 0)
    {
        arena.remove(chunk);
    } else if !waiting {
        chunk.discard_unused();
    }
    waiting
}

/// Visits the slices that are spans of slots. Whether something in them is waiting for its time.
fn visit_spans(chunk: &'static Chunk, which: Which, batch: &mut Batch) -> bool {
    let mut waiting = false;
    let mut slice = FIRST_SLICE;
    while slice < SLICES {
        want_owners(chunk, slice);
        {
            let _borrowed = borrow(|heap| heap.wanted.get(), PATIENCE);
            let _held = ORPHANS.lock.hold();
            while slice < SLICES && !batch.is_full() {
                waiting |= visit_slots(chunk.span(slice), which, batch);
                slice += 1;
            }
        }
        batch.give_back();
    }
    waiting
}

/// Notes which heaps own spans in the chunk that need a visit, from the slice on.
fn want_owners(chunk: &Chunk, from: usize) {
    thread::heaps().for_each(|heap| heap.wanted.set(false));
    // Slices are cut and returned under this lock, so what is a span of some class now stays one meanwhile.
    let _arena = ARENA.lock();
    for span in (from..SLICES).map(|slice| chunk.span(slice)) {
        if span.kind() == Kind::Slots
            && needs_visit(span)
            && let Some(heap) = owner_of(span)
        {
            heap.wanted.set(true);
        }
    }
}

fn owner_of(span: &Span) -> Option<&'static Heap> {
    // SAFETY: null or a heap, and heaps are never unmapped.
    unsafe { span.owner().as_ref() }
}

/// Visits a slice if it is a span of slots that can be had.
fn visit_slots(span: &'static Span, which: Which, batch: &mut Batch) -> bool {
    let Some(heap) = owner_of(span).filter(|_| span.kind() == Kind::Slots) else { return false };
    if !heap.is_borrowed() && !core::ptr::eq(heap, &ORPHANS) {
        return heap.wanted.get();
    }
    if span.is_held() || (which == Which::Closed && heap.is_open(span)) {
        return true;
    }
    let touched = span.touched.swap(0, Relaxed);
    span.dirty.store(span.dirty.load(Relaxed) | touched, Relaxed);
    span.collect();
    if span.free.load(Relaxed) as usize == span.capacity() {
        heap.close_span(span);
        if !heap.look(span) {
            return true;
        }
    }
    let candidates = span.free_pages() & span.dirty.load(Relaxed);
    let due = grow_older(span, candidates, touched, which);
    if due != 0 {
        heap.close_span(span);
        span.hold(due);
        batch.add(span, due);
    }
    candidates & !due != 0
}

/// Visits the slices that the arena has, and the ends of runs.
fn visit_rest(chunk: &'static Chunk, which: Which, batch: &mut Batch) -> bool {
    let mut waiting = false;
    let mut slice = FIRST_SLICE;
    while slice < SLICES {
        if batch.is_full() {
            batch.give_back();
        }
        let mut arena = ARENA.lock();
        let mut span = chunk.span(slice);
        slice += 1;
        let unused = match span.kind() {
            // To grow older, a clean one would have to be written to, and its record may have gone back.
            Kind::Free if span.dirty.load(Relaxed) == 0 || span.is_held() => continue,
            Kind::Free => Pages::MAX,
            Kind::Run => {
                let slices = span.run_slices.get() as usize;
                let used = (span.run_bytes.get() as usize - (slices - 1) * SLICE) / PAGE;
                slice += slices - 1;
                span = chunk.span(slice - 1);
                !pages(0, used - 1)
            }
            _ => continue,
        };
        let candidates = unused & span.dirty.load(Relaxed);
        let due = grow_older(span, candidates, 0, which);
        if due != 0 {
            span.hold(due);
            if span.kind() == Kind::Free {
                arena.set_available(span, false);
            }
            batch.add(span, due);
        }
        waiting |= candidates & !due != 0;
    }
    waiting
}

/// Makes the candidates a visit older, but for those that were touched, and says which of them are to go.
fn grow_older(span: &Span, candidates: Pages, touched: Pages, which: Which) -> Pages {
    if which != Which::Aged {
        return candidates;
    }
    let mut carry = candidates;
    for bit in &span.age {
        let before = bit.get() & candidates & !touched;
        bit.set(before ^ carry);
        carry &= before;
    }
    let threshold = FIRST_AGE + (chunk::slice_of(span) % GROUPS) as u16;
    let [low, middle, high] = &span.age;
    let mut due: Pages = 0;
    for age in threshold..8 {
        let pick = |bit: &Pages, wanted: u16| if wanted != 0 { *bit } else { !*bit };
        due |= pick(&low.get(), age & 1) & pick(&middle.get(), age & 2) & pick(&high.get(), age & 4);
    }
    due & candidates
}

/// Pages that are held and about to be given back.
struct Batch {
    entries: [Option<(&'static Span, Pages)>; BATCH],
    len: usize,
}

impl Batch {
    fn new() -> Self {
        Self { entries: [None; BATCH], len: 0 }
    }

    fn is_full(&self) -> bool {
        self.len == BATCH
    }

    fn add(&mut self, span: &'static Span, due: Pages) {
        self.entries[self.len] = Some((span, due));
        self.len += 1;
    }

    fn give_back(&mut self) {
        let mut ranges = [Range { at: 0, len: 0 }; MOST_RANGES];
        let mut count = 0;
        let mut bytes = 0;
        for (span, due) in self.entries[..self.len].iter().flatten() {
            for range in sys::runs_of_pages(span.base(), u64::from(*due)) {
                bytes += range.len;
                match ranges[..count].last_mut() {
                    Some(last) if last.at + last.len == range.at => last.len += range.len,
                    _ => {
                        ranges[count] = range;
                        count += 1;
                    }
                }
            }
        }
        if count == 0 {
            return;
        }
        // SAFETY: these pages were free when they were marked as held, and nothing is taken from a held span.
        let are_gone = unsafe { sys::discard(&ranges[..count]) };
        interrupted::here();
        if are_gone {
            page::emptied(bytes);
        }
        for entry in &mut self.entries[..self.len] {
            if let Some((span, given)) = entry.take() {
                let_go(span, given, are_gone);
            }
        }
        self.len = 0;
    }
}

/// Ends the holding of pages that have been given back, or could not be.
fn let_go(span: &'static Span, given: Pages, are_gone: bool) {
    let clean = || {
        if are_gone {
            span.dirty.store(span.dirty.load(Relaxed) & !given, Relaxed);
        }
        span.grow_young(given);
        span.hold(0);
    };
    // A held span stays a span, and a held slice is the arena's.
    if span.kind() == Kind::Slots {
        clean();
        chunk::chunk_of(span).note_change();
        return;
    }
    let mut arena = ARENA.lock();
    clean();
    if span.kind() == Kind::Free {
        arena.set_available(span, true);
    }
}

/// Gives back everything that can go, at once, without waiting for its time. True when that was anything.
///
/// For programs that have switched the thread off and know when they are idle, such as an event loop before it waits.
/// Takes about 0.1 ms for each megabyte given back.
///
/// ```
/// let spike: Vec<Vec<u8>> = (0..1000).map(|_| vec![1; 10_000]).collect();
/// drop(spike);
/// planet_malloc::release();
/// ```
pub fn release() -> bool {
    let before = page::returned_bytes();
    run(Which::All, u64::MAX);
    page::returned_bytes() != before
}
