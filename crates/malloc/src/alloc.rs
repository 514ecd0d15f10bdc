//! The calls of an allocator, with the meaning C gives them. [`crate::PlanetMalloc`] and the C face stand on these.

use core::ptr;

use crate::arena::{self, LARGEST_RUN};
use crate::chunk::span_at;
use crate::classes::{CLASSES, MIN_ALIGN, SIZES, aligned_class_of, class_of};
use crate::profile::{self, Due};
use crate::report::{BAD_POINTER, DOUBLE_FREE, NO_SIZE, misuse};
use crate::span::{Kind, SLICE, Span};
use crate::sys::PAGE;
use crate::{background, heap, large, page, purge, thread, tls};

/// The largest size that is ever allocated: what a pointer difference can express.
const MOST: usize = isize::MAX as usize;
/// Alignments up to this are found inside a chunk.
const LARGEST_RUN_ALIGN: usize = 1 << 20;

/// Allocates `size` bytes at a multiple of 16, or returns null. A size of 0 gives a block of its own all the same.
#[inline(always)]
pub fn allocate(size: usize) -> *mut u8 {
    allocate_or(size, allocate_slowly)
}

/// As [`allocate`], but calls `slowly` when the usual way of a few instructions does not lead to a block. So a caller
/// with more to do then, such as setting `errno`, need not look at every result. It must begin with
/// [`allocate_slowly`].
#[inline(always)]
pub fn allocate_or(size: usize, slowly: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
    let heap = tls::enter();
    let Some(magazine) = heap.magazine_for(size) else { return slowly(size) };
    let slot = heap.take(magazine);
    if slot.is_null() {
        return slowly(size);
    }
    tls::leave();
    #[cfg(feature = "debug")]
    crate::debug::fill_fresh(slot);
    slot
}

/// Allocates as [`allocate`] does, by way of everything there is.
#[inline(never)]
pub fn allocate_slowly(size: usize) -> *mut u8 {
    tls::leave();
    let (block, _) = allocate_block(class_of(size), size, MIN_ALIGN);
    #[cfg(feature = "debug")]
    crate::debug::fill_fresh(block);
    block
}

/// A slot of the class, or without one a run or a large block; and whether it is known to read as zeros.
fn allocate_block(class: Option<usize>, size: usize, align: usize) -> (*mut u8, bool) {
    let attempt = || match class {
        Some(class) => (allocate_slot(class, size, align), false),
        None => allocate_big(size, align),
    };
    let found = attempt();
    // What is kept for later may be what is missing now.
    if found.0.is_null() && size <= MOST && purge::release() { attempt() } else { found }
}

/// A slot of the class, or null. Gives the thread a heap if it has none. `size` and `align` are those that were asked
/// for.
fn allocate_slot(class: usize, size: usize, align: usize) -> *mut u8 {
    if let Some(due) = profile::due(size) {
        return allocate_sampled(due, size, align).0;
    }
    loop {
        let heap = tls::enter();
        let mut slot = heap.take(heap.magazine(class));
        if slot.is_null() && !ptr::eq(heap, &heap::NOBODY) && !thread::are_left_behind() {
            slot = heap.take_slowly(class, align);
            tls::leave();
            page::keep_up();
            background::rouse_if_due();
            return slot;
        }
        tls::leave();
        if !slot.is_null() {
            return slot;
        }
        if thread::are_left_behind() {
            thread::clear_left_behind();
        } else if tls::has_left() {
            return thread::take_as_visitor(class, align);
        } else if !thread::find_heap() {
            return ptr::null_mut();
        }
    }
}

/// A run or a large block, and whether it is known to read as zeros.
#[cold]
#[inline(never)]
fn allocate_big(size: usize, align: usize) -> (*mut u8, bool) {
    match profile::due(size) {
        Some(due) => allocate_sampled(due, size, align),
        None => new_block(size, align),
    }
}

