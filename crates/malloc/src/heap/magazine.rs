//! The slots of a class that a thread has at hand: a stack of their addresses, which grows downwards.
//!
//! A magazine is filled from the bitmaps of spans and emptied into them, several slots at a time. Nothing is written
//! into a slot in it but its [`mark`]. Behind the last slot lies the address of one that never carries the right mark, so
//! that taking need not ask whether there is one.

use core::cell::Cell;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::*, compiler_fence};
use core::{ptr, slice};

use super::mark::{self, Mark};
use super::stacks::{NO_SLOT, NO_STACK};
use crate::classes::{LARGEST, MIN_ALIGN, SIZES, classes_of_units};
use crate::report::{MARK_GONE, misuse};

/// How many it may hold when it is used first, and how many bytes of them, since the mark alone makes a page resident.
const FIRST: usize = 8;
const FILLED_BYTES: usize = 4 * 1024;
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

/// With how many slots of `class` at most a magazine is filled at once, since the mark alone makes a page resident.
pub(crate) const fn most_at_once(class: usize) -> usize {
    let slots = FILLED_BYTES / SIZES[class] as usize;
    if slots < 1 { 1 } else { slots }
}

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

/// See the module. Written by the owner; others may look at it.
#[repr(C, align(32))]
pub(crate) struct Magazine {
    /// Where the address lies of the slot that is taken next.
    top: AtomicPtr<usize>,
    /// Where `top` is when no more may be put on it.
    full: AtomicPtr<usize>,
    /// Where `top` is when there is nothing on it.
    end: AtomicPtr<usize>,
    /// How many slots were taken from it, ever.
    taken: AtomicU64,
}

/// Reads a word of a magazine as its owner does: an atomic load could not be part of another instruction.
#[inline(always)]
fn own(word: &AtomicPtr<usize>) -> *mut usize {
    // SAFETY: the owner alone writes to it, and others only look.
    unsafe { word.as_ptr().read() }
}

/// The slot whose address lies in this place of a stack. Ends the program when it does not carry the mark.
#[inline(always)]
pub(crate) fn slot_in(place: &Cell<usize>, mark: Mark) -> usize {
    let slot = place.get();
    // SAFETY: stacks hold slots.
    if !unsafe { mark.is_on(slot) } {
        misuse(MARK_GONE, slot);
    }
    slot
}

/// Moves slots of a stack, the last one to just before `end`.
///
/// # Safety
/// Before `end` there must be places for as many that nobody else uses.
unsafe fn move_before(end: *mut usize, slots: &[Cell<usize>]) {
    // SAFETY: the caller's promise; a cell is a word.
    unsafe { ptr::copy(slots.as_ptr().cast(), end.sub(slots.len()), slots.len()) };
}

/// Has the compiler leave stores in their order. Where there is no `membarrier`, the child of a fork finds the heaps of other
/// threads as they are at that moment: a slot may be missing then, but not be in two places, nor in a magazine without a mark.
#[inline(always)]
pub(super) fn seen_in_order() {
    compiler_fence(Release);
}

/// How many words lie between two places of a stack.
fn words(from: *mut usize, to: *mut usize) -> usize {
    to.addr().wrapping_sub(from.addr()) / size_of::<usize>()
}

impl Magazine {
    /// One that may hold nothing.
    pub(crate) const fn new() -> Self {
        Self {
            top: AtomicPtr::new(NO_STACK),
            full: AtomicPtr::new(NO_STACK),
            end: AtomicPtr::new(NO_STACK),
            taken: AtomicU64::new(0),
        }
    }

    /// Takes a slot. Null when there is none, or when the next does not carry the mark of the heap, or when it is the one
    /// that was freed last, and so twice.
    #[inline(always)]
    pub(super) fn take(&self, mark: Mark, latest: usize) -> *mut u8 {
        let top = own(&self.top);
        // SAFETY: there is an address at the end, too.
        let slot = unsafe { top.read() };
        // SAFETY: a slot, or that at the end, which is as long.
        if !unsafe { mark.is_on(slot) } || slot == latest {
            return ptr::null_mut();
        }
        // SAFETY: the end has no mark, so this is before it.
        self.top.store(unsafe { top.add(1) }, Relaxed);
        seen_in_order();
        // SAFETY: a slot in a magazine is nobody else's.
        unsafe { mark::take_off(slot) };
        self.count_taken();
        ptr::with_exposed_provenance_mut(slot)
    }

