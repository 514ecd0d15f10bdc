//! What the [window](crate::window) says of a span: where in a heap the magazine for its slots lies, and which heaps
//! must not put its slots there.
//!
//! A heap is known by one bit of sixteen, so two of more than sixteen heaps may share one. The upper half of a tag has
//! the bit of the owner, and where there is no span, none. In tags of larger slots the upper half is full: whoever frees
//! one keeps it for itself, and so threads that pass blocks to each other hardly ever meet. Of smaller slots several lie in
//! a cache line, to which threads that passed them on would soon all write; that those which share a bit do harms nothing
//! else.

use super::magazine::{Magazine, PLACE_OF_FIRST};
use crate::classes::SIZES;

const SHIFT: u32 = 16;
const BITS: usize = 16;
/// Slots of at least this many bytes are kept by whoever frees them.
const LEAST_KEPT: u32 = 64;

/// The bit of the heap with this number, in the upper half.
pub(super) fn bit(number: usize) -> u32 {
    1 << (SHIFT as usize + number % BITS)
}

/// Whether any heap may put slots of `class` into its magazine, whosever span they are in.
pub(super) fn are_kept_by_all(class: usize) -> bool {
    SIZES[class] >= LEAST_KEPT
}

/// The tag of the spans of `class` that the heap with this bit owns.
pub(super) fn tag(bit: u32, class: usize) -> u32 {
    let place = place_of(class) as u32;
    if are_kept_by_all(class) { (u32::MAX << SHIFT) | place } else { bit | place }
}

/// Where the magazine lies for slots of `class`, in bytes from that which is always full.
pub(super) fn place_of(class: usize) -> usize {
    PLACE_OF_FIRST + class * size_of::<Magazine>()
}

/// Whether the heap with this bit may put slots of spans with this tag into its magazine. False where there is no span.
#[inline(always)]
pub(super) fn may_keep(tag: u32, bit: u32) -> bool {
    tag & bit != 0
}

/// Where the magazine lies for slots of spans with this tag.
#[inline(always)]
pub(super) fn place(tag: u32) -> usize {
    usize::from(tag as u16)
}

/// The class of spans with this tag; `None` where there is no span.
#[inline(always)]
pub(super) fn class(tag: u32) -> Option<usize> {
    place(tag).checked_sub(PLACE_OF_FIRST).map(|place| place / size_of::<Magazine>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_slots_are_kept_by_heaps_with_the_bit_of_the_owner() {
        for owner in 0..2 * BITS {
            let tag = tag(bit(owner), 0);
            assert_eq!(class(tag), Some(0));
            for other in 0..2 * BITS {
                assert_eq!(may_keep(tag, bit(other)), owner % BITS == other % BITS, "{owner} {other}");
            }
        }
    }

    #[test]
    fn larger_slots_are_anybodys() {
        for (class_of_span, size) in SIZES.into_iter().enumerate() {
            let tag = tag(bit(1), class_of_span);
            assert_eq!((class(tag), place(tag)), (Some(class_of_span), place_of(class_of_span)));
            assert_eq!(may_keep(tag, bit(2)), size >= LEAST_KEPT);
        }
    }

    #[test]
    fn nothing_is_kept_where_there_is_no_span_and_by_nobody() {
        assert_eq!((class(0), may_keep(0, bit(1))), (None, false));
        for class in 0..SIZES.len() {
            assert!(!may_keep(tag(bit(1), class), 0));
        }
    }
}
