//! `libplanet_malloc.so`: the whole C face of planet-malloc, for `LD_PRELOAD` and for linking.
//!
//! It is a package of its own so that a Rust program with `PlanetMalloc` as its global allocator does not export
//! `malloc` by accident: a symbol marked `no_mangle` in a library reaches every program that links it.
//!
//! | module | one idea |
//! | --- | --- |
//! | `blocks` | malloc, free and their family |
//! | `aligned` | blocks with an alignment |
//! | `tuning` | mallopt, malloc_trim, and the figures |
//! | `profiling` | the heap profile |
//! | `cxx` | C++'s operators new and delete |
//! | `python` | CPython's objects without the way through malloc |

pub mod aligned;
pub mod blocks;
pub mod cxx;
pub mod profiling;
mod python;
pub mod tuning;

use planet_malloc_core as core_alloc;

/// Sets `errno` to `ENOMEM` when there is no block.
#[inline(always)]
fn or_enomem(block: *mut u8) -> *mut libc::c_void {
    if block.is_null() {
        out_of_memory();
    }
    block.cast()
}

#[cold]
fn out_of_memory() {
    set_errno(libc::ENOMEM);
}

fn set_errno(code: libc::c_int) {
    // SAFETY: every thread has an errno to write to.
    unsafe { *libc::__errno_location() = code };
}
