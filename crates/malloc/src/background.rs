//! The thread that comes by while the program sleeps.
//!
//! It starts when the program allocates and holds some megabytes or has freed one, ticks while there is something to
//! give back, and sleeps on a futex, without a timeout, when there is not. The child of a fork gets one when it needs
//! it. While it is awake it also counts what others can read in the [page].

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*};

use crate::purge::{self, VISITS, Which};
use crate::settings::{BACKGROUND, DELAY_MS};
use crate::{figures, page, sys};

const NOT_STARTED: u32 = 0;
const AWAKE: u32 = 1;
const ASLEEP: u32 = 2;
/// Switched off, or it could not be started.
const OFF: u32 = 3;

static STATE: AtomicU32 = AtomicU32::new(NOT_STARTED);
static FREED: AtomicUsize = AtomicUsize::new(0);
static IS_CHILD: AtomicBool = AtomicBool::new(false);
/// Not zero when the thread is not to sleep out its pause.
static HURRY: AtomicU32 = AtomicU32::new(0);

/// Whether more was resident than ever before, and the thread has not come by since.
static AT_PEAK: AtomicBool = AtomicBool::new(false);

/// A program gets a thread when it allocates and holds this much,
const MUCH_HELD: u64 = 4 << 20;
/// or has freed this much. The child of a fork needs it for the latter alone: what it holds is its parent's.
const MUCH_FREED: usize = 1 << 20;
/// A free that is looked at stands for about this many bytes.
const USUAL: usize = 4096;
const STACK: usize = 256 * 1024;
/// Looking for pages to give back takes at most one part in this many of a processor.
const SHARE: u64 = 20;
/// Counting takes at most one part in this many.
const COUNTING_SHARE: u64 = 100;
/// Two milliseconds, in nanoseconds, for very short delays.
const SHORTEST_PAUSE: u64 = 2_000_000;
/// Between two looks while more is resident than is advised.
const PAUSE_OVER_LIMIT: u64 = 10_000_000;

/// Has the thread awake when it is due, since what is taken now may be freed where nobody notices. Called from allocations
/// alone: the C library frees things while it holds locks that the start of a thread needs, and the program may hold any.
/// Never called with a lock of the allocator's held.
#[inline]
pub(crate) fn rouse_if_due() {
    match STATE.load(Relaxed) {
        ASLEEP => wake(USUAL),
        NOT_STARTED if is_due() => start_now(),
        _ => {}
    }
}

fn is_due() -> bool {
    FREED.load(Relaxed) >= MUCH_FREED || (!IS_CHILD.load(Relaxed) && page::held_bytes() >= MUCH_HELD)
}

#[cold]
fn start_now() {
    if STATE.compare_exchange(NOT_STARTED, AWAKE, AcqRel, Relaxed).is_ok()
        && (BACKGROUND.get() == 0 || !start(main, STACK))
    {
        STATE.store(OFF, Relaxed);
    }
}

/// Says that something was freed.
#[inline]
pub(crate) fn poke() {
    poke_for(USUAL);
}

/// Says that `bytes` were freed.
#[inline]
pub(crate) fn poke_for(bytes: usize) {
    if STATE.load(Relaxed) != AWAKE {
        wake(bytes);
    }
}

#[cold]
fn wake(bytes: usize) {
    match STATE.load(Relaxed) {
        ASLEEP if STATE.compare_exchange(ASLEEP, AWAKE, AcqRel, Relaxed).is_ok() => {
            sys::futex_wake(STATE.as_ptr(), 1);
        }
        NOT_STARTED => {
            FREED.fetch_add(bytes, Relaxed);
        }
        _ => {}
    }
}

/// Whether there is a thread, awake or asleep.
pub(crate) fn is_running() -> bool {
    matches!(STATE.load(Relaxed), AWAKE | ASLEEP)
}

/// Says that more is resident than is advised. Has the thread look at once, if it is not asleep for want of work.
pub(crate) fn hurry() {
    if HURRY.load(Relaxed) == 0 && HURRY.swap(1, Relaxed) == 0 {
        sys::futex_wake(HURRY.as_ptr(), 1);
    }
}

