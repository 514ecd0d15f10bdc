//! The outbound queue: what waits to be written to one connection.
//!
//! The hub pushes shared frames, one writer takes everything there is and writes it at once. The queue is bounded in
//! bytes, holds no memory while it is empty, and lets exactly one writer run:
//!
//! ```text
//!            push                    take finds nothing
//!   Idle ───────────► Scheduled ──────────────────────────► Idle
//!                      ▲     │ the sink takes no more
//!             writable │     ▼
//!                      └── Blocked
//! ```
//!
//! A push says when the queue has just become [`Scheduled`](Phase::Scheduled), so a writer is called for once however
//! many frames follow: that is what lets a burst leave in one write.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::connection::Connection;
use crate::event::{Disconnect, Gap};
use crate::options::Overflow;
use crate::sync::{Mutex, lock};

/// Where a connection's frames are written without waiting, from any thread.
pub trait Sink: Send + Sync {
    /// Writes the start of `frames` and says how many bytes, or fails with [`io::ErrorKind::WouldBlock`].
    ///
    /// # Errors
    /// `WouldBlock` when the peer takes no more for now; any other error ends the connection.
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Told by [`Connection::drain`](crate::Connection::drain) that writing has come to a stop before the queue was
    /// empty, or for good: time to wait until the peer takes more, or to close.
    fn stopped(&self, connection: &Arc<Connection>, outcome: Drained);
}

/// Slices given to one write; the kernel takes up to 1024, and past some dozens nothing is gained.
const MAX_SLICES: usize = 64;

/// A frame and where it came from, so that the overflow policies find the frames they may drop.
#[derive(Debug)]
struct Entry {
    frame: Bytes,
    source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A reply or another frame that is never dropped.
    Session,
    /// The place of a frame that is yet to come; nothing from here on is written before.
    Hold,
    Publication {
        channel: u64,
        offset: u64,
    },
    Gap {
        channel: u64,
        gap: Gap,
    },
}

/// One entry fits without a heap allocation: most queues hold at most one.
type Entries = SmallVec<[Entry; 1]>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Scheduled,
    Blocked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Takes no more frames; what is queued is still written.
    Closing(Disconnect),
    /// The peer is gone, nothing is written any more.
    Dead(Option<Disconnect>),
}

#[derive(Debug)]
struct State {
    entries: Entries,
    /// Bytes of the entries and of the batch being written.
    bytes: usize,
    phase: Phase,
    life: Life,
    waker: Option<Waker>,
    /// When the oldest of the entries was queued.
    since: Option<Instant>,
    held: bool,
}

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Queued behind others: a writer is already called for.
    Queued,
    /// Queued, and the caller has to have a writer run.
    Schedule,
    /// Not queued: the queue was full, and the connection is to be closed as slow.
    Overflowed,
    /// Not queued: the connection takes nothing any more.
    Closed,
}

/// Frames that a push dropped to make room, none most of the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) frames: u64,
}

/// A publication's frame on its way into a queue.
pub(crate) struct Publish<'a> {
    pub(crate) frame: &'a Bytes,
    pub(crate) channel: u64,
    pub(crate) offset: u64,
    pub(crate) overflow: Overflow,
    /// Encodes a gap of this channel in the connection's format.
    pub(crate) encode_gap: &'a dyn Fn(Gap) -> Bytes,
    pub(crate) now: Instant,
}

