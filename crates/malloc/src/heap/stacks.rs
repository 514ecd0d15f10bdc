//! Where the stacks of a heap's magazines lie: behind the heap, those of small magazines close together, then a larger
//! one for each.

use core::sync::atomic::AtomicPtr;

use crate::classes::{CLASSES, SIZES};

/// What a magazine may hold, in bytes and in slots.
const MOST_BYTES: usize = 128 * 1024;
const MOST: usize = 1024;
const LEAST: usize = 64;

/// How many slots of `class` a magazine can hold.
pub(super) const fn room(class: usize) -> usize {
    let slots = MOST_BYTES / SIZES[class] as usize;
    if slots > MOST {
        MOST
    } else if slots < LEAST {
        LEAST
    } else {
        slots
    }
}

/// Magazines that may hold no more than this have their stacks close together, so that the many that hold a few slots
/// share pages.
pub(super) const SMALL: usize = 32;

/// For each class where its stack ends while it is small, then for each where it ends from then on, in words from where
/// all of them start. The last slot's place is just before its end, and at the end lies the address of [`NO_SLOT`].
const ENDS: [[u32; CLASSES]; 2] = {
    let mut ends = [[0; CLASSES]; 2];
    let (mut words, mut class) = (0, 0);
    while class < CLASSES {
        ends[0][class] = (words + SMALL) as u32;
        words += SMALL + 1;
        class += 1;
    }
    class = 0;
    while class < CLASSES {
        ends[1][class] = (words + room(class)) as u32;
        words += room(class) + 1;
        class += 1;
    }
    ends
};

/// How many bytes the stacks of all magazines can take.
pub(crate) const STACK_BYTES: usize = (ENDS[1][CLASSES - 1] as usize + 1) * size_of::<usize>();

/// Where the stack of a magazine of `class` ends that may hold `limit` slots, when those of all start at `stacks`.
pub(super) fn end(stacks: *mut usize, class: usize, limit: usize) -> *mut usize {
    if limit == 0 { NO_STACK } else { stacks.wrapping_add(ENDS[usize::from(limit > SMALL)][class] as usize) }
}

/// What lies at the end of every stack: the address of a slot that is never marked.
pub(super) static NO_SLOT: [usize; 2] = [0; 2];
static END: AtomicPtr<[usize; 2]> = AtomicPtr::new((&raw const NO_SLOT).cast_mut());
/// The stack of a magazine that may hold nothing: only an end.
pub(super) const NO_STACK: *mut usize = (&raw const END).cast_mut().cast();

#[cfg(test)]
mod tests {
    use core::ptr;

    use super::*;

    #[test]
    fn stacks_do_not_meet() {
        let mut words = 0;
        let small = (0..CLASSES).map(|class| (class, SMALL));
        for (class, limit) in small.chain((0..CLASSES).map(|class| (class, room(class)))) {
            let end = end(ptr::null_mut(), class, limit).addr() / size_of::<usize>();
            assert_eq!(end, words + limit, "class {class} with {limit}");
            words = end + 1;
        }
        assert_eq!(words * size_of::<usize>(), STACK_BYTES);
    }
}
