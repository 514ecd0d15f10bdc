//! Noting what happens, where it happens: on the slow paths, without a lock.
//!
//! The page is a static of the program until its [file](super::file) is mapped over it, so that whoever notes something
//! need not know whether there is a file, and writes to the same address before and after.

use core::sync::atomic::{AtomicU64, Ordering::*};

use super::layout::{Page, SECONDS};
use crate::classes::{CLASSES, SIZES};
use crate::span::{Pages, SLICE};
use crate::sys::PAGE as SYSTEM_PAGE;
use crate::{background, sys};

/// The page of this process. Changed by the functions of this module, and by `file` as a whole.
pub(super) static PAGE: Page = Page::new();

/// What is noted without a lock, in bytes. The page has copies: what is added to it while its file is mapped over it is
/// lost.
static TOUCHED: AtomicU64 = AtomicU64::new(0);
static RETURNED: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// What is not noted: a difference smaller than this.
const GRAIN: u64 = 256 * 1024;
/// What was noted last.
static NOTED_LIVE: AtomicU64 = AtomicU64::new(0);
static NOTED_RESIDENT: AtomicU64 = AtomicU64::new(0);

/// The purge is told when a sixty-fourth part more is resident than there ever was before, and at least this much more.
const LEAST_RISE: u64 = 2 << 20;
const RISE: u64 = 64;
/// How much was resident when it was told last.
static HIGHEST: AtomicU64 = AtomicU64::new(0);

/// Copies a figure into the page. When several threads do so at once, the last finds that it has copied the last.
fn copy(figure: &AtomicU64, into: &AtomicU64) {
    loop {
        let now = figure.load(SeqCst);
        into.swap(now, SeqCst);
        if figure.load(SeqCst) == now {
            break;
        }
    }
}

/// Adds to a figure that only changes under a lock, which the caller holds.
fn add(figure: &AtomicU64, amount: u64) {
    set(figure, |before| before + amount);
}

/// Sets a figure that only changes under a lock, which the caller holds.
fn set(figure: &AtomicU64, new: impl FnOnce(u64) -> u64) {
    figure.store(new(figure.load(Relaxed)), Relaxed);
}

/// All chunks together are now of this many bytes.
pub(crate) fn set_chunks(bytes: usize) {
    PAGE.chunk_bytes.store(bytes as u64, Relaxed);
}

/// A slice became a span of slots. The arena's lock must be held, as for the next four.
pub(crate) fn took_span() {
    set(&PAGE.span_bytes, |bytes| bytes + SLICE as u64);
    note();
}

/// A span of slots went back to the arena.
pub(crate) fn returned_span() {
    set(&PAGE.span_bytes, |bytes| bytes - SLICE as u64);
    note();
}

/// A run was allocated.
pub(crate) fn took_run(bytes: usize) {
    add(&PAGE.big_allocations, 1);
    resized_run(0, bytes);
}

/// A run was freed.
pub(crate) fn returned_run(bytes: usize) {
    add(&PAGE.big_frees, 1);
    resized_run(bytes, 0);
}

/// A run became longer or shorter.
pub(crate) fn resized_run(old: usize, new: usize) {
    set(&PAGE.run_bytes, |bytes| bytes + new as u64 - old as u64);
    note();
}

/// Large blocks are now of this many bytes, those that the program holds and those that are kept for reuse. Their lock
/// must be held.
pub(crate) fn set_large(live: usize, cached: usize) {
    PAGE.large_bytes.store(live as u64, Relaxed);
    PAGE.cached_bytes.store(cached as u64, Relaxed);
    note();
}

/// A large block was allocated. The lock of the large blocks must be held, as for the next.
pub(crate) fn took_large() {
    add(&PAGE.big_allocations, 1);
}

/// A large block was freed.
pub(crate) fn returned_large() {
    add(&PAGE.big_frees, 1);
}

/// These pages of a slice may be resident that were not before.
#[cold]
pub(crate) fn touched(pages: Pages) {
    TOUCHED.fetch_add(u64::from(pages.count_ones()) * SYSTEM_PAGE as u64, Relaxed);
    copy(&TOUCHED, &PAGE.touched_bytes);
    note();
}

