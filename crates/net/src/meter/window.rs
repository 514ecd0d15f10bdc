//! Bytes of the last minute, a slot for each second.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds that an average goes over.
pub(super) const SECONDS: u64 = 60;

/// The seconds of an average and the current one, rounded up so that finding a slot is cheap.
const SLOTS: u64 = 64;

const BYTES_BITS: u32 = 40;

/// The most a slot holds: a terabyte in a second.
const MAX_BYTES: u64 = (1 << BYTES_BITS) - 1;

/// A slot holds bytes together with the lap, the number of times that the seconds have gone round all slots, in which they
/// came. One atomic number for both: whoever comes first in a new lap begins the slot anew, and whoever reads sees from the
/// lap that a slot is old. So nobody has to clear slots in time. The 24 bits of a lap last for 34 years.
#[derive(Debug)]
pub(super) struct Window([AtomicU64; SLOTS as usize]);

impl Default for Window {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; SLOTS as usize])
    }
}

impl Window {
    /// Adds bytes that came in this second.
    pub(super) fn add(&self, second: u64, bytes: u64) {
        let lap = second / SLOTS;
        // Fails only for a thread that was held up for a minute on its way here: its second is over and gone.
        let _ = self.slot(second).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |slot| {
            let before = match (slot >> BYTES_BITS).cmp(&lap) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => slot & MAX_BYTES,
                std::cmp::Ordering::Greater => return None,
            };
            Some(lap << BYTES_BITS | before.saturating_add(bytes).min(MAX_BYTES))
        });
    }

    /// Bytes of these seconds, none of which may be more than a minute ago.
    pub(super) fn sum(&self, seconds: Range<u64>) -> u64 {
        seconds
            .map(|second| {
                let slot = self.slot(second).load(Ordering::Relaxed);
                if slot >> BYTES_BITS == second / SLOTS { slot & MAX_BYTES } else { 0 }
            })
            .sum()
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.0.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
    }

    fn slot(&self, second: u64) -> &AtomicU64 {
        &self.0[(second % SLOTS) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_holds_a_terabyte_and_not_more() {
        let window = Window::default();
        window.add(64, MAX_BYTES);
        window.add(64, 1);
        window.add(65, u64::MAX);
        assert_eq!(window.sum(64..65), MAX_BYTES);
        assert_eq!(window.sum(65..66), MAX_BYTES);
        assert_eq!(window.sum(0..2), 0, "nothing spills into the lap");
    }

    #[test]
    fn a_late_thread_does_not_undo_a_newer_second() {
        let window = Window::default();
        window.add(64, 7);
        window.add(0, 1);
        assert_eq!(window.sum(64..65), 7);
    }

    #[test]
    fn threads_lose_nothing_while_a_slot_begins_anew() {
        const THREADS: u64 = 4;
        const ROUNDS: u64 = 2_000;
        let window = Window::default();
        for lap in 0..3 {
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| (0..ROUNDS).for_each(|round| window.add(lap * SLOTS + round % SLOTS, 1)));
                }
            });
            assert_eq!(window.sum(lap * SLOTS..(lap + 1) * SLOTS), THREADS * ROUNDS);
        }
    }
}
