//! Whatever calls are made, by whichever thread: every block is its holder's alone, is aligned, has room for what was
//! asked for and keeps what was written to it, and in the end nothing is left.
//!
//! The input is a sequence of calls. Each has a thread that makes it: the first, a second one that lives as long, or
//! one that ends at once and leaves behind what it has allocated.

#![no_main]

#[path = "calls/shadow.rs"]
mod shadow;

#[path = "calls/threads.rs"]
mod threads;

use std::hash::{DefaultHasher, Hasher};
use std::iter;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;

use shadow::{Block, Request, Shadow};
use threads::Place;

/// So short that the background thread comes by in the middle of a sequence.
const DELAY_MILLISECONDS: &str = "10";
/// As many bytes for each that the first one counts are made up behind the input, since libFuzzer's stay short for long.
const TAIL_UNIT: usize = 8;
/// How often, a millisecond apart, the figures may be off by what the background thread does meanwhile.
const LOOKS: usize = 2000;

static SEQUENCES: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);

fuzz_target!(
    init: {
        // SAFETY: there is no other thread yet.
        unsafe { std::env::set_var("PLANET_MALLOC_DELAY_MS", DELAY_MILLISECONDS) };
        // SAFETY: the function only reads two numbers and prints them.
        unsafe { libc::atexit(print_counts) };
    },
    |data: &[u8]| {
        let Some((tail, bytes)) = data.split_first() else {
            return;
        };
        SEQUENCES.fetch_add(1, Relaxed);
        let made_up = made_up(data).take(usize::from(*tail) * TAIL_UNIT);
        let mut input = Input(bytes.iter().copied().chain(made_up));
        let mut shadow = Shadow::default();
        while let Some((place, call)) = input.call() {
            make(place, call, &mut shadow);
        }
        free_all(shadow.take(0, usize::MAX, 1));
        threads::wait_for_second();
        assert!((0..LOOKS).any(|_| is_nothing_live()), "{:?}", planet_malloc::figures());
    }
);

extern "C" fn print_counts() {
    eprintln!("{} sequences, {} calls", SEQUENCES.load(Relaxed), CALLS.load(Relaxed));
}

/// What the bytes ask for. Blocks are named by a number that is taken modulo how many there are; those that are resized
/// get so many quarters of the size that they have.
#[derive(Clone, Copy)]
enum Call {
    Allocate { size: usize, count: usize },
    AllocateZeroed { size: usize },
    AllocateAligned { size: usize, align: usize },
    AllocateTooMuch { size: usize, which: usize },
    Reallocate { which: usize, size: usize },
    Resize { which: usize, quarters: usize },
    Free { which: usize, count: usize, step: usize },
    UsableSize { which: usize },
    Release,
}

/// Always the same bytes behind the same input, and others behind others.
fn made_up(data: &[u8]) -> impl Iterator<Item = u8> {
    let mut hasher = DefaultHasher::new();
    hasher.write(data);
    iter::repeat_with(move || {
        hasher.write_u8(0);
        hasher.finish() as u8
    })
}

/// The bytes that are left.
struct Input<I>(I);

impl<I: Iterator<Item = u8>> Input<I> {
    fn byte(&mut self) -> Option<usize> {
        self.0.next().map(usize::from)
    }

    fn number(&mut self) -> Option<usize> {
        Some(self.byte()? << 8 | self.byte()?)
    }

    /// Mostly small, now and then a run, rarely a large block.
    fn size(&mut self) -> Option<usize> {
        Some(match self.byte()? {
            0..160 => self.number()? % 1100,
            160..232 => self.number()? % 40_000,
            232..250 => (32 << 10) + (self.number()? << 6),
            _ => (4 << 20) + (self.number()? << 7),
        })
    }

    fn call(&mut self) -> Option<(Place, Call)> {
        let place = match self.byte()? {
            0..180 => Place::First,
            180..250 => Place::Second,
            _ => Place::Passing,
        };
        let call = match self.byte()? {
            0..60 => Call::Allocate { size: self.size()?, count: 1 },
            60..80 => Call::Allocate { size: self.size()?, count: self.byte()? },
            80..95 => Call::AllocateZeroed { size: self.size()? },
            95..115 => Call::AllocateAligned { size: self.size()?, align: 16 << (self.byte()? % 18) },
            115..120 => Call::AllocateTooMuch { size: usize::MAX - self.number()?, which: self.number()? },
            120..140 => Call::Reallocate { which: self.number()?, size: self.size()? },
            140..165 => Call::Resize { which: self.number()?, quarters: self.byte()? % 12 },
            165..220 => Call::Free { which: self.number()?, count: 1, step: 1 },
            220..240 => Call::Free { which: self.number()?, count: self.number()? % 4096, step: self.byte()? % 16 + 1 },
            240..250 => Call::UsableSize { which: self.number()? },
            _ => Call::Release,
        };
        Some((place, call))
    }
}

/// Makes the call on the thread, and lets the shadow heap know.
fn make(place: Place, call: Call, shadow: &mut Shadow) {
    match call {
        Call::Allocate { size, count } => allocate(place, Request::Plain, size, count, shadow),
        Call::AllocateZeroed { size } => allocate(place, Request::Zeroed, size, 1, shadow),
        Call::AllocateAligned { size, align } => allocate(place, Request::Aligned(align), size, 1, shadow),
        Call::AllocateTooMuch { size, which } => {
            let block = shadow.get(which);
            place.run(move || shadow::refuse(size, block));
            CALLS.fetch_add(3 + u64::from(block.is_some()), Relaxed);
        }
        Call::Reallocate { which, size } => reallocate(place, which, size, shadow),
        Call::Resize { which, quarters } => {
            let size = shadow.get(which).map_or(0, |block| block.size());
            reallocate(place, which, size * quarters / 4, shadow);
        }
        Call::Free { which, count, step } => {
            let blocks = shadow.take(which, count, step);
            place.send(move || free_all(blocks));
        }
        Call::UsableSize { which } => {
            if let Some(block) = shadow.get(which) {
                place.run(move || block.check());
                CALLS.fetch_add(1, Relaxed);
            }
        }
        Call::Release => {
            place.send(|| {
                planet_malloc::release();
            });
            CALLS.fetch_add(1, Relaxed);
        }
    }
}

/// As many blocks as were asked for, or as there is room for.
fn allocate(place: Place, request: Request, size: usize, count: usize, shadow: &mut Shadow) {
    let count = count.min(shadow.room_for(size));
    let seed = shadow.next_seed();
    let blocks: Vec<Block> =
        place.run(move || (0..count).map(|number| request.make(size, seed.wrapping_add(number as u8))).collect());
    CALLS.fetch_add(count as u64, Relaxed);
    blocks.into_iter().for_each(|block| shadow.add(block));
}

fn reallocate(place: Place, which: usize, size: usize, shadow: &mut Shadow) {
    if shadow.room_for(size) != 0 {
        let old = shadow.take(which, 1, 1).pop();
        allocate(place, Request::InPlaceOf(old), size, 1, shadow);
    }
}

fn free_all(blocks: Vec<Block>) {
    CALLS.fetch_add(blocks.len() as u64, Relaxed);
    blocks.into_iter().for_each(Block::free);
}

fn is_nothing_live() -> bool {
    let live = planet_malloc::figures().live;
    if live != 0 {
        thread::sleep(Duration::from_millis(1));
    }
    live == 0
}
