//! A span: 64 KiB of address space cut into slots of one size, and the record about it, which lies elsewhere.
//!
//! The record holds one bit for each slot, set while the slot is free. Nothing in the slots is needed, so a page whose
//! slots are all free holds nothing, and can go back to the system while its neighbours live.
//!
//! Who may touch what:
//!
//! | part | written by |
//! | --- | --- |
//! | remote bits | any thread, atomically |
//! | `held`, and `dirty` and `age` while pages are held | the purge |
//! | the rest | the owning thread inside its section, whoever has borrowed the owner, or the holder of the arena's lock while there is no owner |

mod pages;
mod slots;

use core::cell::Cell;
use core::cmp::Reverse;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU64, Ordering::*};

pub(crate) use pages::{Pages, SLICE_PAGES, pages};
use slots::Slots;

use crate::cells::{CELL, Cells, End};
use crate::chunk;
use crate::classes::{SIZES, start_in_slice};
use crate::heap::{Heap, Mark, slot_in};
use crate::page;
use crate::remote::{Mailbox, Posted};
use crate::report::{BAD_POINTER, DOUBLE_FREE, misuse};
use crate::sys::PAGE;

/// The size and the alignment of a span: one slice of a chunk.
pub(crate) const SLICE: usize = 64 * 1024;
/// Words of a bitmap with a bit for each slot of the smallest size.
pub(crate) const WORDS: usize = SLICE / crate::classes::MIN_ALIGN / 64;

/// What a slice is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing: the arena has it.
    Free = 0,
    /// Slots of one size.
    Slots = 1,
    /// The first slice of a run, a block of its own.
    Run = 2,
    /// A further slice of a run.
    RunRest = 3,
}

/// Words of a bitmap that lie in the record itself; spans of smaller slots than this allows have theirs elsewhere.
pub(crate) const INLINE_WORDS: usize = 4;

/// The record about a slice: two cache lines, so that who frees in another's span seldom finds that its owner has just
/// written to what it reads. All zero bytes are a valid record of a free one.
#[repr(C, align(128))]
pub(crate) struct Span {
    // What every free reads, in a cache line that is seldom written to.
    owner: AtomicPtr<Heap>,
    bits: AtomicPtr<AtomicU64>,
    /// Turns an offset into a slot's number, see [`slots`].
    reciprocal: Cell<u32>,
    size: Cell<u32>,
    /// How far into the span the first slot lies.
    start: Cell<u16>,
    capacity: Cell<u16>,
    /// The number of the first of the cells for its bitmaps.
    first_cell: Cell<u16>,
    /// Whether another thread ever freed in it, so that the remote bits need be read only then.
    shared: AtomicBool,
    kind: AtomicU8,
    class: Cell<u8>,
    /// In which of its owner's lists it hangs.
    pub(crate) bin: Cell<u8>,
    /// Pages that may be resident.
    pub(crate) dirty: AtomicU16,
    /// Pages that are being given back at this moment: nothing may be taken from the span.
    held: AtomicU16,
    /// How many times in a row the purge found each page free and dirty, as three bits in three masks.
    pub(crate) age: [Cell<Pages>; 3],
    /// Of a run: its slices, and the bytes of them in use, a multiple of the page size.
    pub(crate) run_slices: Cell<u16>,
    pub(crate) run_bytes: Cell<u32>,
    pub(crate) previous: Cell<*const Span>,
    // What the owner writes to all the time, and others when they free.
    remote: Mailbox<Span>,
    pub(crate) next: Cell<*const Span>,
    /// How many slots are free by the span's own bitmap.
    pub(crate) free: AtomicU16,
    /// At how many the owner looks at the span as a whole.
    pub(crate) look_at: Cell<u16>,
    /// Pages from which slots may have been taken since the purge last looked.
    pub(crate) touched: AtomicU16,
    /// No word of the bitmap before this one has free slots.
    first_word: Cell<u8>,
    inline_bits: [AtomicU64; INLINE_WORDS],
}

const _: () = assert!(size_of::<Span>() == 128 && offset_of!(Span, remote) == 64);

impl Posted for Span {
    #[inline]
    fn mailbox(&self) -> &Mailbox<Self> {
        &self.remote
    }
}

