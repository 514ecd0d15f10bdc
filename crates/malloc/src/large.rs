//! Large blocks: a mapping for each, with a guard page behind it, found by address in a table.
//!
//! Freed ones are kept for a while, since whoever frees 10 MB often asks for 10 MB again; the purge unmaps what is
//! not asked for within the delay. Growing goes through `mremap`, which moves page tables and not bytes.

use crate::lock::Lock;
use crate::page;
use crate::settings::CACHE_MB;
use crate::sys::{self, PAGE};

/// How many freed blocks are kept.
const CACHED: usize = 128;
/// Up to how many blocks a guard page may cost a mapping of its own, on kernels where it does. With the limit of
/// 65,530 mappings in mind.
const SPLITTING_GUARDS: usize = 8192;

/// The large blocks. The innermost lock.
pub(crate) static LARGE: Lock<Large> = Lock::new(Large {
    table: core::ptr::null_mut(),
    capacity: 0,
    count: 0,
    cache: [Cached { block: NONE, since: 0 }; CACHED],
    cached_bytes: 0,
    live_bytes: 0,
});

/// `len` bytes at `at`, multiples of the page size; the guard page behind them is not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Block {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

const NONE: Block = Block { at: 0, len: 0 };

#[derive(Clone, Copy)]
struct Cached {
    block: Block,
    /// When it was freed, in nanoseconds.
    since: u64,
}

/// See [`LARGE`].
pub(crate) struct Large {
    /// Open addressing with linear probing; `at` 0 is an empty place.
    table: *mut Block,
    capacity: usize,
    count: usize,
    cache: [Cached; CACHED],
    pub(crate) cached_bytes: usize,
    pub(crate) live_bytes: usize,
}

// SAFETY: the table is plain memory that belongs to the struct.
unsafe impl Send for Large {}

impl Large {
    fn table(&mut self) -> &mut [Block] {
        if self.capacity == 0 {
            return &mut [];
        }
        // SAFETY: `table` has `capacity` entries, zeroed when mapped, which is a valid `Block`.
        unsafe { core::slice::from_raw_parts_mut(self.table, self.capacity) }
    }

    fn home(&self, at: usize) -> usize {
        (at / PAGE).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS - self.capacity.trailing_zeros())
    }

    fn place_of(&mut self, at: usize) -> Option<usize> {
        if self.capacity == 0 || at == 0 {
            return None;
        }
        let (mut place, last) = (self.home(at), self.capacity - 1);
        loop {
            match self.table()[place].at {
                0 => return None,
                found if found == at => return Some(place),
                _ => place = (place + 1) & last,
            }
        }
    }

    pub(crate) fn get(&mut self, at: usize) -> Option<Block> {
        let place = self.place_of(at)?;
        Some(self.table()[place])
    }

    fn insert(&mut self, block: Block) -> Option<()> {
        if self.count * 2 >= self.capacity {
            self.grow()?;
        }
        let (mut place, last) = (self.home(block.at), self.capacity - 1);
        while self.table()[place].at != 0 {
            place = (place + 1) & last;
        }
        self.table()[place] = block;
        self.count += 1;
        self.live_bytes += block.len;
        Some(())
    }

    fn grow(&mut self) -> Option<()> {
        let capacity = (self.capacity * 2).max(PAGE / size_of::<Block>());
        let table = sys::map(0, capacity * size_of::<Block>())? as *mut Block;
        let (old, old_capacity) = (self.table, self.capacity);
        (self.table, self.capacity) = (table, capacity);
        (self.count, self.live_bytes) = (0, 0);
        for place in 0..old_capacity {
            // SAFETY: inside the old table, which is unmapped only afterwards.
            let block = unsafe { *old.add(place) };
            if block.at != 0 {
                self.insert(block)?;
            }
        }
        // SAFETY: nothing refers to the old table any more.
        unsafe { sys::unmap(old as usize, old_capacity * size_of::<Block>()) };
        Some(())
    }

    fn remove(&mut self, at: usize) -> Option<Block> {
        let mut hole = self.place_of(at)?;
        let block = self.table()[hole];
        let last = self.capacity - 1;
        let mut place = hole;
        // Close the gap, so that probing never stops short.
        loop {
            place = (place + 1) & last;
            let next = self.table()[place];
            if next.at == 0 {
                break;
            }
            let home = self.home(next.at);
            if (place.wrapping_sub(home) & last) >= (place.wrapping_sub(hole) & last) {
                self.table()[hole] = next;
                hole = place;
            }
        }
        self.table()[hole] = NONE;
        self.count -= 1;
        self.live_bytes -= block.len;
        Some(block)
    }

    /// The smallest kept block that holds `len`, else the largest.
    fn take_cached(&mut self, len: usize) -> Option<Cached> {
        let kept = self.cache.iter_mut().filter(|kept| kept.block.len != 0);
        let best = kept.min_by_key(|kept| match kept.block.len.checked_sub(len) {
            Some(spare) => (false, spare),
            None => (true, len - kept.block.len),
        })?;
        let taken = *best;
        best.block = NONE;
        self.cached_bytes -= taken.block.len;
        Some(taken)
    }

    /// Keeps a freed block, as one with kept neighbours, or says that it must be unmapped.
    fn keep(&mut self, mut block: Block, now: u64) -> Result<(), Block> {
        while let Some(neighbour) = self.take_neighbour(block) {
            let (first, second) = if neighbour.at < block.at { (neighbour, block) } else { (block, neighbour) };
            // SAFETY: both are nobody's, and so is the guard page between them.
            unsafe { sys::unguard(first.at + first.len) };
            block = Block { at: first.at, len: first.len + PAGE + second.len };
        }
        let room = (CACHE_MB.get() << 20) as usize;
        if self.cached_bytes + block.len > room || page::is_over_limit() {
            return Err(block);
        }
        let place = self.cache.iter_mut().find(|kept| kept.block.len == 0).ok_or(block)?;
        *place = Cached { block, since: now };
        self.cached_bytes += block.len;
        Ok(())
    }

    /// Takes a kept block out that lies next to `block` but for a guard page.
    fn take_neighbour(&mut self, block: Block) -> Option<Block> {
        let behind = |first: Block, second: Block| first.len != 0 && first.at + first.len + PAGE == second.at;
        let mut kept = self.cache.iter_mut().filter(|kept| kept.block.len != 0);
        let found = kept.find(|kept| behind(kept.block, block) || behind(block, kept.block))?;
        let neighbour = core::mem::replace(&mut found.block, NONE);
        self.cached_bytes -= neighbour.len;
        Some(neighbour)
    }

    fn publish(&self) {
        page::set_large(self.live_bytes, self.cached_bytes);
    }
}

