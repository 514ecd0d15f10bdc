//! A span: 64 KiB of address space cut into slots of one size, and the record about it, which lies elsewhere.
//!
//! The record holds one bit for each slot, set while the slot is free. Nothing is ever written into the slots, so a
//! page whose slots are all free holds nothing, and can go back to the system while its neighbours live.
//!
//! Who may touch what:
//!
//! | part | written by |
//! | --- | --- |
//! | `bits` | the owning thread alone: taking slots from its open span inside its section, freeing at any time |
//! | remote bits | any thread, atomically |
//! | `touched` | the owning thread inside its section; the purge takes it when the span is closed |
//! | the rest | whoever holds the owner's lock, or the arena's lock while there is no owner |

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::*};

use crate::chunk;
use crate::classes::SIZES;
use crate::heap::Heap;
use crate::remote::{Mailbox, Posted};
use crate::report::misuse;
use crate::sys::PAGE;

/// The size and the alignment of a span: one slice of a chunk.
pub(crate) const SLICE: usize = 64 * 1024;
/// Pages of a slice, and bits of a [`Pages`] mask.
pub(crate) const SLICE_PAGES: usize = SLICE / PAGE;
/// Words of a bitmap with a bit for each slot of the smallest size.
pub(crate) const WORDS: usize = SLICE / crate::classes::MIN_ALIGN / 64;

/// A bit for each page of a slice.
pub(crate) type Pages = u16;

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
pub(crate) const INLINE_WORDS: usize = 3;

/// The record about a slice. All zero bytes are a valid record of a free one.
#[repr(C, align(128))]
pub(crate) struct Span {
    // What every free reads comes first, in one cache line.
    pub(crate) owner: AtomicPtr<Heap>,
    bits: AtomicPtr<AtomicU64>,
    remote: Mailbox<Span>,
    /// 2³² / `size`, rounded up: turns an offset into a slot's number without a division.
    reciprocal: Cell<u32>,
    size: Cell<u32>,
    /// Frees by the owner that are left until it looks at the span as a whole.
    pub(crate) countdown: AtomicU32,
    capacity: Cell<u16>,
    /// Whether another thread ever freed in it, so that the remote bits need be read only then.
    shared: AtomicBool,
    kind: AtomicU8,
    class: Cell<u8>,
    /// Whether the owner takes slots from it at present, or did until the purge asked to close it.
    pub(crate) open: Cell<bool>,
    /// In which of its owner's lists it hangs.
    pub(crate) bin: Cell<u8>,
    pub(crate) next: Cell<*const Span>,
    pub(crate) previous: Cell<*const Span>,
    /// Pages from which slots may have been taken since the purge last looked.
    pub(crate) touched: AtomicU16,
    /// Pages that may be resident.
    pub(crate) dirty: Cell<Pages>,
    /// Pages that are being given back at this moment: nothing may be taken from the span.
    pub(crate) held: Cell<Pages>,
    /// How many times in a row the purge found each page free and dirty, as three bits in three masks.
    pub(crate) age: [Cell<Pages>; 3],
    /// Of a run: its slices, and the bytes of them in use, a multiple of the page size.
    pub(crate) run_slices: Cell<u16>,
    pub(crate) run_bytes: Cell<u32>,
    inline_bits: [AtomicU64; INLINE_WORDS],
}

