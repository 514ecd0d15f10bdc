//! A thread's heap: for each class the span it takes slots from, and the spans it could take next.
//!
//! There is no cache of freed blocks. A free sets the slot's bit in the record of its span, wherever that span is,
//! and an allocation takes the lowest set bit of a word of the open span. So what is free is always known exactly,
//! and a thread that goes to sleep holds nothing back.
//!
//! The slow paths run under the heap's lock, which only the purge contends for.

mod closing;

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, Ordering::*};

use crate::chunk::chunk_of;
use crate::classes::{CLASSES, SIZES};
use crate::lock::RawLock;
use crate::profile::{self, Sampler};
use crate::remote::{Inbox, Posted};
use crate::section::Section;
use crate::span::Span;
use crate::{arena, background, page, thread};

/// Lists of a class: spans with up to a quarter, a half, three quarters and all of their slots free, and full ones.
const BINS: usize = 5;
const FULL: usize = 4;
/// How many spans of a list are compared for the lowest address.
const LOOKED_AT: usize = 4;

/// A word without free slots, for cursors with no span open.
static NO_SLOTS: AtomicU64 = AtomicU64::new(0);

/// The heap of a thread that has none: no span is open in it, and none ever belongs to it.
pub(crate) static NOBODY: Heap = Heap::new();
/// The owner of the spans whose thread has ended. Whoever needs one adopts it.
pub(crate) static ORPHANS: Heap = Heap::new();

/// Where the next slots of a class come from.
struct Cursor {
    /// The word of the open span's bitmap from which slots are taken; `NO_SLOTS` when none is open.
    word: AtomicPtr<AtomicU64>,
    /// The address of the first slot of that word.
    base: Cell<usize>,
    /// The open span, or null.
    span: AtomicPtr<Span>,
    /// The span that the purge wants closed, while the owner may still be inside its section.
    detached: Cell<*const Span>,
}

impl Cursor {
    const fn new() -> Self {
        Self {
            word: AtomicPtr::new((&raw const NO_SLOTS).cast_mut()),
            base: Cell::new(0),
            span: AtomicPtr::new(ptr::null_mut()),
            detached: Cell::new(ptr::null()),
        }
    }

    fn forget_word(&self) {
        self.word.store((&raw const NO_SLOTS).cast_mut(), Relaxed);
    }

    fn has_word(&self) -> bool {
        !ptr::eq(self.word.load(Relaxed), &NO_SLOTS)
    }
}

/// Whose heap it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenant {
    /// Nobody's; a new thread can have it.
    None,
    /// A living thread's.
    Thread,
    /// A thread's that did not come along into the child of a fork.
    LeftBehind,
}

fn first_free_word(span: &Span) -> Option<usize> {
    span.bits().iter().position(|word| word.load(Relaxed) != 0)
}

/// See the module.
#[repr(C, align(64))]
pub(crate) struct Heap {
    section: Section,
    cursors: [Cursor; CLASSES],
    pub(crate) lock: RawLock,
    bins: [[Cell<*const Span>; BINS]; CLASSES],
    inbox: Inbox<Span>,
    pub(crate) sampler: Sampler,
    /// How many slots were handed out so far, by class. Those of the word in use count as handed out. Only the owning
    /// thread adds to it.
    taken: [AtomicU64; CLASSES],
    /// How many of these were not after all. Guarded by the lock.
    left_over: [Cell<u64>; CLASSES],
    /// How many slots were free in the word of each cursor when it came there.
    aimed_at: [AtomicU8; CLASSES],
    /// Guarded by the registry's lock.
    pub(crate) next_registered: Cell<*const Heap>,
    /// Guarded by the registry's lock.
    pub(crate) tenant: Cell<Tenant>,
    /// How often the thread's end has been announced to it. Only for the owning thread.
    pub(crate) farewells: Cell<u32>,
}