/// A new block of at least `len` bytes at a multiple of `align`, and whether it is known to read as zeros.
pub(crate) fn allocate(len: usize, align: usize) -> Option<(usize, bool)> {
    let len = len.checked_next_multiple_of(PAGE)?;
    let cached = if align <= PAGE { LARGE.lock().take_cached(len) } else { None };
    let (block, zeroed) = match cached.and_then(|cached| resize(cached, len)) {
        Some(block) => (block, false),
        None => (map(len, align)?, true),
    };
    let is_noted = {
        let mut large = LARGE.lock();
        let is_noted = large.insert(block).is_some();
        if is_noted {
            page::took_large();
        }
        large.publish();
        is_noted
    };
    if !is_noted {
        // SAFETY: nobody has seen the block yet.
        unsafe { unmap(block) };
        return None;
    }
    Some((block.at, zeroed))
}

fn map(len: usize, align: usize) -> Option<Block> {
    let at = sys::map_aligned(0, len.checked_add(PAGE)?, align.max(PAGE))?;
    let block = Block { at, len };
    guard(block);
    Some(block)
}

fn guard(block: Block) {
    let may_split = LARGE.lock().count < SPLITTING_GUARDS;
    // SAFETY: the page behind a block belongs to it and holds nothing.
    unsafe { sys::guard(block.at + block.len, may_split) };
}

/// # Safety
/// Nobody may use the block any more.
unsafe fn unmap(block: Block) {
    // SAFETY: the caller's promise; the guard page goes too.
    unsafe { sys::unmap(block.at, block.len + PAGE) };
}

/// Makes a kept block `len` bytes long. What it is too long by is kept on, and so is all of it when it cannot grow.
fn resize(Cached { block, since }: Cached, len: usize) -> Option<Block> {
    if block.len >= len {
        return Some(if block.len - len < len / 8 { block } else { split(block, len, since) });
    }
    // SAFETY: nobody else knows of the block.
    unsafe {
        sys::unguard(block.at + block.len);
        let Some(at) = sys::remap(block.at, block.len + PAGE, len + PAGE) else {
            // The kernel does not move what was joined from several mappings.
            guard(block);
            keep_on(block, since);
            return None;
        };
        let block = Block { at, len };
        guard(block);
        Some(block)
    }
}

/// Cuts off what is behind `len` bytes and a guard page, and keeps it.
fn split(block: Block, len: usize, since: u64) -> Block {
    let rest = Block { at: block.at + len + PAGE, len: block.len - len - PAGE };
    let block = Block { at: block.at, len };
    guard(block);
    keep_on(rest, since);
    block
}

/// Keeps a block that nobody else knows of, since it was kept or is part of one that was, or unmaps it.
fn keep_on(block: Block, since: u64) {
    let unwanted = LARGE.lock().keep(block, since);
    if let Err(block) = unwanted {
        page::unmapped(block.len);
        // SAFETY: nobody else knows of it.
        unsafe { unmap(block) };
    }
}

