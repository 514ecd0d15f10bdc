//! The time, which a test may set.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

/// Where the cache takes the time from.
///
/// There are two readings, because one clock cannot serve both uses: dates in headers are those of the calendar, which
/// somebody may set back, and then an answer must not grow younger by it.
pub trait Clock: Send + Sync + 'static {
    /// The time of the calendar, to compare with dates in headers.
    fn calendar(&self) -> SystemTime;

    /// The time since some fixed moment. It never goes back.
    fn elapsed(&self) -> Duration;
}

/// The clocks of the system.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn calendar(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock for tests: it stands still until it is moved on.
///
/// ```
/// use planet_web::cache::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::default();
/// let before = clock.calendar();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.calendar(), before + Duration::from_secs(60));
/// ```
#[derive(Debug)]
pub struct ManualClock {
    started: SystemTime,
    elapsed: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that shows `started`.
    pub fn new(started: SystemTime) -> Self {
        Self { started, elapsed: Mutex::new(Duration::ZERO) }
    }

    /// Moves both readings on.
    pub fn advance(&self, by: Duration) {
        *self.elapsed.lock().expect("nothing panics under this lock") += by;
    }
}

impl Default for ManualClock {
    /// It shows the first second of 2026.
    fn default() -> Self {
        Self::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }
}

impl Clock for ManualClock {
    fn calendar(&self) -> SystemTime {
        self.started + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().expect("nothing panics under this lock")
    }
}