// SAFETY: the cursors are for the owning thread, and for others as `Section` allows; the lists are guarded by `lock`.
unsafe impl Sync for Heap {}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            section: Section::new(),
            cursors: [const { Cursor::new() }; CLASSES],
            lock: RawLock::new(),
            bins: [const { [const { Cell::new(ptr::null()) }; BINS] }; CLASSES],
            inbox: Inbox::new(),
            sampler: Sampler::new(),
            taken: [const { AtomicU64::new(0) }; CLASSES],
            left_over: [const { Cell::new(0) }; CLASSES],
            aimed_at: [const { AtomicU8::new(0) }; CLASSES],
            next_registered: Cell::new(ptr::null()),
            tenant: Cell::new(Tenant::None),
            farewells: Cell::new(0),
        }
    }

    /// Takes a slot of `class` from the word it took the last one from, or null when that has none left. Only for the
    /// owning thread.
    #[inline(always)]
    pub(crate) fn take(&self, class: usize) -> *mut u8 {
        debug_assert!(class < CLASSES);
        // SAFETY: classes come from `classes`, which knows no others.
        let cursor = unsafe { self.cursors.get_unchecked(class) };
        self.section.enter();
        // SAFETY: a cursor always points to a word: of its open span, which stays mapped while it is open, or
        // `NO_SLOTS`.
        let word = unsafe { &*cursor.word.load(Relaxed) };
        let free = word.load(Relaxed);
        if free == 0 {
            self.section.leave();
            return ptr::null_mut();
        }
        word.store(free & (free - 1), Relaxed);
        self.section.leave();
        let slot = free.trailing_zeros() as usize;
        ptr::with_exposed_provenance_mut(cursor.base.get() + slot * SIZES[class] as usize)
    }

    /// Takes a slot of `class` from wherever there is one; null when there is no memory. Only for the owning thread.
    pub(crate) fn take_from_anywhere(&self, class: usize) -> *mut u8 {
        loop {
            let slot = self.take(class);
            if !slot.is_null() {
                if profile::is_on() {
                    self.put_word_away(class);
                }
                return slot;
            }
            if !self.go_on(class) {
                if !self.refill(class) {
                    return ptr::null_mut();
                }
                page::keep_up();
            }
        }
    }

    /// Has the next allocation come by [`Heap::take_from_anywhere`] again.
    #[cold]
    fn put_word_away(&self, class: usize) {
        let _held = self.lock.hold();
        let cursor = &self.cursors[class];
        // SAFETY: null or the open span, which is not closed without the lock.
        if let Some(span) = unsafe { cursor.span.load(Relaxed).as_ref() } {
            self.take_back(cursor, span);
        }
        cursor.forget_word();
    }

    /// Goes on to the lowest word of the open span that has free slots; false when there is none.
    fn go_on(&self, class: usize) -> bool {
        let cursor = &self.cursors[class];
        self.section.enter();
        // SAFETY: null or the open span, which stays as it is while the thread is inside its section.
        let span = unsafe { cursor.span.load(Relaxed).as_ref() };
        let found = span.and_then(|span| Some((span, first_free_word(span)?)));
        if let Some((span, word)) = found {
            self.aim(cursor, span, word);
        }
        self.section.leave();
        found.is_some()
    }

    fn aim(&self, cursor: &Cursor, span: &Span, word: usize) {
        let pages = span.pages_of_word(word);
        let fresh = pages & !span.possibly_resident();
        if fresh != 0 {
            page::touched(fresh);
        }
        let free = span.bits()[word].load(Relaxed).count_ones();
        self.aimed_at[span.class()].store(free as u8, Relaxed);
        let taken = &self.taken[span.class()];
        taken.store(taken.load(Relaxed) + u64::from(free), Relaxed);
        span.touched.store(span.touched.load(Relaxed) | pages, Relaxed);
        cursor.base.set(span.base() + word * 64 * span.slot_size());
        cursor.word.store(ptr::from_ref(&span.bits()[word]).cast_mut(), Relaxed);
    }

    /// Opens a span of `class`. False when there is no memory.
    fn refill(&self, class: usize) -> bool {
        thread::clear_left_behind();
        let _held = self.lock.hold();
        self.drain_inbox();
        let cursor = &self.cursors[class];
        self.close_cursor(cursor);
        let span = self.pick(class).or_else(|| self.adopt(class)).or_else(|| arena::new_span(class, self));
        let Some(span) = span else { return false };
        let Some(word) = first_free_word(span) else { return false };
        span.open.set(true);
        chunk_of(span).note_change();
        self.arm_open(span);
        self.aim(cursor, span, word);
        cursor.span.store(ptr::from_ref(span).cast_mut(), Relaxed);
        true
    }

    /// Closes what the cursor has open. Only for the owning thread outside its section, or in place of it.
    fn close_cursor(&self, cursor: &Cursor) {
        let open = cursor.span.swap(ptr::null_mut(), Relaxed).cast_const();
        // SAFETY: null or the open span, which stays mapped.
        if let Some(span) = unsafe { open.as_ref() } {
            self.take_back(cursor, span);
        }
        cursor.forget_word();
        for span in [open, cursor.detached.replace(ptr::null())] {
            // SAFETY: null or a span that is open and so stays mapped.
            if let Some(span) = unsafe { span.as_ref() } {
                self.close(span);
            }
        }
    }

    /// What is left of the cursor's word was not handed out after all.
    fn take_back(&self, cursor: &Cursor, span: &Span) {
        let left = self.left(cursor, span.class());
        self.aimed_at[span.class()].store(0, Relaxed);
        let left_over = &self.left_over[span.class()];
        left_over.set(left_over.get() + left);
    }

    /// How many slots of the cursor's word were not handed out. The heap's lock must be held.
    fn left(&self, cursor: &Cursor, class: usize) -> u64 {
        // SAFETY: a cursor's word is one of its open span, which is not closed without the lock, or `NO_SLOTS`.
        let left = unsafe { &*cursor.word.load(Relaxed) }.load(Relaxed).count_ones();
        // There are more than at first when more were freed there than taken.
        left.min(self.aimed_at[class].load(Relaxed).into()).into()
    }

    /// Adds how many slots were handed out so far, by class.
    pub(crate) fn add_taken(&self, sum: &mut [u64; CLASSES]) {
        let _held = self.lock.hold();
        for (class, cursor) in self.cursors.iter().enumerate() {
            sum[class] += self.taken[class].load(Relaxed) - self.left_over[class].get() - self.left(cursor, class);
        }
    }

    fn close(&self, span: &'static Span) {
        span.open.set(false);
        chunk_of(span).note_change();
        self.link(span, span.count_free());
    }

    /// The fullest span of `class` with a free slot, of several the one at the lowest address, taken out of its list.
    fn pick(&self, class: usize) -> Option<&'static Span> {
        for bin in 0..FULL {
            let mut best: Option<&'static Span> = None;
            let mut at = self.bins[class][bin].get();
            for _ in 0..LOOKED_AT {
                // SAFETY: the lists hold spans of this heap, which stay mapped while they are in a list.
                let Some(span) = (unsafe { at.as_ref() }) else { break };
                let lower = best.is_none_or(|best| ptr::from_ref(span) < ptr::from_ref(best));
                if lower && span.held.get() == 0 && span.has_slots() {
                    best = Some(span);
                }
                at = span.next.get();
            }
            if let Some(span) = best {
                self.unlink(span);
                span.collect();
                return Some(span);
            }
        }
        None
    }

    /// Takes over a span of a thread that has ended.
    fn adopt(&self, class: usize) -> Option<&'static Span> {
        let _held = ORPHANS.lock.hold();
        ORPHANS.drain_inbox();
        let span = ORPHANS.pick(class)?;
        span.owner.store(ptr::from_ref(self).cast_mut(), Release);
        Some(span)
    }

    /// Sets the bit of a slot whose free is the one on which the span is looked at. Only for the owning thread.
    #[cold]
    #[inline(never)]
    pub(crate) fn free_and_look(&self, span: &'static Span, word: usize, bit: u64) {
        {
            let _held = self.lock.hold();
            chunk_of(span).note_change();
            let word = &span.bits()[word];
            word.store(word.load(Relaxed) | bit, Release);
            self.look(span);
        }
        background::poke();
    }

    /// Puts a span where it belongs now: into another list, or back to the arena when nothing in it is in use.
    pub(crate) fn look(&self, span: &'static Span) {
        if span.open.get() {
            self.arm_open(span);
            return;
        }
        let free = span.count_free();
        self.unlink(span);
        if free == span.capacity() && span.held.get() == 0 && span.retire() {
            arena::return_span(span);
        } else {
            self.link(span, free);
        }
    }

    /// Sets after how many frees the owner looks at the span again: a page's worth, but often enough for spans of
    /// few slots, and surely when the last slot of `used` is freed.
    fn arm(&self, span: &Span, used: usize) {
        let capacity = span.capacity();
        let step = (capacity / 16).max(8.min(capacity / 4)).min(used).max(1);
        span.countdown.store(step as u32, Relaxed);
    }

    /// As [`Heap::arm`], for the open span: only the purge is to hear of it now and then.
    fn arm_open(&self, span: &Span) {
        span.countdown.store((span.capacity() / 4).max(64) as u32, Relaxed);
    }

    fn link(&self, span: &'static Span, free: usize) {
        self.arm(span, span.capacity() - free);
        let bin = if free == 0 { FULL } else { (free * FULL - 1) / span.capacity() };
        let head = &self.bins[span.class()][bin];
        span.bin.set(bin as u8);
        span.previous.set(ptr::null());
        span.next.set(head.get());
        // SAFETY: null or a span in the list, which stays mapped.
        if let Some(next) = unsafe { head.get().as_ref() } {
            next.previous.set(span);
        }
        head.set(span);
    }

    fn unlink(&self, span: &Span) {
        // SAFETY: null or a span in the list, which stays mapped.
        let (previous, next) = unsafe { (span.previous.get().as_ref(), span.next.get().as_ref()) };
        match previous {
            Some(previous) => previous.next.set(span.next.get()),
            None => self.bins[span.class()][span.bin.get() as usize].set(span.next.get()),
        }
        if let Some(next) = next {
            next.previous.set(span.previous.get());
        }
    }

    /// Notes a remote free into a span of this heap, whose mailbox the caller has claimed.
    pub(crate) fn post(&self, span: &Span) {
        self.inbox.post(span);
    }

    pub(crate) fn has_post(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Looks at the spans into which others have freed. The heap's lock must be held.
    pub(crate) fn drain_inbox(&self) {
        if self.inbox.is_empty() {
            return;
        }
        self.inbox.drain(|span| {
            // SAFETY: a posted span is claimed, so nobody has let go of it.
            let span: &'static Span = unsafe { &*span };
            let owner = span.owner.load(Acquire);
            if ptr::eq(owner, self) {
                span.mailbox().release();
                self.look(span);
            } else {
                // It changed hands while it was on its way. SAFETY: a claimed span has an owner, and heaps are never
                // unmapped.
                unsafe { (*owner).inbox.post(span) };
            }
        });
    }
}
