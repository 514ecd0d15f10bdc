//! What the lock of a queue guards, and the accounting of its bytes.

use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::batch::{Entries, Entry, Source};
use super::{Dropped, overflow};
use crate::event::{Disconnect, Gap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Scheduled,
    Blocked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Open,
    /// Takes no more frames; what is queued is still written.
    Closing(Disconnect),
    /// The peer is gone, nothing is written any more.
    Dead(Option<Disconnect>),
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) entries: Entries,
    /// Bytes of the entries and of the batch being written.
    pub(super) bytes: usize,
    /// Bytes that the queue may hold beyond its limit, because answers to resumes were given room there.
    pub(super) room: usize,
    pub(super) phase: Phase,
    pub(super) life: Life,
    pub(super) waker: Option<Waker>,
    /// When the oldest of the entries was queued.
    pub(super) since: Option<Instant>,
    /// Nothing is written; one of the entries marks the place of a frame that is yet to come.
    pub(super) held: bool,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            entries: Entries::new(),
            bytes: 0,
            room: 0,
            phase: Phase::Idle,
            life: Life::Open,
            waker: None,
            since: None,
            held: false,
        }
    }

    /// A single frame always fits an empty queue.
    pub(super) fn fits(&self, length: usize, limit: usize) -> bool {
        self.bytes == 0 || self.bytes + length <= limit.saturating_add(self.room)
    }

    /// Bytes of the entries alone.
    pub(super) fn waiting(&self) -> usize {
        self.entries.iter().map(|entry| entry.frame.len()).sum()
    }

    pub(super) fn append(&mut self, frame: Bytes, source: Source, now: Instant) {
        if !frame.is_empty() {
            self.bytes += frame.len();
            self.entries.push(Entry { frame, source });
            self.since.get_or_insert(now);
        }
    }

    pub(super) fn give_back(&mut self, bytes: usize) {
        // Saturating, because a queue that died meanwhile has counted everything as gone.
        self.bytes = self.bytes.saturating_sub(bytes);
        if !self.held {
            self.room = self.room.min(self.bytes);
        }
    }

    pub(super) fn drop_oldest(
        &mut self,
        channel: u64,
        excess: usize,
        encode_gap: Option<&dyn Fn(Gap) -> Bytes>,
    ) -> Dropped {
        let left = overflow::drop_oldest(std::mem::take(&mut self.entries), channel, excess, encode_gap);
        self.entries = left.entries;
        self.bytes += left.added;
        self.give_back(left.freed);
        self.forget_since();
        Dropped { frames: left.dropped }
    }

    /// Drops what is queued but for the rest of a frame that is half written.
    pub(super) fn discard(&mut self) -> Dropped {
        let keep = usize::from(self.entries.first().is_some_and(|entry| matches!(entry.source, Source::Rest)));
        let gone = &self.entries[keep..];
        let dropped = gone.iter().filter(|entry| matches!(entry.source, Source::Publication { .. })).count();
        let freed = gone.iter().map(|entry| entry.frame.len()).sum();
        self.entries.truncate(keep);
        self.entries.shrink_to_fit();
        self.give_back(freed);
        self.forget_since();
        Dropped { frames: dropped as u64 }
    }

    fn forget_since(&mut self) {
        if self.entries.is_empty() {
            self.since = None;
        }
    }

    pub(super) fn die(&mut self) {
        self.life = match self.life {
            Life::Closing(why) => Life::Dead(Some(why)),
            Life::Open => Life::Dead(None),
            dead => dead,
        };
        self.entries = Entries::new();
        self.bytes = 0;
        self.room = 0;
        self.since = None;
        self.held = false;
    }
}