/// Says that more is resident than ever before.
pub(crate) fn note_new_peak() {
    AT_PEAK.store(true, Relaxed);
    hurry();
}

/// In the child of a fork: the thread did not come along.
pub(crate) fn forget() {
    HURRY.store(0, Relaxed);
    IS_CHILD.store(true, Relaxed);
    if STATE.load(Relaxed) != OFF {
        STATE.store(NOT_STARTED, Relaxed);
        FREED.store(0, Relaxed);
    }
}

/// Starts a thread with `stack` bytes for its stack and all signals blocked in it. False when there is none to be had.
pub(crate) fn start(main: extern "C" fn(*mut c_void) -> *mut c_void, stack: usize) -> bool {
    // SAFETY: the calls get what they ask for: places to write to that outlive them, and a function to run. A thread
    // that is detached at once needs no handle.
    unsafe {
        let errno = *libc::__errno_location();
        let mut attributes: libc::pthread_attr_t = core::mem::zeroed();
        let mut all: libc::sigset_t = core::mem::zeroed();
        let mut before: libc::sigset_t = core::mem::zeroed();
        let mut handle: libc::pthread_t = core::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        libc::pthread_attr_init(&mut attributes);
        libc::pthread_attr_setdetachstate(&mut attributes, libc::PTHREAD_CREATE_DETACHED);
        libc::pthread_attr_setstacksize(&mut attributes, stack);
        let started = libc::pthread_create(&mut handle, &attributes, main, ptr::null_mut()) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut());
        *libc::__errno_location() = errno;
        started
    }
}

extern "C" fn main(_: *mut c_void) -> *mut c_void {
    // SAFETY: the name ends in a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"planet-malloc".as_ptr()) };
    page::make();
    let delay = DELAY_MS.get() * 1_000_000;
    let (mut pause, mut next_count) = (0, 0);
    loop {
        let usual = if page::is_over_limit() { PAUSE_OVER_LIMIT } else { delay / VISITS };
        rest(usual.max(pause).max(SHORTEST_PAUSE));
        let (start, returned) = (sys::now(), page::returned_bytes());
        let waiting = if page::is_over_limit() {
            purge::run(Which::All, start)
        } else {
            purge::run(Which::Aged, start.saturating_sub(delay / VISITS * (VISITS - 1)))
        };
        let now = sys::now();
        let was_worth_it = page::returned_bytes() != returned;
        pause = if was_worth_it { 0 } else { (now - start) * SHARE };
        if now >= next_count || !waiting {
            figures::figures();
            let done = sys::now();
            next_count = done + (done - now) * COUNTING_SHARE;
        }
        if waiting {
            continue;
        }
        STATE.store(ASLEEP, Relaxed);
        // Whoever frees something notes it first and reads the state then. After the barrier either we see the note
        // or they see that we are asleep.
        sys::barrier_everywhere();
        if purge::is_wanted() {
            let _ = STATE.compare_exchange(ASLEEP, AWAKE, Relaxed, Relaxed);
        }
        while STATE.load(Acquire) == ASLEEP {
            sys::futex_wait(STATE.as_ptr(), ASLEEP, None);
        }
    }
}

/// Sleeps until the next visit is due, or more is resident than is advised.
fn rest(nanoseconds: u64) {
    let end = sys::now() + nanoseconds;
    let mut left = nanoseconds;
    while left != 0 {
        sleep(left);
        if AT_PEAK.swap(false, Relaxed) {
            purge::relieve();
        }
        left = if page::is_over_limit() { 0 } else { end.saturating_sub(sys::now()) };
    }
}

fn sleep(nanoseconds: u64) {
    if page::is_over_limit() {
        // It has been told, and is again with everything that happens.
        let nobody_wakes = AtomicU32::new(0);
        sys::futex_wait(nobody_wakes.as_ptr(), 0, Some(nanoseconds));
    } else {
        HURRY.store(0, Relaxed);
        sys::futex_wait(HURRY.as_ptr(), 0, Some(nanoseconds));
    }
}
