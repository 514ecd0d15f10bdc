//! What becomes of a slot that the thread frees: it waits for the next one, lies in the magazine of its class, and moves
//! back into its span in the end.
//!
//! Which magazine a slot goes to depends on its address. A program that takes a block right after it freed one would
//! otherwise have to wait for all of that: for the address, then for the tag of its slice, then for what was just
//! written to that magazine. So the slot that was freed last is put on its magazine only with the next free, whose own
//! way nobody waits for.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use core::{ptr, slice};

use super::magazine::{Magazine, seen_in_order};
use super::mark::conceal;
use super::{Heap, foreign, tag};
use crate::chunk::{chunk_of, span_of};
use crate::interrupted;
use crate::report::{DOUBLE_FREE, misuse};
use crate::span::{SLICE, Span};
use crate::window;

/// The slot that was freed last, if it may be kept. Written by the owner; others may look at it.
pub(super) struct Latest {
    /// Its address, or zero.
    slot: AtomicUsize,
    /// The tag of its slice; without a slot zero, where the magazine lies that is always full. Whole, since a store of its
    /// lower half alone takes some processors longer.
    tag: AtomicU32,
}

impl Latest {
    pub(super) const fn none() -> Self {
        Self { slot: AtomicUsize::new(0), tag: AtomicU32::new(0) }
    }

    #[inline(always)]
    fn set(&self, slot: usize, tag: u32) {
        self.slot.store(slot, Relaxed);
        self.tag.store(tag, Relaxed);
    }

    /// Where in the heap its magazine lies.
    #[inline(always)]
    fn place(&self) -> usize {
        // SAFETY: the owner alone writes to it, and others only look. An atomic load could not be of half of it alone.
        tag::place(unsafe { self.tag.as_ptr().read() })
    }

    /// Its address, or zero.
    #[inline(always)]
    fn slot(&self) -> usize {
        // SAFETY: as in `place`.
        unsafe { self.slot.as_ptr().read() }
    }

    /// Whether there is one, of `class`. Only a hint, but for a borrower.
    pub(super) fn is_of(&self, class: usize) -> bool {
        self.slot.load(Relaxed) != 0 && tag::place(self.tag.load(Relaxed)) == tag::place_of(class)
    }

    fn take(&self) -> Option<usize> {
        let slot = self.slot();
        self.set(0, 0);
        (slot != 0).then_some(slot)
    }
}

impl Heap {
    /// Keeps the block if it is a slot that may be kept here; false when it has to be freed the long way.
    ///
    /// # Safety
    /// Nobody may use the block any more.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: *mut u8) -> bool {
        let address = block.expose_provenance();
        let slice = address.wrapping_sub(self.window.get()) / SLICE;
        let (before, mark) = (self.latest.slot(), self.mark());
        conceal(before);
        if slice >= window::SLICES || before == address {
            return false;
        }
        // SAFETY: inside the window's map, which is never unmapped.
        let tag = unsafe { &*self.tags.get().add(slice) }.load(Relaxed);
        if !tag::may_keep(tag, self.bit.get()) {
            return false;
        }
        // SAFETY: tags have the places of magazines.
        let magazine = unsafe { &*self.magazines.as_ptr().byte_add(self.latest.place()) };
        // SAFETY: it is a slot, or else the magazine is full.
        if !magazine.has_room() || unsafe { mark.is_on(before) } {
            return false;
        }
        self.latest.set(address, tag);
        seen_in_order();
        // SAFETY: nobody uses it, and there is room.
        unsafe { magazine.push(before, mark) };
        true
    }

    /// Whether slots of the span may be kept here, as [`Heap::give`] sees it, or because they are the heap's own where no
    /// tag says so. Not told by the owner's bit: the owner writes beside it with every free.
    pub(crate) fn may_keep(&self, span: &Span) -> bool {
        tag::are_kept_by_all(span.class())
            || ptr::eq(span.owner(), self)
            || tag::may_keep(window::get(span.base()), self.bit.get())
    }

    /// Takes a slot from one of its magazines. Null when there is none, or none that can be had without a closer look.
    #[inline(always)]
    pub(crate) fn take(&self, magazine: &Magazine) -> *mut u8 {
        magazine.take(self.mark(), self.latest.slot())
    }

    /// Keeps a slot that may be kept here as [`Heap::give`] does, after it made room. Ends the program when it is free
    /// already, or is none.
    pub(crate) fn give_slowly(&self, span: &'static Span, block: *mut u8) {
        interrupted::here();
        let address = block.addr();
        if self.is_latest(address) {
            misuse(DOUBLE_FREE, address);
        }
        self.check_in_use(span, address);
        self.keep_latest();
        self.latest.set(address, tag::tag(self.bit.get(), span.class()));
        if !self.make_room(span.class()) {
            self.keep_latest();
        }
    }

    /// Whether the slot was freed last.
    pub(super) fn is_latest(&self, slot: usize) -> bool {
        self.latest.slot() == slot
    }

    /// Ends the program when no slot starts at the address, or it is free by its span or in a magazine of this heap.
    fn check_in_use(&self, span: &Span, address: usize) {
        span.slot_in_use(address);
        conceal(address);
        // SAFETY: it is a slot.
        let may_be_in_magazine = unsafe { self.mark().is_on(address) };
        if may_be_in_magazine && self.magazine(span.class()).holds(address) {
            misuse(DOUBLE_FREE, address);
        }
    }

    /// Puts the slot that was freed last on its magazine, or back into its span where nothing may be kept. Ends the program
    /// when it was free already, or is none.
    pub(super) fn keep_latest(&self) {
        let Some(address) = self.latest.take() else { return };
        let (span, mark) = (span_of(address), self.mark());
        self.check_in_use(span, address);
        if self.make_room(span.class()) {
            // SAFETY: a slot that nobody uses.
            unsafe { self.magazine(span.class()).push(address, mark) };
        } else {
            // SAFETY: as above.
            unsafe { mark.put_on(address) };
            self.put_back(span, slice::from_ref(&Cell::new(address)));
        }
    }

    /// Makes room in the magazine of `class` if there is none. False where nothing may be kept.
    fn make_room(&self, class: usize) -> bool {
        let magazine = self.magazine(class);
        if !magazine.has_room() {
            self.let_hold_more(class, usize::MAX);
        }
        if !magazine.has_room() {
            self.empty(class, magazine.limit() - magazine.limit() / 4);
        }
        magazine.has_room()
    }

    /// Moves the `count` slots that lie longest in the magazine of `class` back into their spans. Ends the program when one
    /// does not carry the mark.
    pub(super) fn empty(&self, class: usize, count: usize) {
        let mut stack = self.magazine(class).oldest(count);
        while let Some(place) = stack.first() {
            stack = self.put_back(span_of(place.get()), stack);
        }
        self.magazine(class).remove_oldest(count);
    }

    /// Moves as many of the slots in a stack back into their span as are in it before the first that is not, and returns
    /// the rest.
    #[inline(always)]
    fn put_back<'a>(&self, span: &'static Span, stack: &'a [Cell<usize>]) -> &'a [Cell<usize>] {
        if !ptr::eq(span.owner(), self) {
            return foreign::put_back(span, stack, self.mark());
        }
        let rest = span.put(stack, self.mark());
        chunk_of(span).note_change();
        if span.free.load(Relaxed) >= span.look_at.get() {
            self.look(span);
        }
        rest
    }
}
