//! A meter: totals, slots for rates, and a parent that is told as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock;
use super::snapshot::{Rates, Recent, Snapshot};
use super::window::{SECONDS, Window};

/// Counts bytes in and out, and how fast they come. Any number of threads may record at once, without a lock.
///
/// With rates, a meter is 1 KB, which suits a label or a process. One for each of very many connections is better made
/// [without](Self::without_rates): that is 32 bytes, and recording costs one atomic addition.
///
/// ```
/// use std::sync::Arc;
/// use planet_net::meter::Meter;
///
/// let app = Arc::new(Meter::new());
/// let connection = Meter::without_rates().with_parent(app.clone());
/// connection.record_in(300);
/// connection.record_out(20);
/// assert_eq!((app.snapshot().bytes_in, app.snapshot().bytes_out), (300, 20));
/// ```
#[derive(Debug)]
pub struct Meter {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    slots: Option<Box<Slots>>,
    parent: Option<Arc<Meter>>,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    In,
    Out,
}

#[derive(Debug)]
struct Slots {
    timeline: Timeline,
    incoming: Window,
    outgoing: Window,
}

/// Numbers the seconds from a moment on. Meters whose rates are to be added share that moment.
#[derive(Debug)]
pub(super) struct Timeline {
    /// When second 0 began.
    epoch: u64,
    /// The first second that counts.
    born: AtomicU64,
}

impl Timeline {
    /// Begins with second 0 at `epoch`, and counts from `now`.
    pub(super) fn new(epoch: u64, now: u64) -> Self {
        let timeline = Self { epoch, born: AtomicU64::new(0) };
        timeline.begin(now);
        timeline
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Counts from `now` on.
    pub(super) fn begin(&self, now: u64) {
        self.born.store(self.second(now), Ordering::Relaxed);
    }

    fn second(&self, now: u64) -> u64 {
        now.saturating_sub(self.epoch) / clock::SECOND
    }

    /// The seconds that rates are made of: whole ones, or the current one when there is no other.
    pub(super) fn seconds(&self, now: u64) -> std::ops::Range<u64> {
        let current = self.second(now);
        let born = self.born.load(Ordering::Relaxed).min(current);
        if born == current { current..current + 1 } else { born.max(current.saturating_sub(SECONDS))..current }
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl Meter {
    /// A meter with rates. Its first second begins now.
    pub fn new() -> Self {
        let now = clock::now();
        Self::on(Timeline::new(now, now))
    }

    pub(super) fn on(timeline: Timeline) -> Self {
        let slots = Slots { timeline, incoming: Window::default(), outgoing: Window::default() };
        Self { slots: Some(Box::new(slots)), ..Self::without_rates() }
    }

    /// A meter of totals alone.
    pub const fn without_rates() -> Self {
        Self { bytes_in: AtomicU64::new(0), bytes_out: AtomicU64::new(0), slots: None, parent: None }
    }

    /// Records everything in `parent` too, and in what is above it. Each level costs an addition, and with rates two.
    #[must_use]
    pub fn with_parent(self, parent: Arc<Meter>) -> Self {
        Self { parent: Some(parent), ..self }
    }

    /// Counts bytes that were read.
    pub fn record_in(&self, bytes: u64) {
        self.record(Direction::In, bytes, clock::now);
    }

    /// Counts bytes that were written.
    pub fn record_out(&self, bytes: u64) {
        self.record(Direction::Out, bytes, clock::now);
    }

    fn record(&self, direction: Direction, bytes: u64, clock: impl Fn() -> u64) {
        if bytes == 0 {
            return;
        }
        // Read once, however many levels there are, and not at all when none has rates.
        let mut now = None;
        let mut next = Some(self);
        while let Some(meter) = next {
            meter.total(direction).fetch_add(bytes, Ordering::Relaxed);
            if let Some(slots) = &meter.slots {
                let now = *now.get_or_insert_with(&clock);
                slots.window(direction).add(slots.timeline.second(now), bytes);
            }
            next = meter.parent.as_deref();
        }
    }

    /// The figures now.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(clock::now())
    }

    fn snapshot_at(&self, now: u64) -> Snapshot {
        Snapshot { bytes_in: self.bytes_in(), bytes_out: self.bytes_out(), rates: self.rates_at(now) }
    }

    fn rates_at(&self, now: u64) -> Option<Rates> {
        let slots = self.slots.as_ref()?;
        let seconds = slots.timeline.seconds(now);
        let (incoming, outgoing) = slots.recent(seconds.clone());
        Some(Rates::of(incoming, outgoing, seconds.end - seconds.start))
    }

    /// Bytes read.
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes written.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    /// Begins anew with nothing counted, and gives back what was. Every byte is in either the old total or the new one,
    /// whatever is recorded meanwhile. The parent keeps what it has.
    pub fn reset(&self) -> Snapshot {
        self.reset_at(clock::now())
    }

    pub(super) fn reset_at(&self, now: u64) -> Snapshot {
        let rates = self.rates_at(now);
        let bytes_in = self.bytes_in.swap(0, Ordering::Relaxed);
        let bytes_out = self.bytes_out.swap(0, Ordering::Relaxed);
        if let Some(slots) = &self.slots {
            slots.timeline.begin(now);
            slots.incoming.clear();
            slots.outgoing.clear();
        }
        Snapshot { bytes_in, bytes_out, rates }
    }

    /// Bytes in and out of these seconds, by the count of the meter's timeline.
    pub(super) fn recent(&self, seconds: std::ops::Range<u64>) -> (Recent, Recent) {
        self.slots.as_ref().map(|slots| slots.recent(seconds)).unwrap_or_default()
    }

    fn total(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::In => &self.bytes_in,
            Direction::Out => &self.bytes_out,
        }
    }
}

impl Slots {
    fn window(&self, direction: Direction) -> &Window {
        match direction {
            Direction::In => &self.incoming,
            Direction::Out => &self.outgoing,
        }
    }

