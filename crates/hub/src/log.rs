//! A channel's log: the messages kept for history and resume, in order of their offsets.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::event::Publication;

/// Tells one life of a channel from the next: offsets of different epochs cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    const BITS: u32 = 48;

    /// A new one.
    pub fn random() -> Self {
        Self(rand::random::<u64>() >> (u64::BITS - Self::BITS))
    }

    /// Reads what [`Display`](fmt::Display) wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 12 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in a channel's log: everything up to and including `offset` has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The life of the channel in which the offset counts.
    pub epoch: Epoch,
    /// Offset of the last message seen; 0 before the first.
    pub offset: u64,
}

/// Which part of a log to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryQuery {
    /// Read what follows this position, or in reverse what precedes it.
    pub since: Option<Position>,
    /// Messages to read at most; `None` for all.
    pub limit: Option<usize>,
    /// Newest first.
    pub reverse: bool,
}

/// A page of a channel's history.
#[derive(Clone, Debug)]
pub struct History {
    /// The messages, in the order asked for.
    pub publications: Vec<Arc<Publication>>,
    /// Where the channel's log ends now.
    pub position: Position,
}

/// A position that the log cannot be read from: it is of another epoch, ahead of the log, or what follows it is no longer
/// kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecoverable;

impl fmt::Display for Unrecoverable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the messages after this position are no longer kept; start from the channel's current position")
    }
}

impl std::error::Error for Unrecoverable {}

/// The messages of one channel that are still kept.
#[derive(Debug)]
pub(crate) struct Log {
    epoch: Epoch,
    top: u64,
    messages: VecDeque<Arc<Publication>>,
}

/// What a message costs in the history besides its payload: the publication, its shared header and its place in the log.
pub(crate) const MESSAGE_OVERHEAD: usize =
    size_of::<Publication>() + 2 * size_of::<usize>() + size_of::<Arc<Publication>>();

pub(crate) fn cost(publication: &Publication) -> usize {
    publication.data.len() + MESSAGE_OVERHEAD
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { epoch: Epoch::random(), top: 0, messages: VecDeque::new() }
    }

    /// A log as it was saved. Of messages that do not lead up to the position one by one, none is kept: what came after
    /// a hole could not be told from what was never missing.
    pub(crate) fn restore(position: Position, messages: Vec<Arc<Publication>>) -> Self {
        let expected = (1..=position.offset).rev();
        let whole = messages.len() as u64 <= position.offset
            && messages.iter().rev().zip(expected).all(|(message, offset)| message.offset == offset);
        let messages = if whole { messages.into() } else { VecDeque::new() };
        Self { epoch: position.epoch, top: position.offset, messages }
    }

    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epoch, offset: self.top }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Publication>> {
        self.messages.iter()
    }

    /// The offset that the next message gets.
    pub(crate) fn next_offset(&self) -> u64 {
        self.top + 1
    }

    pub(crate) fn append(&mut self, publication: Arc<Publication>) {
        debug_assert_eq!(publication.offset, self.next_offset());
        self.top = publication.offset;
        self.messages.push_back(publication);
    }

    pub(crate) fn pop_oldest(&mut self) -> Option<Arc<Publication>> {
        let oldest = self.messages.pop_front();
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
        }
        oldest
    }

    pub(crate) fn oldest(&self) -> Option<&Publication> {
        self.messages.front().map(Arc::as_ref)
    }

    /// Exactly the messages after `seen`, or [`Unrecoverable`].
    pub(crate) fn since(
        &self,
        seen: Position,
    ) -> Result<impl ExactSizeIterator<Item = &Arc<Publication>> + Clone, Unrecoverable> {
        let first_kept = self.next_offset() - self.messages.len() as u64;
        if seen.epoch != self.epoch || seen.offset > self.top || seen.offset + 1 < first_kept {
            return Err(Unrecoverable);
        }
        let skip = (seen.offset + 1 - first_kept) as usize;
        Ok(self.messages.range(skip..))
    }

    pub(crate) fn read(&self, query: &HistoryQuery) -> Result<Vec<Arc<Publication>>, Unrecoverable> {
        let limit = query.limit.unwrap_or(usize::MAX);
        if query.reverse {
            if query.since.is_some_and(|seen| seen.epoch != self.epoch || seen.offset > self.next_offset()) {
                return Err(Unrecoverable);
            }
            let before = query.since.map_or(u64::MAX, |seen| seen.offset);
            let older = self.messages.iter().rev().filter(|publication| publication.offset < before);
            return Ok(older.take(limit).cloned().collect());
        }
        Ok(match query.since {
            Some(seen) => self.since(seen)?.take(limit).cloned().collect(),
            None => self.messages.iter().take(limit).cloned().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_read_back_as_it_was_written() {
        let epoch = Epoch::random();
        assert_eq!(Epoch::parse(&epoch.to_string()), Some(epoch));
        for wrong in ["", "0123", "0123456789AB", "+23456789abc", "0123456789abc"] {
            assert_eq!(Epoch::parse(wrong), None, "{wrong}");
        }
    }
}
