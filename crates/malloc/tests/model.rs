//! Random sequences of every call against a shadow heap that knows what each block must hold.
//!
//! `PLANET_MALLOC_MODEL_STEPS` sets how many calls each thread makes; by default some that take a few seconds.

use std::sync::mpsc;
use std::thread;

use planet_malloc::alloc::{allocate, allocate_aligned, allocate_zeroed, free, reallocate, usable_size};

/// A small generator, so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Mostly small, now and then up to several megabytes.
    fn size(&mut self) -> usize {
        let limit = match self.below(1000) {
            0..700 => 300,
            700..930 => 5_000,
            930..985 => 40_000,
            985..998 => 600_000,
            _ => 9_000_000,
        };
        self.below(limit)
    }
}

/// What the shadow heap knows of a live block.
#[derive(Clone, Copy)]
struct Shadow {
    address: usize,
    size: usize,
    seed: u8,
}

// The bytes at the start, in the middle and at the end of a block stand for all of it.
fn sampled(size: usize) -> impl Iterator<Item = usize> {
    (0..size.min(64)).chain((64..size).step_by(499)).chain(size.saturating_sub(64)..size)
}

impl Shadow {
    fn pointer(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.address)
    }

    fn new(block: *mut u8, size: usize, seed: u8, align: usize) -> Self {
        assert!(!block.is_null(), "no memory for {size} bytes");
        let shadow = Self { address: block.expose_provenance(), size, seed };
        assert!(shadow.address.is_multiple_of(align), "{block:p} is not aligned to {align}");
        // SAFETY: the block was just allocated.
        assert!(unsafe { usable_size(block) } >= size);
        shadow.fill();
        shadow
    }

    fn fill(&self) {
        for at in sampled(self.size) {
            // SAFETY: inside a live block of this thread's.
            unsafe { *self.pointer().add(at) = self.expected(at) };
        }
    }

    fn expected(&self, at: usize) -> u8 {
        self.seed.wrapping_add(at as u8)
    }

    fn check(&self, size: usize) {
        for at in sampled(self.size).filter(|at| *at < size) {
            // SAFETY: inside a live block of this thread's.
            let found = unsafe { *self.pointer().add(at) };
            assert_eq!(found, self.expected(at), "byte {at} of {} at {:#x}", self.size, self.address);
        }
    }

    fn free(self) {
        self.check(self.size);
        // SAFETY: live, and known to this shadow alone.
        unsafe { free(self.pointer()) };
    }
}

fn steps() -> usize {
    std::env::var("PLANET_MALLOC_MODEL_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(60_000)
}

/// Makes `steps` random calls. Now and then a block goes to `others`, and blocks from `own` are freed here.
fn play(seed: u64, steps: usize, others: &[mpsc::Sender<Shadow>], own: &mpsc::Receiver<Shadow>) {
    let mut random = Random(seed * 2 + 1);
    let mut live: Vec<Shadow> = Vec::new();
    for step in 0..steps {
        let seed = step as u8;
        let size = random.size();
        match random.below(100) {
            0..30 => live.push(Shadow::new(allocate(size), size, seed, 16)),
            30..36 => {
                let block = allocate_zeroed(size);
                // SAFETY: the block was just allocated with `size` bytes.
                assert!(unsafe { std::slice::from_raw_parts(block, size) }.iter().all(|byte| *byte == 0));
                live.push(Shadow::new(block, size, seed, 16));
            }
            36..42 => {
                let align = 1 << random.below(if step % 50 == 0 { 23 } else { 13 });
                live.push(Shadow::new(allocate_aligned(size, align), size, seed, align));
            }
            42..55 if !live.is_empty() => {
                let index = random.below(live.len());
                let old = live[index];
                old.check(old.size);
                // SAFETY: live, and known to this shadow alone.
                let block = unsafe { reallocate(old.pointer(), size) };
                let moved = Shadow { address: block.expose_provenance(), ..old };
                moved.check(size);
                live[index] = Shadow::new(block, size, seed, 16);
            }
            55..62 if !live.is_empty() && !others.is_empty() => {
                let given = live.swap_remove(random.below(live.len()));
                if let Err(mpsc::SendError(given)) = others[random.below(others.len())].send(given) {
                    given.free();
                }
            }
            62 if step % 7 == 0 => {
                // Everything goes at once, as at the end of a spike.
                live.drain(..).for_each(Shadow::free);
            }
            63 if step % 5 == 0 => {
                planet_malloc::release();
            }
            _ if live.len() > 40 => live.swap_remove(random.below(live.len())).free(),
            _ => {}
        }
        own.try_iter().for_each(Shadow::free);
    }
    live.into_iter().for_each(Shadow::free);
}

/// The threads play together, each freeing what others hand to it.
fn play_together(threads: usize, steps: usize, round: u64) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::channel()).unzip();
    thread::scope(|scope| {
        for (id, own) in receivers.into_iter().enumerate() {
            let senders = senders.clone();
            scope.spawn(move || {
                play(round * 1000 + id as u64, steps, &senders, &own);
                drop(senders);
                own.into_iter().for_each(Shadow::free);
            });
        }
        drop(senders);
    });
}

#[test]
fn one_thread() {
    let (_, own) = mpsc::channel();
    play(1, steps() * 2, &[], &own);
}

#[test]
fn four_threads_free_each_others_blocks() {
    play_together(4, steps(), 1);
}

#[test]
fn threads_come_and_go() {
    for round in 0..40 {
        play_together(3, steps() / 60, 2 + round);
    }
}

#[test]
fn blocks_outlive_their_thread() {
    let blocks: Vec<Shadow> = (0..8_u8)
        .map(|id| {
            thread::spawn(move || {
                let mut random = Random(u64::from(id) + 99);
                let all: Vec<_> = (0..3000)
                    .map(|_| random.size() % 3000)
                    .map(|size| Shadow::new(allocate(size), size, id, 16))
                    .collect();
                let (kept, freed): (Vec<_>, Vec<_>) =
                    all.into_iter().enumerate().partition(|(index, _)| index % 5 == 0);
                freed.into_iter().for_each(|(_, block)| block.free());
                kept.into_iter().map(|(_, block)| block).collect::<Vec<_>>()
            })
        })
        .flat_map(|thread| thread.join().expect("the thread ends"))
        .collect();
    planet_malloc::release();
    assert_eq!(blocks.len(), 8 * 600);
    blocks.into_iter().for_each(Shadow::free);
}
