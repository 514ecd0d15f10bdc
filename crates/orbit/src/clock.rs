//! The clock of all sessions: a wheel of one-second slots, turned by one task.
//!
//! A timer for each session would cost more than the rest of an idle session's bookkeeping; here a session that waits
//! for its next ping costs one weak pointer.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Seconds since the clock was made. Good for 136 years.
pub type Seconds = u32;

/// Something that wants to be woken now and then.
pub trait Tick: Send + Sync + 'static {
    /// Its time has come. Says in how many seconds it wants to be woken again; `None` for never.
    fn tick(self: Arc<Self>, now: Seconds) -> Option<Seconds>;
}

const SLOTS: usize = 64;

/// Who is woken before others of the thread get their turn: a ping is a write, and thousands may be due at once.
const TURN: usize = 64;

/// The wheel. What is due later than its size is looked at once a turn until its time has come.
pub struct Clock<T> {
    epoch: Instant,
    slots: Mutex<Wheel<T>>,
}

struct Wheel<T> {
    slots: [Vec<Entry<T>>; SLOTS],
    now: Seconds,
}

struct Entry<T> {
    due: Seconds,
    who: Weak<T>,
}

impl<T: Tick> Default for Clock<T> {
    fn default() -> Self {
        let slots = std::array::from_fn(|_| Vec::new());
        Self { epoch: Instant::now(), slots: Mutex::new(Wheel { slots, now: 0 }) }
    }
}

impl<T: Tick> Clock<T> {
    /// The time.
    pub fn now(&self) -> Seconds {
        self.epoch.elapsed().as_secs() as Seconds
    }

    /// Has `who` woken once so many seconds have passed, and at most one more.
    pub fn schedule(&self, who: &Arc<T>, after: Seconds) {
        // The present second has begun already.
        self.insert(Arc::downgrade(who), after.saturating_add(1));
    }

    fn insert(&self, who: Weak<T>, within: Seconds) {
        let mut wheel = self.lock();
        let due = wheel.now.saturating_add(within.max(1));
        wheel.slots[due as usize % SLOTS].push(Entry { due, who });
    }

    /// Turns the wheel once a second, for ever.
    pub async fn run(&self) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            second.tick().await;
            let now = self.now();
            while self.lock().now < now {
                self.turn().await;
            }
        }
    }

    /// Goes on by one second and wakes whoever is due.
    async fn turn(&self) {
        let (now, entries) = {
            let mut wheel = self.lock();
            wheel.now += 1;
            let now = wheel.now;
            (now, std::mem::take(&mut wheel.slots[now as usize % SLOTS]))
        };
        for (count, entry) in entries.into_iter().enumerate() {
            if count % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            self.wake(entry, now);
        }
    }

    fn wake(&self, Entry { due, who }: Entry<T>, now: Seconds) {
        let Some(alive) = who.upgrade() else { return };
        let again = if due > now { Some(due - now) } else { alive.tick(now) };
        if let Some(within) = again {
            self.insert(who, within);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Wheel<T>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sleeper {
        woken_at: Mutex<Vec<Seconds>>,
        every: Option<Seconds>,
    }

    impl Tick for Sleeper {
        fn tick(self: Arc<Self>, now: Seconds) -> Option<Seconds> {
            self.woken_at.lock().unwrap().push(now);
            self.every
        }
    }

    fn sleeper(every: Option<Seconds>) -> Arc<Sleeper> {
        Arc::new(Sleeper { woken_at: Mutex::default(), every })
    }

    #[tokio::test]
    async fn everyone_is_woken_when_due_and_as_often_as_asked() {
        let clock = Clock::default();
        let (once, often, late) = (sleeper(None), sleeper(Some(25)), sleeper(None));
        clock.schedule(&once, 0);
        clock.schedule(&often, 10);
        clock.schedule(&late, 200);
        for _ in 0..250 {
            clock.turn().await;
        }
        assert_eq!(*once.woken_at.lock().unwrap(), [1]);
        assert_eq!(*often.woken_at.lock().unwrap(), [11, 36, 61, 86, 111, 136, 161, 186, 211, 236]);
        assert_eq!(*late.woken_at.lock().unwrap(), [201]);
    }

    #[tokio::test]
    async fn more_than_one_turn_of_sleepers_is_woken_in_the_same_second() {
        let clock = Clock::default();
        let sleepers: Vec<_> = (0..3 * TURN).map(|_| sleeper(None)).collect();
        sleepers.iter().for_each(|sleeper| clock.schedule(sleeper, 0));
        clock.turn().await;
        assert!(sleepers.iter().all(|sleeper| *sleeper.woken_at.lock().unwrap() == [1]));
    }

    #[tokio::test]
    async fn the_dead_leave_the_wheel() {
        let clock = Clock::default();
        clock.schedule(&sleeper(Some(1)), 1);
        for _ in 0..SLOTS {
            clock.turn().await;
        }
        assert!(clock.lock().slots.iter().all(Vec::is_empty));
    }
}
