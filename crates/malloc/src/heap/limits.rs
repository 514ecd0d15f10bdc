//! How many slots a magazine may hold: twice as many whenever it runs over, or runs out when it could be filled with
//! more at once, within bounds.

use super::Heap;
use super::magazine::first_limit;
use super::stacks::{end, room};
use crate::classes::{CLASSES, SIZES};
use crate::settings::MAGAZINES_MB;
use crate::{profile, thread};

/// The magazines of one heap may hold this many bytes, and one slot of each class, even where all heaps together may hold
/// less. The purge takes from them what is not needed.
const LEAST: usize = 256 << 10;
/// One heap may hold one part in this many of what all may.
const SHARES: usize = 4;
/// When all that may be held is, one magazine in turn lets half of its share go for so many wishes of others.
const WISHES_A_HALVING: usize = 8;

impl Heap {
    /// Lets the magazine of `class` hold twice as many if it may not hold `enough`, as far as it has room; now and then at
    /// the expense of another.
    pub(super) fn let_hold_more(&self, class: usize, enough: usize) {
        let (magazine, size) = (self.magazine(class), SIZES[class] as usize);
        if profile::is_on() {
            // Every allocation has to come by the slow way.
            self.empty(class, magazine.len());
            return self.set_limit(class, 0);
        }
        let limit = magazine.limit();
        let more = if limit == 0 { first_limit(class) } else { limit.min(room(class) - limit) };
        if more == 0 || limit >= enough {
            return;
        }
        let bound = bound((MAGAZINES_MB.get() << 20) as usize, thread::count());
        if self.may_cache.get() + more * size > bound {
            let wishes = self.wishes.get().wrapping_add(1);
            self.wishes.set(wishes);
            if wishes.is_multiple_of(WISHES_A_HALVING) {
                self.let_hold_half(wishes / WISHES_A_HALVING % CLASSES);
            }
        }
        if self.may_cache.get() + more * size <= bound {
            self.set_limit(class, limit + more);
        } else if limit == 0 {
            self.set_limit(class, 1);
        }
    }

    fn let_hold_half(&self, class: usize) {
        let magazine = self.magazine(class);
        let half = magazine.limit().div_ceil(2);
        self.empty(class, magazine.len().saturating_sub(half));
        self.set_limit(class, half);
    }

    pub(super) fn set_limit(&self, class: usize, limit: usize) {
        let (magazine, size) = (self.magazine(class), SIZES[class] as usize);
        self.may_cache.set(self.may_cache.get() + limit * size - magazine.limit() * size);
        // SAFETY: behind the heap there is a stack for each class, which no limit exceeds.
        unsafe { magazine.set_limit(limit, end(self.stacks(), class, limit)) };
    }
}

/// What one of `heaps` may hold where all together may hold `all`, in bytes.
fn bound(all: usize, heaps: usize) -> usize {
    (all / heaps.max(SHARES)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::super::magazine::most_at_once;
    use super::*;
    use crate::alloc::{allocate, free};
    use crate::classes::class_of;
    use crate::tls;

    #[test]
    #[cfg_attr(miri, ignore = "the words of thread-local storage are in assembler; `cargo test` runs it")]
    fn who_only_takes_has_little_at_hand_and_who_frees_no_more_than_there_is_room_for() {
        let class = class_of(64).expect("a class");
        let blocks: Vec<_> = (0..100 * room(class)).map(|_| allocate(64)).collect();
        let magazine = tls::own_heap().expect("the thread's heap").magazine(class);
        assert!((1..=2 * most_at_once(class)).contains(&magazine.limit()), "{}", magazine.limit());
        for block in blocks {
            // SAFETY: allocated above, and known to nobody else.
            unsafe { free(block) };
            assert!(magazine.limit() <= room(class) && magazine.len() <= magazine.limit());
        }
    }

    #[test]
    fn heaps_share_what_all_may_hold() {
        assert_eq!(bound(64 << 20, 1), 16 << 20);
        assert_eq!(bound(64 << 20, 16), 4 << 20);
        assert_eq!(bound(64 << 20, 10_000), LEAST);
        assert_eq!(bound(0, 1), LEAST);
    }
}
