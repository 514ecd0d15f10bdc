//! A stream for driving tungstenite by hand.

use std::io::{self, Cursor, Read, Write};

/// Gives bytes to tungstenite, and forgets what it writes.
pub(crate) struct Bytes(Cursor<Vec<u8>>);

impl Bytes {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Cursor::new(bytes.to_vec()))
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
