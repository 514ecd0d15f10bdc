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
//! A push says when the queue has just become `Scheduled`, so a writer is called for once however
//! many frames follow: that is what lets a burst leave in one write.

use std::io;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;

use crate::event::{Disconnect, Gap};
use crate::options::Overflow;
use crate::sync::{Mutex, MutexGuard, lock};

mod batch;
#[cfg(all(loom, test))]
mod model;
mod overflow;
mod state;

pub use batch::{Batch, Sink};
use batch::{Entry, Source};
use state::{Life, Phase, State};

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

/// How a [`Outbound::drain`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything is written; the next push calls for a writer again.
    Empty,
    /// The sink takes no more for now, or has had its turn; drain again when it is writable. A peer that reads nothing never makes it so:
    /// give up after a while.
    Blocked,
    /// Everything is written, and nothing will come any more: the transport can be closed, for this reason.
    Finished(Option<Disconnect>),
    /// Writing failed; the queue is dead.
    Failed,
}

/// Batches that a drain writes before it lets others have their turn. Publishers that outpace the sink would keep it
/// busy for ever.
const TURN: usize = 16;

/// What a drain wrote.
#[derive(Clone, Copy, Debug)]
pub struct DrainReport {
    /// How it ended.
    pub outcome: Drained,
    /// Bytes written.
    pub bytes: u64,
    /// When the oldest frame that was written had been queued.
    pub since: Option<Instant>,
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
        Self { state: Mutex::new(State::new()), limit }
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

    /// Queues a frame that is never dropped for others.
    pub(crate) fn push(&self, frame: Bytes, now: Instant) -> Pushed {
        let mut state = lock(&self.state);
        if state.life != Life::Open {
            return Pushed::Closed;
        }
        if !state.fits(frame.len(), self.limit) {
            return Pushed::Overflowed;
        }
        state.append(frame, Source::Session, now);
        call_writer(state)
    }

    /// Queues the answer to a resume with messages that take `recovered` bytes. All such answers together may take up to
    /// `most` bytes beyond the limit, and these come on top for what follows too: a subscriber that has much to catch up
    /// with is not at once too slow for what is new. While the queue is held, the answer may be part of the frame that is
    /// yet to come, and `frame` empty.
    pub(crate) fn push_recovered(&self, frame: Bytes, recovered: usize, most: usize, now: Instant) -> Pushed {
        let mut state = lock(&self.state);
        if state.life != Life::Open {
            return Pushed::Closed;
        }
        let room = state.room + recovered;
        if room > most || !state.fits(frame.len(), self.limit.saturating_add(recovered)) {
            return Pushed::Overflowed;
        }
        state.room = room;
        state.append(frame, Source::Session, now);
        call_writer(state)
    }

    /// Queues a message of a channel under the channel's overflow policy. What is being written can no longer be dropped:
    /// when that alone fills the queue, a message whose policy is to drop the oldest goes itself, leaving word, and the
    /// newest of a conflated channel is taken as long as what waits beside the write is within the limit.
    pub(crate) fn publish(&self, message: &Publish<'_>) -> (Pushed, Dropped) {
        let &Publish { frame, channel, offset, overflow, encode_gap, now } = message;
        let mut state = lock(&self.state);
        if state.life != Life::Open {
            return (Pushed::Closed, Dropped::default());
        }
        let mut dropped = Dropped::default();
        if !state.fits(frame.len(), self.limit) {
            let excess = (state.bytes + frame.len()).saturating_sub(self.limit.saturating_add(state.room));
            dropped = match overflow {
                Overflow::Disconnect => Dropped::default(),
                // A quarter of the limit at a time, so that a slow peer does not cost a scan for every message.
                Overflow::DropOldest => state.drop_oldest(channel, excess + self.limit / 4, Some(encode_gap)),
                Overflow::Conflate => state.drop_oldest(channel, usize::MAX, None),
            };
            // What is left is being written, or is of others.
            if !state.fits(frame.len(), self.limit) {
                match overflow {
                    Overflow::DropOldest => {
                        state.append(frame.clone(), Source::Publication { channel, offset }, now);
                        dropped.frames += state.drop_oldest(channel, usize::MAX, Some(encode_gap)).frames;
                        return (call_writer(state), dropped);
                    }
                    Overflow::Conflate if state.waiting() + frame.len() <= self.limit => {}
                    Overflow::Disconnect | Overflow::Conflate => return (Pushed::Overflowed, dropped),
                }
            }
        }
        state.append(frame.clone(), Source::Publication { channel, offset }, now);
        (call_writer(state), dropped)
    }

