//! The system calls the allocator makes, made directly.
//!
//! Going around libc's wrappers has one reason: they write `errno`, and neither `free` nor the work
//! behind `malloc` may be seen to change it. A call here returns its result or the negated error.

use core::ffi::CStr;

/// The size of a page, the grain at which memory is given back.
pub(crate) const PAGE: usize = 4096;

/// Lets a range be gone: reading it afterwards gives zeros.
pub(crate) const DONT_NEED: usize = libc::MADV_DONTNEED as usize;
const GUARD_INSTALL: usize = 102;
const GUARD_REMOVE: usize = 103;
/// `PIDFD_SELF_THREAD_GROUP`: "this process" wherever a pidfd is asked for (Linux 6.14).
const OWN_PROCESS: usize = -10001_isize as usize;

/// # Safety
/// The arguments must be sound for call `number`.
#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn syscall(number: i64, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the kernel's calling convention; what the call itself does is the caller's promise.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    result
}

/// # Safety
/// The arguments must be sound for call `number`.
#[cfg(target_arch = "aarch64")]
#[inline]
unsafe fn syscall(number: i64, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the kernel's calling convention; what the call itself does is the caller's promise.
    unsafe {
        core::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack)
        );
    }
    result
}

/// Fresh zeroed memory, readable and writable, near `hint` if that is free; `None` when there is none to be had.
pub(crate) fn map(hint: usize, len: usize) -> Option<usize> {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
    // SAFETY: a new mapping without MAP_FIXED disturbs no existing one.
    let at = unsafe { syscall(libc::SYS_mmap, [hint, len, protection, flags, usize::MAX, 0]) };
    (at > 0).then_some(at as usize)
}

/// Fresh zeroed memory at a multiple of `align`, a power of two of at least a page.
pub(crate) fn map_aligned(hint: usize, len: usize, align: usize) -> Option<usize> {
    let at = map(hint, len)?;
    if at & (align - 1) == 0 {
        return Some(at);
    }
    // SAFETY: the mapping was made a moment ago and nobody else knows of it.
    unsafe { unmap(at, len) };
    let at = map(0, len.checked_add(align)?)?;
    let start = (at + align - 1) & !(align - 1);
    // SAFETY: both ranges lie inside the fresh mapping, outside the part that is kept.
    unsafe {
        unmap(at, start - at);
        unmap(start + len, at + align - start);
    }
    Some(start)
}

/// # Safety
/// Nothing may use the range any more.
pub(crate) unsafe fn unmap(at: usize, len: usize) {
    if len > 0 {
        // SAFETY: the caller's promise.
        unsafe { syscall(libc::SYS_munmap, [at, len, 0, 0, 0, 0]) };
    }
}

/// Changes the length of a mapping and says where it is now; `None` leaves it as it was.
///
/// # Safety
/// The range must be one mapping of the caller's own, to which nobody else holds pointers.
pub(crate) unsafe fn remap(at: usize, old_len: usize, new_len: usize) -> Option<usize> {
    let flags = libc::MREMAP_MAYMOVE as usize;
    // SAFETY: the caller's promise.
    let at = unsafe { syscall(libc::SYS_mremap, [at, old_len, new_len, flags, 0, 0]) };
    (at > 0).then_some(at as usize)
}

/// # Safety
/// The advice must not take away contents that somebody still wants.
pub(crate) unsafe fn advise(at: usize, len: usize, advice: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { syscall(libc::SYS_madvise, [at, len, advice, 0, 0, 0]) == 0 }
}

/// Asks the kernel not to back a range with huge pages.
pub(crate) fn forbid_huge_pages(at: usize, len: usize) {
    // SAFETY: this advice leaves contents alone.
    unsafe { advise(at, len, libc::MADV_NOHUGEPAGE as usize) };
}

/// Makes every access to a page fault. With `MADV_GUARD_INSTALL` (Linux 6.13) this costs no mapping; before, it
/// splits one, so it is only done while `may_split`.
///
/// # Safety
/// Nobody may want the contents of the page.
pub(crate) unsafe fn guard(at: usize, may_split: bool) {
    // SAFETY: the caller's promise, for both calls.
    unsafe {
        if !advise(at, PAGE, GUARD_INSTALL) && may_split {
            syscall(libc::SYS_mprotect, [at, PAGE, libc::PROT_NONE as usize, 0, 0, 0]);
        }
    }
}

