//! How a thread comes by its heap, and how it leaves it behind.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*};

use crate::heap::{Heap, NOBODY, Tenant};
use crate::lock::Lock;
use crate::{fork, sys, tls};

/// In how many rounds of destructors a thread keeps its heap: others' destructors may still allocate.
const FAREWELLS: u32 = 3;
/// Heaps are mapped in blocks of this many bytes.
const BLOCK: usize = 64 * 1024;

/// All heaps there ever were. They are reused and never unmapped, so that a reference to one is always good.
pub(crate) static REGISTRY: Lock<Registry> =
    Lock::new(Registry { first: Cell::new(ptr::null()), spare: 0, spare_end: 0 });

/// See [`REGISTRY`].
pub(crate) struct Registry {
    first: Cell<*const Heap>,
    spare: usize,
    spare_end: usize,
}

// SAFETY: heaps can be referred to from every thread.
unsafe impl Send for Registry {}

impl Registry {
    pub(crate) fn heaps(&self) -> impl Iterator<Item = &'static Heap> + use<> {
        // SAFETY: the list holds heaps, which are never unmapped.
        let follow = |heap: *const Heap| unsafe { heap.as_ref() };
        core::iter::successors(follow(self.first.get()), move |heap| follow(heap.next_registered.get()))
    }

    fn rent(&mut self) -> Option<&'static Heap> {
        let vacant = self.heaps().find(|heap| heap.tenant.get() == Tenant::None);
        let heap = match vacant {
            Some(heap) => heap,
            None => self.build()?,
        };
        heap.tenant.set(Tenant::Thread);
        heap.farewells.set(0);
        Some(heap)
    }

    fn build(&mut self) -> Option<&'static Heap> {
        if self.spare_end - self.spare < size_of::<Heap>() {
            self.spare = sys::map(0, BLOCK)?;
            self.spare_end = self.spare + BLOCK;
        }
        let place: *mut Heap = ptr::with_exposed_provenance_mut(self.spare);
        self.spare += size_of::<Heap>();
        // SAFETY: fresh memory of our own, large enough; its start is a multiple of 64, as is the size of a heap.
        let heap = unsafe {
            place.write(Heap::new());
            &*place
        };
        heap.next_registered.set(self.first.get());
        self.first.set(heap);
        Some(heap)
    }
}

/// Visits all heaps, whether or not a thread has them, without holding the registry's lock meanwhile.
pub(crate) fn for_each_heap(visit: impl FnMut(&'static Heap)) {
    // The list only grows at its head, so an iterator that has begun stays good.
    let heaps = REGISTRY.lock().heaps();
    heaps.for_each(visit);
}

/// How many heaps belong to threads that did not come along into the child of a fork.
pub(crate) static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// Frees the heaps of threads that a fork left behind. This is put off until somebody needs it, since most children
/// soon run another program.
pub(crate) fn clear_left_behind() {
    if LEFT_BEHIND.load(Relaxed) == 0 {
        return;
    }
    let registry = REGISTRY.lock();
    for heap in registry.heaps().filter(|heap| heap.tenant.get() == Tenant::LeftBehind) {
        heap.abandon();
        heap.tenant.set(Tenant::None);
    }
    LEFT_BEHIND.store(0, Relaxed);
}

static KEY: AtomicU32 = AtomicU32::new(u32::MAX);
static PREPARED: AtomicBool = AtomicBool::new(false);

/// Gives the calling thread a heap of its own; `None` when there is no memory for it.
#[cold]
#[inline(never)]
pub(crate) fn settle_in() -> Option<&'static Heap> {
    let heap = REGISTRY.lock().rent()?;
    tls::set_heap(heap);
    // From here on the thread can allocate, which the calls below may do.
    if !PREPARED.swap(true, AcqRel) {
        let mut key = 0;
        // SAFETY: `key` can be written, and `farewell` is a destructor for it.
        if unsafe { libc::pthread_key_create(&mut key, Some(farewell)) } == 0 {
            KEY.store(key, Release);
        }
        fork::register();
    }
    announce(heap);
    Some(heap)
}

/// Asks for [`farewell`] at the end of the thread.
fn announce(heap: &'static Heap) {
    let key = KEY.load(Acquire);
    if key != u32::MAX {
        // SAFETY: the key exists from the moment it is stored.
        unsafe { libc::pthread_setspecific(key, ptr::from_ref(heap).cast()) };
    }
}

/// The thread ends: its spans go to whoever needs them. Blocks it still frees afterwards are freed remotely.
unsafe extern "C" fn farewell(heap: *mut c_void) {
    // SAFETY: the key's value is set by `announce` alone.
    let heap: &'static Heap = unsafe { &*heap.cast_const().cast() };
    heap.farewells.set(heap.farewells.get() + 1);
    if heap.farewells.get() < FAREWELLS {
        announce(heap);
        return;
    }
    tls::set_heap(&NOBODY);
    heap.abandon();
    let _registry = REGISTRY.lock();
    heap.tenant.set(Tenant::None);
}
