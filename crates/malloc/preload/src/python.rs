//! CPython's objects straight from the allocator.
//!
//! CPython keeps its small objects in arenas of its own, which seldom fall empty. With `PYTHONMALLOC=malloc` it goes to malloc
//! for them, by way of a function of its own and the table of linked functions: two more jumps for each object made or
//! freed. With `PLANET_MALLOC_PYTHON=1` it is told to call the functions below instead, by `PyMem_SetAllocator` (Python/C
//! API reference, "Customize memory allocators"), which is meant for that.
//!
//! That happens before CPython is initialized. Where it reads `PYTHONMALLOC=malloc` then, it goes back to malloc, whose
//! blocks are the same. So while such a program starts, malloc looks now and then whether that has happened, and it is told
//! once more. Any other value of that variable, and the development mode, have CPython choose what it does without us.

use core::ffi::CStr;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::OnceLock;

use libc::{c_int, c_void, size_t};

use crate::blocks;
use crate::core_alloc::alloc;

/// How often to look whether CPython has chosen. It has after some fifteen looks, if it heeds its variables at all.
const LOOKS: u32 = 1000;

/// What a domain of CPython's allocates by: its `PyMemAllocatorEx`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Allocator {
    context: *mut c_void,
    malloc: *const c_void,
    calloc: *const c_void,
    realloc: *const c_void,
    free: *const c_void,
}

/// CPython's `PyMemAllocatorDomain`.
#[derive(Clone, Copy)]
#[repr(C)]
enum Domain {
    /// Blocks for whoever does not hold the interpreter's lock.
    Raw = 0,
    /// Other blocks that are no objects.
    Mem = 1,
    Object = 2,
}

const OBJECTS: [Domain; 2] = [Domain::Mem, Domain::Object];

/// A CPython in this process.
struct Python {
    get: Get,
    set: Set,
    is_locked: IsLocked,
    /// That which calls malloc.
    plain: Allocator,
}

/// `PyMem_GetAllocator`.
type Get = unsafe extern "C" fn(Domain, *mut Allocator);
/// `PyMem_SetAllocator`.
type Set = unsafe extern "C" fn(Domain, *const Allocator);
/// `PyGILState_Check`: whether the calling thread holds the interpreter's lock, or there is none yet.
type IsLocked = unsafe extern "C" fn() -> c_int;

fn allocator_of(get: Get, domain: Domain) -> Allocator {
    let mut allocator = MaybeUninit::uninit();
    // SAFETY: it can be called before CPython is initialized, and writes all of it.
    unsafe {
        get(domain, allocator.as_mut_ptr());
        allocator.assume_init()
    }
}

// SAFETY: it is read alone.
unsafe impl Send for Python {}
// SAFETY: as above.
unsafe impl Sync for Python {}

static PYTHON: OnceLock<Python> = OnceLock::new();
static LOOKS_LEFT: AtomicU32 = AtomicU32::new(0);

/// The loader calls what is in this section once the program's functions can be found, and before its own code.
#[used]
#[unsafe(link_section = ".init_array")]
static FIND: extern "C" fn() = find;

extern "C" fn find() {
    if !variable_is(c"PLANET_MALLOC_PYTHON", |value| value == Some(c"1")) {
        return;
    }
    let reads_malloc = variable_is(c"PYTHONMALLOC", |value| value == Some(c"malloc"));
    let reads_nothing = variable_is(c"PYTHONMALLOC", |value| value.is_none_or(CStr::is_empty));
    if (reads_malloc || reads_nothing)
        && let Some(python) = Python::find().filter(Python::can_be_told)
    {
        python.tell();
        let waits = reads_malloc && PYTHON.set(python).is_ok();
        LOOKS_LEFT.store(if waits { LOOKS } else { 0 }, Relaxed);
    }
}

fn variable_is(name: &CStr, expected: impl FnOnce(Option<&CStr>) -> bool) -> bool {
    // SAFETY: the name ends in a zero byte.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: it ends in a zero byte, and nobody sets variables while the program is loaded.
    expected((!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }))
}

