//! The samples that are live, and the stacks on which there ever was one. Bounded, in memory of its own.

use core::hash::Hasher as _;
use std::hash::DefaultHasher;

use crate::sys::{self, PAGE};

/// How many frames of a stack are kept: the innermost.
pub(super) const MOST_FRAMES: usize = 64;

/// The bounds of a table. Both must be powers of two.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) samples: usize,
    pub(super) stacks: usize,
}

/// The return addresses of a stack, the innermost first.
#[derive(Clone, Copy)]
pub(super) struct Frames {
    addresses: [usize; MOST_FRAMES],
    len: usize,
}

impl Frames {
    pub(super) const fn new() -> Self {
        Self { addresses: [0; MOST_FRAMES], len: 0 }
    }

    /// Adds one further out; false when it was the last, or the last for which there is room.
    pub(super) fn push(&mut self, address: usize) -> bool {
        // Beyond the outermost frame unwinders may see one that returns to nowhere.
        if address == 0 {
            return false;
        }
        self.addresses[self.len] = address;
        self.len += 1;
        self.len < MOST_FRAMES
    }

    pub(super) fn as_slice(&self) -> &[usize] {
        &self.addresses[..self.len]
    }
}

/// Blocks, estimated from those that were sampled.
#[derive(Clone, Copy, Default)]
pub(super) struct Amount {
    pub(super) blocks: f64,
    pub(super) bytes: f64,
}

impl Amount {
    pub(super) fn add(&mut self, blocks: f64, size: u64) {
        self.blocks += blocks;
        self.bytes += blocks * size as f64;
    }
}

/// A stack, and what has been allocated there so far.
#[derive(Clone, Copy)]
pub(super) struct Stack {
    pub(super) frames: Frames,
    hash: u64,
    pub(super) allocated: Amount,
}

/// A sampled block. Address 0 is an empty place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    address: usize,
    pub(super) size: u64,
    /// The number of its stack.
    pub(super) stack: u32,
}

const EMPTY: Sample = Sample { address: 0, size: 0, stack: 0 };

/// See the module.
pub(super) struct Table {
    /// Open addressing with linear probing, half empty.
    samples: &'static mut [Sample],
    live: usize,
    stacks: &'static mut [Stack],
    stack_count: usize,
    /// The numbers of stacks plus one, by hash: open addressing with linear probing, half empty.
    index: &'static mut [u32],
    /// How many samples were left out.
    pub(super) left_out: u64,
}

impl Table {
    pub(super) const fn none() -> Self {
        Self { samples: &mut [], live: 0, stacks: &mut [], stack_count: 0, index: &mut [], left_out: 0 }
    }

    /// An empty table, or `None` when there is no memory.
    pub(super) fn new(bounds: Bounds) -> Option<Self> {
        // SAFETY: all three are valid when they are zero: integers, floating-point numbers, and arrays of these.
        unsafe {
            let (samples, stacks, index) =
                (zeroed(bounds.samples * 2)?, zeroed(bounds.stacks)?, zeroed(bounds.stacks * 2)?);
            Some(Self { samples, stacks, index, ..Self::none() })
        }
    }

