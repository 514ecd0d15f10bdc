//! A thread's heap: a magazine of slots for each class, and the spans that they come from and go back to.
//!
//! Everything here is done by the thread itself inside its section, see [`crate::tls`], and needs no lock, or by
//! somebody who has borrowed the heap.

mod bins;
mod borrow;
mod foreign;
mod freed;
mod limits;
mod magazine;
mod mark;
mod stacks;
mod tag;

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU32, Ordering::*};

use bins::Bins;
pub(crate) use borrow::{Patience, borrow};
pub(crate) use foreign::free_elsewhere;
use freed::Latest;
pub(crate) use magazine::slot_in;
use magazine::{Magazine, PLACES, most_at_once};
pub(crate) use mark::Mark;
use stacks::STACK_BYTES;

use crate::chunk::chunk_of;
use crate::classes::{CLASSES, LARGEST, MIN_ALIGN, SIZES};
use crate::lock::RawLock;
use crate::profile::Sampler;
use crate::remote::{Inbox, Posted};
use crate::report::{DOUBLE_FREE, MARK_GONE, misuse};
use crate::section::Seat;
use crate::span::Span;
use crate::sys::PAGE;
use crate::{arena, interrupted, window};

/// The heap of a thread that has none: there are no slots in it, and no span ever belongs to it.
pub(crate) static NOBODY: Heap = Heap::new();
/// The owner of the spans whose thread has ended. Whoever needs one adopts it.
pub(crate) static ORPHANS: Heap = Heap::new();

/// A block of this size or more may have a slot of one of the next classes, so that a few large blocks of many sizes share
/// spans.
const LEAST_FROM_NEIGHBOUR: u32 = 4096;
const NEIGHBOURS: usize = 3;

/// The class of the slot at `address`, a live block. `None` when it is not a slot, or not known to be one.
#[inline(always)]
pub(crate) fn class_at(address: usize) -> Option<usize> {
    tag::class(window::get(address))
}

/// What a heap takes with the stacks of its magazines.
pub(crate) const HEAP_BYTES: usize = (size_of::<Heap>() + STACK_BYTES).next_multiple_of(PAGE);

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
    /// See [`tag`]; zero of [`NOBODY`] and of [`ORPHANS`], who keep no slots and whose spans have no tags.
    bit: Cell<u32>,
    latest: Latest,
    /// The sum over all magazines of the bytes each may hold.
    may_cache: Cell<usize>,
    /// How often a magazine that wished to hold more had to wait for others to hold less.
    wishes: Cell<usize>,
    /// A magazine for each class, after one that is always full.
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
    /// How often the magazine of each class ran out. Written by the owner; others may look at it.
    run_out: [AtomicU16; CLASSES],
    /// How many slots of each class had been taken, and how often its magazine had run out, when the purge last came by.
    /// Guarded by the purge's lock.
    before: [Cell<(u64, u16)>; CLASSES],
    /// Guarded by the registry's lock.
    pub(crate) next_registered: Cell<*const Heap>,
    /// Guarded by the registry's lock.
    pub(crate) tenant: Cell<Tenant>,
    /// How often the thread's end has been announced to it. Only for the owning thread.
    pub(crate) farewells: Cell<u32>,
}