/// Undoes [`guard`].
///
/// # Safety
/// The page must have been guarded by it.
pub(crate) unsafe fn unguard(at: usize) {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: the page belongs to the caller, and becomes what it was.
    unsafe {
        if !advise(at, PAGE, GUARD_REMOVE) {
            syscall(libc::SYS_mprotect, [at, PAGE, protection, 0, 0, 0]);
        }
    }
}

/// A range of addresses, laid out as the kernel's `iovec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Range {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

/// The runs of those pages from `base` on whose bits are set.
pub(crate) fn runs_of_pages(base: usize, mut pages: u64) -> impl Iterator<Item = Range> {
    core::iter::from_fn(move || {
        let first = (pages != 0).then(|| pages.trailing_zeros())?;
        let len = (pages >> first).trailing_ones();
        pages &= !(u64::MAX >> (u64::BITS - len) << first);
        Some(Range { at: base + first as usize * PAGE, len: len as usize * PAGE })
    })
}

/// Lets all `ranges` be gone in one call where the kernel can (Linux 6.14), range by range elsewhere. False when not all
/// are, since there are locked pages in them (mlock(2)).
///
/// # Safety
/// Nobody may want the contents of the ranges.
pub(crate) unsafe fn discard(ranges: &[Range]) -> bool {
    let expected: usize = ranges.iter().map(|range| range.len).sum();
    let list = ranges.as_ptr() as usize;
    if ranges.len() > 1 {
        // SAFETY: the caller's promise; `list` points to as many ranges as are named.
        let done = unsafe { syscall(libc::SYS_process_madvise, [OWN_PROCESS, list, ranges.len(), DONT_NEED, 0, 0]) };
        if done == expected as isize {
            return true;
        }
    }
    // SAFETY: the caller's promise.
    let refused = ranges.iter().filter(|range| !unsafe { advise(range.at, range.len, DONT_NEED) });
    refused.count() == 0
}

/// Sleeps while `*word == expected`, for `nanoseconds` at most when they are given. May return early.
pub(crate) fn futex_wait(word: *const u32, expected: u32, nanoseconds: Option<u64>) {
    let time = nanoseconds.map(|n| libc::timespec {
        tv_sec: (n / 1_000_000_000) as libc::time_t,
        tv_nsec: (n % 1_000_000_000) as libc::c_long,
    });
    let time = time.as_ref().map_or(core::ptr::null(), core::ptr::from_ref) as usize;
    let wait = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    // SAFETY: the kernel checks the address, and `time` outlives the call.
    unsafe { syscall(libc::SYS_futex, [word as usize, wait, expected as usize, time, 0, 0]) };
}

/// Wakes `count` of those who sleep on `word`.
pub(crate) fn futex_wake(word: *const u32, count: u32) {
    let wake = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
    // SAFETY: the kernel only uses the address as a key.
    unsafe { syscall(libc::SYS_futex, [word as usize, wake, count as usize, 0, 0, 0]) };
}

/// Makes every running thread of the process pass a full memory barrier; false where the kernel cannot.
pub(crate) fn barrier_everywhere() -> bool {
    membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
        || (prepare_barrier() && membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED))
}

/// Has the kernel prepare for [`barrier_everywhere`], which takes it 5 to 15 ms once there are several threads.
pub(crate) fn prepare_barrier() -> bool {
    membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
}

fn membarrier(command: i32) -> bool {
    // SAFETY: the call takes no address.
    unsafe { syscall(libc::SYS_membarrier, [command as usize, 0, 0, 0, 0, 0]) == 0 }
}

