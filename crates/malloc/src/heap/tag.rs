//! What the [window](crate::window) says of a span: where in a heap the magazine for its slots lies, and which heaps
//! must not put its slots there.
//!
//! A heap is known by a *code*, a number of sixteen bits of which eight are set. The upper half of a tag has the owner's
//! code. Of two such numbers neither has all the bits of the other, so every heap but the owner misses one of its own bits
//! there, as all do where there is no span. In tags of larger slots the upper half is full: whoever frees one keeps it
//! for itself, and so threads that pass blocks to each other hardly ever meet. Threads that passed on slots smaller
//! than that would soon write to the same cache lines.

use super::magazine::{Magazine, PLACE_OF_FIRST};
use crate::classes::SIZES;

const SHIFT: u32 = 16;
/// Slots of at least this many bytes are kept by whoever frees them.
const LEAST_KEPT: u32 = 128;

/// The code of a heap, in the upper half; `None` when there are none left. That of number 0 is nobody's.
pub(super) fn code(number: usize) -> Option<u32> {
    (0..=u16::MAX).filter(|code| code.count_ones() == 8).nth(number).map(|code| u32::from(code) << SHIFT)
}

/// Whether any heap may put slots of `class` into its magazine, whosever span they are in.
pub(super) fn are_kept_by_all(class: usize) -> bool {
    SIZES[class] >= LEAST_KEPT
}

/// The tag of the spans of `class` that the heap with this code owns.
pub(super) fn tag(code: u32, class: usize) -> u32 {
    let place = u32::from(place_of(class));
    if are_kept_by_all(class) { (u32::MAX << SHIFT) | place } else { code | place }
}

/// Where the magazine lies for slots of `class`, in bytes from that which is always full.
pub(super) fn place_of(class: usize) -> u16 {
    (PLACE_OF_FIRST + class * size_of::<Magazine>()) as u16
}

/// Where the magazine lies for the slots of spans with this tag. `None` if the heap with this code, which is not zero, must
/// not put them there, or where there is no span.
#[inline(always)]
pub(super) fn place(tag: u32, code: u32) -> Option<u16> {
    (!tag & code == 0).then_some(tag as u16)
}

/// The class of spans with this tag; `None` where there is no span.
#[inline(always)]
pub(super) fn class(tag: u32) -> Option<usize> {
    (tag as u16 as usize).checked_sub(PLACE_OF_FIRST).map(|place| place / size_of::<Magazine>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_slots_are_their_owners_alone() {
        let codes: Vec<_> = (1..500).chain(12_000..12_300).filter_map(code).collect();
        assert_eq!(codes.len(), 799);
        for owner in &codes {
            let tag = tag(*owner, 0);
            assert_eq!(class(tag), Some(0));
            for other in &codes {
                assert_eq!(place(tag, *other).is_some(), owner == other, "{owner:x} {other:x}");
            }
        }
        assert_eq!(code(13_000), None);
    }

    #[test]
    fn larger_slots_are_anybodys() {
        let (one, other) = (code(1).expect("a code"), code(2).expect("another"));
        for (class_of_span, size) in SIZES.into_iter().enumerate() {
            let tag = tag(one, class_of_span);
            assert_eq!(class(tag), Some(class_of_span));
            assert_eq!(place(tag, other).is_some(), size >= LEAST_KEPT);
        }
        assert_eq!((class(0), place(0, one)), (None, None));
    }
}
