//! A page's figures as plain numbers.

use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

use super::layout::Page;

/// What a process on planet-malloc holds, as far as its page tells. Sizes are in bytes.
///
/// What comes and goes in slices of 64 KiB or more is as of this moment. What is in slots of up to 32 KiB was counted
/// [a while ago](Snapshot::counted); `live` takes the slices that were cut into slots since for full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The process.
    pub pid: u32,
    /// When the process started, in clock ticks after boot: with `pid` it names a process for good.
    pub started: u64,
    /// The command's name, 15 bytes of it at most.
    pub command: String,
    /// How long ago slots were last counted; `None` when they never were.
    pub counted: Option<Duration>,
    /// In blocks that the program holds, with what was rounded up.
    pub live: u64,
    /// Address space in use.
    pub mapped: u64,
    /// Of the mapped bytes, those that may be in memory.
    pub resident: u64,
    /// In freed large blocks that are kept for reuse.
    pub cached: u64,
    /// Given back to the system so far.
    pub returned: u64,
    /// The advised limit of resident bytes, if there is one.
    pub limit: Option<u64>,
    /// The most that was live.
    pub peak_live: Peaks,
    /// The most that was resident.
    pub peak_resident: Peaks,
    /// Blocks of all sizes allocated so far. Slots that were freed and taken again at once are not all seen.
    pub allocations: u64,
    /// Blocks of all sizes freed so far, with the same reserve.
    pub frees: u64,
    /// Slots by size, of those sizes of which there ever were some, the smallest first.
    pub classes: Vec<ClassSnapshot>,
    /// The peaks of the last minute second by second, the earliest first, without those in which nothing happened.
    pub history: Vec<SecondSnapshot>,
}

/// The most there was within the last second, ten seconds and minute, each up to a second longer ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    /// Within one second.
    pub second: u64,
    /// Within ten seconds.
    pub ten_seconds: u64,
    /// Within a minute.
    pub minute: u64,
}

/// Slots of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassSnapshot {
    /// Bytes of a slot.
    pub slot_size: u64,
    /// Slots that the program holds.
    pub live: u64,
    /// Slots handed out so far.
    pub allocations: u64,
    /// Slots freed so far.
    pub frees: u64,
}

/// The most there was in one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecondSnapshot {
    /// How many seconds ago it began, 0 for the one that has begun.
    pub ago: u64,
    /// Bytes.
    pub live: u64,
    /// Bytes.
    pub resident: u64,
}

const NANOSECONDS: u64 = 1_000_000_000;
const MINUTE: u64 = 60;

impl Snapshot {
    /// What the page says at `now`, nanoseconds of the monotonic clock.
    pub(super) fn of(page: &Page, now: u64) -> Self {
        let (live, resident) = (page.live(), page.resident());
        let history = history(page, now / NANOSECONDS);
        let classes: Vec<_> = page.classes.iter().map(class).filter(|class| class.allocations != 0).collect();
        let counted_at = page.counted_at.load(Relaxed);
        let limit = page.limit.load(Relaxed);
        Self {
            pid: page.pid.load(Relaxed),
            started: page.started.load(Relaxed),
            command: command(page),
            counted: (counted_at != 0).then(|| Duration::from_nanos(now.saturating_sub(counted_at))),
            live,
            mapped: page.mapped(),
            resident,
            cached: page.cached_bytes.load(Relaxed),
            returned: page.returned_bytes.load(Relaxed),
            limit: (limit != 0).then_some(limit),
            peak_live: Peaks::of(&history, live, |second| second.live),
            peak_resident: Peaks::of(&history, resident, |second| second.resident),
            allocations: page.big_allocations.load(Relaxed) + sum(&classes, |class| class.allocations),
            frees: page.big_frees.load(Relaxed) + sum(&classes, |class| class.frees),
            classes,
            history,
        }
    }
}

impl Peaks {
    fn of(history: &[SecondSnapshot], now: u64, figure: impl Fn(&SecondSnapshot) -> u64) -> Self {
        let within = |seconds| {
            let recent = history.iter().filter(|second| second.ago <= seconds);
            recent.map(&figure).max().unwrap_or(0).max(now)
        };
        Self { second: within(1), ten_seconds: within(10), minute: within(MINUTE) }
    }
}

fn history(page: &Page, now: u64) -> Vec<SecondSnapshot> {
    let seconds = page.seconds.iter().filter_map(|second| {
        let ago = now.checked_sub(second.number.load(Relaxed)).filter(|ago| *ago <= MINUTE)?;
        Some(SecondSnapshot { ago, live: second.live.load(Relaxed), resident: second.resident.load(Relaxed) })
    });
    let mut seconds: Vec<_> = seconds.collect();
    seconds.sort_by_key(|second| core::cmp::Reverse(second.ago));
    seconds
}

fn class(class: &super::layout::Class) -> ClassSnapshot {
    ClassSnapshot {
        slot_size: class.slot_size.load(Relaxed),
        live: class.live.load(Relaxed),
        allocations: class.allocations.load(Relaxed),
        frees: class.frees.load(Relaxed),
    }
}

fn sum(classes: &[ClassSnapshot], figure: impl Fn(&ClassSnapshot) -> u64) -> u64 {
    classes.iter().map(figure).sum()
}

/// The name, with a substitute for what is no UTF-8 and for what a terminal would obey.
fn command(page: &Page) -> String {
    let bytes: Vec<u8> = page.command.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(name).chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1000 * NANOSECONDS;

    #[test]
    fn peaks_are_of_their_windows() {
        let page = Page::new();
        for (ago, live) in [(0, 10), (1, 20), (2, 30), (10, 40), (11, 50), (60, 60), (61, 70)] {
            let number = 1000 - ago;
            let second = &page.seconds[number as usize % page.seconds.len()];
            second.number.store(number, Relaxed);
            second.live.store(live, Relaxed);
        }
        let snapshot = Snapshot::of(&page, NOW);
        assert_eq!(snapshot.peak_live, Peaks { second: 20, ten_seconds: 40, minute: 60 });
        assert_eq!(snapshot.history.iter().map(|second| second.ago).collect::<Vec<_>>(), [60, 11, 10, 2, 1, 0]);
        page.large_bytes.store(45, Relaxed);
        assert_eq!(Snapshot::of(&page, NOW).peak_live, Peaks { second: 45, ten_seconds: 45, minute: 60 });
    }

    #[test]
    fn slots_taken_since_the_count_are_live_and_never_more_than_their_spans_hold() {
        let page = Page::new();
        page.span_bytes.store(1000, Relaxed);
        page.counted_span_bytes.store(1000, Relaxed);
        page.counted_slot_bytes.store(400, Relaxed);
        page.touched_bytes.store(5000, Relaxed);
        assert_eq!(page.live(), 400);
        page.span_bytes.store(1500, Relaxed);
        assert_eq!(page.live(), 900);
        page.touched_bytes.store(700, Relaxed);
        assert_eq!(page.live(), 700);
        page.span_bytes.store(100, Relaxed);
        assert_eq!(page.live(), 100);
    }

    #[test]
    fn names_hold_nothing_that_a_terminal_obeys() {
        let page = Page::new();
        page.command[0].store(u64::from_ne_bytes(*b"a\x1b[2Jb\xff\0"), Relaxed);
        assert_eq!(Snapshot::of(&page, NOW).command, "a\u{fffd}[2Jb\u{fffd}");
    }
}
