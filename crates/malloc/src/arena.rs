//! Where slices come from and go to: the first that is free in the oldest chunk that has one, so that the younger ones
//! fall empty. Chunks are mapped downwards, so the highest is the oldest.

use core::sync::atomic::Ordering::*;

use crate::chunk::{self, CHUNK, Chunk, FIRST_SLICE, MOST_SLICES, SLICES};
use crate::lock::Lock;
use crate::page;
use crate::span::{Kind, SLICE, SLICE_PAGES, Span, pages};
use crate::sys::{self, PAGE};

/// The largest run. Blocks above it get a mapping of their own.
pub(crate) const LARGEST_RUN: usize = 4 << 20;

/// The one arena. Its lock is the innermost but for that of the large blocks.
pub(crate) static ARENA: Lock<Arena> = Lock::new(Arena { chunks: core::ptr::null_mut(), len: 0, capacity: 0 });

/// All chunks, by address.
pub(crate) struct Arena {
    chunks: *mut &'static Chunk,
    len: usize,
    capacity: usize,
}

// SAFETY: the list is plain memory that belongs to the arena; what it refers to is guarded by the arena's lock.
unsafe impl Send for Arena {}

/// A run that was just taken.
pub(crate) struct Run {
    pub(crate) at: usize,
    /// Whether it is known to read as zeros.
    pub(crate) zeroed: bool,
}

impl Arena {
    pub(crate) fn chunks(&self) -> &[&'static Chunk] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the first `len` entries are written, see `insert`.
        unsafe { core::slice::from_raw_parts(self.chunks, self.len) }
    }

    /// The first chunk at `address` or above.
    pub(crate) fn chunk_from(&self, address: usize) -> Option<&'static Chunk> {
        let index = self.chunks().partition_point(|chunk| chunk.address() < address);
        self.chunks().get(index).copied()
    }

    fn insert(&mut self, chunk: &'static Chunk) -> Option<()> {
        if self.len == self.capacity {
            let capacity = (self.capacity * 2).max(PAGE / size_of::<usize>());
            let list = sys::map(0, capacity * size_of::<usize>())? as *mut &'static Chunk;
            // SAFETY: the new list is larger and does not overlap the old one, which nobody uses afterwards.
            unsafe {
                core::ptr::copy_nonoverlapping(self.chunks, list, self.len);
                sys::unmap(self.chunks as usize, self.capacity * size_of::<usize>());
            }
            (self.chunks, self.capacity) = (list, capacity);
        }
        let index = self.chunks().partition_point(|other| other.address() < chunk.address());
        // SAFETY: there is room for one more, and `index <= len`.
        unsafe {
            let place = self.chunks.add(index);
            core::ptr::copy(place, place.add(1), self.len - index);
            place.write(chunk);
        }
        self.len += 1;
        page::set_chunks(self.len * CHUNK);
        Some(())
    }

    /// Unmaps a chunk of which no slice is in use.
    pub(crate) fn remove(&mut self, chunk: &'static Chunk) {
        debug_assert_eq!(chunk.free_count.get(), MOST_SLICES);
        let index = self.chunks().partition_point(|other| other.address() < chunk.address());
        // SAFETY: `index` is the place of `chunk`, one of `len`.
        unsafe {
            let place = self.chunks.add(index);
            core::ptr::copy(place.add(1), place, self.len - index - 1);
        }
        self.len -= 1;
        page::set_chunks(self.len * CHUNK);
        // SAFETY: no slice is in use, and the arena has just forgotten the chunk.
        unsafe { chunk::unmap(chunk) };
    }

    /// Takes `count` neighbouring slices, the first at a multiple of `align` slices.
    fn take(&mut self, count: usize, align: usize) -> Option<(&'static Chunk, usize)> {
        for &chunk in self.chunks().iter().rev() {
            if chunk.longest.get() < count {
                continue;
            }
            if let Some(first) = find(chunk, count, align) {
                mark(chunk, first, count, false);
                return Some((chunk, first));
            }
            if align == 1 {
                chunk.longest.set(count - 1);
            }
        }
        let hint = self.chunks().first().map_or(0, |chunk| chunk.address() - CHUNK);
        let chunk = chunk::map(hint)?;
        if self.insert(chunk).is_none() {
            // SAFETY: nobody else has seen the chunk yet.
            unsafe { chunk::unmap(chunk) };
            return None;
        }
        let first = find(chunk, count, align)?;
        mark(chunk, first, count, false);
        Some((chunk, first))
    }

    /// Takes a slice out of those that can be had while its pages are given back, or puts it back.
    pub(crate) fn set_available(&mut self, span: &Span, available: bool) {
        mark(chunk::chunk_of(span), chunk::slice_of(span), 1, available);
    }
}

/// Notes slices as free or taken.
fn mark(chunk: &Chunk, first: usize, count: usize, free: bool) {
    for slice in first..first + count {
        let word = &chunk.free[slice / 64];
        let bit = 1 << (slice % 64);
        debug_assert_ne!(word.get() & bit != 0, free);
        word.set(word.get() ^ bit);
    }
    if free {
        chunk.free_count.set(chunk.free_count.get() + count);
        chunk.longest.set(MOST_SLICES);
    } else {
        (first..first + count).for_each(|slice| chunk.note_record(slice));
        chunk.free_count.set(chunk.free_count.get() - count);
    }
}

