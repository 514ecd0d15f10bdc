//! Blocks with an alignment.

use libc::{c_int, c_void, size_t};

use crate::core_alloc::alloc;
use crate::{or_enomem, set_errno};

const PAGE: usize = 4096;

/// As glibc does it: an alignment that is no power of two is rounded up to one.
fn align_up(align: usize, size: usize) -> *mut c_void {
    match align.checked_next_power_of_two() {
        Some(align) => or_enomem(alloc::allocate_aligned(size, align)),
        None => {
            set_errno(libc::EINVAL);
            core::ptr::null_mut()
        }
    }
}

/// `memalign(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: size_t, size: size_t) -> *mut c_void {
    align_up(align, size)
}

/// `aligned_alloc` of C11; fails with `EINVAL` when the alignment is no power of two.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: size_t, size: size_t) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return core::ptr::null_mut();
    }
    align_up(align, size)
}

/// `posix_memalign(3)`: returns 0, `EINVAL` or `ENOMEM`, and leaves `errno` alone.
///
/// # Safety
/// `out` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: size_t, size: size_t) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*const c_void>()) {
        return libc::EINVAL;
    }
    let block = alloc::allocate_aligned(size, align);
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(block.cast()) };
    0
}

/// `valloc(3)`: at a page's start.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: size_t) -> *mut c_void {
    align_up(PAGE, size)
}

/// `pvalloc(3)`: whole pages.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: size_t) -> *mut c_void {
    match size.checked_next_multiple_of(PAGE) {
        Some(size) => align_up(PAGE, size.max(PAGE)),
        None => or_enomem(core::ptr::null_mut()),
    }
}