/// Nanoseconds on the monotonic clock.
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let into = core::ptr::from_mut(&mut time) as usize;
    // SAFETY: `into` is a timespec to write to.
    unsafe { syscall(libc::SYS_clock_gettime, [libc::CLOCK_MONOTONIC as usize, into, 0, 0, 0, 0]) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The same clock, a few milliseconds behind, for a few nanoseconds: it is read without entering the kernel.
pub(crate) fn coarse_now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` can be written to. The clock exists, so the call cannot fail and leaves `errno` alone.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Lets another thread run.
pub(crate) fn yield_now() {
    // SAFETY: the call takes no argument.
    unsafe { syscall(libc::SYS_sched_yield, [0; 6]) };
}

const HERE: usize = libc::AT_FDCWD as usize;

/// Opens a file, which the caller has to [`close`].
pub(crate) fn open(path: &CStr, flags: i32, mode: u32) -> Option<i32> {
    // SAFETY: `path` ends in a zero byte.
    let file =
        unsafe { syscall(libc::SYS_openat, [HERE, path.as_ptr() as usize, flags as usize, mode as usize, 0, 0]) };
    i32::try_from(file).ok().filter(|file| *file >= 0)
}

/// Closes a file that the caller has opened.
pub(crate) fn close(file: i32) {
    // SAFETY: the caller's own file.
    unsafe { syscall(libc::SYS_close, [file as usize, 0, 0, 0, 0, 0]) };
}

/// Reads what there is of a small file. How many bytes that was.
pub(crate) fn read(file: i32, into: &mut [u8]) -> Option<usize> {
    // SAFETY: `into` can be written to.
    let len = unsafe { syscall(libc::SYS_read, [file as usize, into.as_mut_ptr() as usize, into.len(), 0, 0, 0]) };
    usize::try_from(len).ok()
}

/// Writes `len` bytes; false when not all of them were.
///
/// # Safety
/// `from` must be readable for as many.
pub(crate) unsafe fn write(file: i32, from: *const u8, len: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { syscall(libc::SYS_write, [file as usize, from as usize, len, 0, 0, 0]) == len as isize }
}

/// What the system says about a file. A link is not followed when `follow` is false.
pub(crate) fn status(path: &CStr, follow: bool) -> Option<libc::stat> {
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    // SAFETY: zero bytes are a valid `stat`, which has the kernel's layout and is writable; `path` ends in a zero byte.
    unsafe {
        let mut about: libc::stat = core::mem::zeroed();
        let into = core::ptr::from_mut(&mut about) as usize;
        let failed = syscall(libc::SYS_newfstatat, [HERE, path.as_ptr() as usize, into, flags as usize, 0, 0]);
        (failed == 0).then_some(about)
    }
}

/// The first entries of a folder, as getdents64(2) has them, and how many bytes they take.
pub(crate) fn list(folder: i32, into: &mut [u8]) -> Option<usize> {
    let (at, len) = (into.as_mut_ptr() as usize, into.len());
    // SAFETY: `into` can be written to.
    let len = unsafe { syscall(libc::SYS_getdents64, [folder as usize, at, len, 0, 0, 0]) };
    usize::try_from(len).ok()
}

/// Whether there is a process of that number.
pub(crate) fn is_process(pid: u32) -> bool {
    // SAFETY: signal 0 is none; the call only says whether it could be sent.
    unsafe { syscall(libc::SYS_kill, [pid as usize, 0, 0, 0, 0, 0]) != -(libc::ESRCH as isize) }
}

/// Makes a folder for its owner alone. It may be there already.
pub(crate) fn make_folder(path: &CStr) {
    // SAFETY: `path` ends in a zero byte.
    unsafe { syscall(libc::SYS_mkdirat, [HERE, path.as_ptr() as usize, 0o700, 0, 0, 0]) };
}

/// Removes a file, if it is there.
pub(crate) fn remove_file(path: &CStr) {
    // SAFETY: `path` ends in a zero byte.
    unsafe { syscall(libc::SYS_unlinkat, [HERE, path.as_ptr() as usize, 0, 0, 0, 0]) };
}

/// Puts a shared mapping of `file`, or fresh private memory, in place of what is mapped at `at`.
///
/// # Safety
/// The range must be the caller's, who answers for the contents that come with the mapping.
pub(crate) unsafe fn map_over(at: usize, len: usize, file: Option<i32>) -> bool {
    let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let (kind, file) = match file {
        Some(file) => (libc::MAP_SHARED, file as usize),
        None => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, usize::MAX),
    };
    let flags = (kind | libc::MAP_FIXED) as usize;
    // SAFETY: the caller's promise.
    unsafe { syscall(libc::SYS_mmap, [at, len, protection, flags, file, 0]) == at as isize }
}

/// Writes to standard error, as much as goes.
pub(crate) fn write_error(text: &[u8]) {
    // SAFETY: `text` is readable for its length.
    unsafe { syscall(libc::SYS_write, [2, text.as_ptr() as usize, text.len(), 0, 0, 0]) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_pages_are_one_range() {
        let runs = |pages| runs_of_pages(0x10_0000, pages).map(|range| (range.at - 0x10_0000, range.len)).collect();
        let none: Vec<(usize, usize)> = runs(0);
        assert_eq!(none, []);
        assert_eq!(runs(0b1011), [(0, 2 * PAGE), (3 * PAGE, PAGE)]);
        assert_eq!(runs(u64::MAX), [(0, 64 * PAGE)]);
        assert_eq!(runs(1 << 63), [(63 * PAGE, PAGE)]);
    }
}