/// As [`allocate_big`], whatever the size, and notes it in the profile.
#[cold]
fn allocate_sampled(due: Due, size: usize, align: usize) -> (*mut u8, bool) {
    let (block, zeroed) = new_block(size, align);
    due.note(block, size);
    (block, zeroed)
}

fn new_block(size: usize, align: usize) -> (*mut u8, bool) {
    if size > MOST {
        return (ptr::null_mut(), false);
    }
    let found = if size <= LARGEST_RUN && align <= LARGEST_RUN_ALIGN {
        arena::new_run(size.max(1), align).map(|run| (run.at, run.zeroed))
    } else {
        large::allocate(size.max(1), align)
    };
    page::keep_up();
    background::rouse_if_due();
    found.map_or((ptr::null_mut(), false), |(at, zeroed)| (ptr::with_exposed_provenance_mut(at), zeroed))
}

/// Allocates `size` zeroed bytes, or returns null.
#[inline]
pub fn allocate_zeroed(size: usize) -> *mut u8 {
    let (block, zeroed) = match class_of(size) {
        Some(_) => (allocate(size), false),
        None => allocate_block(None, size, MIN_ALIGN),
    };
    if !zeroed && !block.is_null() {
        // SAFETY: the block was just allocated with `size` bytes.
        unsafe { ptr::write_bytes(block, 0, size) };
    }
    block
}

/// Allocates `size` bytes at a multiple of `align`, a power of two, or returns null.
#[inline]
pub fn allocate_aligned(size: usize, align: usize) -> *mut u8 {
    debug_assert!(align.is_power_of_two());
    if align <= MIN_ALIGN {
        return allocate(size);
    }
    let block = match aligned_class_of(size, align) {
        None if align > MOST / 2 => ptr::null_mut(),
        class => allocate_block(class, size, align).0,
    };
    #[cfg(feature = "debug")]
    crate::debug::fill_fresh(block);
    block
}

/// Frees a block. Null is allowed and does nothing. Aborts with one line on standard error when `block` is not one,
/// as far as that can be told.
///
/// # Safety
/// Nobody may use the block any more.
#[inline(always)]
pub unsafe fn free(block: *mut u8) {
    #[cfg(feature = "debug")]
    let block = crate::debug::quarantine(block);
    // SAFETY: the caller's promise; what comes out of quarantine went in by such a promise.
    unsafe { free_now(block) };
}

/// # Safety
/// As [`free`].
#[inline(always)]
unsafe fn free_now(block: *mut u8) {
    // SAFETY: the caller's promise.
    if !unsafe { tls::enter().give(block) } {
        return free_slowly(block);
    }
    tls::leave();
}

/// Frees what does not simply go into a magazine. With C's calling convention, which does not unwind, so that `free` ends
/// in a jump here.
#[cold]
#[inline(never)]
extern "C" fn free_slowly(block: *mut u8) {
    tls::leave();
    let address = block.expose_provenance();
    let Some(span) = span_at(address) else { return free_large(address) };
    match span.kind() {
        Kind::Slots => free_slot(span, block),
        Kind::Run if address.is_multiple_of(SLICE) => {
            let bytes = span.run_bytes.get() as usize;
            profile::forget(address);
            if !arena::return_run(span) {
                misuse(DOUBLE_FREE, address);
            }
            background::poke_for(bytes);
        }
        _ => misuse(BAD_POINTER, address),
    }
}

fn free_slot(span: &'static Span, block: *mut u8) {
    // A thread without a heap gets none here: it may be about to end, and nobody would note that.
    let Some(own) = tls::own_heap().filter(|own| own.may_keep(span)) else {
        return heap::free_elsewhere(span, block.addr());
    };
    while !ptr::eq(tls::enter(), own) {
        tls::leave();
        own.wait_until_returned();
    }
    // Not afterwards, when the span may be gone.
    let size = span.slot_size();
    own.give_slowly(span, block);
    tls::leave();
    background::poke_for(size);
}

