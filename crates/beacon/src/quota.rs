//! How often an app may do something: so many times a second on average, with some room for bursts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A bound on how often something happens (generic cell rate algorithm, ITU-T I.371).
#[derive(Debug)]
pub(crate) struct Quota {
    start: Instant,
    /// What one time costs, in nanoseconds; 0 for no bound.
    cost: u64,
    /// How far ahead of the average one may be, in nanoseconds.
    burst: u64,
    /// The moment, in nanoseconds from the start, at which everything so far will have been earned.
    earned_at: AtomicU64,
}

/// The quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverQuota {
    /// When it is worth trying again.
    pub(crate) retry_after: Duration,
}

impl Quota {
    /// `per_second` times a second on average, and `burst` times at once (at least once); 0 a second is no bound.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let cost = 1_000_000_000_u64.checked_div(per_second.into()).unwrap_or(0);
        Self { start: Instant::now(), cost, burst: cost * u64::from(burst.max(1)), earned_at: AtomicU64::new(0) }
    }

    /// Takes one from the quota.
    ///
    /// # Errors
    /// When there is none left; nothing is taken then.
    pub(crate) fn take(&self) -> Result<(), OverQuota> {
        self.take_many(1)
    }

    /// Takes so many from the quota at once, or none of them. More than the burst are never had.
    ///
    /// # Errors
    /// When there are not as many left; nothing is taken then.
    pub(crate) fn take_many(&self, count: usize) -> Result<(), OverQuota> {
        self.take_at(count, self.start.elapsed())
    }

    fn take_at(&self, count: usize, since_start: Duration) -> Result<(), OverQuota> {
        let now = since_start.as_nanos() as u64;
        let cost = self.cost.saturating_mul(count as u64);
        let take = |earned_at: u64| {
            let earned_at = earned_at.max(now).saturating_add(cost);
            (earned_at - now <= self.burst).then_some(earned_at)
        };
        match self.earned_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(earned_at) => {
                let retry_at = earned_at.saturating_add(cost);
                let retry_after = Duration::from_nanos(retry_at.saturating_sub(now + self.burst));
                Err(OverQuota { retry_after })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_then_the_average_and_the_wait_is_told() {
        let quota = Quota::new(10, 20);
        assert_eq!((0..50).filter(|_| quota.take_at(1, SECOND).is_ok()).count(), 20);
        assert_eq!(quota.take_at(1, SECOND), Err(OverQuota { retry_after: Duration::from_millis(100) }));
        assert_eq!(quota.take_at(1, SECOND + Duration::from_millis(99)).unwrap_err().retry_after.as_millis(), 1);
        assert_eq!((0..50).filter(|_| quota.take_at(1, 2 * SECOND).is_ok()).count(), 10);
        assert_eq!((0..50).filter(|_| quota.take_at(1, 100 * SECOND).is_ok()).count(), 20);
    }

    #[test]
    fn many_are_had_together_or_not_at_all() {
        let quota = Quota::new(10, 20);
        assert!(quota.take_at(21, SECOND).is_err());
        assert!(quota.take_at(usize::MAX, SECOND).is_err());
        assert!(quota.take_at(15, SECOND).is_ok());
        assert_eq!(quota.take_at(6, SECOND), Err(OverQuota { retry_after: Duration::from_millis(100) }));
        assert!(quota.take_at(5, SECOND).is_ok());
        assert!(quota.take_at(0, SECOND).is_ok());
    }

    #[test]
    fn zero_is_no_bound() {
        let quota = Quota::new(0, 0);
        assert!((0..1000).all(|_| quota.take_at(1, SECOND).is_ok()));
    }
}
