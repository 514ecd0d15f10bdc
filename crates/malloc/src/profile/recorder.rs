//! Noting samples as they come and go.
//!
//! A sampled block is never a slot of a span but a run or a large block, whatever its size. Frees of these take a slow
//! path anyway, so the free of a slot does not have to ask whether it was sampled. While profiling is on, every
//! allocation takes the slow path too.

use core::sync::atomic::{AtomicU64, Ordering::*};

use super::sampler::{self, Sampler};
use super::table::{Bounds, Frames, Table};
use super::{ProfileError, request};
use crate::lock::Lock;
use crate::{purge, sys, tls};

/// With these a table has some 12 MB of address space.
const BOUNDS: Bounds = Bounds { samples: 1 << 16, stacks: 1 << 14 };
const MOST_RATE: u64 = 1 << 30;

/// Bytes from one sample to the next, on average; 0 while profiling is off.
static RATE: AtomicU64 = AtomicU64::new(0);
/// Held alone: no stack is walked and nothing is allocated meanwhile.
pub(super) static TABLE: Lock<Table> = Lock::new(Table::none());

/// How to sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many bytes there are from one sample to the next, on average: 512 KiB unless said, 1 for all blocks, 1 GiB at
    /// most.
    pub rate: u64,
    /// Where the random numbers start. The same seed gives the same samples when the program does the same, thread by
    /// thread. From the clock unless said.
    pub seed: u64,
}

impl Options {
    /// The rate unless another one is asked for.
    pub const USUAL_RATE: u64 = 512 * 1024;
}

impl Default for Options {
    fn default() -> Self {
        Self { rate: Self::USUAL_RATE, seed: sys::now() }
    }
}

/// Begins to sample, for as long as the process lives.
///
/// # Errors
/// When it has begun already, or there is no memory.
pub fn start(options: Options) -> Result<(), ProfileError> {
    {
        let mut table = TABLE.lock();
        if is_on() {
            return Err(ProfileError::AlreadyStarted);
        }
        *table = Table::new(BOUNDS).ok_or(ProfileError::NoMemory)?;
        sampler::set_seed(options.seed);
        RATE.store(options.rate.clamp(1, MOST_RATE), Release);
    }
    // SAFETY: the handlers are functions of this library, which is never unloaded while it is the allocator.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork_in_child)) };
    // Closes what the threads have open, so that they take the slow path from here on.
    purge::release();
    Ok(())
}

unsafe extern "C" fn before_fork() {
    TABLE.raw.acquire();
}

unsafe extern "C" fn after_fork() {
    TABLE.raw.release();
}

unsafe extern "C" fn after_fork_in_child() {
    TABLE.raw.release();
    request::forget_thread();
}

/// The average number of bytes from one sample to the next; `None` while profiling is off.
pub(super) fn rate() -> Option<u64> {
    Some(RATE.load(Acquire)).filter(|rate| *rate != 0)
}

/// Whether anything has been sampled so far.
pub(super) fn has_samples() -> bool {
    let (stacks, _) = TABLE.lock().len();
    stacks > 0
}

/// Whether allocations are to take the slow path.
#[inline]
pub(crate) fn is_on() -> bool {
    RATE.load(Relaxed) != 0
}

/// An allocation that is to be sampled. Until this is dropped, no other one of the thread is.
pub(crate) struct Due {
    sampler: &'static Sampler,
    rate: u64,
}

/// Whether the allocation of `size` bytes is to be sampled. It must be a run or a large block then.
#[inline]
pub(crate) fn due(size: usize) -> Option<Due> {
    if is_on() { decide(size) } else { None }
}

#[cold]
fn decide(size: usize) -> Option<Due> {
    let due = claim(size)?;
    TABLE.lock().has_room().then_some(due)
}

/// Keeps the calling thread's allocations out of the profile until this is dropped.
pub(super) fn quiet() -> Option<Due> {
    claim(usize::MAX)
}

fn claim(size: usize) -> Option<Due> {
    let (heap, rate) = (tls::own_heap()?, rate()?);
    let is_due = heap.sampler.is_due(size, rate);
    is_due.then(|| Due { sampler: &heap.sampler, rate })
}

impl Due {
    /// Notes the block, unless it is null. Must be called without a lock held.
    pub(crate) fn note(self, block: *mut u8, size: usize) {
        if block.is_null() {
            return;
        }
        let mut frames = Frames::new();
        // SAFETY: what is not synchronized with it is the naming of symbols, which it does not do.
        unsafe { backtrace::trace_unsynchronized(|frame| frames.push(frame.ip().addr())) };
        let size = size.max(1) as u64;
        TABLE.lock().insert(block.addr(), size, &frames, sampler::weight(size, self.rate));
        request::keep_thread();
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        self.sampler.draw(self.rate);
    }
}

/// Notes that a run or a large block has another size now, after [`forget`]: to the profile it is a new one.
#[inline]
pub(crate) fn note_resized(block: *mut u8, size: usize) {
    if let Some(due) = due(size) {
        due.note(block, size);
    }
}

/// Notes that the run or large block at `address` is about to be freed. Must be called before somebody else can get it.
#[inline]
pub(crate) fn forget(address: usize) {
    if is_on() {
        TABLE.lock().remove(address);
    }
}
