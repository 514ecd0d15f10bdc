//! The file of the page: made when there is something to say, mapped over the page, and removed at exit.
//!
//! Only raw system calls are made here: libc's would write `errno`, and some are points at which a thread can be
//! cancelled, which an allocation is not.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

use super::birth::Birth;
use super::layout::{MAGIC, Page, VERSION};
use super::place::Place;
use super::record::{self, PAGE};
use super::sweep::sweep;
use crate::arena::ARENA;
use crate::classes::CLASSES;
use crate::large::LARGE;
use crate::settings::{self, LIMIT};
use crate::{background, figures, interrupted, sys};

const NOT_MADE: u32 = 0;
const BEING_MADE: u32 = 1;
const MADE: u32 = 2;
/// Switched off, or it could not be made.
const OFF: u32 = 3;

static STATE: AtomicU32 = AtomicU32::new(NOT_MADE);
/// At how many bytes in spans to come by again.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A child of a fork gets a page when it has taken this much more: most become another program before.
const REASON: u64 = 1 << 20;
/// No line of `/proc/self/stat` is longer.
const STAT_LEN: usize = 2048;
const LEN: usize = size_of::<Page>();

/// Makes the page when the process has none, and has slots counted when they have doubled: a program that only
/// allocates has no thread of its own to do it. Must be called without a lock held.
#[inline]
pub(crate) fn keep_up() {
    if record::span_bytes() >= NEXT.load(Relaxed) {
        catch_up();
    }
}

#[cold]
fn catch_up() {
    if settings::are_known() {
        NEXT.store((record::span_bytes() * 2).max(REASON), Relaxed);
        make();
        if !background::is_running() {
            figures::figures();
        }
    }
}

/// Makes the page if there is none yet and it is not switched off. Must be called without a lock held.
pub(crate) fn make() {
    if STATE.load(Relaxed) == NOT_MADE && STATE.compare_exchange(NOT_MADE, BEING_MADE, Acquire, Relaxed).is_ok() {
        record::set_limit(LIMIT.get());
        STATE.store(if try_to_make().is_some() { MADE } else { OFF }, Release);
    }
}

fn try_to_make() -> Option<()> {
    introduce()?;
    let place = Place::of(own_pid())?;
    let path = place.path();
    // One is there already when this process made it before it became this program.
    sys::remove_file(path);
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let file = sys::open(path, flags, 0o600)?;
    let is_mapped = {
        // What is noted under these locks does not fall between the copy and the mapping.
        let (_arena, _large) = (ARENA.lock(), LARGE.lock());
        map_over_page(file)
    };
    sys::close(file);
    if !is_mapped {
        sys::remove_file(path);
        return None;
    }
    PAGE.magic.store(MAGIC, Release);
    sweep(&place);
    // SAFETY: only the thread that makes the page is here, and the state is not `MADE` yet.
    unsafe { *PLACE.0.get() = place };
    Some(())
}

fn own_pid() -> u32 {
    // SAFETY: the call takes nothing.
    unsafe { libc::getpid() as u32 }
}

/// Writes into the page whose it is.
fn introduce() -> Option<()> {
    let mut stat = [0; STAT_LEN];
    let stat = read_file(c"/proc/self/stat", &mut stat)?;
    let birth = Birth::parse(stat)?;
    let name = stat.iter().position(|byte| *byte == b'(')? + 1..stat.iter().rposition(|byte| *byte == b')')?;
    let mut padded = [0; 16];
    let len = name.len().min(padded.len());
    padded[..len].copy_from_slice(&stat[name][..len]);
    for (word, bytes) in PAGE.command.iter().zip(padded.as_chunks().0) {
        word.store(u64::from_ne_bytes(*bytes), Relaxed);
    }
    PAGE.version.store(VERSION, Relaxed);
    PAGE.len.store(LEN as u32, Relaxed);
    PAGE.class_count.store(CLASSES as u32, Relaxed);
    PAGE.pid.store(own_pid(), Relaxed);
    PAGE.started.store(birth.started, Relaxed);
    PAGE.stack.store(birth.stack, Relaxed);
    Some(())
}

