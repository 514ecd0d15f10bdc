//! A heap that knows which blocks are live and what each must hold.

use std::collections::BTreeMap;
use std::ptr;

use planet_malloc::alloc::{allocate, allocate_aligned, allocate_zeroed, free, reallocate, usable_size};

const MOST_BYTES: usize = 64 << 20;
const MOST_BLOCKS: usize = 10_000;
/// How many bytes at either end of a block are looked at, and how many between them.
const ENDS: usize = 24;
const BETWEEN: usize = 64;
const SHORTEST_STEP: usize = 499;

/// A live block. Whoever has this one is the only one to use it.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    address: usize,
    size: usize,
    usable: usize,
    seed: u8,
}

impl Block {
    fn new(block: *mut u8, size: usize, align: usize, seed: u8) -> Self {
        assert!(!block.is_null(), "no memory for {size} bytes");
        let address = block.expose_provenance();
        assert!(address.is_multiple_of(align), "{size} bytes at {address:#x}, which is no multiple of {align}");
        // SAFETY: the block was just allocated.
        let usable = unsafe { usable_size(block) };
        assert!(usable >= size, "{size} bytes at {address:#x}, of which {usable} can be used");
        let new = Self { address, size, usable, seed };
        for at in new.samples() {
            // SAFETY: inside a block that is this thread's alone.
            unsafe { *block.add(at) = new.expected(at) };
        }
        new
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn pointer(&self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.address)
    }

    fn samples(&self) -> impl Iterator<Item = usize> + use<> {
        let (usable, behind) = (self.usable, self.usable.saturating_sub(ENDS));
        let step = SHORTEST_STEP.max(usable / BETWEEN);
        (0..usable.min(ENDS)).chain((ENDS..behind).step_by(step)).chain(behind..usable)
    }

    fn expected(&self, at: usize) -> u8 {
        self.seed.wrapping_add(at as u8)
    }

    fn check_contents(&self, at: *const u8, bytes: usize) {
        for place in self.samples().filter(|place| *place < bytes) {
            // SAFETY: `at` has as many bytes of a block that is this thread's alone.
            let found = unsafe { *at.add(place) };
            let expected = self.expected(place);
            assert_eq!(found, expected, "byte {place} of {} at {at:p}, once at {:#x}", self.size, self.address);
        }
    }

    /// All that can be used holds what was written, and it is still as much.
    pub(crate) fn check(&self) {
        // SAFETY: a live block.
        assert_eq!(unsafe { usable_size(self.pointer()) }, self.usable, "of {} at {:#x}", self.size, self.address);
        self.check_contents(self.pointer(), self.usable);
    }

    pub(crate) fn free(self) {
        self.check();
        // SAFETY: live, and this thread's alone.
        unsafe { free(self.pointer()) };
    }
}

/// A way to come by a block.
#[derive(Clone, Copy)]
pub(crate) enum Request {
    Plain,
    Zeroed,
    Aligned(usize),
    /// Reallocates a block, or null.
    InPlaceOf(Option<Block>),
}

impl Request {
    pub(crate) fn make(self, size: usize, seed: u8) -> Block {
        match self {
            Self::Plain => Block::new(allocate(size), size, 16, seed),
            Self::Zeroed => {
                let block = allocate_zeroed(size);
                // SAFETY: the block was just allocated with `size` bytes.
                let is_zeroed =
                    |block| unsafe { std::slice::from_raw_parts(block, size) }.iter().all(|byte| *byte == 0);
                assert!(block.is_null() || is_zeroed(block), "not all of {size} bytes at {block:p} are zero");
                Block::new(block, size, 16, seed)
            }
            Self::Aligned(align) => Block::new(allocate_aligned(size, align), size, align, seed),
            Self::InPlaceOf(None) => {
                // SAFETY: null may be reallocated.
                Block::new(unsafe { reallocate(ptr::null_mut(), size) }, size, 16, seed)
            }
            Self::InPlaceOf(Some(old)) => {
                old.check();
                // SAFETY: live, and this thread's alone.
                let block = unsafe { reallocate(old.pointer(), size) };
                assert!(!block.is_null(), "no memory for {size} bytes in place of {}", old.size);
                old.check_contents(block, size.min(old.size));
                Block::new(block, size, 16, seed)
            }
        }
    }
}

/// Asks for more than there can be, in every way, and also in place of `block`, which stays as it is.
pub(crate) fn refuse(size: usize, block: Option<Block>) {
    assert!(allocate(size).is_null());
    assert!(allocate_zeroed(size).is_null());
    assert!(allocate_aligned(size, 4096).is_null());
    if let Some(block) = block {
        // SAFETY: live, and this thread's alone; it stays live, since there is no other in its place.
        assert!(unsafe { reallocate(block.pointer(), size) }.is_null());
        block.check();
    }
}

/// The live blocks, as many as memory is meant to be spent on.
#[derive(Default)]
pub(crate) struct Shadow {
    live: Vec<Block>,
    /// Where each block ends, by where it starts.
    ends: BTreeMap<usize, usize>,
    bytes: usize,
    seed: u8,
}

impl Shadow {
    /// How many blocks of the size there is room for.
    pub(crate) fn room_for(&self, size: usize) -> usize {
        (MOST_BYTES.saturating_sub(self.bytes) / size.max(1)).min(MOST_BLOCKS.saturating_sub(self.live.len()))
    }

    pub(crate) fn next_seed(&mut self) -> u8 {
        self.seed = self.seed.wrapping_add(37);
        self.seed
    }

    pub(crate) fn add(&mut self, block: Block) {
        let Block { address, usable, .. } = block;
        let end = address + usable;
        if let Some((other, other_end)) = self.ends.range(..end).next_back() {
            assert!(*other_end <= address, "{address:#x}..{end:#x} and {other:#x}..{other_end:#x} are both live");
        }
        self.ends.insert(address, end);
        self.bytes += usable;
        self.live.push(block);
    }

    pub(crate) fn get(&self, which: usize) -> Option<Block> {
        self.live.get(which.checked_rem(self.live.len())?).copied()
    }

    /// Takes every `step`th block out, `count` at most, the first of them being `which`.
    pub(crate) fn take(&mut self, which: usize, count: usize, step: usize) -> Vec<Block> {
        let Some(from) = which.checked_rem(self.live.len()) else { return Vec::new() };
        let mut number = 0..;
        let is_wanted = |_: &mut Block| number.next().is_some_and(|number: usize| number.is_multiple_of(step));
        let taken: Vec<_> = self.live.extract_if(from.., is_wanted).take(count).collect();
        for block in &taken {
            self.ends.remove(&block.address);
            self.bytes -= block.usable;
        }
        taken
    }
}
