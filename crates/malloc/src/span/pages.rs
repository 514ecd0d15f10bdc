//! Which pages of a span hold nothing, and for how long.

use core::sync::atomic::Ordering::*;

use super::{SLICE, Span};
use crate::sys::PAGE;

/// Pages of a slice, and bits of a [`Pages`] mask.
pub(crate) const SLICE_PAGES: usize = SLICE / PAGE;

/// A bit for each page of a slice.
pub(crate) type Pages = u16;

impl Span {
    /// Starts the ages of `pages` anew, since they are in use.
    pub(crate) fn grow_young(&self, pages: Pages) {
        self.age.iter().for_each(|bit| bit.set(bit.get() & !pages));
    }

    /// The pages that may be in memory.
    pub(crate) fn possibly_resident(&self) -> Pages {
        self.dirty.load(Relaxed) | self.touched.load(Relaxed)
    }

    /// The pages that the slots of `word` lie on.
    pub(crate) fn pages_of_word(&self, word: usize) -> Pages {
        let start = self.start() + word * 64 * self.slot_size();
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
                let start = self.start() + slot * self.slot_size();
                let last = (start + self.slot_size() - 1) / PAGE;
                used |= pages(start / PAGE, last);
                // Slots that lie wholly on pages known to be used say nothing new.
                let next = (((last + 1) * PAGE - self.start()) / self.slot_size()).max(slot + 1);
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
