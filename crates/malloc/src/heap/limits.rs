//! How many slots a magazine may hold: twice as many whenever it runs out or over, within bounds.

use super::Heap;
use super::magazine::{first_limit, room};
use crate::classes::{CLASSES, SIZES};
use crate::{profile, thread};

/// What the magazines of all heaps together may hold, in bytes, and what those of one may, but for one slot of each
/// class. The purge takes it all from threads that sleep.
const ALL_MAY_CACHE: usize = 64 << 20;
const LEAST_CACHED: usize = 256 << 10;
const MOST_CACHED: usize = 16 << 20;
/// When all that may be held is, one magazine in turn lets half of its share go for so many wishes of others.
const WISHES_A_HALVING: usize = 8;

impl Heap {
    /// Lets the magazine of `class` hold twice as many, as far as it has room; now and then at the expense of another.
    pub(super) fn let_hold_more(&self, class: usize) {
        let (magazine, size) = (self.magazine(class), SIZES[class] as usize);
        if profile::is_on() {
            // Every allocation has to come by the slow way.
            self.empty(class, magazine.len());
            return self.set_limit(class, 0);
        }
        let limit = magazine.limit();
        let more = if limit == 0 { first_limit(class) } else { limit.min(room(class) - limit) };
        if more == 0 {
            return;
        }
        if self.may_cache.get() + more * size <= LEAST_CACHED {
            return self.set_limit(class, limit + more);
        }
        let bound = (ALL_MAY_CACHE / thread::count()).clamp(LEAST_CACHED, MOST_CACHED);
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
        magazine.set_limit(limit);
    }
}
