//! Size classes: which slot size serves a request.
//!
//! Steps of 16 bytes up to 512, then sixteen to a doubling up to 32 KiB. Above 256 bytes a slot is less than a
//! sixteenth larger than the request; below, the alignment of 16 that C asks for sets the step.

/// How many classes there are.
pub(crate) const CLASSES: usize = 128;
/// The largest request that a class serves.
pub(crate) const LARGEST: usize = 32 * 1024;
/// Every slot starts at a multiple of this.
pub(crate) const MIN_ALIGN: usize = 16;

const FINE_STEPS: usize = 32;
/// Up to this size every multiple of 16 is a class.
pub(crate) const SMALL: usize = FINE_STEPS * MIN_ALIGN;
const STEPS_A_DOUBLING: usize = 16;

/// The slot size of every class, rising.
pub(crate) const SIZES: [u32; CLASSES] = {
    let mut sizes = [0; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        sizes[class] = if class < FINE_STEPS {
            (class + 1) * MIN_ALIGN
        } else {
            let doubling = (class - FINE_STEPS) / STEPS_A_DOUBLING;
            let step = (class - FINE_STEPS) % STEPS_A_DOUBLING + 1;
            (SMALL << doubling) + step * ((SMALL / STEPS_A_DOUBLING) << doubling)
        } as u32;
        class += 1;
    }
    sizes
};

/// Above the small sizes every class is a multiple of this.
const STEP: usize = SMALL / STEPS_A_DOUBLING;

static CLASS_OF_STEP: [u8; LARGEST / STEP + 1] = {
    let mut table = [0; LARGEST / STEP + 1];
    let (mut step, mut class) = (0, 0);
    while step < table.len() {
        while (SIZES[class] as usize) < step * STEP {
            class += 1;
        }
        table[step] = class as u8;
        step += 1;
    }
    table
};

/// The class of a request of `size` bytes, or `None` when it is too large for any.
#[inline(always)]
pub(crate) fn class_of(size: usize) -> Option<usize> {
    if size <= SMALL { Some(size.saturating_sub(1) / MIN_ALIGN) } else { medium_class_of(size) }
}

/// The class of a request above [`SMALL`], or `None` when it is too large for any.
#[inline(always)]
pub(crate) fn medium_class_of(size: usize) -> Option<usize> {
    (size <= LARGEST).then(|| CLASS_OF_STEP[size.div_ceil(STEP)] as usize)
}

/// The class whose slots hold `size` bytes and all start at a multiple of `align`, a power of two.
pub(crate) fn aligned_class_of(size: usize, align: usize) -> Option<usize> {
    let first = class_of(size.max(align))?;
    (first..CLASSES).find(|&class| SIZES[class] as usize & (align - 1) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wastes_less_than_a_sixteenth() {
        assert_eq!(SIZES[0], 16);
        assert_eq!(SIZES[CLASSES - 1] as usize, LARGEST);
        for size in 0..=LARGEST {
            let class = class_of(size).expect("a class");
            let slot = SIZES[class] as usize;
            assert!(slot >= size);
            assert!(class == 0 || (SIZES[class - 1] as usize) < size, "{size} would fit a smaller slot");
            if size > 256 {
                assert!((slot - size) * 16 < slot, "{size} in {slot}");
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
}
