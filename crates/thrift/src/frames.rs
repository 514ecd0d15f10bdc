//! Frames: messages with their length in front, as four bytes, highest first (thrift-rpc.md, "Framed transport").

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::MessageError;

/// Bytes of a frame's length.
const LENGTH: usize = size_of::<u32>();

/// Room for what is read at once.
const READ_AT_ONCE: usize = 16 * 1024;

/// Reads frames from a connection. While there is nothing to read it holds no memory, and a frame takes only as much as
/// has come of it, whatever length it announces.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: BytesMut,
    limit: usize,
    begun: Option<Instant>,
}

impl Frames {
    /// Frames of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit, begun: None }
    }

    /// Since when a frame is there in part.
    pub(crate) fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// Takes the next frame, if all of it has come.
    pub(crate) fn take(&mut self) -> Result<Option<Bytes>, MessageError> {
        let frame = self.take_whole()?;
        if frame.is_some() || self.buffer.is_empty() {
            self.begun = None;
        } else {
            self.begun.get_or_insert_with(Instant::now);
        }
        Ok(frame)
    }

    fn take_whole(&mut self) -> Result<Option<Bytes>, MessageError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(MessageError::TooLong { bytes: Some(length), limit: self.limit });
        }
        if self.buffer.len() - LENGTH < length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// Waits for more bytes; 0 at the end. Cancel safe.
    pub(crate) async fn read(&mut self, tcp: &TcpStream) -> io::Result<usize> {
        loop {
            self.buffer.reserve(READ_AT_ONCE);
            match tcp.try_read_buf(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new();
            }
            tcp.readable().await?;
        }
    }
}

/// Appends a frame.
///
/// # Errors
///
/// When the message is too long for a length of 32 bits.
pub(crate) fn put(out: &mut BytesMut, message: &[u8]) -> Result<(), MessageError> {
    let too_long = MessageError::TooLong { bytes: Some(message.len()), limit: i32::MAX as usize };
    let length = i32::try_from(message.len()).map_err(|_| too_long)?;
    out.reserve(LENGTH + message.len());
    out.put_i32(length);
    out.put_slice(message);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let mut written = BytesMut::new();
        let messages: [&[u8]; 3] = [b"one", b"", b"three"];
        for message in messages {
            put(&mut written, message).unwrap();
        }
        for piece in 1..written.len() {
            let mut frames = Frames::new(5);
            let mut found = Vec::new();
            for bytes in written.chunks(piece) {
                frames.buffer.extend_from_slice(bytes);
                while let Some(frame) = frames.take().unwrap() {
                    found.push(frame);
                }
            }
            assert_eq!(found, messages);
            assert_eq!(frames.begun(), None);
        }
    }

    #[test]
    fn one_byte_past_the_limit_is_refused_before_it_comes() {
        let mut frames = Frames::new(5);
        frames.buffer.extend_from_slice(&[0, 0, 0, 5]);
        assert_eq!(frames.take(), Ok(None));
        let mut frames = Frames::new(5);
        frames.buffer.extend_from_slice(&[0, 0, 0, 6]);
        assert_eq!(frames.take(), Err(MessageError::TooLong { bytes: Some(6), limit: 5 }));
        assert!(frames.buffer.capacity() < 1024);
    }
}
