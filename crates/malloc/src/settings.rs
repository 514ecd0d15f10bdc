//! What can be set from the environment, read when it is first needed.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PLANET_MALLOC_DELAY_MS` | after how long unused memory has gone back | 1000 |
//! | `PLANET_MALLOC_BACKGROUND` | `0`: no thread of its own; the program calls `malloc_trim` or `planet_malloc_release` | 1 |
//! | `PLANET_MALLOC_CACHE_MB` | how much of freed large blocks is kept for reuse until then | 256 |

use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
        // SAFETY: `name` ends in a zero byte, and what `getenv` returns does too.
        let text = unsafe {
            let text = libc::getenv(self.name.as_ptr());
            (!text.is_null()).then(|| CStr::from_ptr(text))
        };
        let value = text.and_then(|text| number(text.to_bytes())).map_or(self.default, |value| value.min(self.most));
        self.value.store(value, Relaxed);
        value
    }
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
