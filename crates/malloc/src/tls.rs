//! Where a thread finds its heap: three words of thread-local storage in the initial-exec model.
//!
//! `thread_local!` in a shared object calls `__tls_get_addr` for every access, twice the cost of a whole allocation
//! here. Words of our own in `.tdata`, reached through the global offset table, are there from a thread's first
//! instruction to its last.
//!
//! A thread works on its heap only between [`enter`] and [`leave`]. So another thread can have a heap to itself: it
//! puts [`NOBODY`] in its place, makes every thread pass a barrier, and waits until the owner is outside. See
//! [`crate::section`] and [`crate::heap::borrow`].

use core::ptr;

use crate::heap::{Heap, NOBODY};
use crate::section::Seat;

core::arch::global_asm!(
    ".section .tdata.planet_malloc_seat, \"awT\", @progbits",
    ".balign 8",
    ".hidden planet_malloc_seat",
    ".globl planet_malloc_seat",
    ".type planet_malloc_seat, @object",
    "planet_malloc_seat:",
    ".quad 0",
    ".quad {nobody}",
    ".quad 0",
    ".size planet_malloc_seat, 24",
    ".text",
    nobody = sym NOBODY,
);

const _: () = assert!(size_of::<Seat<Heap>>() == 24);

/// The seat's distance from the thread pointer.
#[inline(always)]
fn offset() -> usize {
    let offset: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads a constant of the loaded library.
    unsafe {
        core::arch::asm!(
            "mov {0}, qword ptr [rip + planet_malloc_seat@GOTTPOFF]",
            out(reg) offset,
            options(nostack, nomem, preserves_flags, pure)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads a constant of the loaded library.
    unsafe {
        core::arch::asm!(
            "adrp {0}, :gottprel:planet_malloc_seat",
            "ldr {0}, [{0}, :gottprel_lo12:planet_malloc_seat]",
            out(reg) offset,
            options(nostack, nomem, preserves_flags, pure)
        );
    }
    offset
}

/// The calling thread's seat.
pub(crate) fn seat() -> &'static Seat<Heap> {
    let thread: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the thread pointer's first word is the thread pointer.
    unsafe {
        core::arch::asm!("mov {0}, qword ptr fs:[0]", out(reg) thread, options(nostack, nomem, preserves_flags, pure));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads the thread pointer.
    unsafe {
        core::arch::asm!("mrs {0}, tpidr_el0", out(reg) thread, options(nostack, nomem, preserves_flags, pure));
    }
    // SAFETY: a seat lies there for as long as the thread lives, and it is only used by the thread itself and, through
    // its heap, until the thread has taken its leave.
    unsafe { &*ptr::with_exposed_provenance(thread.wrapping_add(offset())) }
}

/// Begins the thread's section: the heap it finds now stays its own until [`leave`].
#[inline(always)]
pub(crate) fn enter() -> &'static Heap {
    let heap: *const Heap;
    #[cfg(all(target_arch = "x86_64", not(thread_sanitizer)))]
    // SAFETY: writes and reads the thread's own seat.
    unsafe {
        core::arch::asm!(
            "mov dword ptr fs:[{seat}], 1",
            "mov {heap}, qword ptr fs:[{seat} + 8]",
            seat = in(reg) offset(),
            heap = lateout(reg) heap,
            options(nostack, preserves_flags)
        );
    }
    #[cfg(any(thread_sanitizer, not(target_arch = "x86_64")))]
    {
        heap = seat().enter();
    }
    // SAFETY: a seat always holds the address of a heap, and heaps are never unmapped.
    unsafe { &*heap }
}

/// Ends the thread's section.
#[inline(always)]
pub(crate) fn leave() {
    #[cfg(all(target_arch = "x86_64", not(thread_sanitizer)))]
    // SAFETY: writes the thread's own seat; a plain store releases what was written before it.
    unsafe {
        core::arch::asm!("mov dword ptr fs:[{0}], 0", in(reg) offset(), options(nostack, preserves_flags));
    }
    #[cfg(any(thread_sanitizer, not(target_arch = "x86_64")))]
    seat().leave();
}

/// Whether the calling thread has given its heap up, since it is about to end.
pub(crate) fn has_left() -> bool {
    ptr::eq(seat().own(), &NOBODY)
}

/// The heap that the calling thread has, be it borrowed at present or not.
pub(crate) fn own_heap() -> Option<&'static Heap> {
    if has_left() {
        return None;
    }
    // SAFETY: null or a heap, and heaps are never unmapped.
    unsafe { seat().own().as_ref() }
}

/// Makes `heap` the calling thread's; [`NOBODY`] when it is to have none any more.
pub(crate) fn set_own_heap(heap: &'static Heap) {
    seat().set_own(heap);
    seat().offer(heap);
}
