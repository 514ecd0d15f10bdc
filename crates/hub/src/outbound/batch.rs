//! What a queue holds, and how all of it is written at once.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Drained;
use crate::connection::Connection;
use crate::event::Gap;

/// Where a connection's frames are written without waiting, from any thread.
pub trait Sink: Send + Sync {
    /// Writes the start of `frames` and says how many bytes, or fails with [`io::ErrorKind::WouldBlock`].
    ///
    /// # Errors
    /// `WouldBlock` when the peer takes no more for now; any other error ends the connection.
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Told by [`Connection::drain`](crate::Connection::drain) that writing has come to a stop before the queue was
    /// empty, or for good: time to wait until the peer takes more, or to close.
    fn stopped(self: Arc<Self>, connection: &Arc<Connection>, outcome: Drained);
}

/// Slices given to one write; the kernel takes up to 1024, and past some dozens nothing is gained.
const MAX_SLICES: usize = 64;

/// A frame and where it came from, so that the overflow policies find the frames they may drop. Its frame is not empty, but for
/// that of a hold, which is never written.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) frame: Bytes,
    pub(super) source: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    /// A reply or another frame that is never dropped.
    Session,
    /// The rest of a frame that is half written, which has to go out whatever is dropped behind it.
    Rest,
    /// The place of a frame that is yet to come; nothing is written before it is there.
    Hold,
    Publication {
        channel: u64,
        offset: u64,
    },
    /// Boxed, because it is rare and would make every entry larger.
    Gap {
        channel: u64,
        gap: Box<Gap>,
    },
}

/// One entry fits without a heap allocation: most queues hold at most one.
pub(super) type Entries = SmallVec<[Entry; 1]>;

/// Everything a queue held when it was taken, on its way to the peer.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) entries: Entries,
    /// Whole entries written, and bytes of the next one.
    pub(super) next: usize,
    pub(super) skip: usize,
    pub(super) written: usize,
    pub(super) since: Option<Instant>,
}

impl Batch {
    /// Whether all of it is written.
    pub fn is_empty(&self) -> bool {
        self.next == self.entries.len()
    }

    /// Whether it never held anything.
    pub(crate) fn is_unused(&self) -> bool {
        self.entries.is_empty()
    }

    /// Its frames, for a transport that hands them on as they are.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.entries.iter().map(|entry| &entry.frame)
    }

    /// Bytes of all its frames.
    pub fn size(&self) -> usize {
        self.frames().map(Bytes::len).sum()
    }

    /// When the oldest of its frames was queued.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    pub(super) fn write_to(&mut self, sink: &dyn Sink) -> io::Result<()> {
        while !self.is_empty() {
            let mut slices: SmallVec<[IoSlice<'_>; 8]> = SmallVec::new();
            let waiting = &self.entries[self.next..];
            for (at, entry) in waiting.iter().take(MAX_SLICES).enumerate() {
                slices.push(IoSlice::new(if at == 0 { &entry.frame[self.skip..] } else { &entry.frame }));
            }
            let written = sink.try_write(&slices);
            drop(slices);
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn advance(&mut self, mut count: usize) {
        self.written += count;
        while let Some(entry) = self.entries.get(self.next) {
            let left = entry.frame.len() - self.skip;
            if count < left {
                self.skip += count;
                return;
            }
            count -= left;
            self.next += 1;
            self.skip = 0;
        }
    }

    /// What is not written yet.
    pub(super) fn into_rest(self) -> Entries {
        let Self { mut entries, next, skip, .. } = self;
        entries.drain(..next);
        if let Some(first) = entries.first_mut().filter(|_| skip > 0) {
            first.source = Source::Rest;
            let _written = first.frame.split_to(skip);
        }
        entries
    }
}
