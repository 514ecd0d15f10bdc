//! The slots of a class that a thread has at hand: a stack of their addresses, which grows downwards.
//!
//! A magazine is filled from the bitmaps of spans and emptied into them, several slots at a time. Nothing is written
//! into a slot in it but a mark, in its second word. Who finds the mark gone when the slot is taken knows that it was
//! freed twice, or written to after it was freed.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::classes::{CLASSES, LARGEST, MIN_ALIGN, SIZES, classes_of_units};

/// What a magazine may hold, in bytes and in slots.
const MOST_BYTES: usize = 128 * 1024;
const MOST: usize = 1024;
const LEAST: usize = 64;
/// How many it may hold when it is used first, and how many bytes of them, since the mark alone makes a page resident.
const FIRST: usize = 8;
const FILLED_BYTES: usize = 8 * 1024;
const FIRST_BYTES: usize = 8192;

/// How many slots of `class` a magazine may hold when it is used first.
pub(crate) const fn first_limit(class: usize) -> usize {
    let slots = FIRST_BYTES / SIZES[class] as usize;
    if slots > FIRST {
        FIRST
    } else if slots < 1 {
        1
    } else {
        slots
    }
}

/// How many slots of `class` a magazine can hold.
pub(crate) const fn room(class: usize) -> usize {
    let slots = MOST_BYTES / SIZES[class] as usize;
    if slots > MOST {
        MOST
    } else if slots < LEAST {
        LEAST
    } else {
        slots
    }
}

/// With how many slots of `class` at most a magazine is filled at once, since the mark alone makes a page resident.
pub(crate) const fn most_at_once(class: usize) -> usize {
    FILLED_BYTES / SIZES[class] as usize
}

/// How many slots the magazines of all classes can hold.
pub(crate) const ROOM: usize = {
    let mut sum = 0;
    let mut class = 0;
    while class < CLASSES {
        sum += room(class);
        class += 1;
    }
    sum
};

/// How far into the magazines of a heap that of the first class lies: behind one that is always full.
pub(super) const PLACE_OF_FIRST: usize = size_of::<Magazine>();

/// For each number of units of [`MIN_ALIGN`] how far into the magazines that of its class lies. One table for all sizes:
/// a processor cannot foresee which of two ways to their classes requests of random sizes go.
pub(super) static PLACES: [u16; LARGEST / MIN_ALIGN + 1] = {
    let classes = classes_of_units();
    let mut places = [0; LARGEST / MIN_ALIGN + 1];
    let mut units = 0;
    while units < places.len() {
        places[units] = (PLACE_OF_FIRST + classes[units] as usize * size_of::<Magazine>()) as u16;
        units += 1;
    }
    places
};

/// See the module. All zero bytes are one that is empty and full. Written by the owner; others may look at it.
#[repr(C, align(32))]
pub(crate) struct Magazine {
    /// The address at which the slot's address lies that is taken next.
    top: AtomicUsize,
    /// Where `top` is when no more may be put on it.
    full: AtomicUsize,
    /// Where `top` is when there is nothing on it.
    empty: AtomicUsize,
    /// How many slots were taken from it, ever.
    taken: AtomicU64,
}

const ENTRY: usize = size_of::<usize>();

fn entry(at: usize) -> &'static Cell<usize> {
    // SAFETY: `at` is between `full` and `empty`, in the heap's own memory, which is never unmapped.
    unsafe { &*ptr::with_exposed_provenance(at) }
}

/// Reads a word of a magazine as its owner does: an atomic load could not be part of another instruction.
#[inline(always)]
fn own(word: &AtomicUsize) -> usize {
    // SAFETY: the owner alone writes to it, and others only look.
    unsafe { word.as_ptr().read() }
}

/// The word of a slot that carries the mark.
///
/// # Safety
/// `slot` must be one, and nobody's but the caller's.
#[inline(always)]
pub(crate) unsafe fn mark_of(slot: *mut u8) -> *mut usize {
    // SAFETY: slots have at least two words.
    unsafe { slot.cast::<usize>().add(1) }
}

impl Magazine {
    pub(crate) const fn new() -> Self {
        Self {
            top: AtomicUsize::new(0),
            full: AtomicUsize::new(0),
            empty: AtomicUsize::new(0),
            taken: AtomicU64::new(0),
        }
    }

