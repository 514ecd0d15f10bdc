//! mallopt, malloc_trim, and the figures that glibc offers.

use core::fmt::Write;
use std::os::fd::FromRawFd;

use libc::{c_char, c_int, size_t};

use crate::core_alloc::{Figures, figures, page, release};

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

/// As `planet_malloc.h` has it. Every word is a number; those of class `n` begin at `CLASSES_AT + n * CLASS_WORDS`.
const CLASSES_AT: usize = 15;
const CLASS_WORDS: usize = 4;
const CLASSES: usize = 128;
const WORDS: usize = CLASSES_AT + CLASSES * CLASS_WORDS;

/// The figures of this process, counted now: fills in the first `size` bytes of what `planet_malloc.h` calls `struct
/// planet_malloc_figures`, and says how many of them this version knows.
///
/// # Safety
/// `out` is writable for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn planet_malloc_figures(out: *mut u64, size: size_t) -> size_t {
    let own = page::own();
    let (live, resident) = (own.peak_live, own.peak_resident);
    let mut words = [0; WORDS];
    words[..CLASSES_AT].copy_from_slice(&[
        own.live,
        own.mapped,
        own.resident,
        own.cached,
        own.returned,
        own.limit.unwrap_or(0),
        live.second,
        live.ten_seconds,
        live.minute,
        resident.second,
        resident.ten_seconds,
        resident.minute,
        own.allocations,
        own.frees,
        own.classes.len().min(CLASSES) as u64,
    ]);
    for (words, class) in words[CLASSES_AT..].chunks_mut(CLASS_WORDS).zip(&own.classes) {
        words.copy_from_slice(&[class.slot_size, class.live, class.allocations, class.frees]);
    }
    // SAFETY: the caller promises that many writable bytes, and `words` has those that are copied.
    unsafe {
        out.cast::<u8>().write_bytes(0, size);
        out.cast::<u8>().copy_from_nonoverlapping(words.as_ptr().cast(), size.min(size_of_val(&words)));
    }
    size_of_val(&words)
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