/// Frees the block at `at`; false when there is none.
pub(crate) fn free(at: usize) -> bool {
    let now = sys::now();
    let unwanted = {
        let mut large = LARGE.lock();
        let Some(block) = large.remove(at) else { return false };
        let unwanted = large.keep(block, now);
        page::returned_large();
        large.publish();
        unwanted
    };
    if let Err(block) = unwanted {
        page::unmapped(block.len);
        // SAFETY: the block was just taken out of the table, so this is its only free.
        unsafe { unmap(block) };
    }
    true
}

/// How large the block at `at` is; `None` when there is none.
pub(crate) fn usable_size(at: usize) -> Option<usize> {
    LARGE.lock().get(at).map(|block| block.len)
}

/// Changes the size of the block at `at` and says where it is now; `None` leaves it as it was.
pub(crate) fn reallocate(at: usize, len: usize) -> Option<usize> {
    let len = len.checked_next_multiple_of(PAGE)?;
    let block = LARGE.lock().remove(at)?;
    // SAFETY: the block is out of the table, so nobody else resizes or frees it.
    let moved = unsafe {
        sys::unguard(block.at + block.len);
        sys::remap(block.at, block.len + PAGE, len + PAGE)
    };
    let (new, done) = match moved {
        Some(at) => {
            // SAFETY: the page behind the new end holds nothing that is wanted.
            unsafe { sys::advise(at + len, PAGE, sys::DONT_NEED) };
            (Block { at, len }, true)
        }
        None => (block, false),
    };
    guard(new);
    // There is room: the old entry has just been taken out.
    let mut large = LARGE.lock();
    large.insert(new)?;
    large.publish();
    done.then_some(new.at)
}

/// Unmaps the kept blocks that were freed before `before`. Whether some are still kept.
pub(crate) fn purge(before: u64) -> bool {
    loop {
        let block = {
            let mut large = LARGE.lock();
            let due = large.cache.iter_mut().find(|kept| kept.block.len != 0 && kept.since <= before);
            let Some(due) = due else { return large.cached_bytes != 0 };
            let block = core::mem::replace(&mut due.block, NONE);
            large.cached_bytes -= block.len;
            large.publish();
            block
        };
        page::unmapped(block.len);
        // SAFETY: kept blocks are nobody's, and this one is no longer kept.
        unsafe { unmap(block) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_finds_what_is_in_it_and_nothing_else() {
        let mut large = Large {
            table: core::ptr::null_mut(),
            capacity: 0,
            count: 0,
            cache: [Cached { block: NONE, since: 0 }; CACHED],
            cached_bytes: 0,
            live_bytes: 0,
        };
        let at = |n: usize| (n + 1) * 5 * PAGE;
        for n in 0..5000 {
            large.insert(Block { at: at(n), len: PAGE }).expect("room");
        }
        for n in (0..5000).step_by(3) {
            assert_eq!(large.remove(at(n)), Some(Block { at: at(n), len: PAGE }));
        }
        for n in 0..5000 {
            assert_eq!(large.get(at(n)).is_some(), n % 3 != 0, "{n}");
        }
        assert_eq!(large.live_bytes, large.count * PAGE);
        assert_eq!(large.get(7 * PAGE), None);
    }

    #[test]
    fn keeps_what_it_has_room_for_and_joins_neighbours() {
        let mut large = LARGE.lock();
        large.cache = [Cached { block: NONE, since: 0 }; CACHED];
        large.cached_bytes = 0;
        for n in 0..CACHED {
            assert_eq!(large.keep(Block { at: n * CACHED * 2 * PAGE, len: PAGE * (n + 1) }, 0), Ok(()));
        }
        let one_more = Block { at: PAGE * CACHED, len: PAGE };
        assert_eq!(large.keep(one_more, 0), Err(one_more));
        assert_eq!(large.take_cached(PAGE * 3).map(|kept| kept.block.len), Some(PAGE * 3));
        assert_eq!(large.take_cached(PAGE * 1000).map(|kept| kept.block.len), Some(PAGE * CACHED));
        let huge = Block { at: 0, len: ((CACHE_MB.get() << 20) as usize).next_multiple_of(PAGE) };
        assert_eq!(large.keep(huge, 0), Err(huge));
        large.cache = [Cached { block: NONE, since: 0 }; CACHED];
        large.cached_bytes = 0;
        drop(large);

        // In the same test, since both are about what all share.
        let whole = map(64 * PAGE, PAGE).expect("memory");
        let first = split(split(whole, 40 * PAGE, 7), 9 * PAGE, 7);
        assert_eq!(first, Block { at: whole.at, len: 9 * PAGE });
        let rest = LARGE.lock().take_neighbour(first);
        assert_eq!(rest, Some(Block { at: whole.at + 10 * PAGE, len: 54 * PAGE }));
        // SAFETY: nobody else knows of the block.
        unsafe { unmap(whole) };
    }
}
