//! When to look again, and when to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::MemoryError;

/// How long a signal may go unseen.
const SLICE: Duration = Duration::from_millis(50);

/// The time between two looks may be this.
pub(crate) const INTERVALS: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(3600);

/// When to look again, and when to stop.
pub(crate) struct Pace {
    interval: Duration,
    due: Instant,
    until: Option<Instant>,
    stop: Arc<AtomicBool>,
}

impl Pace {
    /// Begins now, and ends after `limit`, if there is one, or at a signal that asks to.
    pub(crate) fn new(interval: Duration, limit: Option<Duration>) -> Result<Self, MemoryError> {
        let interval = interval.clamp(*INTERVALS.start(), *INTERVALS.end());
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(MemoryError::Signals)?;
        }
        let now = Instant::now();
        Ok(Self { interval, due: now + interval, until: limit.and_then(|limit| now.checked_add(limit)), stop })
    }

    /// Whether it is time to stop.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// Whether it is time to look again. Says so once for each time; looks that were missed are not made up for.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.due;
        if due {
            self.due = (self.due + self.interval).max(now);
        }
        due
    }

    /// How long to do something else: until it is time for the next look, and not so long that a signal waits.
    pub(crate) fn rest(&self) -> Duration {
        let next = self.until.map_or(self.due, |until| until.min(self.due));
        next.saturating_duration_since(Instant::now()).min(SLICE)
    }

    /// Waits until it is time for the next look, and calls `meanwhile` some times a second; `false` when it is time to
    /// stop instead.
    pub(crate) fn wait(&mut self, mut meanwhile: impl FnMut()) -> bool {
        loop {
            if self.is_over() {
                return false;
            }
            if self.is_due() {
                return true;
            }
            meanwhile();
            std::thread::sleep(self.rest());
        }
    }

    /// Looks follow each other twice as fast, or half, within bounds.
    pub(crate) fn change(&mut self, faster: bool) {
        let interval = if faster { self.interval / 2 } else { self.interval * 2 };
        self.interval = interval.clamp(*INTERVALS.start(), *INTERVALS.end());
        self.due = Instant::now() + self.interval;
    }

    /// The time between two looks.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_secs(3000);

    #[test]
    fn intervals_have_bounds() {
        let mut pace = Pace::new(Duration::ZERO, None).unwrap();
        pace.change(true);
        assert_eq!(pace.interval(), *INTERVALS.start());
        pace.change(false);
        assert_eq!(pace.interval(), 2 * *INTERVALS.start());
        let mut pace = Pace::new(Duration::MAX, None).unwrap();
        pace.change(false);
        assert_eq!(pace.interval(), *INTERVALS.end());
    }

    #[test]
    fn each_look_is_due_once_and_missed_ones_are_left_out() {
        let mut pace = Pace::new(FAR, None).unwrap();
        assert!(!pace.is_due());
        pace.due = Instant::now();
        assert!(pace.is_due());
        assert!(!pace.is_due());
        assert!(pace.rest() <= SLICE);
    }

    #[test]
    fn it_ends_when_its_time_is_over_or_when_told_to() {
        let mut pace = Pace::new(FAR, Some(Duration::ZERO)).unwrap();
        assert!(pace.is_over() && !pace.wait(|| ()));
        let mut pace = Pace::new(FAR, Some(Duration::MAX)).unwrap();
        assert!(!pace.is_over());
        pace.stop.store(true, Ordering::Relaxed);
        assert!(!pace.wait(|| ()));
    }
}