    fn recent(&self, seconds: std::ops::Range<u64>) -> (Recent, Recent) {
        let of = |window: &Window| Recent {
            last_second: window.sum(seconds.end - 1..seconds.end),
            all_seconds: window.sum(seconds.clone()),
        };
        (of(&self.incoming), of(&self.outgoing))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::meter::clock::SECOND;

    /// Far from 0, as a clock that counts from 1970 or from boot is.
    const BIRTH: u64 = 1_700_000_000 * SECOND + 123_456_789;

    fn meter() -> Meter {
        Meter::on(Timeline::new(BIRTH, BIRTH))
    }

    fn after(milliseconds: u64) -> u64 {
        BIRTH + milliseconds * (SECOND / 1000)
    }

    fn rates_in(meter: &Meter, milliseconds: u64) -> (f64, f64, u32) {
        let rates = meter.snapshot_at(after(milliseconds)).rates.unwrap();
        (rates.in_1s, rates.in_60s, rates.seconds)
    }

    #[test]
    fn the_first_sample_is_divided_by_one_second() {
        let meter = meter();
        assert_eq!(rates_in(&meter, 0), (0.0, 0.0, 1));
        meter.record(Direction::In, 500, || after(1));
        assert_eq!(rates_in(&meter, 2), (500.0, 500.0, 1));
        assert_eq!(rates_in(&meter, 999), (500.0, 500.0, 1));
        assert_eq!(rates_in(&meter, 1000), (500.0, 500.0, 1));
        assert_eq!(rates_in(&meter, 2000), (0.0, 250.0, 2));
    }

    #[test]
    fn a_young_meter_divides_by_its_age_and_an_old_one_by_sixty() {
        let meter = meter();
        for second in 0..100 {
            meter.record(Direction::In, 7, || after(second * 1000 + 500));
        }
        assert_eq!(rates_in(&meter, 100_000), (7.0, 7.0, 60));
        assert_eq!(rates_in(&meter, 130_000), (0.0, 3.5, 60), "nothing for the last half minute");
        assert_eq!(rates_in(&meter, 160_000), (0.0, 0.0, 60));
        assert_eq!(meter.bytes_in(), 700);
    }

    #[test]
    fn a_single_byte_is_not_rounded_away() {
        let meter = meter();
        meter.record(Direction::In, 1, || after(70_000));
        assert_eq!(rates_in(&meter, 71_000), (1.0, 1.0 / 60.0, 60));
        assert_eq!(rates_in(&meter, 130_999), (0.0, 1.0 / 60.0, 60));
        assert_eq!(rates_in(&meter, 131_000), (0.0, 0.0, 60));
    }

    #[test]
    fn a_record_reaches_every_level_and_each_level_resets_alone() {
        let app = Arc::new(meter());
        let connection = Meter::without_rates().with_parent(app.clone());
        connection.record_in(10);
        connection.record_out(20);
        let before = connection.reset();
        assert_eq!((before.bytes_in, before.bytes_out, before.rates), (10, 20, None));
        assert_eq!((connection.bytes_in(), app.bytes_in(), app.bytes_out()), (0, 10, 20));
    }

    #[test]
    fn after_a_reset_rates_begin_anew() {
        let meter = meter();
        meter.record(Direction::In, 600, || after(0));
        let before = meter.reset_at(after(10_200));
        assert_eq!((before.bytes_in, before.rates.unwrap().in_60s), (600, 60.0));
        assert_eq!(rates_in(&meter, 10_300), (0.0, 0.0, 1));
        meter.record(Direction::In, 9, || after(10_400));
        assert_eq!(rates_in(&meter, 10_500), (9.0, 9.0, 1));
        assert_eq!(rates_in(&meter, 13_000), (0.0, 3.0, 3));
    }

    #[test]
    fn what_is_recorded_during_resets_is_in_one_total_or_the_other() {
        let meter = meter();
        let seen = std::thread::scope(|scope| {
            let recording = scope.spawn(|| (0..20_000).for_each(|_| meter.record_out(3)));
            let mut seen = 0;
            while !recording.is_finished() {
                seen += meter.reset().bytes_out;
            }
            seen
        });
        assert_eq!(seen + meter.bytes_out(), 60_000);
    }

    #[test]
    fn a_meter_without_rates_is_small() {
        assert_eq!(size_of::<Meter>(), 32);
    }

    proptest! {
        #[test]
        fn rates_are_those_of_a_list_of_everything(
            steps in prop::collection::vec((0_u64..40_000, 0_u64..5_000), 1..60),
        ) {
            let meter = meter();
            let mut at = 0;
            let mut all: Vec<(u64, u64)> = Vec::new();
            for (wait, bytes) in steps {
                at += wait;
                meter.record(Direction::In, bytes, || after(at));
                all.push((at / 1000, bytes));
                let second = at / 1000;
                let seconds = if second == 0 { 0..1 } else { second.saturating_sub(60)..second };
                let of = |wanted: std::ops::Range<u64>| -> u64 {
                    all.iter().filter(|(second, _)| wanted.contains(second)).map(|(_, bytes)| bytes).sum()
                };
                let count = seconds.end - seconds.start;
                let expected = (of(seconds.end - 1..seconds.end) as f64, of(seconds) as f64 / count as f64, count as u32);
                prop_assert_eq!(rates_in(&meter, at), expected);
            }
            prop_assert_eq!(meter.bytes_in(), all.iter().map(|(_, bytes)| bytes).sum::<u64>());
        }
    }
}
