//! The last words of a program that misused the heap: one line, then abort.

use crate::sys;

pub(crate) const BAD_POINTER: &str = "free of a pointer that was not allocated, or a double free,";
pub(crate) const MARK_GONE: &str = "write to a block after its free, or a double free of it,";
pub(crate) const NO_SIZE: &str = "size asked of a pointer that was not allocated,";
pub(crate) const DOUBLE_FREE: &str = "double free";

/// Says what was done wrong with `address` and aborts.
#[cold]
#[inline(never)]
pub(crate) fn misuse(what: &str, address: usize) -> ! {
    let mut line = [0_u8; 160];
    let mut len = 0;
    let mut put = |text: &[u8]| {
        let text = &text[..text.len().min(line.len() - len)];
        line[len..len + text.len()].copy_from_slice(text);
        len += text.len();
    };
    put(b"planet-malloc: ");
    put(what.as_bytes());
    put(b" at 0x");
    let digits = (usize::BITS - address.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        put(&[b"0123456789abcdef"[address >> (digit * 4) & 15]]);
    }
    put(b"\n");
    sys::write_error(&line[..len]);
    std::process::abort()
}