    /// Gives it the memory that ends at `end`. It may hold nothing yet.
    pub(crate) fn equip(&self, end: usize) {
        self.top.store(end, Relaxed);
        self.full.store(end, Relaxed);
        self.empty.store(end, Relaxed);
    }

    /// Takes a slot. Null when there is none, or when the next does not carry the mark.
    #[inline(always)]
    pub(crate) fn take(&self, mark: usize) -> *mut u8 {
        let top = own(&self.top);
        if top == own(&self.empty) {
            return ptr::null_mut();
        }
        let slot = ptr::with_exposed_provenance_mut(entry(top).get());
        // SAFETY: a slot in a magazine is nobody else's.
        let word = unsafe { mark_of(slot) };
        // SAFETY: as above.
        if unsafe { word.read() } != mark {
            return ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { word.write(0) };
        self.top.store(top + ENTRY, Relaxed);
        self.count_taken();
        slot
    }

    /// Counts a slot that was taken past it.
    #[inline(always)]
    pub(crate) fn count_taken(&self) {
        self.taken.store(self.taken.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The slot that is taken next.
    pub(crate) fn next(&self) -> Option<usize> {
        (self.len() > 0).then(|| entry(self.top.load(Relaxed)).get())
    }

    /// Puts a slot on it and marks it; false when it is full, or when the slot may be the one that was put on it last.
    ///
    /// # Safety
    /// `slot` must be a slot that nobody uses.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, slot: *mut u8, mark: usize) -> bool {
        let top = own(&self.top);
        if top == own(&self.full) || entry(top).get() == slot.addr() {
            return false;
        }
        // SAFETY: the caller's promise.
        unsafe { self.push(slot, mark) };
        true
    }

    /// Puts a slot on it, which must not be full, and marks it.
    ///
    /// # Safety
    /// As [`Magazine::put`].
    #[inline(always)]
    pub(crate) unsafe fn push(&self, slot: *mut u8, mark: usize) {
        let top = own(&self.top) - ENTRY;
        // SAFETY: the caller's promise.
        unsafe { mark_of(slot).write(mark) };
        entry(top).set(slot.expose_provenance());
        self.top.store(top, Relaxed);
    }

    /// Makes place for `count` slots when it is empty. What is returned has to be called with each, the one to be taken
    /// first before the others.
    pub(crate) fn fill(&self, count: usize, mark: usize) -> impl FnMut(usize) {
        debug_assert!(self.len() == 0 && count <= self.limit());
        let mut at = self.empty.load(Relaxed) - count * ENTRY;
        self.top.store(at, Relaxed);
        move |slot| {
            // SAFETY: a free slot of the heap's own.
            unsafe { mark_of(ptr::with_exposed_provenance_mut(slot)).write(mark) };
            entry(at).set(slot);
            at += ENTRY;
        }
    }

    pub(crate) fn len(&self) -> usize {
        (self.empty.load(Relaxed) - self.top.load(Relaxed)) / ENTRY
    }

    /// How many it may hold at present.
    pub(crate) fn limit(&self) -> usize {
        (self.empty.load(Relaxed) - self.full.load(Relaxed)) / ENTRY
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        debug_assert!(limit >= self.len());
        self.full.store(self.empty.load(Relaxed) - limit * ENTRY, Relaxed);
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// The `count` slots that lie longest, which must be removed afterwards.
    #[inline(always)]
    pub(crate) fn oldest(&self, count: usize) -> &[Cell<usize>] {
        debug_assert!(count <= self.len());
        let first: *const Cell<usize> = ptr::with_exposed_provenance(self.empty.load(Relaxed) - count * ENTRY);
        // SAFETY: as many slots lie below `empty`, in the heap's own memory, which is never unmapped.
        unsafe { core::slice::from_raw_parts(first, count) }
    }

    /// Removes the `count` slots that lie longest.
    pub(crate) fn remove_oldest(&self, count: usize) {
        let (top, rest) = (self.top.load(Relaxed), self.len() - count);
        let (from, to): (*const usize, *mut usize) =
            (ptr::with_exposed_provenance(top), ptr::with_exposed_provenance_mut(top + count * ENTRY));
        // SAFETY: both ranges lie in the magazine's own memory.
        unsafe { ptr::copy(from, to, rest) };
        self.top.store(top + count * ENTRY, Relaxed);
    }
}