// SAFETY: the thread and the borrower exclude each other, and the rest says what guards it.
unsafe impl Sync for Heap {}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            window: Cell::new(window::NOWHERE),
            tags: Cell::new(ptr::null()),
            bit: Cell::new(0),
            latest: Latest::none(),
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
            run_out: [const { AtomicU16::new(0) }; CLASSES],
            before: [const { Cell::new((0, 0)) }; CLASSES],
            next_registered: Cell::new(ptr::null()),
            tenant: Cell::new(Tenant::None),
            farewells: Cell::new(0),
        }
    }

    /// Makes [`HEAP_BYTES`] fresh zero bytes a heap that can be used, the one with this number. Of the bytes, most stay
    /// untouched.
    ///
    /// # Safety
    /// They must start at a page and never be unmapped, and nobody else may use them.
    pub(crate) unsafe fn build(place: *mut Self, number: usize) -> &'static Self {
        // SAFETY: the caller's promise; but for the magazines and the window zero bytes are a heap.
        let heap = unsafe {
            (&raw mut (*place).magazines).write([const { Magazine::new() }; CLASSES + 1]);
            (&raw mut (*place).window).write(Cell::new(window::NOWHERE));
            &*place
        };
        let (start, tags) = window::view();
        heap.window.set(start);
        heap.tags.set(tags);
        heap.bit.set(tag::bit(number));
        heap
    }

    /// Where the stacks of the magazines start: behind the heap.
    fn stacks(&self) -> *mut usize {
        ptr::with_exposed_provenance_mut(ptr::from_ref(self).addr() + size_of::<Self>())
    }

    /// The mark of the slots in its magazines.
    #[inline(always)]
    pub(crate) fn mark(&self) -> Mark {
        Mark::of(ptr::from_ref(self).addr())
    }

    /// The magazine of a class.
    #[inline(always)]
    pub(crate) fn magazine(&self, class: usize) -> &Magazine {
        debug_assert!(class < CLASSES);
        // SAFETY: classes come from `classes`, which knows no others.
        unsafe { self.magazines.get_unchecked(class + 1) }
    }

    /// The magazine for blocks of `size` bytes; `None` when they are too large for slots.
    #[inline(always)]
    pub(crate) fn magazine_for(&self, size: usize) -> Option<&Magazine> {
        (size <= LARGEST).then(|| {
            // SAFETY: the table goes as far as the largest size.
            let place = *unsafe { PLACES.get_unchecked((size + MIN_ALIGN - 1) >> MIN_ALIGN.trailing_zeros()) } as usize;
            // SAFETY: the table says where magazines lie.
            unsafe { &*self.magazines.as_ptr().byte_add(place) }
        })
    }

    /// Takes a slot of `class`, or one that lies at a multiple of `align` all the same, when the magazine had none, and
    /// fills that. Null when there is no memory.
    pub(crate) fn take_slowly(&self, class: usize, align: usize) -> *mut u8 {
        interrupted::here();
        let magazine = self.magazine(class);
        if let Some(slot) = magazine.next() {
            self.refuse(slot);
        }
        self.run_out[class].store(self.run_out[class].load(Relaxed).wrapping_add(1), Relaxed);
        let most = most_at_once(class);
        self.let_hold_more(class, 2 * most);
        let wanted = (magazine.limit() / 2).clamp(1, most);
        loop {
            // SAFETY: null or a span of this heap, which stays mapped while it is open.
            if let Some(span) = unsafe { self.open[class].get().as_ref() }
                && span.free.load(Relaxed) > 0
            {
                if magazine.limit() == 0 {
                    return self.take_past_magazine(span);
                }
                let count = wanted.min(span.free.load(Relaxed) as usize);
                // SAFETY: it is empty, no limit is less than `wanted`, and the span hands out slots that are free.
                span.take(count, unsafe { magazine.fill(count, self.mark()) });
                let (next, slot) = (magazine.next(), self.take(magazine));
                return match next {
                    Some(refused) if slot.is_null() => self.refuse(refused),
                    _ => slot,
                };
            }
            if self.open_another(class) {
                continue;
            }
            if let Some(slot) = self.take_from_neighbour(class, align) {
                return slot;
            }
            if !self.open_new(class) {
                return ptr::null_mut();
            }
        }
    }

    /// Ends the program because of a slot that is taken next and must not be.
    fn refuse(&self, slot: usize) -> ! {
        misuse(if self.is_latest(slot) { DOUBLE_FREE } else { MARK_GONE }, slot)
    }

    /// Takes a somewhat larger slot that is at hand, where a span for a single large block would be the alternative.
    fn take_from_neighbour(&self, class: usize, align: usize) -> Option<*mut u8> {
        if SIZES[class] < LEAST_FROM_NEIGHBOUR {
            return None;
        }
        let mut neighbours = (class + 1..CLASSES).take(NEIGHBOURS);
        let fits = |class: &usize| (SIZES[*class] as usize).is_multiple_of(align) && self.magazine(*class).len() > 0;
        let slot = self.take(self.magazine(neighbours.find(fits)?));
        (!slot.is_null()).then_some(slot)
    }

    fn take_past_magazine(&self, span: &Span) -> *mut u8 {
        let mut slot = 0;
        span.take(1, |address| slot = address);
        // What it may carry still would only make its free slow. SAFETY: nobody uses it yet.
        unsafe { mark::take_off(slot) };
        self.magazine(span.class()).count_taken();
        ptr::with_exposed_provenance_mut(slot)
    }

    /// Has another of its own spans serve the class.
    fn open_another(&self, class: usize) -> bool {
        self.close(class);
        self.drain_inbox();
        self.open_span(class, self.bins.pick(class))
    }

    /// Has a span serve the class that it did not have before.
    fn open_new(&self, class: usize) -> bool {
        self.open_span(class, self.adopt(class).or_else(|| self.cut(class)))
    }

    fn open_span(&self, class: usize, found: Option<&'static Span>) -> bool {
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
        window::set(span.base(), tag::tag(self.bit.get(), span.class()));
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

    /// Whether slots are taken from the span at present.
    pub(crate) fn is_open(&self, span: &Span) -> bool {
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

    /// Puts a span where it belongs now: into another list, or back to the arena when nothing in it is in use. False when
    /// it went back: it may be somebody else's already.
    pub(crate) fn look(&self, span: &'static Span) -> bool {
        if self.is_open(span) {
            return true;
        }
        self.bins.unlink(span);
        self.settle(span)
    }

    /// As [`Heap::look`], for a span that is in no list.
    fn settle(&self, span: &'static Span) -> bool {
        if span.free.load(Relaxed) as usize == span.capacity() && !span.is_held() && span.retire() {
            window::set(span.base(), 0);
            arena::return_span(span);
            return false;
        }
        self.bins.link(span);
        true
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
