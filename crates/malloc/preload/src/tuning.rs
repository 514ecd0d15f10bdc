//! mallopt, malloc_trim, and the figures that glibc offers.

use core::fmt::Write;
use std::os::fd::FromRawFd;

use libc::{c_char, c_int, size_t};

use crate::core_alloc::{Figures, figures, release};

/// `malloc_trim(3)`: gives back at once all that can go, whatever `keep` says. 1 when that was anything.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_keep: size_t) -> c_int {
    release().into()
}

/// The work of the background thread, for a program that has switched it off and knows when it is idle.
#[unsafe(no_mangle)]
pub extern "C" fn planet_malloc_release() -> c_int {
    release().into()
}

/// `mallopt(3)`: accepted and without effect, since glibc's parameters mean nothing here.
#[unsafe(no_mangle)]
pub extern "C" fn mallopt(_parameter: c_int, _value: c_int) -> c_int {
    1
}

/// `mallinfo2(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> libc::mallinfo2 {
    let Figures { live, live_slots, mapped, resident, cached, .. } = figures();
    libc::mallinfo2 {
        arena: resident,
        ordblks: live_slots,
        smblks: 0,
        hblks: 0,
        hblkhd: mapped,
        usmblks: 0,
        fsmblks: cached,
        uordblks: live,
        fordblks: resident.saturating_sub(live),
        keepcost: cached,
    }
}

/// `mallinfo(3)`, whose fields are too narrow: what does not fit is cut at the largest value.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo() -> libc::mallinfo {
    let wide = mallinfo2();
    let narrow = |value: usize| c_int::try_from(value).unwrap_or(c_int::MAX);
    libc::mallinfo {
        arena: narrow(wide.arena),
        ordblks: narrow(wide.ordblks),
        smblks: 0,
        hblks: 0,
        hblkhd: narrow(wide.hblkhd),
        usmblks: 0,
        fsmblks: narrow(wide.fsmblks),
        uordblks: narrow(wide.uordblks),
        fordblks: narrow(wide.fordblks),
        keepcost: narrow(wide.keepcost),
    }
}

/// A line of text without an allocation.
struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Line {
    fn new() -> Self {
        Self { bytes: [0; 512], len: 0 }
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// `malloc_stats(3)`: writes the figures to standard error.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    let Figures { live, live_slots, mapped, resident, cached, returned, chunks } = figures();
    let mut line = Line::new();
    let written = writeln!(
        line,
        "planet-malloc: {live} bytes live ({live_slots} slots), {resident} resident, {cached} kept for reuse, \
         {mapped} mapped in {chunks} chunks and the large blocks, {returned} returned"
    );
    if written.is_ok() {
        // SAFETY: standard error is borrowed, not closed.
        let mut error = core::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(2) });
        let _ = std::io::Write::write_all(&mut *error, line.text());
    }
}

/// `malloc_info(3)`: writes the figures to `stream` as XML. `options` must be 0.
///
/// # Safety
/// `stream` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_info(options: c_int, stream: *mut libc::FILE) -> c_int {
    if options != 0 {
        crate::set_errno(libc::EINVAL);
        return -1;
    }
    let Figures { live, live_slots, mapped, resident, cached, returned, chunks } = figures();
    let mut line = Line::new();
    let written = writeln!(
        line,
        "<malloc version=\"planet-1\">\n<live size=\"{live}\" slots=\"{live_slots}\"/>\n<mapped size=\"{mapped}\" \
         chunks=\"{chunks}\"/>\n<resident size=\"{resident}\"/>\n<cached size=\"{cached}\"/>\n<returned \
         size=\"{returned}\"/>\n</malloc>"
    );
    let text = line.text();
    // SAFETY: `text` is readable, and the caller promises that the stream is open.
    let done = unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), stream) };
    if written.is_ok() && done == text.len() { 0 } else { -1 }
}

/// The version of the library, for a program that wants to know whether it runs on it: look the symbol up by `dlsym`.
#[unsafe(no_mangle)]
pub extern "C" fn planet_malloc_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
