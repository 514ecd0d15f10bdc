//! Fork in a process with threads: the child gets a heap in order, with every lock free.

use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use crate::arena::ARENA;
use crate::heap::{Heap, ORPHANS, Tenant};
use crate::large::LARGE;
use crate::purge::PURGE;
use crate::thread::{LEFT_BEHIND, REGISTRY};
use crate::{background, page, tls};

/// Has the handlers called around every fork.
pub(crate) fn register() {
    // SAFETY: the handlers are functions of this library, which is never unloaded while it is the allocator.
    unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
}

/// Takes every lock, in the order in which they nest: purge, registry, heaps, orphans, arena, large blocks.
unsafe extern "C" fn before() {
    #[cfg(feature = "debug")]
    crate::debug::QUARANTINE.raw.acquire();
    PURGE.acquire();
    REGISTRY.raw.acquire();
    // SAFETY: the registry's lock is held.
    unsafe { REGISTRY.held() }.heaps().for_each(|heap| heap.lock.acquire());
    ORPHANS.lock.acquire();
    ARENA.raw.acquire();
    LARGE.raw.acquire();
    page::prepare_fork();
}

unsafe extern "C" fn after_in_parent() {
    LARGE.raw.release();
    ARENA.raw.release();
    ORPHANS.lock.release();
    // SAFETY: the registry's lock is held.
    unsafe { REGISTRY.held() }.heaps().for_each(|heap| heap.lock.release());
    REGISTRY.raw.release();
    PURGE.release();
    #[cfg(feature = "debug")]
    crate::debug::QUARANTINE.raw.release();
}

/// The other threads are gone, the purge thread among them. What they had begun without a lock is brought to an end;
/// their heaps wait until somebody needs what is in them.
unsafe extern "C" fn after_in_child() {
    // SAFETY: called right after `before`, whose locks came along held.
    unsafe { after_in_parent() };
    background::forget();
    page::leave_to_parent();
    let registry = REGISTRY.lock();
    let all = || registry.heaps().chain([&ORPHANS]);
    all().for_each(Heap::forget_post);
    all().for_each(Heap::release_claims);
    let mut left = 0;
    for heap in registry.heaps() {
        if heap.tenant.get() == Tenant::Thread && !ptr::eq(heap, tls::heap()) {
            heap.tenant.set(Tenant::LeftBehind);
            left += 1;
        }
    }
    drop(registry);
    LEFT_BEHIND.fetch_add(left, Relaxed);
}
