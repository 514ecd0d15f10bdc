//! malloc, free and their family, as C and glibc define them.

use libc::{c_void, size_t};

use crate::core_alloc::alloc;
use crate::{or_enomem, out_of_memory, python};

/// `malloc(3)`. Size 0 gives a block of its own.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: size_t) -> *mut c_void {
    allocate(size)
}

/// What [`malloc`] does, for those inside: another library may have taken the exported name.
#[inline(always)]
pub(crate) fn allocate(size: size_t) -> *mut c_void {
    alloc::allocate_or(size, |size| malloc_slowly(size)).cast()
}

/// With C's calling convention, which does not unwind, so that `malloc` ends in a jump here.
#[inline(never)]
extern "C" fn malloc_slowly(size: size_t) -> *mut u8 {
    let block = or_enomem(alloc::allocate_slowly(size));
    python::look();
    block.cast()
}

/// `calloc(3)`; fails when the product overflows.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: size_t, size: size_t) -> *mut c_void {
    allocate_zeroed(count, size)
}

/// What [`calloc`] does, as [`allocate`].
pub(crate) fn allocate_zeroed(count: size_t, size: size_t) -> *mut c_void {
    let Some(size) = count.checked_mul(size) else {
        out_of_memory();
        return core::ptr::null_mut();
    };
    or_enomem(alloc::allocate_zeroed(size))
}

/// `free(3)`; keeps `errno`.
///
/// # Safety
/// As in C: `block` is null or a live block, which nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { alloc::free(block.cast()) };
}

/// `cfree`, an old name of [`free`].
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { alloc::free(block.cast()) };
}

/// `free_sized` of C23. The size is not needed.
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(block: *mut c_void, _size: size_t) {
    // SAFETY: the caller's promise.
    unsafe { alloc::free(block.cast()) };
}

/// `free_aligned_sized` of C23. Alignment and size are not needed.
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _align: size_t, _size: size_t) {
    // SAFETY: the caller's promise.
    unsafe { alloc::free(block.cast()) };
}

/// `realloc(3)`. As in glibc, size 0 frees a block and returns null.
///
/// # Safety
/// As in C: `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: size_t) -> *mut c_void {
    if size == 0 && !block.is_null() {
        // SAFETY: the caller's promise.
        unsafe { alloc::free(block.cast()) };
        return core::ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    unsafe { reallocate(block, size) }
}

/// What [`realloc`] does, as [`allocate`], but for a size of 0, which gives a block of its own.
///
/// # Safety
/// As [`realloc`].
pub(crate) unsafe fn reallocate(block: *mut c_void, size: size_t) -> *mut c_void {
    // SAFETY: the caller's promise.
    or_enomem(unsafe { alloc::reallocate(block.cast(), size) })
}

/// `reallocarray(3)`; fails when the product overflows.
///
/// # Safety
/// As [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(block: *mut c_void, count: size_t, size: size_t) -> *mut c_void {
    let Some(size) = count.checked_mul(size) else {
        out_of_memory();
        return core::ptr::null_mut();
    };
    // SAFETY: the caller's promise.
    unsafe { realloc(block, size) }
}

/// `malloc_usable_size(3)`.
///
/// # Safety
/// `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> size_t {
    // SAFETY: the caller's promise.
    unsafe { alloc::usable_size(block.cast()) }
}
