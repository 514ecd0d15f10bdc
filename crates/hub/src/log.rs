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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_epoch_is_read_back_as_it_was_written() {
        let epoch = Epoch::random();
        assert_eq!(Epoch::parse(&epoch.to_string()), Some(epoch));
        for wrong in ["", "0123", "0123456789AB", "+23456789abc", "0123456789abc"] {
            assert_eq!(Epoch::parse(wrong), None, "{wrong}");
        }
    }

    /// A log as plainly as it can be written down: every message ever, and how many of them are gone.
    #[derive(Default)]
    struct Plain {
        all: Vec<Arc<Publication>>,
        gone: usize,
    }

    impl Plain {
        fn kept(&self) -> Vec<u64> {
            self.all[self.gone..].iter().map(|message| message.offset).collect()
        }

        fn after(&self, seen: u64) -> Result<Vec<u64>, Unrecoverable> {
            let known = seen >= self.gone as u64 && seen <= self.all.len() as u64;
            let missed = self.kept().into_iter().filter(|offset| *offset > seen).collect();
            if known { Ok(missed) } else { Err(Unrecoverable) }
        }

        fn read(&self, since: Option<u64>, limit: Option<usize>, reverse: bool) -> Result<Vec<u64>, Unrecoverable> {
            let mut found = match (since, reverse) {
                (None, _) => self.kept(),
                (Some(seen), false) => self.after(seen)?,
                (Some(seen), true) if seen > self.all.len() as u64 + 1 => return Err(Unrecoverable),
                (Some(seen), true) => self.kept().into_iter().filter(|offset| *offset < seen).collect(),
            };
            if reverse {
                found.reverse();
            }
            found.truncate(limit.unwrap_or(usize::MAX));
            Ok(found)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Append,
        PopOldest,
        Since(u64),
        Read { since: Option<u64>, limit: Option<usize>, reverse: bool },
        Restore,
    }

    fn step() -> impl Strategy<Value = Step> {
        let read = (proptest::option::of(0..12u64), proptest::option::of(0..6usize), any::<bool>());
        prop_oneof![
            4 => Just(Step::Append),
            2 => Just(Step::PopOldest),
            2 => (0..12u64).prop_map(Step::Since),
            2 => read.prop_map(|(since, limit, reverse)| Step::Read { since, limit, reverse }),
            1 => Just(Step::Restore),
        ]
    }

    fn offsets<'a>(messages: impl IntoIterator<Item = &'a Arc<Publication>>) -> Vec<u64> {
        messages.into_iter().map(|message| message.offset).collect()
    }

    proptest! {
        #[test]
        fn a_log_does_what_the_plain_one_does(steps in proptest::collection::vec(step(), 0..40)) {
            let (mut log, mut plain) = (Log::new(), Plain::default());
            for step in steps {
                let at = |offset| Position { epoch: log.position().epoch, offset };
                match step {
                    Step::Append => {
                        let offset = log.next_offset();
                        let data = bytes::Bytes::from(offset.to_string());
                        let message = Arc::new(Publication { offset, published_at: 0, data, info: None });
                        log.append(message.clone());
                        plain.all.push(message);
                    }
                    Step::PopOldest => {
                        let popped = log.pop_oldest();
                        prop_assert_eq!(popped.as_ref(), plain.all.get(plain.gone));
                        plain.gone += usize::from(popped.is_some());
                    }
                    Step::Since(seen) => {
                        prop_assert_eq!(log.since(at(seen)).map(offsets), plain.after(seen));
                    }
                    Step::Read { since, limit, reverse } => {
                        let read = log.read(&HistoryQuery { since: since.map(at), limit, reverse });
                        prop_assert_eq!(read.map(|read| offsets(&read)), plain.read(since, limit, reverse));
                    }
                    Step::Restore => log = Log::restore(log.position(), log.iter().cloned().collect()),
                }
                prop_assert_eq!(log.position().offset as usize, plain.all.len());
                prop_assert_eq!(offsets(log.iter()), plain.kept());
                let elsewhere = Position { epoch: Epoch::random(), offset: 0 };
                prop_assert!(log.since(elsewhere).is_err());
            }
        }
    }
}
