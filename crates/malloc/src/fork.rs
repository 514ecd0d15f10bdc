//! Fork in a process with threads: the child gets a heap in order, with every lock free.

use core::mem;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use crate::arena::ARENA;
use crate::heap::{Heap, ORPHANS, Patience, Tenant, borrow};
use crate::large::LARGE;
use crate::purge::PURGE;
use crate::thread::{LEFT_BEHIND, REGISTRY};
use crate::{background, page, sys, thread, tls};

/// Has the handlers called around every fork.
pub(crate) fn register() {
    // SAFETY: the handlers are functions of this library, which is never unloaded while it is the allocator.
    unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
}

/// The longest section maps memory, and a thread may have lost its processor inside.
const PATIENCE: Patience = Patience { looks: 1_000_000, between: sys::yield_now };

/// Borrows every heap and takes every lock, in the order in which they nest: purge, registry, heaps, orphans, arena,
/// large blocks.
unsafe extern "C" fn before() {
    #[cfg(feature = "debug")]
    crate::debug::QUARANTINE.raw.acquire();
    PURGE.acquire();
    REGISTRY.raw.acquire();
    let own = tls::own_heap();
    mem::forget(borrow(|heap| !own.is_some_and(|own| ptr::eq(own, heap)), PATIENCE));
    ORPHANS.lock.acquire();
    ARENA.raw.acquire();
    LARGE.raw.acquire();
    page::prepare_fork();
}

unsafe extern "C" fn after_in_parent() {
    release_locks();
    thread::heaps().filter(|heap| heap.is_borrowed()).for_each(Heap::give_back);
    REGISTRY.raw.release();
    PURGE.release();
}

fn release_locks() {
    LARGE.raw.release();
    ARENA.raw.release();
    ORPHANS.lock.release();
    #[cfg(feature = "debug")]
    crate::debug::QUARANTINE.raw.release();
}

/// The other threads are gone, the purge thread among them. What they had begun without a lock is brought to an end;
/// their heaps wait until somebody needs what is in them.
unsafe extern "C" fn after_in_child() {
    release_locks();
    let own = tls::own_heap();
    // Their threads may have been at work on them: nobody may look inside any more, and what is free there is lost.
    let is_own = |heap: &Heap| own.is_some_and(|own| ptr::eq(own, heap));
    thread::forget(|heap| !is_own(heap) && !heap.is_borrowed() && heap.tenant.get() == Tenant::Thread);
    let others = || thread::heaps().filter(|heap| !is_own(heap));
    for heap in others() {
        heap.give_back_without_thread();
        if heap.tenant.get() == Tenant::Thread {
            heap.tenant.set(Tenant::LeftBehind);
            LEFT_BEHIND.fetch_add(1, Relaxed);
        }
    }
    REGISTRY.raw.release();
    PURGE.release();
    background::forget();
    page::leave_to_parent();
    let all = || thread::heaps().chain([&ORPHANS]);
    all().for_each(Heap::forget_post);
    all().for_each(Heap::release_claims);
}
