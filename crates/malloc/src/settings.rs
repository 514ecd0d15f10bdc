//! What can be set from the environment, read when it is first needed.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PLANET_MALLOC_DELAY_MS` | after how long unused memory has gone back | 1000 |
//! | `PLANET_MALLOC_BACKGROUND` | `0`: no thread of its own; the program calls `malloc_trim` or `planet_malloc_release` | 1 |
//! | `PLANET_MALLOC_CACHE_MB` | how much of freed large blocks is kept for reuse until then | 256 |
//! | `PLANET_MALLOC_MAGAZINES_MB` | how much all threads together may have at hand for their next allocations; one may have a quarter of it, and always 256 KiB | 64 |
//! | `PLANET_MALLOC_LIMIT` | bytes: while more are resident, freed memory goes back at once; 0 for no limit | 0 |
//! | `PLANET_MALLOC_PROFILE` and two more | see [`profile`] | no profile |
//! | `PLANET_MALLOC_PYTHON` | `1`: a CPython (3.7 and later, no debug or free-threaded build) that the program is, or is linked with, takes all its objects from `libplanet_malloc.so`, without the way through `malloc`, unless `PYTHONMALLOC` is set to another value than `malloc`, or in its development mode; `planet run` sets it | 0 |
//! | `PLANET_MALLOC_PAGES` | the folder of the [live figures](crate::page), an absolute path; empty or `0` for none | `/dev/shm/planet-malloc.UID` |

use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::profile;

/// One number from the environment.
pub(crate) struct Setting {
    name: &'static CStr,
    default: u64,
    most: u64,
    value: AtomicU64,
}

const UNREAD: u64 = u64::MAX;

impl Setting {
    const fn new(name: &'static CStr, default: u64, most: u64) -> Self {
        Self { name, default, most, value: AtomicU64::new(UNREAD) }
    }

    pub(crate) fn get(&self) -> u64 {
        let value = self.value.load(Relaxed);
        if value != UNREAD {
            return value;
        }
        let value = variable(self.name).and_then(|text| number(text.to_bytes()));
        let value = value.map_or(self.default, |value| value.min(self.most));
        self.value.store(value, Relaxed);
        value
    }
}

/// Whether CPython is to take its objects from `libplanet_malloc.so` without the way through `malloc`.
pub fn serves_python() -> bool {
    PYTHON.get() == 1
}

/// The text of a variable, good until somebody sets it anew. None of those that whoever starts a privileged program has
/// set for it.
pub(crate) fn variable(name: &CStr) -> Option<&'static CStr> {
    unsafe extern "C" {
        fn secure_getenv(name: *const libc::c_char) -> *mut libc::c_char;
    }
    // SAFETY: `name` ends in a zero byte, and what is returned does too.
    unsafe {
        let text = secure_getenv(name.as_ptr());
        (!text.is_null()).then(|| CStr::from_ptr(text))
    }
}

/// Whether libc has made the environment known already, which it has not at the very start of a process.
pub(crate) fn are_known() -> bool {
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    // SAFETY: a pointer that libc sets as it starts.
    !unsafe { environ }.is_null()
}

/// What a sequence of digits says; `None` for anything else.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    text.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

pub(crate) static DELAY_MS: Setting = Setting::new(c"PLANET_MALLOC_DELAY_MS", 1000, 3_600_000);
pub(crate) static BACKGROUND: Setting = Setting::new(c"PLANET_MALLOC_BACKGROUND", 1, 1);
pub(crate) static CACHE_MB: Setting = Setting::new(c"PLANET_MALLOC_CACHE_MB", 256, 1 << 20);
pub(crate) static MAGAZINES_MB: Setting = Setting::new(c"PLANET_MALLOC_MAGAZINES_MB", 64, 1 << 20);
pub(crate) static LIMIT: Setting = Setting::new(c"PLANET_MALLOC_LIMIT", 0, 1 << 47);
static PYTHON: Setting = Setting::new(c"PLANET_MALLOC_PYTHON", 0, 1);
pub(crate) static PROFILE_RATE: Setting =
    Setting::new(c"PLANET_MALLOC_PROFILE_RATE", profile::Options::USUAL_RATE, 1 << 30);
pub(crate) static PROFILE_SIGNAL: Setting = Setting::new(c"PLANET_MALLOC_PROFILE_SIGNAL", 0, 64);
pub(crate) const PROFILE: &CStr = c"PLANET_MALLOC_PROFILE";
pub(crate) const PAGES: &CStr = c"PLANET_MALLOC_PAGES";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_alone() {
        assert_eq!(number(b"250"), Some(250));
        assert_eq!(number(b""), None);
        assert_eq!(number(b"1s"), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b"9999999999999999"), None);
    }

    #[test]
    fn keeps_to_the_default_and_to_the_bound() {
        assert_eq!(Setting::new(c"PLANET_MALLOC_NOT_SET", 7, 9).get(), 7);
        // PATH is set, and is no number.
        assert_eq!(Setting::new(c"PATH", 7, 9).get(), 7);
    }
}
