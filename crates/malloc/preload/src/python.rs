//! CPython's objects straight from the allocator.
//!
//! CPython keeps its small objects in arenas of its own, which seldom fall empty. With `PYTHONMALLOC=malloc` it goes to malloc
//! for them, by way of a function of its own and the table of linked functions: two more jumps for each object made or
//! freed. With `PLANET_MALLOC_PYTHON=1` it is told to call the functions below instead, by `PyMem_SetAllocator` (Python/C
//! API reference, "Customize memory allocators"), which is meant for that.
//!
//! That happens before CPython is initialized. Where it reads `PYTHONMALLOC=malloc` then, it goes back to malloc, so while
//! such a program starts, malloc looks now and then whether that has happened, and it is told once more. Any other value of
//! that variable, and the development mode, have CPython choose what it does without us.
//!
//! It is told only where malloc is this library's, so that blocks which it allocated by way of malloc are the same.

use core::ffi::CStr;
use core::mem::{self, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::OnceLock;

use libc::{c_int, c_void, size_t};

use crate::blocks;
use crate::core_alloc::{alloc, settings};

/// How often to look whether CPython has chosen. `python` has after some fifteen looks, if it heeds its variables at all.
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

// SAFETY: none is written to once it is shared.
unsafe impl Send for Allocator {}
// SAFETY: as above.
unsafe impl Sync for Allocator {}

static OURS: Allocator = Allocator {
    context: ptr::null_mut(),
    malloc: malloc as *const c_void,
    calloc: calloc as *const c_void,
    realloc: realloc as *const c_void,
    free: free as *const c_void,
};

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

/// `PyMem_GetAllocator`.
type Get = unsafe extern "C" fn(Domain, *mut Allocator);
/// `PyMem_SetAllocator`.
type Set = unsafe extern "C" fn(Domain, *const Allocator);
/// `Py_IsInitialized`, or `PyGILState_Check`: whether the calling thread holds the interpreter's lock, as far as that can be
/// told, or there is none yet.
type Asks = unsafe extern "C" fn() -> c_int;

/// A CPython in this process.
struct Python {
    get: Get,
    set: Set,
    is_locked: Asks,
    /// That which calls malloc.
    plain: Allocator,
}

static PYTHON: OnceLock<Python> = OnceLock::new();
static LOOKS_LEFT: AtomicU32 = AtomicU32::new(0);

/// The loader calls what is in this section once functions can be found, and before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    if !settings::serves_python() {
        return;
    }
    // SAFETY: the name ends in a zero byte.
    let chosen = unsafe { libc::getenv(c"PYTHONMALLOC".as_ptr()) };
    // SAFETY: it ends in a zero byte, and nobody sets variables while the program is loaded.
    let chosen = if chosen.is_null() { c"" } else { unsafe { CStr::from_ptr(chosen) } };
    let is_malloc = chosen == c"malloc";
    if (chosen.is_empty() || is_malloc)
        && let Some(python) = Python::find().filter(Python::can_be_told)
    {
        python.tell();
        if is_malloc && PYTHON.set(python).is_ok() {
            LOOKS_LEFT.store(LOOKS, Relaxed);
        }
    }
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
    let is_done = PYTHON.get().is_some_and(Python::tell_again);
    // One that was lost because two threads looked is no harm.
    LOOKS_LEFT.store(if is_done { 0 } else { LOOKS_LEFT.load(Relaxed).saturating_sub(1) }, Relaxed);
}

impl Python {
    fn find() -> Option<Self> {
        // Since there is this one, the functions below have had the types they have here.
        function(c"PyMem_Calloc")?;
        let get = function(c"PyMem_GetAllocator")?;
        let set = function(c"PyMem_SetAllocator")?;
        let is_locked = function(c"PyGILState_Check")?;
        // SAFETY: these are their types.
        let (get, set, is_locked) = unsafe {
            (
                mem::transmute::<*mut c_void, Get>(get),
                mem::transmute::<*mut c_void, Set>(set),
                mem::transmute::<*mut c_void, Asks>(is_locked),
            )
        };
        // Until CPython runs, this domain alone goes to malloc.
        let plain = allocator_of(get, Domain::Raw);
        Some(Self { get, set, is_locked, plain })
    }

    /// Whether it does not run yet and takes blocks from this library by way of malloc, and is neither a debug build, which
    /// checks blocks itself, nor one without the interpreter's lock, whose collector finds objects by its own allocator.
    fn can_be_told(&self) -> bool {
        let is_free_threaded = function(c"PyUnstable_Module_SetGIL").is_some();
        let mut domains = [Domain::Raw, Domain::Mem, Domain::Object].into_iter();
        let is_release_build = domains.all(|domain| allocator_of(self.get, domain).context.is_null());
        !is_running() && !is_free_threaded && is_release_build && is_malloc_ours()
    }

    /// Has CPython call the functions below. Should somebody else allocate meanwhile, by a mixture of old and new functions,
    /// it is all the same: their blocks are, and none has a context.
    fn tell(&self) {
        // SAFETY: the functions do what CPython asks of those of these domains.
        OBJECTS.iter().for_each(|domain| unsafe { (self.set)(*domain, &raw const OURS) });
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

fn allocator_of(get: Get, domain: Domain) -> Allocator {
    let mut allocator = MaybeUninit::uninit();
    // SAFETY: it can be called before CPython is initialized, and writes all of it.
    unsafe {
        get(domain, allocator.as_mut_ptr());
        allocator.assume_init()
    }
}

fn is_running() -> bool {
    // SAFETY: its type, and it may be called at any time.
    function(c"Py_IsInitialized").is_some_and(|asks| unsafe { mem::transmute::<*mut c_void, Asks>(asks)() != 0 })
}

/// Whether what CPython finds as malloc is this library's: a program may have one of its own, another library may come first,
/// and this one may have been loaded when the program ran already.
fn is_malloc_ours() -> bool {
    let (Some(malloc), Some(free)) = (function(c"malloc"), function(c"free")) else { return false };
    // SAFETY: C's functions, with their types, of which one frees what the other allocated.
    unsafe {
        let malloc = mem::transmute::<*mut c_void, unsafe extern "C" fn(size_t) -> *mut c_void>(malloc);
        let free = mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(free);
        let block = malloc(1);
        let is_ours = alloc::is_own(block.cast());
        free(block);
        is_ours
    }
}

fn function(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends in a zero byte.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

extern "C" fn malloc(_context: *mut c_void, size: size_t) -> *mut c_void {
    blocks::allocate(size)
}

/// Of no elements, or of none with a size, there is a block all the same.
extern "C" fn calloc(_context: *mut c_void, count: size_t, size: size_t) -> *mut c_void {
    blocks::allocate_zeroed(count, size)
}

/// Other than C's, gives a block also where no bytes are wanted.
unsafe extern "C" fn realloc(_context: *mut c_void, block: *mut c_void, size: size_t) -> *mut c_void {
    // SAFETY: the caller's promise: null or a live block.
    unsafe { blocks::reallocate(block, size) }
}

unsafe extern "C" fn free(_context: *mut c_void, block: *mut c_void) {
    // SAFETY: the caller's promise: null or a live block, which nobody uses any more.
    unsafe { alloc::free(block.cast()) };
}