    /// Counts a slot that was taken past it.
    #[inline(always)]
    pub(crate) fn count_taken(&self) {
        self.taken.store(self.taken.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The slot that is taken next.
    pub(crate) fn next(&self) -> Option<usize> {
        self.slots().first().map(Cell::get)
    }

    /// Whether it has the slot.
    pub(super) fn holds(&self, slot: usize) -> bool {
        self.slots().iter().any(|place| place.get() == slot)
    }

    /// Whether another slot may be put on it.
    #[inline(always)]
    pub(crate) fn has_room(&self) -> bool {
        own(&self.top) != own(&self.full)
    }

    /// Puts a slot on it and marks it.
    ///
    /// # Safety
    /// `slot` must be one that nobody uses, and the magazine must have room.
    #[inline(always)]
    pub(super) unsafe fn push(&self, slot: usize, mark: Mark) {
        // SAFETY: the caller's promise.
        unsafe {
            let top = own(&self.top).sub(1);
            top.write(slot);
            mark.put_on(slot);
            seen_in_order();
            self.top.store(top, Relaxed);
        }
    }

    /// Makes place for `count` slots when it is empty. What is returned has to be called with each, the one to be taken
    /// first before the others, and marks them.
    ///
    /// # Safety
    /// It must be empty and may hold as many. What is returned must be called so many times, with slots that nobody uses.
    pub(crate) unsafe fn fill(&self, count: usize, mark: Mark) -> impl FnMut(usize) {
        debug_assert!(self.len() == 0 && count <= self.limit());
        let mut place = self.end.load(Relaxed).wrapping_sub(count);
        self.top.store(place, Relaxed);
        move |slot| {
            // SAFETY: the caller's promise.
            unsafe {
                mark.put_on(slot);
                place.write(slot);
            }
            place = place.wrapping_add(1);
        }
    }

    /// How many slots it has. Nonsense now and then for somebody who looks while the owner moves the stack.
    pub(crate) fn len(&self) -> usize {
        words(self.top.load(Relaxed), self.end.load(Relaxed))
    }

    /// How many it may hold at present.
    pub(crate) fn limit(&self) -> usize {
        words(self.full.load(Relaxed), self.end.load(Relaxed))
    }

    /// Has it hold up to `limit` slots, no fewer than it has, in a stack that ends at `end`.
    ///
    /// # Safety
    /// `end` must be that of a stack with place for as many that nobody else uses, or with none [`NO_STACK`].
    pub(crate) unsafe fn set_limit(&self, limit: usize, end: *mut usize) {
        debug_assert!(limit >= self.len());
        if end != self.end.load(Relaxed) {
            let slots = self.slots();
            self.end.store(end, Relaxed);
            self.top.store(end.wrapping_sub(slots.len()), Relaxed);
            if end != NO_STACK {
                // SAFETY: the caller's promise.
                unsafe { end.write((&raw const NO_SLOT).expose_provenance()) };
            }
            // SAFETY: the caller's promise.
            unsafe { move_before(end, slots) };
        }
        self.full.store(end.wrapping_sub(limit), Relaxed);
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// Its slots, that which is taken next first.
    #[inline(always)]
    fn slots(&self) -> &[Cell<usize>] {
        // SAFETY: the heap's own memory, which is never unmapped, or no slots at all.
        unsafe { slice::from_raw_parts(self.top.load(Relaxed).cast(), self.len()) }
    }

    /// The `count` slots that lie longest, which must be removed afterwards, after a look at their marks by [`slot_in`].
    #[inline(always)]
    pub(crate) fn oldest(&self, count: usize) -> &[Cell<usize>] {
        let slots = self.slots();
        &slots[slots.len() - count..]
    }

    /// Removes the `count` slots that lie longest.
    pub(crate) fn remove_oldest(&self, count: usize) {
        if count == 0 {
            return;
        }
        let slots = self.slots();
        let end = self.end.load(Relaxed);
        self.top.store(self.top.load(Relaxed).wrapping_add(count), Relaxed);
        // SAFETY: they move within the stack.
        unsafe { move_before(end, &slots[..slots.len() - count]) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::stacks::{SMALL, STACK_BYTES, end};
    use super::*;

    const MARK: Mark = Mark::of(0x1230);

    /// Memory for all stacks, and slots of which nothing is known.
    struct Ground {
        stacks: Vec<usize>,
        slots: Vec<[usize; 2]>,
    }

    impl Ground {
        fn new() -> Self {
            Self { stacks: vec![0; STACK_BYTES / size_of::<usize>()], slots: vec![[7; 2]; 100] }
        }

        fn set_limit(&mut self, magazine: &Magazine, limit: usize) {
            let stacks = self.stacks.as_mut_ptr();
            stacks.expose_provenance();
            // SAFETY: a stack that no other magazine has.
            unsafe { magazine.set_limit(limit, end(stacks, 3, limit)) };
        }

        fn put(&mut self, magazine: &Magazine, number: usize) -> bool {
            let slot = self.slot(number).expose_provenance();
            let has_room = magazine.has_room();
            if has_room {
                // SAFETY: the test's own slot.
                unsafe { magazine.push(slot, MARK) };
            }
            has_room
        }

        fn slot(&mut self, number: usize) -> *mut u8 {
            self.slots.as_mut_ptr().wrapping_add(number).cast()
        }
    }

    #[test]
    fn what_comes_last_goes_first_wherever_the_stack_is() {
        let (mut ground, magazine) = (Ground::new(), Magazine::new());
        assert!(magazine.take(MARK, 0).is_null());
        assert!(!ground.put(&magazine, 0));
        ground.set_limit(&magazine, 4);
        for number in 0..4 {
            assert!(ground.put(&magazine, number));
        }
        assert!(!ground.put(&magazine, 4));
        ground.set_limit(&magazine, 2 * SMALL);
        for number in 4..2 * SMALL {
            assert!(ground.put(&magazine, number));
        }
        let oldest: Vec<usize> = magazine.oldest(50).iter().map(Cell::get).collect();
        assert_eq!(oldest, (0..50).rev().map(|number| ground.slot(number).addr()).collect::<Vec<_>>());
        magazine.remove_oldest(50);
        ground.set_limit(&magazine, 14);
        assert_eq!((magazine.len(), magazine.limit()), (14, 14));
        for number in (50..2 * SMALL).rev() {
            assert_eq!(magazine.next(), Some(ground.slot(number).addr()));
            assert_eq!(magazine.take(MARK, 0), ground.slot(number));
        }
        assert!(magazine.take(MARK, 0).is_null());
        ground.set_limit(&magazine, 0);
        assert!(magazine.take(MARK, 0).is_null());
        assert_eq!((magazine.taken(), magazine.len()), (14, 0));
    }

    #[test]
    fn a_slot_that_was_put_twice_or_written_to_is_not_taken() {
        let (mut ground, magazine) = (Ground::new(), Magazine::new());
        ground.set_limit(&magazine, 8);
        assert!(ground.put(&magazine, 0));
        assert!(ground.put(&magazine, 1));
        assert!(ground.put(&magazine, 0));
        assert_eq!(magazine.take(MARK, 0), ground.slot(0));
        assert_eq!(magazine.take(MARK, 0), ground.slot(1));
        assert!(magazine.take(MARK, 0).is_null());
        assert_eq!(magazine.next(), Some(ground.slot(0).addr()));
        assert!(ground.put(&magazine, 2));
        ground.slots[2][1] = 0;
        assert!(magazine.take(MARK, 0).is_null());
    }

    #[test]
    fn a_filled_one_gives_the_first_slot_first() {
        let (mut ground, magazine) = (Ground::new(), Magazine::new());
        ground.set_limit(&magazine, SMALL);
        // SAFETY: it is empty, and the slots are the test's own.
        let mut add = unsafe { magazine.fill(SMALL, MARK) };
        (0..SMALL).for_each(|number| add(ground.slot(number).expose_provenance()));
        drop(add);
        (0..SMALL).for_each(|number| assert_eq!(magazine.take(MARK, 0), ground.slot(number)));
        assert!(magazine.take(MARK, 0).is_null());
    }
}
