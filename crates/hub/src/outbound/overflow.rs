//! Making room in a full queue, under the overflow policies that drop messages.

use bytes::Bytes;

use super::batch::{Entries, Entry, Source};
use crate::event::Gap;

/// What is left of a queue after messages were dropped.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) entries: Entries,
    /// Bytes of the entries that went.
    pub(super) freed: usize,
    /// Bytes of the word that was left of them.
    pub(super) added: usize,
    /// Messages dropped, those of earlier gaps not counted again.
    pub(super) dropped: u64,
}

/// Drops messages of `channel`, oldest first, until at least `excess` bytes are freed. With `encode_gap`, word of them is
/// left in their place; word of an earlier gap that then stands right behind becomes one with it.
pub(super) fn drop_oldest(
    entries: Entries,
    channel: u64,
    excess: usize,
    encode_gap: Option<&dyn Fn(Gap) -> Bytes>,
) -> Remains {
    let mut kept = Entries::new();
    let (mut freed, mut added, mut dropped) = (0, 0, 0);
    let mut place = 0;
    let mut gap: Option<Gap> = None;
    // A gap covers messages in a row: nothing behind one that stays may become part of it.
    let mut one_stays = false;
    for entry in entries {
        let found = match &entry.source {
            Source::Publication { channel: of, offset } if *of == channel && !one_stays => {
                if freed >= excess {
                    one_stays = true;
                    None
                } else {
                    dropped += 1;
                    Some(Gap { dropped: 1, first: *offset, last: *offset })
                }
            }
            Source::Gap { channel: of, gap } if *of == channel && !one_stays && encode_gap.is_some() => Some(**gap),
            _ => None,
        };
        let Some(found) = found else {
            kept.push(entry);
            continue;
        };
        freed += entry.frame.len();
        match &mut gap {
            Some(gap) => {
                gap.dropped += found.dropped;
                gap.last = found.last;
            }
            None => {
                place = kept.len();
                gap = Some(found);
            }
        }
    }
    if let (Some(gap), Some(encode_gap)) = (gap, encode_gap) {
        let frame = encode_gap(gap);
        // A format may have no word for a gap.
        if !frame.is_empty() {
            added = frame.len();
            kept.insert(place, Entry { frame, source: Source::Gap { channel, gap: Box::new(gap) } });
        }
    }
    Remains { entries: kept, freed, added, dropped }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: u64 = 7;

    fn message(offset: u64) -> Entry {
        Entry { frame: Bytes::from_static(&[b'm'; 10]), source: Source::Publication { channel: CHANNEL, offset } }
    }

    fn other() -> Entry {
        Entry { frame: Bytes::from_static(b"reply"), source: Source::Session }
    }

    fn word_of(first: u64, last: u64) -> Entry {
        let gap = Box::new(Gap { dropped: last + 1 - first, first, last });
        Entry { frame: Bytes::from_static(b"gap"), source: Source::Gap { channel: CHANNEL, gap } }
    }

    fn shown(entries: &Entries) -> Vec<String> {
        let show = |entry: &Entry| match &entry.source {
            Source::Session | Source::Rest | Source::Hold => "reply".into(),
            Source::Publication { offset, .. } => offset.to_string(),
            Source::Gap { gap, .. } => format!("gap {}-{} of {}", gap.first, gap.last, gap.dropped),
        };
        entries.iter().map(show).collect()
    }

    fn drop_with_gap(entries: Vec<Entry>, excess: usize) -> Remains {
        drop_oldest(entries.into(), CHANNEL, excess, Some(&|_| Bytes::from_static(b"gap")))
    }

    #[test]
    fn the_oldest_go_and_leave_word_in_their_place() {
        let left = drop_with_gap(vec![other(), message(1), other(), message(2), message(3)], 11);
        assert_eq!(shown(&left.entries), ["reply", "gap 1-2 of 2", "reply", "3"]);
        assert_eq!((left.freed, left.added, left.dropped), (20, 3, 2));
    }

    #[test]
    fn gaps_in_a_row_become_one() {
        let left = drop_with_gap(vec![message(1), word_of(2, 4), message(5), message(6)], 20);
        assert_eq!(shown(&left.entries), ["gap 1-5 of 5", "6"]);
        assert_eq!(left.dropped, 2);
    }

    #[test]
    fn a_gap_never_reaches_over_a_message_that_stays() {
        let left = drop_with_gap(vec![message(1), message(2), word_of(3, 5), message(6)], 1);
        assert_eq!(shown(&left.entries), ["gap 1-1 of 1", "2", "gap 3-5 of 3", "6"]);
    }

    #[test]
    fn a_format_without_a_word_for_gaps_gets_no_frame() {
        let entries = vec![message(1), message(2)].into();
        let left = drop_oldest(entries, CHANNEL, 1, Some(&|_| Bytes::new()));
        assert_eq!(shown(&left.entries), ["2"]);
        assert_eq!((left.freed, left.added), (10, 0));
    }
}