fn is_free(chunk: &Chunk, slice: usize) -> bool {
    chunk.free[slice / 64].get() >> (slice % 64) & 1 != 0
}

/// How many slices from `slice` on are free, counted up to `most`.
fn free_from(chunk: &Chunk, slice: usize, most: usize) -> usize {
    (slice..SLICES.min(slice + most)).take_while(|&slice| is_free(chunk, slice)).count()
}

fn find(chunk: &Chunk, count: usize, align: usize) -> Option<usize> {
    let mut slice = FIRST_SLICE.next_multiple_of(align);
    while slice + count <= SLICES {
        let rest = chunk.free[slice / 64].get() >> (slice % 64);
        if rest == 0 {
            slice = (slice / 64 * 64 + 64).next_multiple_of(align);
            continue;
        }
        if rest & 1 == 0 {
            slice = (slice + rest.trailing_zeros() as usize).next_multiple_of(align);
            continue;
        }
        let run = free_from(chunk, slice, count);
        if run == count {
            return Some(slice);
        }
        slice = (slice + run + 1).next_multiple_of(align);
    }
    None
}

/// A fresh span of `class`, all slots free, that has no owner yet.
pub(crate) fn new_span(class: usize) -> Option<&'static Span> {
    let mut arena = ARENA.lock();
    let (chunk, slice) = arena.take(1, 1)?;
    let span = chunk.span(slice);
    span.cut(class, &chunk.cells);
    page::took_span();
    Some(span)
}

/// Takes back a span that has been retired.
pub(crate) fn return_span(span: &Span) {
    let _arena = ARENA.lock();
    let chunk = chunk::chunk_of(span);
    chunk.note_change();
    page::returned_span();
    chunk.cells.put_back(span.first_cell(), span.cells());
    span.set_kind(Kind::Free);
    mark(chunk, chunk::slice_of(span), 1, true);
}

/// Takes a run of `bytes` at a multiple of `align`, which is at most 1 MiB.
pub(crate) fn new_run(bytes: usize, align: usize) -> Option<Run> {
    let bytes = bytes.next_multiple_of(PAGE);
    let count = bytes.div_ceil(SLICE);
    let mut arena = ARENA.lock();
    let (chunk, first) = arena.take(count, (align / SLICE).max(1))?;
    let span = chunk.span(first);
    let zeroed = use_run(chunk, first, 0, bytes);
    span.set_kind(Kind::Run);
    page::took_run(bytes);
    Some(Run { at: span.base(), zeroed })
}

/// Notes that the run at `first` uses its slices from number `from` on, `bytes` in all. Whether those are zeroed.
fn use_run(chunk: &Chunk, first: usize, from: usize, bytes: usize) -> bool {
    let count = bytes.div_ceil(SLICE);
    let mut zeroed = true;
    for slice in from..count {
        let span = chunk.span(first + slice);
        let used = pages(0, ((bytes - slice * SLICE).div_ceil(PAGE)).min(SLICE_PAGES) - 1);
        zeroed &= span.dirty.load(Relaxed) & used == 0;
        page::touched(used & !span.dirty.load(Relaxed));
        span.dirty.store(span.dirty.load(Relaxed) | used, Relaxed);
        span.grow_young(used);
        span.set_kind(Kind::RunRest);
    }
    let span = chunk.span(first);
    span.run_slices.set(count as u16);
    span.run_bytes.set(bytes as u32);
    zeroed
}

/// Lets go of a run. False when `span` is not one, which the caller has to complain about.
pub(crate) fn return_run(span: &Span) -> bool {
    let _arena = ARENA.lock();
    if span.kind() != Kind::Run {
        return false;
    }
    page::returned_run(span.run_bytes.get() as usize);
    let chunk = chunk::chunk_of(span);
    let first = chunk::slice_of(span);
    return_slices(chunk, first, span.run_slices.get() as usize);
    true
}

fn return_slices(chunk: &Chunk, first: usize, count: usize) {
    for slice in first..first + count {
        let span = chunk.span(slice);
        span.set_kind(Kind::Free);
        // The purge puts a slice that it holds back itself.
        if !span.is_held() {
            mark(chunk, slice, 1, true);
        }
    }
    chunk.note_change();
}

/// Makes a run longer or shorter where it is; false when there is no room.
pub(crate) fn resize_run(span: &Span, bytes: usize) -> bool {
    let bytes = bytes.next_multiple_of(PAGE);
    let _arena = ARENA.lock();
    let chunk = chunk::chunk_of(span);
    let first = chunk::slice_of(span);
    let old = span.run_slices.get() as usize;
    let new = bytes.div_ceil(SLICE);
    if new > old {
        let more = new - old;
        if first + new > SLICES || free_from(chunk, first + old, more) < more {
            return false;
        }
        mark(chunk, first + old, more, false);
    }
    // The purge may be giving back what lies behind the end of the run, or be about to.
    if bytes > span.run_bytes.get() as usize && chunk.span(first + old - 1).is_held() {
        if new > old {
            mark(chunk, first + old, new - old, true);
        }
        return false;
    }
    if new < old {
        return_slices(chunk, first + new, old - new);
    }
    page::resized_run(span.run_bytes.get() as usize, bytes);
    use_run(chunk, first, old.min(new) - 1, bytes);
    span.set_kind(Kind::Run);
    chunk.changed.store(true, Relaxed);
    true
}