/// Tells CPython once more if it has chosen malloc by now. Must not be called in a thread's section.
#[inline(always)]
pub(crate) fn look() {
    if LOOKS_LEFT.load(Relaxed) != 0 {
        look_now();
    }
}

#[cold]
fn look_now() {
    LOOKS_LEFT.store(LOOKS_LEFT.load(Relaxed).saturating_sub(1), Relaxed);
    if PYTHON.get().is_some_and(Python::tell_again) {
        LOOKS_LEFT.store(0, Relaxed);
    }
}

impl Python {
    fn find() -> Option<Self> {
        let get = function(c"PyMem_GetAllocator")?;
        let set = function(c"PyMem_SetAllocator")?;
        let is_locked = function(c"PyGILState_Check")?;
        // SAFETY: CPython's functions of these names have had these types since before it knew `PYTHONMALLOC`.
        let (get, set, is_locked) = unsafe {
            (
                mem::transmute::<*mut c_void, Get>(get),
                mem::transmute::<*mut c_void, Set>(set),
                mem::transmute::<*mut c_void, IsLocked>(is_locked),
            )
        };
        // Until CPython runs, this domain alone goes to malloc.
        let plain = allocator_of(get, Domain::Raw);
        Some(Self { get, set, is_locked, plain })
    }

    /// Whether this is neither a debug build, which checks blocks itself, nor one without the interpreter's lock, whose
    /// collector finds objects by way of its own allocator.
    fn can_be_told(&self) -> bool {
        let is_free_threaded = function(c"PyUnstable_Module_SetGIL").is_some();
        let mut domains = [Domain::Raw, Domain::Mem, Domain::Object].into_iter();
        !is_free_threaded && domains.all(|domain| allocator_of(self.get, domain).context.is_null())
    }

    /// Has CPython call the functions below. Those domains are for whoever holds its lock alone, so there must not be one
    /// yet, or the caller hold it.
    fn tell(&self) {
        // SAFETY: functions as the domains need them, and nobody calls by way of the domains meanwhile.
        OBJECTS.iter().for_each(|domain| unsafe { (self.set)(*domain, &raw const OURS.0) });
    }

    /// Has it call them if it takes its objects from malloc by now; says whether it does.
    fn tell_again(&self) -> bool {
        // SAFETY: may be called by any thread, at any time.
        let is_locked = unsafe { (self.is_locked)() } != 0;
        let is_time = is_locked && OBJECTS.iter().all(|domain| allocator_of(self.get, *domain) == self.plain);
        if is_time {
            self.tell();
        }
        is_time
    }
}

fn function(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends in a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

struct Shared(Allocator);
// SAFETY: it is read alone.
unsafe impl Sync for Shared {}

static OURS: Shared = Shared(Allocator {
    context: ptr::null_mut(),
    malloc: malloc as *const c_void,
    calloc: calloc as *const c_void,
    realloc: realloc as *const c_void,
    free: free as *const c_void,
});

extern "C" fn malloc(_context: *mut c_void, size: size_t) -> *mut c_void {
    blocks::allocate(size)
}

/// Of no elements, or of none with a size, there is a block all the same.
extern "C" fn calloc(_context: *mut c_void, count: size_t, size: size_t) -> *mut c_void {
    blocks::calloc(count, size)
}

/// Other than C's, does not free where no bytes are wanted.
unsafe extern "C" fn realloc(_context: *mut c_void, block: *mut c_void, size: size_t) -> *mut c_void {
    // SAFETY: the caller's promise: null or a live block.
    unsafe { blocks::realloc(block, size.max(1)) }
}

unsafe extern "C" fn free(_context: *mut c_void, block: *mut c_void) {
    // SAFETY: the caller's promise: null or a live block, which nobody uses any more.
    unsafe { alloc::free(block.cast()) };
}