fn read_file<'a>(path: &CStr, into: &'a mut [u8]) -> Option<&'a [u8]> {
    let file = sys::open(path, libc::O_RDONLY | libc::O_CLOEXEC, 0)?;
    let len = sys::read(file, into);
    sys::close(file);
    Some(&into[..len?])
}

/// Copies the page into the file, and maps the file in its place.
fn map_over_page(file: i32) -> bool {
    let page = &raw const PAGE;
    // Written and not only lengthened, so that a full file system is noticed here, and not by a fault later.
    // SAFETY: the page is of as many bytes.
    let is_written = unsafe { sys::write(file, page.cast(), LEN) };
    interrupted::here();
    // SAFETY: the page is alone on its system pages, and keeps its contents.
    is_written && unsafe { sys::map_over(page.addr(), LEN, Some(file)) }
}

/// The words of the page up to the classes, as they were when the last fork began: the child has a heap as it was then,
/// while the page that it finds is its parent's, in which others go on noting.
static AT_FORK: [AtomicU64; offset_of!(Page, classes) / 8] =
    [const { AtomicU64::new(0) }; offset_of!(Page, classes) / 8];

/// Before a fork, with all locks held.
pub(crate) fn prepare_fork() {
    if is_perhaps_mapped() {
        AT_FORK.iter().zip(words()).for_each(|(copy, word)| copy.store(word.load(Relaxed), Relaxed));
    }
}

/// The page word by word.
fn words() -> &'static [AtomicU64; LEN / 8] {
    // SAFETY: it is as long, aligned, and made of atomic integers alone.
    unsafe { &*(&raw const PAGE).cast() }
}

/// In the child of a fork, before anything else runs: leaves the page to the parent.
pub(crate) fn leave_to_parent() {
    if is_perhaps_mapped() {
        take_page_back();
    }
    NEXT.store(record::span_bytes() + REASON, Relaxed);
    STATE.store(NOT_MADE, Relaxed);
}

fn is_perhaps_mapped() -> bool {
    matches!(STATE.load(Relaxed), BEING_MADE | MADE)
}

/// Puts private memory with the same contents in place of the mapped file.
fn take_page_back() {
    let contents = words().each_ref().map(|word| word.load(Relaxed));
    // SAFETY: no other thread is there to see the page until it is filled again.
    if !unsafe { sys::map_over((&raw const PAGE).addr(), LEN, None) } {
        sys::write_error(b"planet-malloc: no memory for the child of a fork\n");
        std::process::abort();
    }
    words().iter().zip(contents).for_each(|(word, content)| word.store(content, Relaxed));
    words().iter().zip(&AT_FORK).for_each(|(word, copy)| word.store(copy.load(Relaxed), Relaxed));
    PAGE.magic.store(0, Relaxed);
}

/// Where the file is to be removed from at exit. Written while the page is being made, by the one who makes it.
struct Made(UnsafeCell<Place>);

// SAFETY: written by one thread before `STATE` says `MADE`, and read only after that.
unsafe impl Sync for Made {}

static PLACE: Made = Made(UnsafeCell::new(Place::nowhere()));

/// Has it called when the process exits, or the library is unloaded. `atexit` would not do: it may allocate, under a lock
/// of libc that whoever called us may hold.
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_EXIT: extern "C" fn() = remove_at_exit;

extern "C" fn remove_at_exit() {
    // A child that got here without the handlers of a fork still has its parent's state.
    if STATE.load(Acquire) == MADE && PAGE.pid.load(Relaxed) == own_pid() {
        // SAFETY: written before the state was `MADE`.
        sys::remove_file(unsafe { (*PLACE.0.get()).path() });
    }
}
