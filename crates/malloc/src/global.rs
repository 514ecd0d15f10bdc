//! The allocator of a Rust program.

use core::alloc::{GlobalAlloc, Layout};

use crate::alloc::{allocate_aligned, allocate_zeroed, free, reallocate};
use crate::classes::MIN_ALIGN;

/// The allocator, for a Rust program's own use.
///
/// ```
/// use planet_malloc::PlanetMalloc;
///
/// #[global_allocator]
/// static ALLOCATOR: PlanetMalloc = PlanetMalloc;
///
/// let words: Vec<String> = (0..1000).map(|n| format!("word {n}")).collect();
/// assert_eq!(words.len(), 1000);
/// ```
///
/// The program's C code keeps the C library's `malloc`; the two do not meet.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanetMalloc;

// SAFETY: blocks are distinct, of the size and alignment asked for, and stay until freed; no call unwinds.
unsafe impl GlobalAlloc for PlanetMalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocate_aligned(layout.size(), layout.align())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MIN_ALIGN {
            return allocate_zeroed(layout.size());
        }
        let block = allocate_aligned(layout.size(), layout.align());
        if !block.is_null() {
            // SAFETY: the block was just allocated with as many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller promises that the block is live and nobody's.
        unsafe { free(block) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= MIN_ALIGN {
            // SAFETY: the caller promises that the block is live and nobody else's.
            return unsafe { reallocate(block, size) };
        }
        let new = allocate_aligned(size, layout.align());
        if !new.is_null() {
            // SAFETY: two live blocks of at least that many bytes; then the old one is nobody's.
            unsafe {
                block.copy_to_nonoverlapping(new, layout.size().min(size));
                free(block);
            }
        }
        new
    }
}