const _: () = assert!(size_of::<Span>() == 128);

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

    /// One word of the bitmap.
    ///
    /// # Safety
    /// The span must be one of slots, and `word` below the number of words.
    #[inline(always)]
    pub(crate) unsafe fn word(&self, word: usize) -> &AtomicU64 {
        // SAFETY: as in `bits`.
        unsafe { &*self.bits.load(Relaxed).add(word) }
    }

    pub(crate) fn words(&self) -> usize {
        self.capacity().div_ceil(64)
    }

    /// The address of the memory the record is about.
    pub(crate) fn base(&self) -> usize {
        chunk::base_of(self)
    }

    /// Makes a fresh slice a span of `class` for `owner`, all slots free.
    pub(crate) fn cut(&self, class: usize, owner: &Heap) {
        let size = SIZES[class];
        let capacity = SLICE / size as usize;
        self.reciprocal.set((1_u64 << 32).div_ceil(size as u64) as u32);
        self.size.set(size);
        self.class.set(class as u8);
        self.capacity.set(capacity as u16);
        self.shared.store(false, Relaxed);
        let words = if self.words() <= INLINE_WORDS { &self.inline_bits[..] } else { chunk::own_bits_of(self) };
        self.bits.store(words.as_ptr().cast_mut(), Relaxed);
        self.open.set(false);
        self.grow_young(Pages::MAX);
        for (word, bits) in self.bits().iter().enumerate() {
            bits.store(self.all_slots(word), Relaxed);
        }
        self.set_kind(Kind::Slots);
        self.owner.store(ptr::from_ref(owner).cast_mut(), Release);
    }

    /// The bits of `word` that stand for slots.
    fn all_slots(&self, word: usize) -> u64 {
        let slots = (self.capacity() - word * 64).min(64);
        u64::MAX >> (64 - slots)
    }

    /// The number of the slot that starts `offset` bytes into the span; `None` where no slot starts.
    #[inline(always)]
    pub(crate) fn slot_at(&self, offset: usize) -> Option<usize> {
        let slot = ((offset as u64 * self.reciprocal.get() as u64) >> 32) as usize;
        (slot * self.slot_size() == offset && slot < self.capacity()).then_some(slot)
    }

    /// The number of the slot that `offset` lies in.
    pub(crate) fn slot_around(&self, offset: usize) -> usize {
        ((offset as u64 * self.reciprocal.get() as u64) >> 32) as usize
    }

    /// The remote bitmap.
    #[inline]
    pub(crate) fn remote_bits(&self) -> &[AtomicU64; WORDS] {
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

    /// Whether slots can be taken from it, once what others freed is collected.
    pub(crate) fn has_slots(&self) -> bool {
        let own = || self.bits().iter().any(|word| word.load(Relaxed) != 0);
        if own() {
            return true;
        }
        self.collect();
        own()
    }

    /// How many slots are free, wherever that is noted.
    pub(crate) fn count_free(&self) -> usize {
        (0..self.words()).map(|word| self.free_bits(word).count_ones() as usize).sum()
    }

    /// Moves remote frees into the span's own bitmap. Only for its owner, holding the owner's lock.
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
            self.remote_bits()[..self.words()].iter().for_each(|word| word.store(0, Relaxed));
        }
        let touched = self.touched.swap(0, Relaxed);
        self.dirty.set(self.dirty.get() | touched);
        self.grow_young(touched);
        self.owner.store(ptr::null_mut(), Relaxed);
        self.remote.release();
        true
    }

    /// Starts the ages of `pages` anew, since they are in use.
    pub(crate) fn grow_young(&self, pages: Pages) {
        self.age.iter().for_each(|bit| bit.set(bit.get() & !pages));
    }

    /// The pages that may be in memory.
    pub(crate) fn possibly_resident(&self) -> Pages {
        self.dirty.get() | self.touched.load(Relaxed)
    }

    /// The pages that the slots of `word` lie on.
    pub(crate) fn pages_of_word(&self, word: usize) -> Pages {
        let start = word * 64 * self.slot_size();
        let end = (start + 64 * self.slot_size()).min(SLICE) - 1;
        pages(start / PAGE, end / PAGE)
    }

    /// The pages on which no slot is in use.
    pub(crate) fn free_pages(&self) -> Pages {
        let mut used: Pages = 0;
        for word in 0..self.words() {
            let mut taken = !self.free_bits(word) & self.all_slots(word);
            if taken == self.all_slots(word) {
                used |= self.pages_of_word(word);
                continue;
            }
            while taken != 0 {
                let slot = word * 64 + taken.trailing_zeros() as usize;
                let start = slot * self.slot_size();
                let last = (start + self.slot_size() - 1) / PAGE;
                used |= pages(start / PAGE, last);
                // Slots that lie wholly on pages known to be used say nothing new.
                let next = ((last + 1) * PAGE / self.slot_size()).max(slot + 1);
                taken &= if next >= word * 64 + 64 { 0 } else { u64::MAX << (next - word * 64) };
            }
        }
        !used
    }
}

/// The mask of the pages `first..=last`.
pub(crate) fn pages(first: usize, last: usize) -> Pages {
    ((2_u32 << last) - (1_u32 << first)) as Pages
}
