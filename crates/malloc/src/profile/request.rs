//! A profile that the user asks for: by the environment, written when the process exits, and at a signal before.
//!
//! The handler of the signal only wakes a thread of the profile's own, since nothing else can be done in a handler. The
//! thread starts with a sample that is taken, also in the child of a fork.

use core::ffi::{c_int, c_void};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering::*};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{self, Path, PathBuf};
use std::process;
use std::sync::OnceLock;

use super::recorder::{self, Options, start};
use super::{ProfileError, report};
use crate::settings::{self, PROFILE_RATE, PROFILE_SIGNAL};
use crate::{background, sys};

/// Naming symbols goes deep.
const STACK: usize = 1 << 20;
const PID: &[u8] = b"%p";

static FILE: OnceLock<PathBuf> = OnceLock::new();
/// How often the signal has come.
static ASKED: AtomicU32 = AtomicU32::new(0);
/// How often it had come when a file was last written for it.
static ANSWERED: AtomicU32 = AtomicU32::new(0);
/// The number of the last file that was written, or is being written.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

const NOT_WANTED: u32 = 0;
const WANTED: u32 = 1;
const STARTED: u32 = 2;
static THREAD: AtomicU32 = AtomicU32::new(NOT_WANTED);

/// Begins to sample if the environment says so, and sees to it that the file is written. What goes wrong is said on
/// standard error. To be called once, at the start of the program.
pub fn start_if_asked() {
    let Some(named) = settings::variable(settings::PROFILE).filter(|named| !named.is_empty()) else { return };
    // The process may be elsewhere when it writes.
    let file = path::absolute(OsStr::from_bytes(named.to_bytes()));
    let begun = start(Options { rate: PROFILE_RATE.get(), ..Options::default() });
    let (Ok(file), Ok(())) = (file, begun) else {
        sys::write_error(b"planet-malloc: heap profiling cannot begin\n");
        return;
    };
    if FILE.set(file).is_ok() {
        // SAFETY: a function of this library, which libc forgets when it unloads it.
        unsafe { libc::atexit(write_at_exit) };
        heed(PROFILE_SIGNAL.get() as c_int);
    }
}

extern "C" fn write_at_exit() {
    // The shells on the way to a program would otherwise each leave a file, or write over that of the program.
    if recorder::has_samples() {
        write_file();
    }
}

fn write_file() {
    let Some(named) = FILE.get() else { return };
    let number = WRITTEN.fetch_add(1, Relaxed) + 1;
    if let Err(error) = report::write(numbered(with_pid(named), number)) {
        // The next one takes the number, unless it has another already.
        let _ = WRITTEN.compare_exchange(number, number - 1, Relaxed, Relaxed);
        complain(&error);
    }
}

fn complain(error: &ProfileError) {
    sys::write_error(format!("planet-malloc: {error}\n").as_bytes());
}

/// Puts the process id in the place that is kept for it.
fn with_pid(named: &Path) -> PathBuf {
    let mut rest = named.as_os_str().as_bytes();
    let mut path = Vec::new();
    while let Some(at) = rest.windows(PID.len()).position(|two| two == PID) {
        path.extend_from_slice(&rest[..at]);
        path.extend_from_slice(process::id().to_string().as_bytes());
        rest = &rest[at + PID.len()..];
    }
    path.extend_from_slice(rest);
    OsStr::from_bytes(&path).into()
}

/// What the names of profiles end in, if they do.
const ENDINGS: [&[u8]; 3] = [b".pb.gz", b".pb", b".gz"];

/// From the second on, each file gets a name of its own: the number stands before the ending.
fn numbered(path: PathBuf, number: u32) -> PathBuf {
    if number == 1 {
        return path;
    }
    let name = path.file_name().unwrap_or_default().as_bytes();
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(*ending)).unwrap_or(name);
    let name = [stem, format!(".{number}").as_bytes(), &name[stem.len()..]].concat();
    path.with_file_name(OsStr::from_bytes(&name))
}

/// Has a file written whenever the signal comes, unless the program has a use for it.
fn heed(signal: c_int) {
    if signal == 0 {
        return;
    }
    // SAFETY: zero bytes are a valid `sigaction`, and both can be read and written; `ask` is a handler.
    unsafe {
        let mut before: libc::sigaction = mem::zeroed();
        let is_free = libc::sigaction(signal, ptr::null(), &mut before) == 0 && before.sa_sigaction == libc::SIG_DFL;
        let mut heeding: libc::sigaction = mem::zeroed();
        heeding.sa_sigaction = ask as extern "C" fn(c_int) as usize;
        heeding.sa_flags = libc::SA_RESTART;
        if !is_free || libc::sigaction(signal, &heeding, ptr::null_mut()) != 0 {
            sys::write_error(b"planet-malloc: the signal for heap profiles is taken, or is none\n");
            return;
        }
    }
    THREAD.store(WANTED, Release);
}

extern "C" fn ask(_: c_int) {
    ASKED.fetch_add(1, Release);
    sys::futex_wake(ASKED.as_ptr(), 1);
}

/// Starts the thread if there is to be one. Never called with a lock held.
pub(super) fn keep_thread() {
    if THREAD.load(Relaxed) == WANTED
        && THREAD.compare_exchange(WANTED, STARTED, AcqRel, Relaxed).is_ok()
        && !background::start(main, STACK)
    {
        THREAD.store(NOT_WANTED, Relaxed);
    }
}

/// In the child of a fork: the thread did not come along, and no file was written.
pub(super) fn forget_thread() {
    WRITTEN.store(0, Relaxed);
    let _ = THREAD.compare_exchange(STARTED, WANTED, Relaxed, Relaxed);
}

extern "C" fn main(_: *mut c_void) -> *mut c_void {
    // SAFETY: the name ends in a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"planet-profile".as_ptr()) };
    loop {
        let asked = ASKED.load(Acquire);
        if ANSWERED.swap(asked, Relaxed) == asked {
            sys::futex_wait(ASKED.as_ptr(), asked, None);
        } else {
            write_file();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_second_on_files_have_numbers() {
        let named = |path: &str, number| numbered(path.into(), number);
        assert_eq!(named("/a.b/heap.pb.gz", 1), PathBuf::from("/a.b/heap.pb.gz"));
        assert_eq!(named("/a.b/heap.pb.gz", 2), PathBuf::from("/a.b/heap.2.pb.gz"));
        assert_eq!(named("/a.b/.heap", 12), PathBuf::from("/a.b/.heap.12"));
        assert_eq!(named("heap.1234.pb.gz", 2), PathBuf::from("heap.1234.2.pb.gz"));
        assert_eq!(named("heap", 3), PathBuf::from("heap.3"));
    }

    #[test]
    fn the_process_id_goes_where_it_is_asked_for() {
        let id = process::id();
        assert_eq!(with_pid("/tmp/heap.pb.gz".as_ref()), PathBuf::from("/tmp/heap.pb.gz"));
        assert_eq!(with_pid("/a%p/b%".as_ref()), PathBuf::from(format!("/a{id}/b%")));
        assert_eq!(with_pid("%p%p".as_ref()), PathBuf::from(format!("{id}{id}")));
    }
}
