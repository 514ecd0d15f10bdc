//! A map of half a terabyte of addresses by which a free finds its magazine with one load.
//!
//! It has a [*tag*](crate::heap) for each slice of 64 KiB, zero where there is no span. Slices outside the window are freed
//! the long way. Of the map, 32 MiB of address space, only the pages that are written to are resident: 4 KiB for 64 MiB.

use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::*};

use crate::span::SLICE;
use crate::sys;

/// How many slices the window shows. Not a power of two, so that the compiler compares the slice it needs anyway.
pub(crate) const SLICES: usize = (1 << 39) / SLICE - 1;
/// No address is in a window that starts here.
pub(crate) const NOWHERE: usize = 1 << 63;
/// Chunks are mapped below what was mapped before them, or else closely above.
const ABOVE: usize = 1 << 36;
/// Where the address space is limited to less than this, it is not spent on the map.
const ADDRESS_SPACE: u64 = 8 << 30;

static START: AtomicUsize = AtomicUsize::new(NOWHERE);
static TAGS: AtomicUsize = AtomicUsize::new(0);

/// Maps the window; it stays shut when there is no room. Called once, before the first heap is built.
pub(crate) fn open() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` can be written.
    if unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) } == 0 && limit.rlim_cur < ADDRESS_SPACE {
        return;
    }
    let bytes = SLICES * size_of::<AtomicU32>();
    if let Some(tags) = sys::map(0, bytes) {
        sys::forbid_huge_pages(tags, bytes);
        TAGS.store(tags, Relaxed);
        START.store(((tags + ABOVE) & !(SLICE - 1)).saturating_sub(SLICES * SLICE), Release);
    }
}

/// Where the window starts, and its first tag.
pub(crate) fn view() -> (usize, *const AtomicU32) {
    (START.load(Acquire), ptr::with_exposed_provenance(TAGS.load(Relaxed)))
}

/// The tag of the slice at `address`; zero also where nothing is known of it.
#[inline(always)]
pub(crate) fn get(address: usize) -> u32 {
    let (start, tags) = (START.load(Relaxed), TAGS.load(Relaxed));
    let slice = address.wrapping_sub(start) / SLICE;
    if slice >= SLICES {
        return 0;
    }
    // SAFETY: inside the map, whose memory is never unmapped.
    unsafe { &*ptr::with_exposed_provenance::<AtomicU32>(tags).add(slice) }.load(Relaxed)
}

/// Notes the tag of the slice at `address`.
pub(crate) fn set(address: usize, tag: u32) {
    let (start, tags) = view();
    let slice = address.wrapping_sub(start) / SLICE;
    if slice < SLICES {
        // SAFETY: inside the map, whose memory is never unmapped.
        unsafe { &*tags.add(slice) }.store(tag, Relaxed);
    }
}
