//! Which heap is this thread's: one pointer of thread-local storage in the initial-exec model.
//!
//! `thread_local!` in a shared object calls `__tls_get_addr` for every access, twice the cost of a whole lookup
//! here. A slot of our own in `.tdata`, reached through the global offset table, is two instructions and is there
//! from a thread's first instruction to its last. It starts as the address of [`NOBODY`], so that it is never null.

use crate::heap::{Heap, NOBODY};

core::arch::global_asm!(
    ".section .tdata.planet_malloc_heap, \"awT\", @progbits",
    ".balign 8",
    ".hidden planet_malloc_heap",
    ".globl planet_malloc_heap",
    ".type planet_malloc_heap, @object",
    "planet_malloc_heap:",
    ".quad {nobody}",
    ".size planet_malloc_heap, 8",
    ".text",
    nobody = sym NOBODY,
);

/// The heap of the calling thread, or [`NOBODY`].
#[inline(always)]
pub(crate) fn heap() -> &'static Heap {
    let heap: *const Heap;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads the slot above, which only `set_heap` writes.
    unsafe {
        core::arch::asm!(
            "mov {0}, qword ptr [rip + planet_malloc_heap@GOTTPOFF]",
            "mov {0}, qword ptr fs:[{0}]",
            out(reg) heap,
            options(nostack, readonly, preserves_flags, pure)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads the slot above, which only `set_heap` writes.
    unsafe {
        core::arch::asm!(
            "mrs {1}, tpidr_el0",
            "adrp {0}, :gottprel:planet_malloc_heap",
            "ldr {0}, [{0}, :gottprel_lo12:planet_malloc_heap]",
            "ldr {0}, [{1}, {0}]",
            out(reg) heap,
            out(reg) _,
            options(nostack, readonly, preserves_flags, pure)
        );
    }
    // SAFETY: the slot always holds the address of a heap, and heaps are never unmapped.
    unsafe { &*heap }
}

/// Makes `heap` the calling thread's.
pub(crate) fn set_heap(heap: &'static Heap) {
    let heap: *const Heap = heap;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: writes the calling thread's own slot.
    unsafe {
        core::arch::asm!(
            "mov {0}, qword ptr [rip + planet_malloc_heap@GOTTPOFF]",
            "mov qword ptr fs:[{0}], {1}",
            out(reg) _,
            in(reg) heap,
            options(nostack, preserves_flags)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: writes the calling thread's own slot.
    unsafe {
        core::arch::asm!(
            "mrs {1}, tpidr_el0",
            "adrp {0}, :gottprel:planet_malloc_heap",
            "ldr {0}, [{0}, :gottprel_lo12:planet_malloc_heap]",
            "str {2}, [{1}, {0}]",
            out(reg) _,
            out(reg) _,
            in(reg) heap,
            options(nostack, preserves_flags)
        );
    }
}