    /// How many stacks and how many live samples there are.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.stack_count, self.live)
    }

    pub(super) fn stacks(&self) -> &[Stack] {
        &self.stacks[..self.stack_count]
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| **sample != EMPTY)
    }

    /// Whether another sample can be live. One more is left out if not.
    pub(super) fn has_room(&mut self) -> bool {
        let has_room = self.live * 2 < self.samples.len();
        self.left_out += u64::from(!has_room);
        has_room
    }

    /// Notes a sampled block, which stands for `blocks` of its size.
    pub(super) fn insert(&mut self, address: usize, size: u64, frames: &Frames, blocks: f64) {
        if !self.has_room() {
            return;
        }
        let Some(stack) = self.stack(frames) else {
            self.left_out += 1;
            return;
        };
        self.stacks[stack].allocated.add(blocks, size);
        let (mut place, last) = (self.home(address), self.samples.len() - 1);
        while self.samples[place] != EMPTY {
            place = (place + 1) & last;
        }
        self.samples[place] = Sample { address, size, stack: stack as u32 };
        self.live += 1;
    }

    /// Notes that a block is freed, which may have been sampled.
    pub(super) fn remove(&mut self, address: usize) {
        let last = self.samples.len() - 1;
        let mut hole = self.home(address);
        while self.samples[hole].address != address {
            if self.samples[hole] == EMPTY {
                return;
            }
            hole = (hole + 1) & last;
        }
        // Close the gap, so that probing never stops short.
        let mut place = hole;
        loop {
            place = (place + 1) & last;
            let next = self.samples[place];
            if next == EMPTY {
                break;
            }
            if (place.wrapping_sub(self.home(next.address)) & last) >= (place.wrapping_sub(hole) & last) {
                self.samples[hole] = next;
                hole = place;
            }
        }
        self.samples[hole] = EMPTY;
        self.live -= 1;
    }

    /// Where the search for a block begins. Sampled blocks begin pages.
    fn home(&self, address: usize) -> usize {
        (address / PAGE).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS - self.samples.len().ilog2())
    }

    /// The number of the stack with these frames; `None` when it is a new one and there is no room for it.
    fn stack(&mut self, frames: &Frames) -> Option<usize> {
        let hash = hash(frames.as_slice());
        let last = self.index.len() - 1;
        let mut place = hash as usize & last;
        while self.index[place] != 0 {
            let number = self.index[place] as usize - 1;
            let stack = &self.stacks[number];
            if stack.hash == hash && stack.frames.as_slice() == frames.as_slice() {
                return Some(number);
            }
            place = (place + 1) & last;
        }
        let number = self.stack_count;
        *self.stacks.get_mut(number)? = Stack { frames: *frames, hash, allocated: Amount::default() };
        self.stack_count += 1;
        self.index[place] = self.stack_count as u32;
        Some(number)
    }
}

fn hash(addresses: &[usize]) -> u64 {
    let mut hasher = DefaultHasher::new();
    addresses.iter().for_each(|address| hasher.write_usize(*address));
    hasher.finish()
}

/// Memory for `count` values, all zero bytes, that is never unmapped. It becomes resident as it is written to.
///
/// # Safety
/// Zero bytes must be a valid `T`.
unsafe fn zeroed<T>(count: usize) -> Option<&'static mut [T]> {
    let len = count * size_of::<T>();
    let at = sys::map(0, len)?;
    sys::forbid_huge_pages(at, len);
    // SAFETY: fresh zeroed memory of our own, long enough and at the start of a page.
    Some(unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(at), count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(addresses: &[usize]) -> Frames {
        let mut frames = Frames::new();
        addresses.iter().for_each(|address| {
            frames.push(*address);
        });
        frames
    }

    fn table() -> Table {
        Table::new(Bounds { samples: 256, stacks: 8 }).expect("memory")
    }

    #[test]
    fn samples_are_live_until_they_are_removed() {
        let mut table = table();
        let at = |n: usize| (n + 1) * 16 * PAGE;
        for n in 0..256 {
            table.insert(at(n), n as u64, &frames(&[1, 2, 3 + n % 3]), 2.0);
        }
        for n in (0..256).step_by(2) {
            table.remove(at(n));
            table.remove(at(n));
        }
        let mut sizes: Vec<_> = table.live().map(|sample| sample.size).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, (1..256).step_by(2).collect::<Vec<_>>());
        assert_eq!(table.len(), (3, 128));
        let allocated = table.stacks().iter().map(|stack| stack.allocated.blocks).sum::<f64>();
        assert_eq!(allocated, 512.0);
        assert!(table.live().all(|sample| {
            table.stacks()[sample.stack as usize].frames.as_slice() == [1, 2, 3 + (sample.size % 3) as usize]
        }));
    }

    #[test]
    fn one_sample_too_many_is_left_out() {
        let mut table = table();
        for n in 1..=257 {
            table.insert(n * PAGE, 10, &frames(&[1]), 1.0);
        }
        assert_eq!((table.len(), table.left_out), ((1, 256), 1));
        table.remove(PAGE);
        table.insert(300 * PAGE, 10, &frames(&[1]), 1.0);
        assert_eq!((table.len(), table.left_out), ((1, 256), 1));
    }

    #[test]
    fn one_stack_too_many_is_left_out() {
        let mut table = table();
        for n in 1..=9 {
            table.insert(n * PAGE, 10, &frames(&[n]), 1.0);
        }
        assert_eq!((table.len(), table.left_out), ((8, 8), 1));
    }

    #[test]
    fn frames_have_their_bound() {
        let mut frames = Frames::new();
        assert_eq!((1..=MOST_FRAMES).filter(|n| frames.push(*n)).count(), MOST_FRAMES - 1);
        assert_eq!(frames.as_slice().len(), MOST_FRAMES);
        assert!(!Frames::new().push(0));
    }
}
