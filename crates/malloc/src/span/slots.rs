//! Where the slots of a span lie, and which of them an address belongs to, without a division.

use super::Span;

/// The addresses of a span's slots, all the same size, one behind the other.
#[derive(Clone, Copy)]
pub(crate) struct Slots {
    first: usize,
    bytes: usize,
    reciprocal: u32,
}

/// 2³² / `size`, rounded up.
pub(super) fn reciprocal_of(size: u32) -> u32 {
    (1_u64 << 32).div_ceil(u64::from(size)) as u32
}

impl Slots {
    /// The number of the slot that starts at the address; `None` where no slot starts.
    #[inline(always)]
    pub(crate) fn starting_at(self, address: usize) -> Option<usize> {
        let (slot, part) = self.divide(address)?;
        // Of a multiple of the size, only the rounding of the reciprocal is left over (Lemire, Kaser, Kurz: Faster
        // remainder by direct computation, 2019).
        (part < self.reciprocal).then_some(slot)
    }

    /// The number of the slot that the address lies in; `None` where no slot is.
    pub(crate) fn around(self, address: usize) -> Option<usize> {
        self.divide(address).map(|(slot, _)| slot)
    }

    /// In which slot the address lies, and how far, in 2⁻³² of its size.
    #[inline(always)]
    fn divide(self, address: usize) -> Option<(usize, u32)> {
        let offset = address.wrapping_sub(self.first);
        let product = (offset as u64).wrapping_mul(self.reciprocal.into());
        (offset < self.bytes).then_some(((product >> 32) as usize, product as u32))
    }
}

impl Span {
    #[inline(always)]
    pub(crate) fn slots(&self) -> Slots {
        Slots {
            first: self.base() + self.start(),
            bytes: self.capacity() * self.slot_size(),
            reciprocal: self.reciprocal.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::SIZES;
    use crate::span::SLICE;

    #[test]
    fn every_address_is_in_the_right_slot_or_in_none() {
        let (base, start) = (7 * SLICE, 256);
        for size in SIZES {
            let bytes = (SLICE - start) / size as usize * size as usize;
            let slots = Slots { first: base + start, bytes, reciprocal: reciprocal_of(size) };
            for offset in (0..SLICE).step_by(if cfg!(miri) { 61 } else { 1 }) {
                let in_slots = offset.checked_sub(start).filter(|offset| *offset < bytes);
                let slot = in_slots.map(|offset| offset / size as usize);
                assert_eq!(slots.around(base + offset), slot, "{offset} in slots of {size} bytes");
                let starts = in_slots.is_some_and(|offset| offset.is_multiple_of(size as usize));
                let start = slot.filter(|_| starts);
                assert_eq!(slots.starting_at(base + offset), start, "{offset} in slots of {size} bytes");
            }
            assert_eq!((slots.around(base - SLICE), slots.around(base + SLICE), slots.around(0)), (None, None, None));
        }
    }
}