/// Pages of chunks were given back.
pub(crate) fn emptied(bytes: usize) {
    TOUCHED.fetch_sub(bytes as u64, Relaxed);
    copy(&TOUCHED, &PAGE.touched_bytes);
    unmapped(bytes);
    note();
}

/// A large block was given back.
pub(crate) fn unmapped(bytes: usize) {
    RETURNED.fetch_add(bytes as u64, Relaxed);
    copy(&RETURNED, &PAGE.returned_bytes);
}

/// How much was given back so far.
pub(crate) fn returned_bytes() -> u64 {
    RETURNED.load(Relaxed)
}

/// How much is in spans of slots, runs and large blocks.
pub(crate) fn held_bytes() -> u64 {
    [&PAGE.span_bytes, &PAGE.run_bytes, &PAGE.large_bytes].into_iter().map(|bytes| bytes.load(Relaxed)).sum()
}

/// How much address space is in spans of slots.
pub(crate) fn span_bytes() -> u64 {
    PAGE.span_bytes.load(Relaxed)
}

/// Whether more is resident than is advised.
pub(crate) fn is_over_limit() -> bool {
    let limit = PAGE.limit.load(Relaxed);
    limit != 0 && PAGE.resident() > limit
}

pub(super) fn set_limit(bytes: u64) {
    PAGE.limit.store(bytes, Relaxed);
}

/// What was counted in the records.
pub(crate) struct Count {
    /// Bytes in spans when the counting began.
    pub(crate) span_bytes: u64,
    pub(crate) record_bytes: usize,
    /// Slots in use, by class.
    pub(crate) live: [u64; CLASSES],
    /// Slots handed out so far, by class.
    pub(crate) taken: [u64; CLASSES],
}

/// Publishes a count. Two at once do no harm but that figures of both may be mixed.
pub(crate) fn counted(count: &Count) {
    let mut slot_bytes = 0;
    for (class, figures) in PAGE.classes.iter().enumerate() {
        let live = count.live[class];
        slot_bytes += live * u64::from(SIZES[class]);
        figures.slot_size.store(SIZES[class].into(), Relaxed);
        figures.live.store(live, Relaxed);
        // Neither figure is exact while slots are taken, but what was once said to have happened has.
        let frees = figures.frees.fetch_max(count.taken[class].saturating_sub(live), Relaxed);
        figures.allocations.fetch_max(count.taken[class].max(live + frees), Relaxed);
    }
    PAGE.counted_slot_bytes.store(slot_bytes, Relaxed);
    PAGE.counted_span_bytes.store(count.span_bytes, Relaxed);
    PAGE.record_bytes.store(count.record_bytes as u64, Relaxed);
    PAGE.counted_at.store(sys::now(), Relaxed);
    note();
}

/// Notes how much there is, as the most of this second if it is. When two threads begin a second at once, what one of
/// them noted may be lost: the other's is nearly the same.
fn note() {
    let (live, resident) = (PAGE.live(), PAGE.resident());
    let noted = (NOTED_LIVE.load(Relaxed), NOTED_RESIDENT.load(Relaxed));
    if live.abs_diff(noted.0) >= GRAIN || resident.abs_diff(noted.1) >= GRAIN {
        note_difference(live, resident, noted);
    }
}

#[cold]
fn note_difference(live: u64, resident: u64, noted: (u64, u64)) {
    NOTED_LIVE.store(live, Relaxed);
    NOTED_RESIDENT.store(resident, Relaxed);
    let number = sys::coarse_now() / SECOND;
    let second = &PAGE.seconds[number as usize % SECONDS];
    if second.number.load(Relaxed) == number {
        raise(&second.live, live);
        raise(&second.resident, resident);
    } else {
        // What was noted last has lasted until now.
        second.live.store(live.max(noted.0), Relaxed);
        second.resident.store(resident.max(noted.1), Relaxed);
        second.number.store(number, Release);
    }
    let limit = PAGE.limit.load(Relaxed);
    if limit != 0 && resident > limit {
        background::hurry();
    }
    let highest = HIGHEST.load(Relaxed);
    if resident > highest + (highest / RISE).max(LEAST_RISE) {
        HIGHEST.store(resident, Relaxed);
        background::note_new_peak();
    }
}

fn raise(most: &AtomicU64, figure: u64) {
    if most.load(Relaxed) < figure {
        most.fetch_max(figure, Relaxed);
    }
}
