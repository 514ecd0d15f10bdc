//! Messages to users of late by their idempotency key, so that a repeat is answered and not sent again. For messages to
//! channels the hub does the same.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use planet_hub::AppLimits;

/// The answers of one app.
pub(crate) struct Repeats {
    window: Duration,
    /// Keys remembered; beyond that the oldest is forgotten early.
    limit: usize,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    by_key: HashMap<Arc<str>, usize>,
    order: VecDeque<(Arc<str>, Instant)>,
}

impl fmt::Debug for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeats").field("window", &self.window).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Repeats {
    pub(crate) fn new(limits: &AppLimits) -> Self {
        Self { window: limits.idempotency_window, limit: limits.idempotency_keys.max(1), answers: Mutex::default() }
    }

    /// The answer of the first message to `user` with this key; it is sent by `send` if there was none.
    pub(crate) fn once(&self, user: &str, key: &str, send: impl FnOnce() -> usize) -> usize {
        self.once_at(Instant::now(), user, key, send)
    }

    fn once_at(&self, now: Instant, user: &str, key: &str, send: impl FnOnce() -> usize) -> usize {
        // No user has a space in its name, so that two different pairs never make the same text.
        let pair: Arc<str> = format!("{user} {key}").into();
        // Held while the message is sent: of two requests at once, one sends and both are answered alike.
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let expired = |(_, sent_at): &(Arc<str>, Instant)| now.duration_since(*sent_at) >= self.window;
        while answers.order.front().is_some_and(expired) {
            answers.forget_oldest();
        }
        if let Some(sent) = answers.by_key.get(&pair) {
            return *sent;
        }
        if answers.order.len() >= self.limit {
            answers.forget_oldest();
        }
        let sent = send();
        answers.by_key.insert(pair.clone(), sent);
        answers.order.push_back((pair, now));
        sent
    }
}

impl Answers {
    fn forget_oldest(&mut self) {
        if let Some((key, _)) = self.order.pop_front() {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(idempotency_keys: usize) -> Repeats {
        Repeats::new(&AppLimits { idempotency_keys, ..AppLimits::default() })
    }

    #[test]
    fn a_repeat_is_answered_and_not_sent() {
        let repeats = repeats(10);
        assert_eq!(repeats.once("julia", "k", || 3), 3);
        assert_eq!(repeats.once("julia", "k", || panic!("sent twice")), 3);
        assert_eq!(repeats.once("romeo", "k", || 1), 1);
        assert_eq!(repeats.once("julia", "l", || 2), 2);
    }

    #[test]
    fn answers_are_forgotten_after_their_window_and_when_there_are_too_many() {
        let repeats = repeats(2);
        let start = Instant::now();
        for (at, key) in ["a", "b", "c"].into_iter().enumerate() {
            repeats.once_at(start, "julia", key, || at);
        }
        assert_eq!(repeats.once_at(start, "julia", "b", || 9), 1);
        assert_eq!(repeats.once_at(start, "julia", "a", || 9), 9);
        let later = start + AppLimits::default().idempotency_window;
        assert_eq!(repeats.once_at(later, "julia", "c", || 7), 7);
        assert_eq!(repeats.answers.lock().unwrap().order.len(), 1);
    }
}
