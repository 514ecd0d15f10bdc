//! One read buffer for each thread.
//!
//! An idle connection should not own a buffer just in case something arrives. It waits until its
//! socket is readable, borrows the thread's buffer for the time of one read, and gives it back.

use std::cell::Cell;

/// Size of the buffer in bytes: a TLS record and a header fit, and so does what a busy socket
/// usually has ready.
pub const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Runs `work` with the thread's buffer of [`SCRATCH_BYTES`], whose content is arbitrary.
///
/// The buffer is made at a thread's first use. A call inside another call gets a buffer of its own,
/// freed afterwards.
///
/// ```
/// use std::io::Read;
/// let mut source = &b"some bytes"[..];
/// let read = planet_websocket::scratch::with(|buffer| {
///     let read = source.read(buffer).unwrap();
///     buffer[..read].to_ascii_uppercase()
/// });
/// assert_eq!(read, b"SOME BYTES");
/// ```
pub fn with<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer =
        SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_else(|| vec![0; SCRATCH_BYTES].into_boxed_slice());
    let result = work(&mut buffer);
    // Fails only while the thread is being taken down; then the buffer is simply freed.
    let _ = SCRATCH.try_with(|scratch| scratch.set(Some(buffer)));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_same_buffer_again_and_another_inside() {
        let first = with(|buffer| buffer.as_ptr());
        let (second, inner) = with(|buffer| (buffer.as_ptr(), with(|inner| inner.as_ptr())));
        assert_eq!(first, second);
        assert_ne!(second, inner);
        assert_eq!(with(|buffer| buffer.len()), SCRATCH_BYTES);
    }
}
