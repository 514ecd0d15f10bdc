//! A rate limit in eight bytes: the generic cell rate algorithm (ITU-T I.371).

use std::time::{Duration, Instant};

/// How often something may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    interval_us: u64,
    burst_us: u64,
}

impl Rate {
    /// So many a second on average, and `burst` at once; 0 a second forbids it altogether.
    pub(crate) fn per_second(count: u32, burst: u32) -> Self {
        let interval_us = if count == 0 { u64::MAX } else { 1_000_000 / u64::from(count) };
        Self { interval_us, burst_us: interval_us.saturating_mul(u64::from(burst)) }
    }
}

/// What one connection has used of its rate: the moment at which all of it will have been earned.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    earned_at_us: u64,
}

impl Used {
    /// Whether it may happen once more at `since_start`, which is counted if so.
    pub(crate) fn allow(&mut self, rate: Rate, since_start: Duration) -> bool {
        let now = since_start.as_micros() as u64;
        let start = self.earned_at_us.max(now);
        let Some(earned_at_us) = start.checked_add(rate.interval_us) else { return false };
        if earned_at_us - now > rate.burst_us.max(rate.interval_us) {
            return false;
        }
        self.earned_at_us = earned_at_us;
        true
    }
}

/// Time since the first use, for [`Used::allow`].
pub(crate) fn since_start() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_average() {
        let rate = Rate::per_second(10, 20);
        let mut used = Used::default();
        let now = Duration::from_secs(100);
        assert_eq!((0..50).filter(|_| used.allow(rate, now)).count(), 20);
        let later = now + Duration::from_millis(1000);
        assert_eq!((0..50).filter(|_| used.allow(rate, later)).count(), 10);
    }

    #[test]
    fn nothing_passes_at_zero() {
        assert!(!Used::default().allow(Rate::per_second(0, 4), Duration::from_secs(1)));
    }
}