/// Frees a large block, or nothing if `address` is 0.
fn free_large(address: usize) {
    if address == 0 {
        return;
    }
    profile::forget(address);
    if !large::free(address) {
        misuse(BAD_POINTER, address);
    }
    background::poke_for(LARGEST_RUN);
}

/// Whether a block that is not large, as those of up to 4 MiB are, is one of this allocator's.
pub fn is_own(block: *const u8) -> bool {
    span_at(block.addr()).is_some()
}

/// How many bytes of the block can be used, at least as many as were asked for. Null has none.
///
/// # Safety
/// `block` must be null or a live block.
pub unsafe fn usable_size(block: *mut u8) -> usize {
    let address = block.expose_provenance();
    match span_at(address) {
        Some(span) => match span.kind() {
            Kind::Slots => match span.bytes_behind(address) {
                Some(bytes) => bytes,
                None => misuse(NO_SIZE, address),
            },
            Kind::Run => span.run_bytes.get() as usize,
            _ => misuse(NO_SIZE, address),
        },
        None if address == 0 => 0,
        None => match large::usable_size(address) {
            Some(len) => len,
            None => misuse(NO_SIZE, address),
        },
    }
}

/// Changes a block's size and says where it is now. Null leaves the block as it was; a null block is allocated.
///
/// # Safety
/// `block` must be null or a live block that nobody else uses.
pub unsafe fn reallocate(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        return allocate(size);
    }
    let address = block.expose_provenance();
    if let Some(class) = heap::class_at(address) {
        // SAFETY: the caller's promise; slots of the class hold as many bytes.
        return unsafe { reallocate_slot(block, SIZES[class] as usize, size) };
    }
    let old = match span_at(address) {
        Some(span) if span.kind() == Kind::Slots => {
            // SAFETY: as above.
            return unsafe { reallocate_slot(block, span.slot_size(), size) };
        }
        Some(span) if span.kind() == Kind::Run && address.is_multiple_of(SLICE) => {
            let fits = size > SIZES[CLASSES - 1] as usize && size <= LARGEST_RUN;
            let old = span.run_bytes.get() as usize;
            if fits && size.next_multiple_of(PAGE) == old {
                return block;
            }
            profile::forget(address);
            if fits && arena::resize_run(span, size) {
                profile::note_resized(block, size);
                return block;
            }
            old
        }
        Some(_) => misuse("realloc of a pointer that was not allocated,", address),
        None => {
            profile::forget(address);
            if size > LARGEST_RUN
                && size <= MOST
                && let Some(at) = large::reallocate(address, size)
            {
                let block = ptr::with_exposed_provenance_mut(at);
                profile::note_resized(block, size);
                return block;
            }
            // SAFETY: the caller's promise.
            unsafe { usable_size(block) }
        }
    };
    // SAFETY: the caller's promise; the block holds as many bytes.
    unsafe { move_block(block, old, size) }
}

/// Changes the size of a block in a slot of `old` bytes.
///
/// # Safety
/// As [`reallocate`].
#[inline(always)]
unsafe fn reallocate_slot(block: *mut u8, old: usize, size: usize) -> *mut u8 {
    // A smaller slot is worth the copy when it saves half.
    if size <= old && (size > old / 2 || old == SIZES[0] as usize) {
        return block;
    }
    // SAFETY: the caller's promise.
    unsafe { move_block(block, old, size) }
}

/// Moves a block of `old` bytes into one of `size`.
///
/// # Safety
/// As [`reallocate`].
unsafe fn move_block(block: *mut u8, old: usize, size: usize) -> *mut u8 {
    let new = allocate(size);
    if !new.is_null() {
        // SAFETY: both blocks are live and distinct, and hold as many bytes; then the old one is nobody's.
        unsafe {
            ptr::copy_nonoverlapping(block, new, old.min(size));
            free(block);
        }
    }
    new
}
