//! A thread's heap: a magazine of slots for each class, and the spans that they come from and go back to.
//!
//! Everything here is done by the thread itself inside its section, see [`crate::tls`], and needs no lock, or by
//! somebody who has borrowed the heap.

mod bins;
mod borrow;
mod magazine;

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering::*};

use bins::Bins;
pub(crate) use borrow::borrow;
use magazine::{FIRST, Magazine, ROOM, room};

use crate::chunk::{chunk_of, span_of};
use crate::classes::{CLASSES, SIZES};
use crate::lock::RawLock;
use crate::profile::{self, Sampler};
use crate::remote::{Inbox, Posted};
use crate::report::{BAD_POINTER, DOUBLE_FREE, MARK_GONE, misuse};
use crate::section::Seat;
use crate::span::{SLICE, Span};
use crate::{arena, thread, window};

/// The heap of a thread that has none: there are no slots in it, and no span ever belongs to it.
pub(crate) static NOBODY: Heap = Heap::new();
/// The owner of the spans whose thread has ended. Whoever needs one adopts it.
pub(crate) static ORPHANS: Heap = Heap::new();

/// What the magazines of all heaps together may hold, in bytes, and what those of one may, but for one slot of each
/// class. The purge takes it all from threads that sleep.
const ALL_MAY_CACHE: usize = 64 << 20;
const LEAST_CACHED: usize = 256 << 10;
const MOST_CACHED: usize = 4 << 20;
/// When all that may be held is, one magazine in turn lets half of its share go for so many wishes of others.
const WISHES_A_HALVING: usize = 8;
/// The bits of a tag that say whose span it is stand above those that say where its magazine lies.
const TAG_SHIFT: u32 = 16;

/// The class of the slot at `address`, a live block. `None` when it is not a slot, or not known to be one.
#[inline(always)]
pub(crate) fn class_at(address: usize) -> Option<usize> {
    let place = window::get(address) as usize % (1 << TAG_SHIFT);
    (place / size_of::<Magazine>()).checked_sub(1)
}

/// Whose heap it is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tenant {
    /// Nobody's; a new thread can have it.
    None = 0,
    /// A living thread's.
    Thread,
    /// A thread's that did not come along into the child of a fork.
    LeftBehind,
    /// Shared by threads that are about to end.
    Visitors,
}

/// See the module.
#[repr(C, align(64))]
pub(crate) struct Heap {
    /// The start of the window and its tags, here so that one load leads to each.
    window: Cell<usize>,
    tags: Cell<*const AtomicU32>,
    /// What the tag of an own span has in its upper half, or zero when the heap's number does not fit there.
    tag: Cell<u32>,
    /// The sum over all magazines of the bytes each may hold.
    may_cache: Cell<usize>,
    /// How often a magazine that wished to hold more had to wait for others to hold less.
    wishes: Cell<usize>,
    /// A magazine for each class, after one for blocks of no size that is always empty.
    magazines: [Magazine; CLASSES + 1],
    /// For each class the span from which its magazine is filled, or null.
    open: [Cell<*const Span>; CLASSES],
    bins: Bins,
    inbox: Inbox<Span>,
    pub(crate) sampler: Sampler,
    /// Held by whoever borrows the heap. Guards [`ORPHANS`], which nobody borrows.
    pub(crate) lock: RawLock,
    /// Where the thread finds the heap, null while no thread has it. Guarded by `lock`.
    seat: AtomicPtr<Seat<Heap>>,
    /// Whether the purge has borrowed it, or wants to. Guarded by the purge's lock.
    borrowed: AtomicBool,
    pub(crate) wanted: Cell<bool>,
    /// How many slots had been taken when the purge last came by. Guarded by the purge's lock.
    taken_before: Cell<u64>,
    /// Guarded by the registry's lock.
    pub(crate) next_registered: Cell<*const Heap>,
    /// Guarded by the registry's lock.
    pub(crate) tenant: Cell<Tenant>,
    /// How often the thread's end has been announced to it. Only for the owning thread.
    pub(crate) farewells: Cell<u32>,
    /// The memory of the magazines, and a word behind it that a free may look at.
    entries: [Cell<usize>; ROOM + 1],
}