    /// Takes nothing any more and ends with `last`, the frame that says why. With `discard`, what is queued is dropped.
    /// Says whether a writer has to run, or `None` when the queue was closed before, and how many frames were dropped.
    pub(crate) fn close(&self, why: Disconnect, last: Bytes, discard: bool) -> Option<(Pushed, Dropped)> {
        let mut state = lock(&self.state);
        if state.life != Life::Open {
            return None;
        }
        state.life = Life::Closing(why);
        if std::mem::take(&mut state.held) {
            state.entries.retain(|entry| !matches!(entry.source, Source::Hold));
        }
        let dropped = if discard { state.discard() } else { Dropped::default() };
        state.append(last, Source::Session, Instant::now());
        // Also with an empty last frame, the writer has to see that this is the end.
        Some((call_writer(state), dropped))
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
        let place = state.entries.iter().position(|entry| matches!(entry.source, Source::Hold));
        let place = place.expect("a held queue has a marked place");
        if frame.is_empty() {
            state.entries.remove(place);
        } else {
            state.bytes += frame.len();
            state.since.get_or_insert_with(Instant::now);
            state.entries[place] = Entry { frame, source: Source::Session };
        }
        call_writer(state)
    }

    /// Drops everything: the peer is gone. A task that waits for frames is woken; a sink's transport, which may wait for
    /// its peer to read, has to be told by whoever calls this.
    pub fn abort(&self) {
        let mut state = lock(&self.state);
        state.die();
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Writes all there is to `sink`, until the queue is empty or the sink takes no more. So much comes in meanwhile at
    /// times that this has no end by itself: then it ends as if the sink took no more.
    ///
    /// Call it when the hub asks for this connection to be written, and after [`Drained::Blocked`] once the sink is
    /// writable; at most one caller at a time.
    pub fn drain(&self, sink: &dyn Sink) -> DrainReport {
        let mut report = DrainReport { outcome: Drained::Empty, bytes: 0, since: None };
        let mut batch = Batch::default();
        let mut left = TURN;
        loop {
            match self.exchange(std::mem::take(&mut batch), None) {
                Exchange::Batch(taken) => batch = taken,
                Exchange::Idle => return report,
                Exchange::Finished(why) => return DrainReport { outcome: Drained::Finished(why), ..report },
            }
            if left == 0 {
                return DrainReport { outcome: self.restore(batch), ..report };
            }
            left -= 1;
            let outcome = batch.write_to(sink);
            report.bytes += batch.written as u64;
            match outcome {
                Ok(()) => report.since = report.since.or(batch.since),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return DrainReport { outcome: self.restore(batch), ..report };
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
        state.give_back(written.size());
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
        let (entries, since) = (std::mem::take(&mut state.entries), state.since.take());
        Exchange::Batch(Batch { entries, since, ..Batch::default() })
    }

    /// Puts back what a sink did not take.
    fn restore(&self, batch: Batch) -> Drained {
        let mut state = lock(&self.state);
        if let Life::Dead(why) = state.life {
            return Drained::Finished(why);
        }
        state.phase = Phase::Blocked;
        state.give_back(batch.written);
        state.since = batch.since.or(state.since);
        let mut entries = batch.into_rest();
        entries.extend(std::mem::take(&mut state.entries));
        state.entries = entries;
        Drained::Blocked
    }
}

enum Exchange {
    Batch(Batch),
    Idle,
    Finished(Option<Disconnect>),
}

/// Has a writer run unless one is called for already: by waking the task that waits, or by telling the caller to.
fn call_writer(mut state: MutexGuard<'_, State>) -> Pushed {
    let nothing_to_see = state.life == Life::Open && (state.entries.is_empty() || state.held);
    if nothing_to_see || state.phase != Phase::Idle {
        return Pushed::Queued;
    }
    state.phase = Phase::Scheduled;
    let waker = state.waker.take();
    // Woken with the lock free, or the task would run into it at once.
    drop(state);
    match waker {
        // A task that waits is its own writer.
        Some(waker) => {
            waker.wake();
            Pushed::Queued
        }
        None => Pushed::Schedule,
    }
}
