//! What a slot carries in its second word while it is in a magazine: the address of the heap.
//!
//! The mark is put on when the slot comes into the magazine, and taken off when it is handed out; a slot that moves back
//! into its span keeps it. So one in a magazine that lost it was freed twice, or written to after it was freed, and a block
//! that carries it when it is freed may be free already, be it in the magazine or in its span.

use core::ptr;

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Mark(usize);

impl Mark {
    /// The mark of those in magazines of the heap at this address.
    #[inline(always)]
    pub(crate) const fn of(heap: usize) -> Self {
        Self(heap)
    }

    /// Whether the slot carries it; of one that was not at hand, see [`conceal`].
    ///
    /// # Safety
    /// It must be a slot, or as long as one.
    #[inline(always)]
    pub(crate) unsafe fn is_on(self, slot: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { word_of(slot).read() == self.0 }
    }

    /// # Safety
    /// It must be a slot that nobody uses.
    #[inline(always)]
    pub(crate) unsafe fn put_on(self, slot: usize) {
        // SAFETY: the caller's promise.
        unsafe { word_of(slot).write(self.0) };
    }
}

/// Keeps the compiler from knowing what lies in a block that was freed. Where the program wrote nothing, it would be
/// undefined to look for a mark, but for all the compiler knows, something may be written here.
#[inline(always)]
pub(super) fn conceal(block: usize) {
    if cfg!(not(miri)) {
        // SAFETY: it does nothing.
        unsafe { core::arch::asm!("/* {0} */", in(reg) block, options(nostack, preserves_flags)) };
    }
}

/// Takes whatever mark it carries off the slot.
///
/// # Safety
/// It must be a slot that nobody uses.
#[inline(always)]
pub(crate) unsafe fn take_off(slot: usize) {
    // SAFETY: the caller's promise.
    unsafe { word_of(slot).write(0) };
}

/// # Safety
/// `slot` must be one.
#[inline(always)]
unsafe fn word_of(slot: usize) -> *mut usize {
    // SAFETY: slots have at least two words.
    unsafe { ptr::with_exposed_provenance_mut::<usize>(slot).add(1) }
}
