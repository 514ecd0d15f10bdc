//! The body of a response: pieces of a file, read as they are wanted.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use crate::body::BoxError;

/// The most that is read ahead for one response.
pub const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// Of the file.
    File(Range<u64>),
}

pub(super) struct FileBody {
    file: Arc<File>,
    pieces: VecDeque<Piece>,
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// One of the files that may be open at a time.
    _permit: OwnedSemaphorePermit,
}

impl FileBody {
    pub(super) fn new(file: Arc<File>, pieces: VecDeque<Piece>, permit: OwnedSemaphorePermit) -> Self {
        let left = pieces.iter().map(Piece::length).sum();
        Self { file, pieces, left, reading: None, _permit: permit }
    }

    /// Takes what was read off the piece in front.
    fn advance(&mut self, bytes: Bytes) -> Result<Frame<Bytes>, BoxError> {
        if bytes.is_empty() {
            // The length is promised; a body that ends early breaks the connection, as it should.
            self.pieces.clear();
            return Err(
                io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent").into()
            );
        }
        if let Some(Piece::File(range)) = self.pieces.front_mut() {
            range.start += bytes.len() as u64;
            if range.is_empty() {
                self.pieces.pop_front();
            }
        }
        self.left -= bytes.len() as u64;
        Ok(Frame::data(bytes))
    }
}

impl Piece {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.reading.is_none() {
            let range = match this.pieces.front() {
                None => return Poll::Ready(None),
                Some(Piece::File(range)) => chunk(range),
                Some(Piece::Bytes(_)) => {
                    let Some(Piece::Bytes(bytes)) = this.pieces.pop_front() else { return Poll::Ready(None) };
                    this.left -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            };
            if let Some(bytes) = read_now(&this.file, &range) {
                return Poll::Ready(Some(this.advance(bytes)));
            }
            let file = this.file.clone();
            this.reading = Some(tokio::task::spawn_blocking(move || read(&file, &range)));
        }
        let Some(reading) = &mut this.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(context));
        this.reading = None;
        Poll::Ready(Some(match read.map_err(io::Error::other).flatten() {
            Ok(bytes) => this.advance(bytes),
            Err(error) => {
                this.pieces.clear();
                Err(error.into())
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The beginning of a range that is read at once.
fn chunk(range: &Range<u64>) -> Range<u64> {
    range.start..range.end.min(range.start + CHUNK_BYTES as u64)
}

/// The whole of a range of at most one chunk, if it takes no waiting.
pub(super) fn whole_now(file: &File, range: &Range<u64>) -> Option<Bytes> {
    read_now(file, range).filter(|bytes| bytes.len() as u64 == range.end - range.start)
}

/// The whole of a range of at most one chunk.
pub(super) fn whole(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    use std::os::unix::fs::FileExt as _;

    let mut buffer = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut buffer, range.start)?;
    Ok(buffer.into())
}

/// What the kernel has in memory of a range, if it has its beginning.
#[cfg(target_os = "linux")]
fn read_now(file: &File, range: &Range<u64>) -> Option<Bytes> {
    use rustix::io::ReadWriteFlags;

    let mut buffer = vec![0; (range.end - range.start) as usize];
    let mut buffers = [io::IoSliceMut::new(&mut buffer)];
    // Any error is met again, and reported, where waiting is allowed.
    let read = rustix::io::preadv2(file, &mut buffers, range.start, ReadWriteFlags::NOWAIT).ok()?;
    buffer.truncate(read);
    Some(buffer.into())
}

#[cfg(not(target_os = "linux"))]
fn read_now(_: &File, _: &Range<u64>) -> Option<Bytes> {
    None
}

fn read(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    use std::os::unix::fs::FileExt as _;

    let mut buffer = vec![0; (range.end - range.start) as usize];
    let read = file.read_at(&mut buffer, range.start)?;
    buffer.truncate(read);
    Ok(buffer.into())
}