/// Everything a queue held when it was taken, on its way to the peer.
#[derive(Debug, Default)]
pub struct Batch {
    entries: Entries,
    /// Whole entries written, and bytes of the next one.
    next: usize,
    skip: usize,
    written: usize,
    since: Option<Instant>,
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
        size(&self.entries)
    }

    /// When the oldest of its frames was queued.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    fn write_to(&mut self, sink: &dyn Sink) -> io::Result<()> {
        // Passes over empty frames, of which there is nothing to write.
        self.advance(0);
        while !self.is_empty() {
            let mut slices: SmallVec<[IoSlice<'_>; 8]> = SmallVec::new();
            let waiting = &self.entries[self.next..];
            for (at, entry) in waiting.iter().take(MAX_SLICES).enumerate() {
                slices.push(IoSlice::new(if at == 0 { &entry.frame[self.skip..] } else { &entry.frame }));
            }
            let written = sink.try_write(&slices)?;
            drop(slices);
            match written {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => self.advance(count),
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
}

/// How a [`Outbound::drain`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything is written; the next push calls for a writer again.
    Empty,
    /// The sink takes no more for now; drain again when it is writable.
    Blocked,
    /// Everything is written, and nothing will come any more: the transport can be closed, for this reason.
    Finished(Option<Disconnect>),
    /// Writing failed; the queue is dead.
    Failed,
}

/// What a drain wrote.
#[derive(Clone, Copy, Debug)]
pub struct DrainReport {
    /// How it ended.
    pub outcome: Drained,
    /// Bytes written.
    pub bytes: u64,
    /// From the moment the oldest frame was queued until it was written.
    pub waited: Option<Duration>,
}

/// The queue. See the [module](self) for its states.
#[derive(Debug)]
pub struct Outbound {
    state: Mutex<State>,
    limit: usize,
}

impl Outbound {
    /// An empty queue that may hold `limit` bytes. A single frame larger than the limit is still taken when nothing else
    /// is queued, since no waiting would make room for it.
    pub fn new(limit: usize) -> Self {
        let state = State {
            entries: Entries::new(),
            bytes: 0,
            phase: Phase::Idle,
            life: Life::Open,
            waker: None,
            since: None,
            held: false,
        };
        Self { state: Mutex::new(state), limit }
    }

    /// Bytes queued and being written.
    pub fn bytes(&self) -> usize {
        lock(&self.state).bytes
    }

    /// Why the queue was closed, if it was.
    pub fn closed(&self) -> Option<Disconnect> {
        match lock(&self.state).life {
            Life::Open | Life::Dead(None) => None,
            Life::Closing(why) | Life::Dead(Some(why)) => Some(why),
        }
    }

    /// Queues a frame that is never dropped for others. `room` is how many bytes it may take beyond the limit.
    pub(crate) fn push(&self, frame: Bytes, room: usize, now: Instant) -> Pushed {
        let mut state = lock(&self.state);
        if state.life != Life::Open {
            return Pushed::Closed;
        }
        if !state.fits(frame.len(), self.limit.saturating_add(room)) {
            return Pushed::Overflowed;
        }
        state.append(Entry { frame, source: Source::Session }, now)
    }

    /// Queues a message of a channel under the channel's overflow policy.
    pub(crate) fn publish(&self, message: &Publish<'_>) -> (Pushed, Dropped) {
        let &Publish { frame, channel, offset, overflow, encode_gap, now } = message;
        let mut state = lock(&self.state);
        if state.life != Life::Open {
            return (Pushed::Closed, Dropped::default());
        }
        let mut dropped = Dropped::default();
        if !state.fits(frame.len(), self.limit) {
            dropped = match overflow {
                Overflow::Disconnect => Dropped::default(),
                // A quarter of the limit at a time, so that a slow peer does not cost a scan for every message.
                Overflow::DropOldest => {
                    let goal = (self.limit - self.limit / 4).saturating_sub(frame.len());
                    state.drop_channel(channel, goal, Some(encode_gap))
                }
                Overflow::Conflate => state.drop_channel(channel, 0, None),
            };
            if !state.fits(frame.len(), self.limit) {
                return (Pushed::Overflowed, dropped);
            }
        }
        let entry = Entry { frame: frame.clone(), source: Source::Publication { channel, offset } };
        (state.append(entry, now), dropped)
    }

    /// Takes nothing any more and ends with `last`, the frame that says why. With `discard`, what is queued is dropped.
    /// Says whether a writer has to run, or `None` when the queue was closed before, and how many frames were dropped.
    pub(crate) fn close(&self, why: Disconnect, last: Bytes, discard: bool) -> Option<(Pushed, Dropped)> {
        let mut state = lock(&self.state);
        if state.life != Life::Open {
            return None;
        }
        state.life = Life::Closing(why);
        state.held = false;
        let mut dropped = Dropped::default();
        if discard {
            dropped = state.discard();
        }
        // Also with an empty last frame, the writer has to see that this is the end.
        Some((state.append(Entry { frame: last, source: Source::Session }, Instant::now()), dropped))
    }

    /// Keeps everything that is queued from now on until [`release`](Self::release) puts a frame in front of it.
    pub(crate) fn hold(&self) {
        let mut state = lock(&self.state);
        if state.life == Life::Open && !state.held {
            state.held = true;
            state.entries.push(Entry { frame: Bytes::new(), source: Source::Hold });
        }
    }

    /// Puts `frame` where [`hold`](Self::hold) was called and lets all go.
    pub(crate) fn release(&self, frame: Bytes) -> Pushed {
        let mut state = lock(&self.state);
        if !std::mem::take(&mut state.held) {
            return Pushed::Closed;
        }
        let Some(place) = state.entries.iter_mut().find(|entry| matches!(entry.source, Source::Hold)) else {
            return Pushed::Closed;
        };
        let length = frame.len();
        *place = Entry { frame, source: Source::Session };
        state.bytes += length;
        state.since.get_or_insert_with(Instant::now);
        state.schedule()
    }

    /// Drops everything: the peer is gone.
    pub fn abort(&self) {
        let mut state = lock(&self.state);
        state.die();
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Writes all there is to `sink`, until the queue is empty or the sink takes no more.
    ///
    /// Call it when the hub asks for this connection to be written, and after [`Drained::Blocked`] once the sink is
    /// writable; at most one caller at a time.
    pub fn drain(&self, sink: &dyn Sink) -> DrainReport {
        let mut report = DrainReport { outcome: Drained::Empty, bytes: 0, waited: None };
        let mut batch = Batch::default();
        loop {
            match self.exchange(std::mem::take(&mut batch), None) {
                Exchange::Batch(taken) => batch = taken,
                Exchange::Idle => return report,
                Exchange::Finished(why) => return DrainReport { outcome: Drained::Finished(why), ..report },
            }
            let outcome = batch.write_to(sink);
            report.bytes += batch.written as u64;
            match outcome {
                Ok(()) => report.waited = report.waited.max(batch.since.map(|since| since.elapsed())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.restore(batch);
                    return DrainReport { outcome: Drained::Blocked, ..report };
                }
                Err(_) => {
                    self.abort();
                    return DrainReport { outcome: Drained::Failed, ..report };
                }
            }
        }
    }

    /// Waits for frames, for a transport that is a task: gives back the last batch as written and takes the next one.
    /// `None` is the end.
    pub fn poll_take(&self, last: Batch, context: &mut Context<'_>) -> Poll<Option<Batch>> {
        match self.exchange(last, Some(context.waker())) {
            Exchange::Batch(batch) => Poll::Ready(Some(batch)),
            Exchange::Finished(_) => Poll::Ready(None),
            Exchange::Idle => Poll::Pending,
        }
    }

    /// Counts `written` as gone and takes what there is.
    fn exchange(&self, written: Batch, waker: Option<&Waker>) -> Exchange {
        let mut state = lock(&self.state);
        state.bytes = state.bytes.saturating_sub(size(&written.entries));
        if let Life::Dead(why) = state.life {
            return Exchange::Finished(why);
        }
        if state.entries.is_empty() || state.held {
            if let Life::Closing(why) = state.life {
                state.life = Life::Dead(Some(why));
                return Exchange::Finished(Some(why));
            }
            state.phase = Phase::Idle;
            state.waker = waker.cloned();
            return Exchange::Idle;
        }
        state.phase = Phase::Scheduled;
        Exchange::Batch(Batch {
            entries: std::mem::take(&mut state.entries),
            since: state.since.take(),
            ..Batch::default()
        })
    }

    /// Puts back what a sink did not take.
    fn restore(&self, batch: Batch) {
        let mut state = lock(&self.state);
        state.phase = Phase::Blocked;
        if matches!(state.life, Life::Dead(_)) {
            return;
        }
        let gone: usize = batch.entries[..batch.next].iter().map(|entry| entry.frame.len()).sum();
        state.bytes = state.bytes.saturating_sub(gone + batch.skip);
        state.since = batch.since.or(state.since);
        let Batch { next, skip, mut entries, .. } = batch;
        entries.drain(..next);
        if let Some(first) = entries.first_mut().filter(|_| skip > 0) {
            // The rest of a frame that is half written must go out whatever is dropped behind it.
            first.source = Source::Session;
            let _ = first.frame.split_to(skip);
        }
        entries.extend(std::mem::take(&mut state.entries));
        state.entries = entries;
    }
}

enum Exchange {
    Batch(Batch),
    Idle,
    Finished(Option<Disconnect>),
}

fn size(entries: &Entries) -> usize {
    entries.iter().map(|entry| entry.frame.len()).sum()
}

impl State {
    fn fits(&self, length: usize, limit: usize) -> bool {
        self.bytes == 0 || self.bytes + length <= limit
    }

    fn append(&mut self, entry: Entry, now: Instant) -> Pushed {
        if entry.frame.is_empty() && self.life == Life::Open {
            return Pushed::Queued;
        }
        self.bytes += entry.frame.len();
        self.entries.push(entry);
        self.since.get_or_insert(now);
        self.schedule()
    }

    /// Calls for a writer, unless there is one or all is held.
    fn schedule(&mut self) -> Pushed {
        if self.phase != Phase::Idle || self.held {
            return Pushed::Queued;
        }
        self.phase = Phase::Scheduled;
        match self.waker.take() {
            // A task that waits is its own writer.
            Some(waker) => {
                waker.wake();
                Pushed::Queued
            }
            None => Pushed::Schedule,
        }
    }

    /// Drops queued messages of a channel, oldest first, until no more than `goal` bytes are left, and with `encode_gap`
    /// leaves word of them in their place.
    fn drop_channel(&mut self, channel: u64, goal: usize, encode_gap: Option<&dyn Fn(Gap) -> Bytes>) -> Dropped {
        let mut dropped = Dropped::default();
        let mut gap: Option<Gap> = None;
        let mut place = 0;
        let mut kept = VecDeque::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries) {
            let found = match entry.source {
                Source::Publication { channel: of, offset } if of == channel && self.bytes > goal => {
                    dropped.frames += 1;
                    Gap { dropped: 1, first: offset, last: offset }
                }
                // Word of an earlier gap right before this one: both become one.
                Source::Gap { channel: of, gap } if of == channel && encode_gap.is_some() => gap,
                _ => {
                    kept.push_back(entry);
                    continue;
                }
            };
            self.bytes -= entry.frame.len();
            if gap.is_none() {
                place = kept.len();
            }
            gap = Some(gap.map_or(found, |before| Gap {
                dropped: before.dropped + found.dropped,
                first: before.first,
                last: found.last,
            }));
        }
        if let (Some(gap), Some(encode_gap)) = (gap, encode_gap) {
            let frame = encode_gap(gap);
            self.bytes += frame.len();
            kept.insert(place, Entry { frame, source: Source::Gap { channel, gap } });
        }
        self.entries = kept.into_iter().collect();
        dropped
    }

    /// Drops what is queued but for the rest of a frame that is half written.
    fn discard(&mut self) -> Dropped {
        let half_written = self.phase == Phase::Blocked;
        let keep = usize::from(half_written && !self.entries.is_empty());
        let frames = self.entries.iter().skip(keep);
        let dropped = frames.clone().filter(|entry| matches!(entry.source, Source::Publication { .. })).count();
        self.bytes -= frames.map(|entry| entry.frame.len()).sum::<usize>();
        self.entries.truncate(keep);
        self.entries.shrink_to_fit();
        Dropped { frames: dropped as u64 }
    }

    fn die(&mut self) {
        self.life = match self.life {
            Life::Closing(why) => Life::Dead(Some(why)),
            Life::Open => Life::Dead(None),
            dead => dead,
        };
        self.entries = Entries::new();
        self.bytes = 0;
        self.held = false;
    }
}
