//! Size classes: which slot size serves a request.
//!
//! Steps of 16 bytes up to 512, then some sixteen to a doubling up to 32 KiB. Above 256 bytes a slot is less than a
//! fourteenth larger than the request; below, the alignment of 16 that C asks for sets the step.
//!
//! Up to 4 KiB, slots share out among them what would be left over at the end of a span, and so serve larger requests.
//! Above that they leave it over, since a page that no slot lies on takes no memory, and spans differ in where it is.

use crate::span::SLICE;
use crate::sys::PAGE;

/// How many classes there are.
pub(crate) const CLASSES: usize = BUILT.1;
/// The largest request that a class serves.
pub(crate) const LARGEST: usize = 32 * 1024;
/// Every slot starts at a multiple of this.
pub(crate) const MIN_ALIGN: usize = 16;

const FINE_STEPS: usize = 32;
/// Up to this size every multiple of 16 is a class.
const SMALL: usize = FINE_STEPS * MIN_ALIGN;
const STEPS_A_DOUBLING: usize = 16;
const LARGEST_WITHOUT_REST: usize = 4096;

/// The slot size of every class, rising.
pub(crate) const SIZES: [u32; CLASSES] = {
    let mut sizes = [0; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        sizes[class] = BUILT.0[class];
        class += 1;
    }
    sizes
};

const STEPS: usize = FINE_STEPS + STEPS_A_DOUBLING * (LARGEST / SMALL).ilog2() as usize;

/// The sizes, and how many there are.
const BUILT: ([u32; STEPS], usize) = {
    let mut sizes = [0; STEPS];
    let (mut step, mut class) = (0, 0);
    while step < STEPS {
        let size = size_of_step(step);
        if class == 0 || sizes[class - 1] < size {
            sizes[class] = size;
            class += 1;
        }
        step += 1;
    }
    (sizes, class)
};

const fn size_of_step(step: usize) -> u32 {
    if step < FINE_STEPS {
        return ((step + 1) * MIN_ALIGN) as u32;
    }
    let base = SMALL << ((step - FINE_STEPS) / STEPS_A_DOUBLING);
    let size = base + ((step - FINE_STEPS) % STEPS_A_DOUBLING + 1) * (base / STEPS_A_DOUBLING);
    let size = if size <= LARGEST_WITHOUT_REST { SLICE / (SLICE / size) } else { size };
    (size - size % MIN_ALIGN) as u32
}

/// For each number of units of [`MIN_ALIGN`] its class.
static CLASS_OF_UNITS: [u8; LARGEST / MIN_ALIGN + 1] = classes_of_units();

/// For each number of units of [`MIN_ALIGN`] its class.
pub(crate) const fn classes_of_units() -> [u8; LARGEST / MIN_ALIGN + 1] {
    let mut table = [0; LARGEST / MIN_ALIGN + 1];
    let (mut units, mut class) = (0, 0);
    while units < table.len() {
        while (SIZES[class] as usize) < units * MIN_ALIGN {
            class += 1;
        }
        table[units] = class as u8;
        units += 1;
    }
    table
}

/// The class of a request of `size` bytes, or `None` when it is too large for any.
#[inline(always)]
pub(crate) fn class_of(size: usize) -> Option<usize> {
    (size <= LARGEST).then(|| CLASS_OF_UNITS[size.div_ceil(MIN_ALIGN)] as usize)
}

/// The class whose slots hold `size` bytes and all start at a multiple of `align`, a power of two.
pub(crate) fn aligned_class_of(size: usize, align: usize) -> Option<usize> {
    let first = class_of(size.max(align))?;
    (first..CLASSES).find(|&class| SIZES[class] as usize & (align - 1) == 0)
}

/// How far into slice number `slice` of a chunk the first slot of `class` lies. What larger slots leave over is before
/// them as well as behind: where the slots of all spans lay alike, their first bytes would share a few sets of the
/// processor's caches.
pub(crate) fn start_in_slice(class: usize, slice: usize) -> usize {
    let size = SIZES[class] as usize;
    if size < PAGE {
        return 0;
    }
    // Slots lie at multiples of what their size is a multiple of.
    let step = 1 << size.trailing_zeros();
    slice % (SLICE % size / step + 1) * step
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn wastes_less_than_a_fourteenth() {
        assert_eq!(SIZES[0], 16);
        assert_eq!(SIZES[CLASSES - 1] as usize, LARGEST);
        for size in 0..=LARGEST {
            let class = class_of(size).expect("a class");
            let slot = SIZES[class] as usize;
            assert!(slot >= size);
            assert!(class == 0 || (SIZES[class - 1] as usize) < size, "{size} would fit a smaller slot");
            if size > 256 {
                assert!((slot - size) * 14 < slot, "{size} in {slot}");
            } else {
                assert!(slot - size.max(1) < 16);
            }
        }
        assert_eq!(class_of(LARGEST + 1), None);
    }

    #[test]
    fn aligned_classes_hold_the_request_and_the_alignment() {
        for align in (0..=15).map(|shift| 1_usize << shift) {
            for size in (0..=LARGEST).step_by(61) {
                let slot = SIZES[aligned_class_of(size, align).expect("a class")] as usize;
                assert!(slot >= size && slot.is_multiple_of(align), "{size} at {align} in {slot}");
            }
        }
        assert_eq!(aligned_class_of(1, 2 * LARGEST), None);
    }

    #[test]
    fn larger_slots_start_at_various_places_within_the_slice_and_as_aligned_as_their_size() {
        for (class, size) in SIZES.into_iter().map(|size| size as usize).enumerate() {
            let starts: BTreeSet<_> = (0..512).map(|slice| start_in_slice(class, slice)).collect();
            for start in &starts {
                assert!(start + SLICE / size * size <= SLICE, "{size}");
                assert!(start.is_multiple_of(1 << size.trailing_zeros()), "{size}");
            }
            let can_differ = size > PAGE && SLICE % size >= 1 << size.trailing_zeros();
            assert_eq!(starts.len() > 1, can_differ, "{size}: {starts:?}");
        }
    }
}
