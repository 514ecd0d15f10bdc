//! How a thread comes by its heap, and how it leaves it behind.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};

use crate::heap::{HEAP_BYTES, Heap, Tenant};
use crate::lock::Lock;
use crate::{fork, sys, tls, window};

/// In how many rounds of destructors a thread keeps its heap: others' destructors may still allocate.
const FAREWELLS: u32 = 3;
/// Heaps are mapped in blocks of this many bytes.
const BLOCK: usize = 4 * HEAP_BYTES;

/// Guards who has which heap, and the memory for new ones.
pub(crate) static REGISTRY: Lock<Registry> = Lock::new(Registry { spare: 0, spare_end: 0, count: 0 });

/// The last of all heaps there ever were. They are reused and never unmapped, so that a reference to one is always
/// good.
static LAST: AtomicPtr<Heap> = AtomicPtr::new(ptr::null_mut());

/// How many heaps have a thread, or had one when the process was forked.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// How many threads have a heap, at least one.
pub(crate) fn count() -> usize {
    COUNT.load(Relaxed).max(1)
}

/// The heap for threads that are about to end and have given theirs up, or null. It has no seat: whoever takes a slot
/// holds its lock.
static VISITORS: AtomicPtr<Heap> = AtomicPtr::new(ptr::null_mut());

/// A slot of `class` for a thread that has given its heap up, as others' destructors may need; or null.
#[cold]
pub(crate) fn take_as_visitor(class: usize, align: usize) -> *mut u8 {
    if VISITORS.load(Acquire).is_null() {
        let mut registry = REGISTRY.lock();
        if VISITORS.load(Relaxed).is_null() {
            let Some(heap) = registry.rent(Tenant::Visitors) else { return ptr::null_mut() };
            VISITORS.store(ptr::from_ref(heap).cast_mut(), Release);
        }
    }
    // SAFETY: a heap, and heaps are never unmapped.
    unsafe { &*VISITORS.load(Acquire) }.take_as_visitor(class, align)
}

/// See [`REGISTRY`].
pub(crate) struct Registry {
    spare: usize,
    spare_end: usize,
    count: usize,
}

impl Registry {
    fn rent(&mut self, tenant: Tenant) -> Option<&'static Heap> {
        let vacant = heaps().find(|heap| heap.tenant.get() == Tenant::None);
        let heap = match vacant {
            Some(heap) => heap,
            None => self.build()?,
        };
        heap.tenant.set(tenant);
        COUNT.fetch_add(1, Relaxed);
        heap.farewells.set(0);
        Some(heap)
    }

    fn build(&mut self) -> Option<&'static Heap> {
        if self.count == 0 {
            window::open();
        }
        if self.spare_end - self.spare < HEAP_BYTES {
            self.spare = sys::map(0, BLOCK)?;
            self.spare_end = self.spare + BLOCK;
        }
        let place: *mut Heap = ptr::with_exposed_provenance_mut(self.spare);
        self.spare += HEAP_BYTES;
        self.count += 1;
        // SAFETY: fresh memory of our own, large enough and at the start of a page.
        let heap = unsafe { Heap::build(place, self.count) };
        heap.next_registered.set(LAST.load(Relaxed));
        LAST.store(place, Release);
        Some(heap)
    }
}

/// All heaps, whether or not a thread has them.
pub(crate) fn heaps() -> impl Iterator<Item = &'static Heap> {
    // SAFETY: the list holds heaps, which are never unmapped, and grows at its head alone.
    let follow = |heap: *const Heap| unsafe { heap.as_ref() };
    core::iter::successors(follow(LAST.load(Acquire)), move |heap| follow(heap.next_registered.get()))
}

/// Takes heaps out of [`heaps`] for good. For the child of a fork, before anything else runs.
pub(crate) fn forget(forgotten: impl Fn(&Heap) -> bool) {
    let (mut next, mut last) = (LAST.load(Relaxed).cast_const(), ptr::null());
    // SAFETY: as in `heaps`.
    while let Some(heap) = unsafe { next.as_ref() } {
        next = heap.next_registered.get();
        if forgotten(heap) {
            COUNT.fetch_sub(1, Relaxed);
        } else {
            heap.next_registered.set(last);
            last = heap;
        }
    }
    LAST.store(last.cast_mut(), Relaxed);
}

/// How many heaps belong to threads that did not come along into the child of a fork.
pub(crate) static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// Whether there is something for [`clear_left_behind`] to do.
pub(crate) fn are_left_behind() -> bool {
    LEFT_BEHIND.load(Relaxed) != 0
}

/// Frees the heaps of threads that a fork left behind. This is put off until somebody needs it, since most children
/// soon run another program.
pub(crate) fn clear_left_behind() {
    if !are_left_behind() {
        return;
    }
    let _registry = REGISTRY.lock();
    for heap in heaps().filter(|heap| heap.tenant.get() == Tenant::LeftBehind) {
        heap.abandon();
        COUNT.fetch_sub(1, Relaxed);
        heap.tenant.set(Tenant::None);
    }
    LEFT_BEHIND.store(0, Relaxed);
}

/// Finds the calling thread the heap that it has, waiting while it is borrowed, or gives it one. False when there is no
/// memory for it.
#[cold]
#[inline(never)]
pub(crate) fn find_heap() -> bool {
    match tls::own_heap() {
        Some(own) => {
            own.wait_until_returned();
            true
        }
        None => settle_in(),
    }
}

static KEY: AtomicU32 = AtomicU32::new(u32::MAX);
static PREPARED: AtomicBool = AtomicBool::new(false);

/// Gives the calling thread a heap of its own.
fn settle_in() -> bool {
    let Some(heap) = REGISTRY.lock().rent(Tenant::Thread) else { return false };
    heap.seat_thread();
    // From here on the thread can allocate, which the calls below may do.
    if !PREPARED.swap(true, AcqRel) {
        let mut key = 0;
        // SAFETY: `key` can be written, and `farewell` is a destructor for it.
        if unsafe { libc::pthread_key_create(&mut key, Some(farewell)) } == 0 {
            KEY.store(key, Release);
        }
        fork::register();
        sys::prepare_barrier();
    }
    if !announce(heap) {
        give_up(heap);
    }
    true
}

/// Asks for [`farewell`] at the end of the thread. False when that cannot be had: then the thread must not keep its heap,
/// since nobody would note that the thread's seat is gone.
fn announce(heap: &'static Heap) -> bool {
    let key = KEY.load(Acquire);
    // SAFETY: the key exists from the moment it is stored.
    key != u32::MAX && unsafe { libc::pthread_setspecific(key, ptr::from_ref(heap).cast()) } == 0
}

/// The thread ends: its spans go to whoever needs them. Blocks it still frees afterwards are freed remotely.
unsafe extern "C" fn farewell(heap: *mut c_void) {
    // SAFETY: the key's value is set by `announce` alone.
    let heap: &'static Heap = unsafe { &*heap.cast_const().cast() };
    heap.farewells.set(heap.farewells.get() + 1);
    if heap.farewells.get() < FAREWELLS && announce(heap) {
        return;
    }
    give_up(heap);
}

/// Takes the heap away from the calling thread and hands on what is in it.
fn give_up(heap: &'static Heap) {
    heap.unseat_thread();
    heap.abandon();
    let _registry = REGISTRY.lock();
    COUNT.fetch_sub(1, Relaxed);
    heap.tenant.set(Tenant::None);
}