// SAFETY: the thread and the borrower exclude each other, and the rest says what guards it.
unsafe impl Sync for Heap {}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            window: Cell::new(window::NOWHERE),
            tags: Cell::new(ptr::null()),
            tag: Cell::new(0),
            may_cache: Cell::new(0),
            wishes: Cell::new(0),
            magazines: [const { Magazine::new() }; CLASSES + 1],
            open: [const { Cell::new(ptr::null()) }; CLASSES],
            bins: Bins::new(),
            inbox: Inbox::new(),
            sampler: Sampler::new(),
            lock: RawLock::new(),
            seat: AtomicPtr::new(ptr::null_mut()),
            borrowed: AtomicBool::new(false),
            wanted: Cell::new(false),
            taken_before: Cell::new(0),
            next_registered: Cell::new(ptr::null()),
            tenant: Cell::new(Tenant::None),
            farewells: Cell::new(0),
            entries: [const { Cell::new(0) }; ROOM + 1],
        }
    }

    /// Makes fresh memory of zero bytes a heap that can be used, the one with this number.
    pub(crate) fn equip(&self, number: usize) {
        let mut end = self.entries.as_ptr_range().start.expose_provenance();
        for class in 0..CLASSES {
            end += room(class) * size_of::<usize>();
            self.magazine(class).equip(end);
        }
        self.window.set(window::NOWHERE);
        if let Ok(number @ 1..) = u16::try_from(number) {
            let (start, tags) = window::view();
            self.window.set(start);
            self.tags.set(tags);
            self.tag.set(u32::from(number) << TAG_SHIFT);
        }
    }

    /// The magazine of a class.
    #[inline(always)]
    pub(crate) fn magazine(&self, class: usize) -> &Magazine {
        debug_assert!(class < CLASSES);
        // SAFETY: classes come from `classes`, which knows no others.
        unsafe { self.magazines.get_unchecked(class + 1) }
    }

    /// The magazine for blocks of `size` bytes, at most 512.
    #[inline(always)]
    pub(crate) fn small_magazine(&self, size: usize) -> &Magazine {
        const { assert!(size_of::<Magazine>() == 32) };
        // Up to 512 bytes a class goes up by 16 bytes, and the first magazine is for none.
        let place = (size + 15) & !15;
        // SAFETY: there are more than 33 magazines.
        unsafe { &*self.magazines.as_ptr().byte_add(place * 2) }
    }

    /// The tag of its own spans of `class`; zero when it has none.
    fn tag_of(&self, class: usize) -> u32 {
        match self.tag.get() {
            0 => 0,
            tag => tag | (size_of::<Magazine>() * (class + 1)) as u32,
        }
    }

    /// Puts the block into a magazine if it is a slot of an own span; false when it has to be freed the long way.
    ///
    /// # Safety
    /// Nobody may use the block any more.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: *mut u8) -> bool {
        let slice = block.expose_provenance().wrapping_sub(self.window.get()) / SLICE;
        if slice >= window::SLICES {
            return false;
        }
        // SAFETY: inside the window's map, which is never unmapped.
        let tag = unsafe { &*self.tags.get().add(slice) }.load(Relaxed);
        let place = (tag ^ self.tag.get()) as usize;
        if place >> TAG_SHIFT != 0 {
            return false;
        }
        // SAFETY: the tag of an own span has the place of a magazine in its lower half.
        let magazine = unsafe { &*self.magazines.as_ptr().byte_add(place) };
        // SAFETY: the caller's promise, and an own span has slots.
        unsafe { magazine.put(block, self.mark()) }
    }

    /// What a free slot carries in its second word.
    #[inline(always)]
    pub(crate) fn mark(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Takes a slot of `class` when its magazine had none, and fills that. Null when there is no memory.
    pub(crate) fn take_slowly(&self, class: usize) -> *mut u8 {
        let magazine = self.magazine(class);
        if let Some(slot) = magazine.next() {
            misuse(MARK_GONE, slot);
        }
        self.let_hold_more(class);
        let wanted = (magazine.limit() / 2).max(1);
        loop {
            // SAFETY: null or a span of this heap, which stays mapped while it is open.
            if let Some(span) = unsafe { self.open[class].get().as_ref() }
                && span.free.get() > 0
            {
                if magazine.limit() == 0 {
                    return self.take_past_magazine(span);
                }
                let count = wanted.min(span.free.get() as usize);
                span.take(count, magazine.fill(count, self.mark()));
                return magazine.take(self.mark());
            }
            if !self.open_another(class) {
                return ptr::null_mut();
            }
        }
    }

    fn take_past_magazine(&self, span: &Span) -> *mut u8 {
        let mut slot = 0;
        span.take(1, |address| slot = address);
        self.magazine(span.class()).count_taken();
        ptr::with_exposed_provenance_mut(slot)
    }

    fn open_another(&self, class: usize) -> bool {
        self.close(class);
        self.drain_inbox();
        let found = self.bins.pick(class).or_else(|| self.adopt(class)).or_else(|| self.cut(class));
        let Some(span) = found else { return false };
        chunk_of(span).note_change();
        span.look_at.set(u16::MAX);
        self.open[class].set(span);
        true
    }

    /// Takes a fresh span.
    fn cut(&self, class: usize) -> Option<&'static Span> {
        let span = arena::new_span(class)?;
        self.own(span);
        Some(span)
    }

    fn own(&self, span: &Span) {
        window::set(span.base(), self.tag_of(span.class()));
        span.set_owner(self);
    }

    /// Takes no more slots from the span that is open.
    fn close(&self, class: usize) {
        // SAFETY: null or a span of this heap, which stays mapped while it is open.
        if let Some(span) = unsafe { self.open[class].replace(ptr::null()).as_ref() } {
            span.collect();
            chunk_of(span).note_change();
            self.bins.link(span);
        }
    }

    fn is_open(&self, span: &Span) -> bool {
        ptr::eq(self.open[span.class()].get(), span)
    }

    /// Takes over a span of a thread that has ended.
    fn adopt(&self, class: usize) -> Option<&'static Span> {
        let _held = ORPHANS.lock.hold();
        ORPHANS.drain_inbox();
        let span = ORPHANS.bins.pick(class)?;
        // Before the lock is let go: who drains the inbox next takes a posted span of theirs to be in a list of theirs.
        self.own(span);
        Some(span)
    }

    /// Puts the slot into its magazine as [`Heap::give`] does, and makes room there before. Ends the program when it
    /// is free already.
    pub(crate) fn give_slowly(&self, span: &'static Span, block: *mut u8) {
        let address = block.addr();
        let Some(slot) = span.slot_at(address % SLICE) else { misuse(BAD_POINTER, address) };
        let class = span.class();
        let magazine = self.magazine(class);
        if span.is_free(slot) || magazine.next() == Some(address) {
            misuse(DOUBLE_FREE, address);
        }
        if magazine.len() == magazine.limit() {
            self.let_hold_more(class);
        }
        if magazine.len() == magazine.limit() {
            self.empty(class, magazine.limit().div_ceil(2));
        }
        if magazine.limit() == 0 {
            self.put_back(span, &[Cell::new(address)]);
            return;
        }
        // SAFETY: a slot that nobody uses.
        unsafe { magazine.push(block, self.mark()) };
    }

    /// Moves the `count` slots that lie longest in the magazine of `class` back into their spans.
    fn empty(&self, class: usize, count: usize) {
        let mut blocks = self.magazine(class).oldest(count);
        while let Some(block) = blocks.first() {
            blocks = self.put_back(span_of(block.get()), blocks);
        }
        self.magazine(class).remove_oldest(count);
    }

    /// Moves as many of the blocks back into their span as are in it before the first that is not, and returns the rest.
    #[inline(always)]
    fn put_back<'a>(&self, span: &'static Span, blocks: &'a [Cell<usize>]) -> &'a [Cell<usize>] {
        let rest = span.put(blocks);
        chunk_of(span).note_change();
        if span.free.get() >= span.look_at.get() {
            self.look(span);
        }
        rest
    }

    /// Lets the magazine of `class` hold twice as many, as far as it has room; now and then at the expense of another.
    fn let_hold_more(&self, class: usize) {
        let (magazine, size) = (self.magazine(class), SIZES[class] as usize);
        if profile::is_on() {
            // Every allocation has to come by the slow way.
            self.empty(class, magazine.len());
            return self.set_limit(class, 0);
        }
        let limit = magazine.limit();
        let more = if limit == 0 { FIRST.min(room(class)) } else { limit.min(room(class) - limit) };
        if more == 0 {
            return;
        }
        let bound = (ALL_MAY_CACHE / thread::count()).clamp(LEAST_CACHED, MOST_CACHED);
        if self.may_cache.get() + more * size > bound {
            let wishes = self.wishes.get().wrapping_add(1);
            self.wishes.set(wishes);
            if wishes.is_multiple_of(WISHES_A_HALVING) {
                self.let_hold_half(wishes / WISHES_A_HALVING % CLASSES);
            }
        }
        if self.may_cache.get() + more * size <= bound {
            self.set_limit(class, limit + more);
        } else if limit == 0 {
            self.set_limit(class, 1);
        }
    }

    fn let_hold_half(&self, class: usize) {
        let magazine = self.magazine(class);
        let half = magazine.limit().div_ceil(2);
        self.empty(class, magazine.len().saturating_sub(half));
        self.set_limit(class, half);
    }

    fn set_limit(&self, class: usize, limit: usize) {
        let (magazine, size) = (self.magazine(class), SIZES[class] as usize);
        self.may_cache.set(self.may_cache.get() + limit * size - magazine.limit() * size);
        magazine.set_limit(limit);
    }

    /// Puts a span where it belongs now: into another list, or back to the arena when nothing in it is in use.
    pub(crate) fn look(&self, span: &'static Span) {
        if self.is_open(span) {
            return;
        }
        self.bins.unlink(span);
        self.settle(span);
    }

    /// Puts a span that is in no list where it belongs.
    fn settle(&self, span: &'static Span) {
        if span.free.get() as usize == span.capacity() && !span.is_held() && span.retire() {
            window::set(span.base(), 0);
            arena::return_span(span);
        } else {
            self.bins.link(span);
        }
    }

    /// Notes a remote free into a span of this heap, whose mailbox the caller has claimed.
    pub(crate) fn post(&self, span: &Span) {
        self.inbox.post(span);
    }

    /// Looks at the spans into which others have freed.
    pub(crate) fn drain_inbox(&self) {
        if self.inbox.is_empty() {
            return;
        }
        self.inbox.drain(|span| {
            // SAFETY: a posted span is claimed, so nobody has let go of it.
            let span: &'static Span = unsafe { &*span };
            let owner = span.owner();
            if ptr::eq(owner, self) {
                span.mailbox().release();
                span.collect();
                self.look(span);
            } else {
                // It changed hands while it was on its way. SAFETY: a claimed span has an owner, and heaps are never
                // unmapped.
                unsafe { (*owner).inbox.post(span) };
            }
        });
    }
}
