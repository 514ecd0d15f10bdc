//! The heap profile: begun by the environment as the library is loaded, or by the program.

use core::ffi::CStr;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use libc::{c_char, c_int};

use crate::core_alloc::profile::{self, Options, ProfileError};

/// The loader calls what is in this section once libc is there, and before the program's own code.
#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

extern "C" fn begin() {
    profile::start_if_asked();
}

/// Begins to sample, once in `rate` bytes on average; 0 stands for the usual 512 KiB. Returns 0, or -1 with `errno` set:
/// `EALREADY` when it has begun before, `ENOMEM`.
#[unsafe(no_mangle)]
pub extern "C" fn planet_malloc_profile_start(rate: u64) -> c_int {
    let usual = Options::default();
    let rate = if rate == 0 { usual.rate } else { rate };
    returned(profile::start(Options { rate, ..usual }))
}

/// Writes the profile to a file. Returns 0, or -1 with `errno` set: `EINVAL` when profiling has not begun, or why the
/// file cannot be written.
///
/// # Safety
/// `path` ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn planet_malloc_profile_write(path: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(path) };
    returned(profile::write(OsStr::from_bytes(path.to_bytes())))
}

fn returned(result: Result<(), ProfileError>) -> c_int {
    let Err(error) = result else { return 0 };
    crate::set_errno(match error {
        ProfileError::AlreadyStarted => libc::EALREADY,
        ProfileError::NotStarted => libc::EINVAL,
        ProfileError::NoMemory => libc::ENOMEM,
        ProfileError::Write { error, .. } => error.raw_os_error().unwrap_or(libc::EIO),
        _ => libc::EIO,
    });
    -1
}
