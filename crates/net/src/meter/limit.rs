//! A token bucket in bytes.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The most that a stream is granted at once, so that streams of one limit take turns.
const GRANT: usize = 16 << 10;

const SECOND: u128 = 1_000_000_000;

/// So many bytes a second on average, and so many at once after a pause.
///
/// Share it among the streams of a label with an `Arc`: see [`Throttled`](super::Throttled). They are served in the order in
/// which they ask, each for at most 16 KiB or the burst, if that is less, so that each gets the same share, however much it
/// wants to send. A stream that has asked and then does nothing holds up nobody: its turn passes unused.
///
/// ```
/// use planet_net::meter::RateLimit;
///
/// let a_megabyte_a_second = RateLimit::new(1_000_000.try_into()?, 64_000.try_into()?);
/// assert_eq!(a_megabyte_a_second.bytes_per_second().get(), 1_000_000);
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
///
/// In any span of time, what passes is at most `burst + rate × time`; tasks that run later than at their turn can make it
/// one burst more. The whole rate can be used if the burst covers the time until a waiting task runs again: let it be at
/// least 10 ms of the rate.
#[derive(Debug)]
pub struct RateLimit {
    bytes_per_second: NonZeroU64,
    /// The time in which the rate makes up for a whole burst, in nanoseconds.
    burst: u64,
    grant: usize,
    start: Instant,
    /// When all that was granted will be made up for, in nanoseconds since the start. This one number is the bucket: it is
    /// full when that is now or earlier, and empty when that is `burst` from now.
    settled: AtomicU64,
}

/// Bytes that may pass at a certain time.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) bytes: usize,
    /// When it will be made up for, in nanoseconds since the start.
    settled: u64,
}

impl RateLimit {
    /// A limit with a full bucket.
    pub fn new(bytes_per_second: NonZeroU64, burst: NonZeroUsize) -> Self {
        Self {
            bytes_per_second,
            burst: cost(bytes_per_second, burst.get()),
            grant: burst.get().min(GRANT),
            start: Instant::now(),
            settled: AtomicU64::new(0),
        }
    }

    /// Its bytes a second.
    pub fn bytes_per_second(&self) -> NonZeroU64 {
        self.bytes_per_second
    }