impl Span {
    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        match self.kind.load(Relaxed) {
            0 => Kind::Free,
            1 => Kind::Slots,
            2 => Kind::Run,
            _ => Kind::RunRest,
        }
    }

    pub(crate) fn set_kind(&self, kind: Kind) {
        self.kind.store(kind as u8, Relaxed);
    }

    #[inline]
    pub(crate) fn class(&self) -> usize {
        self.class.get() as usize
    }

    #[inline]
    pub(crate) fn slot_size(&self) -> usize {
        self.size.get() as usize
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity.get() as usize
    }

    /// The bitmap: a bit for each slot, set while it is free.
    pub(crate) fn bits(&self) -> &[AtomicU64] {
        // SAFETY: `cut` made it point to as many words, in the record or in the chunk, which live as long.
        unsafe { core::slice::from_raw_parts(self.bits.load(Relaxed), self.words()) }
    }

    pub(crate) fn words(&self) -> usize {
        self.capacity().div_ceil(64)
    }

    /// How many cells it has for a bitmap.
    pub(crate) fn cells(&self) -> usize {
        (self.words() * size_of::<u64>()).div_ceil(CELL).next_power_of_two()
    }

    pub(crate) fn first_cell(&self) -> usize {
        self.first_cell.get() as usize
    }

    /// The address of the memory the record is about.
    pub(crate) fn base(&self) -> usize {
        chunk::base_of(self)
    }

    /// Whether it comes before the other in the order in which the arena hands slices out.
    pub(crate) fn precedes(&self, other: &Span) -> bool {
        let place = |span| (Reverse(chunk::chunk_of(span).address()), chunk::slice_of(span));
        place(self) < place(other)
    }

    /// The heap whose span it is, or null.
    pub(crate) fn owner(&self) -> *const Heap {
        self.owner.load(Acquire)
    }

    pub(crate) fn set_owner(&self, owner: &Heap) {
        self.owner.store(ptr::from_ref(owner).cast_mut(), Release);
    }

    /// Makes a fresh slice a span of `class`, all slots free, with some of the cells for its bitmaps.
    pub(crate) fn cut(&self, class: usize, cells: &Cells) {
        let size = SIZES[class];
        let capacity = SLICE / size as usize;
        self.reciprocal.set(slots::reciprocal_of(size));
        self.size.set(size);
        self.start.set(start_in_slice(class, chunk::slice_of(self)) as u16);
        self.class.set(class as u8);
        self.capacity.set(capacity as u16);
        self.shared.store(false, Relaxed);
        let end = if self.words() <= INLINE_WORDS { End::High } else { End::Low };
        self.first_cell.set(cells.take(self.cells(), end) as u16);
        debug_assert!(self.remote_bits().iter().all(|word| word.load(Relaxed) == 0));
        let words = if end == End::High { &self.inline_bits[..] } else { chunk::own_bits_of(self) };
        self.bits.store(words.as_ptr().cast_mut(), Relaxed);
        self.free.store(capacity as u16, Relaxed);
        self.first_word.set(0);
        self.grow_young(Pages::MAX);
        for (word, bits) in self.bits().iter().enumerate() {
            bits.store(self.all_slots(word), Relaxed);
        }
        self.set_kind(Kind::Slots);
    }

    /// Takes `count` free slots, the lowest first, and hands the address of each to `visit`. So many must be free.
    pub(crate) fn take(&self, count: usize, mut visit: impl FnMut(usize)) {
        debug_assert!(count <= self.free.load(Relaxed) as usize);
        let (base, start, size) = (self.base(), self.start(), self.slot_size());
        let mut touched = self.touched.load(Relaxed);
        let (mut word, mut left) = (self.first_word.get() as usize, count);
        while left > 0 {
            let mut free = self.bits()[word].load(Relaxed);
            if free == 0 {
                word += 1;
                continue;
            }
            let first = word * 64 + free.trailing_zeros() as usize;
            let mut last = first;
            while free != 0 && left > 0 {
                last = word * 64 + free.trailing_zeros() as usize;
                free &= free - 1;
                left -= 1;
                visit(base + start + last * size);
            }
            touched |= pages((start + first * size) / PAGE, (start + last * size + size - 1) / PAGE);
            self.bits()[word].store(free, Relaxed);
        }
        self.first_word.set(word as u8);
        let fresh = touched & !self.possibly_resident();
        if fresh != 0 {
            page::touched(fresh);
        }
        self.touched.store(touched, Relaxed);
        self.free.store(self.free.load(Relaxed) - count as u16, Relaxed);
    }

    /// Puts slots in a stack back that are of this span, as many as come before the first that is not, and returns the
    /// rest. Ends the program when a slot does not carry the mark, is free already, or is none.
    #[inline(always)]
    pub(crate) fn put<'a>(&self, stack: &'a [Cell<usize>], mark: Mark) -> &'a [Cell<usize>] {
        let (slots, bits, shared) = (self.slots(), self.bits(), self.is_shared());
        let (mut rest, mut lowest) = (stack.iter(), usize::MAX);
        while let Some(place) = rest.clone().next() {
            let address = slot_in(place, mark);
            let Some(slot) = self.slot_here(slots, address) else { break };
            let word = slot / 64;
            // SAFETY: the bitmap has a bit for each slot.
            let bits = unsafe { bits.get_unchecked(word) };
            let free = bits.load(Relaxed);
            if free >> (slot % 64) & 1 != 0 || (shared && self.is_free(slot)) {
                misuse(DOUBLE_FREE, address);
            }
            bits.store(free | 1 << (slot % 64), Relaxed);
            lowest = lowest.min(word);
            rest.next();
        }
        self.first_word.set(self.first_word.get().min(lowest as u8));
        self.free.store(self.free.load(Relaxed) + (stack.len() - rest.len()) as u16, Relaxed);
        rest.as_slice()
    }

    /// The number of the slot that starts at the address, `slots` being those of this span; `None` where it is of another
    /// span. Ends the program when it is of this one and no slot starts there.
    #[inline(always)]
    pub(crate) fn slot_here(&self, slots: Slots, address: usize) -> Option<usize> {
        let slot = slots.starting_at(address);
        if slot.is_none() && address.wrapping_sub(self.base()) < SLICE {
            misuse(BAD_POINTER, address);
        }
        slot
    }

    /// The number of the slot that starts at the address. Ends the program when none does, or it is free by a bitmap.
    pub(crate) fn slot_in_use(&self, address: usize) -> usize {
        let Some(slot) = self.slots().starting_at(address) else { misuse(BAD_POINTER, address) };
        if self.is_free(slot) {
            misuse(DOUBLE_FREE, address);
        }
        slot
    }

    /// Whether the slot is free, wherever that is noted.
    pub(crate) fn is_free(&self, slot: usize) -> bool {
        self.free_bits(slot / 64) >> (slot % 64) & 1 != 0
    }

    /// Whether nothing may be taken from it because pages are being given back.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Acquire) != 0
    }

    /// Keeps everybody from taking anything, or ends that with no pages. Only for the purge.
    pub(crate) fn hold(&self, pages: Pages) {
        self.held.store(pages, Release);
    }

    /// The bits of `word` that stand for slots.
    fn all_slots(&self, word: usize) -> u64 {
        let slots = (self.capacity() - word * 64).min(64);
        u64::MAX >> (64 - slots)
    }

    /// How far into the span the first slot lies.
    fn start(&self) -> usize {
        self.start.get() as usize
    }

    /// How many bytes there are from the address to the end of the slot that it lies in; `None` where no slot is.
    pub(crate) fn bytes_behind(&self, address: usize) -> Option<usize> {
        let slot = self.slots().around(address)?;
        Some(self.base() + self.start() + (slot + 1) * self.slot_size() - address)
    }

    /// The remote bitmap.
    #[inline]
    pub(crate) fn remote_bits(&self) -> &[AtomicU64] {
        chunk::remote_bits_of(self)
    }

    /// Slots of `word` that are free, wherever that is noted.
    pub(crate) fn free_bits(&self, word: usize) -> u64 {
        let own = self.bits()[word].load(Acquire);
        if self.is_shared() { own | self.remote_bits()[word].load(Acquire) } else { own }
    }

    /// Notes that another thread is about to free in it.
    pub(crate) fn share(&self) {
        if !self.is_shared() {
            self.shared.store(true, Relaxed);
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.shared.load(Relaxed)
    }

    /// How many slots are free, wherever that is noted.
    pub(crate) fn count_free(&self) -> usize {
        (0..self.words()).map(|word| self.free_bits(word).count_ones() as usize).sum()
    }

    /// Moves remote frees into the span's own bitmap. Only for its owner.
    pub(crate) fn collect(&self) {
        if !self.is_shared() || !self.remote.claim() {
            return; // Or somebody is about to post it, and the owner will come back to it then.
        }
        for (own, remote) in self.bits().iter().zip(self.remote_bits()) {
            if remote.load(Relaxed) != 0 {
                let (before, more) = (own.load(Relaxed), remote.swap(0, AcqRel));
                if before & more != 0 {
                    misuse("double free of a block in the span", self.base());
                }
                own.store(before | more, Relaxed);
                self.free.store(self.free.load(Relaxed) + more.count_ones() as u16, Relaxed);
                self.first_word.set(0);
            }
        }
        self.remote.release();
    }

    /// Takes an entirely free span from its owner; `arena::return_span` has to follow. False when a free into it is
    /// still under way.
    pub(crate) fn retire(&self) -> bool {
        if !self.remote.claim() {
            return false;
        }
        if self.is_shared() {
            self.remote_bits().iter().for_each(|word| word.store(0, Relaxed));
        }
        let touched = self.touched.swap(0, Relaxed);
        self.dirty.store(self.dirty.load(Relaxed) | touched, Relaxed);
        self.grow_young(touched);
        self.owner.store(ptr::null_mut(), Relaxed);
        self.remote.release();
        true
    }
}