    /// Takes a place in the line for at most so many bytes. What is not used has to be [given back](Self::give_back).
    pub(super) fn ask(&self, bytes: usize) -> Grant {
        let bytes = bytes.min(self.grant);
        let (now, cost) = (self.now(), cost(self.bytes_per_second, bytes));
        let after = |settled: u64| settled.max(now).saturating_add(cost);
        // The function never refuses.
        let (Ok(before) | Err(before)) =
            self.settled.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |settled| Some(after(settled)));
        Grant { bytes, settled: after(before) }
    }

    /// When the turn of a grant comes; `None` if that is now.
    pub(super) fn turn(&self, grant: &Grant) -> Option<Instant> {
        let turn = grant.settled.saturating_sub(self.burst);
        (turn > self.now()).then(|| self.start + Duration::from_nanos(turn))
    }

    /// Whether a grant was not used for so long that time has made up for it, and more with it might be too much at once.
    pub(super) fn is_stale(&self, grant: &Grant) -> bool {
        grant.settled <= self.now()
    }

    /// Ends a grant of which `used` bytes were used. The rest is there for others again if nobody is in line behind it:
    /// those already know when their turn is. What time has made up for is not given back either, or the bucket would come
    /// to hold more than a burst.
    pub(super) fn give_back(&self, grant: &Grant, used: usize) {
        let unused = cost(self.bytes_per_second, grant.bytes) - cost(self.bytes_per_second, used);
        let back = unused.min(grant.settled.saturating_sub(self.now()));
        // Fails when somebody is in line behind it.
        let _ =
            self.settled.compare_exchange(grant.settled, grant.settled - back, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The time that the rate takes for so many bytes, in nanoseconds, rounded up.
fn cost(bytes_per_second: NonZeroU64, bytes: usize) -> u64 {
    u64::try_from((bytes as u128 * SECOND).div_ceil(u128::from(bytes_per_second.get()))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(rate: u64, burst: usize) -> RateLimit {
        RateLimit::new(NonZeroU64::new(rate).unwrap(), NonZeroUsize::new(burst).unwrap())
    }

    fn paused() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_next_byte_waits_its_time() {
        let limit = limit(1000, 500);
        assert_eq!(limit.turn(&limit.ask(500)), None);
        let next = limit.ask(1);
        assert_eq!(limit.turn(&next), Some(Instant::now() + Duration::from_millis(1)));
        let after_it = limit.ask(100);
        assert_eq!(limit.turn(&after_it), Some(Instant::now() + Duration::from_millis(101)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_used_is_there_for_the_next() {
        let limit = limit(1000, 500);
        let grant = limit.ask(500);
        limit.give_back(&grant, 100);
        assert_eq!(limit.turn(&limit.ask(400)), None);
        assert!(limit.turn(&limit.ask(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_late_does_not_overfill_the_bucket() {
        let limit = limit(1000, 500);
        let grant = limit.ask(500);
        tokio::time::advance(Duration::from_secs(10)).await;
        limit.give_back(&grant, 0);
        assert_eq!(limit.turn(&limit.ask(500)), None);
        assert!(limit.turn(&limit.ask(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_grant_is_a_burst_or_sixteen_kilobytes_at_most() {
        assert_eq!(limit(1, 500).ask(501).bytes, 500);
        assert_eq!(limit(1, 1 << 20).ask(GRANT + 1).bytes, GRANT);
    }

    struct Waiter {
        turn: Instant,
        grant: Grant,
        part: f64,
    }

    /// What passed, and how long after the start.
    #[derive(Default)]
    struct Passed(Vec<(Duration, usize)>);

    impl Passed {
        fn add(&mut self, limit: &RateLimit, grant: &Grant, part: f64) {
            let used = (grant.bytes as f64 * part) as usize;
            limit.give_back(grant, used);
            self.0.push((limit.start.elapsed(), used));
        }
    }

    proptest! {
        /// Any number of streams that ask, wait or go away, and use all or a part or nothing of what they get.
        #[test]
        fn no_span_of_time_sees_more_than_a_burst_and_the_rate(
            rate in 1_u64..100_000,
            burst in 1_usize..50_000,
            tasks_run_late in any::<bool>(),
            steps in prop::collection::vec((0_u64..2000, 1_usize..30_000, 0.0_f64..=1.0, any::<bool>()), 1..80),
        ) {
            paused().block_on(async {
                let limit = limit(rate, burst);
                let mut passed = Passed::default();
                let mut waiting: Vec<Waiter> = Vec::new();
                for (pause, wanted, part, patient) in steps {
                    let next = Instant::now() + Duration::from_millis(pause);
                    waiting.sort_by_key(|waiter| waiter.turn);
                    let due = waiting.iter().take_while(|waiter| waiter.turn <= next).count();
                    for Waiter { turn, grant, part } in waiting.drain(..due) {
                        let at = if tasks_run_late { next } else { turn };
                        tokio::time::advance(at.saturating_duration_since(Instant::now())).await;
                        let stale = limit.is_stale(&grant);
                        prop_assert!(!stale || tasks_run_late, "a grant is good at its turn");
                        if !stale {
                            passed.add(&limit, &grant, part);
                        }
                    }
                    tokio::time::advance(next.saturating_duration_since(Instant::now())).await;
                    let grant = limit.ask(wanted);
                    match limit.turn(&grant) {
                        Some(turn) if patient => waiting.push(Waiter { turn, grant, part }),
                        Some(_) => limit.give_back(&grant, 0),
                        None => passed.add(&limit, &grant, part),
                    }
                }
                let burst = if tasks_run_late { 2 * burst } else { burst };
                for (from, (begin, _)) in passed.0.iter().enumerate() {
                    let mut sum = 0;
                    for (end, bytes) in &passed.0[from..] {
                        sum += bytes;
                        let most = burst as f64 + rate as f64 * (*end - *begin).as_secs_f64();
                        prop_assert!(sum as f64 <= most + 1.0, "{sum} bytes where {most} may pass");
                    }
                }
                Ok(())
            })?;
        }
    }
}
