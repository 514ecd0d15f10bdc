//! Publications of late by their idempotency key, so that a repeat is answered and not sent again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::message::Published;
use crate::options::AppLimits;

/// The keys of one channel, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Window {
    answers: HashMap<Arc<str>, (Published, u64)>,
    order: VecDeque<(Arc<str>, u64)>,
}

impl Window {
    pub(crate) fn find(&self, key: &str, now: u64) -> Option<Published> {
        self.answers.get(key).filter(|(_, expires)| now < *expires).map(|(published, _)| *published)
    }

    pub(crate) fn remember(&mut self, key: Box<str>, published: Published, now: u64, limits: &AppLimits) {
        self.expire(now);
        while self.order.len() >= limits.idempotency_keys.max(1) {
            self.forget_oldest();
        }
        let expires = now + limits.idempotency_window.as_millis() as u64;
        let key: Arc<str> = key.into();
        self.answers.insert(key.clone(), (published, expires));
        self.order.push_back((key, expires));
    }

    pub(crate) fn expire(&mut self, now: u64) {
        while self.order.front().is_some_and(|(_, expires)| *expires <= now) {
            self.forget_oldest();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn forget_oldest(&mut self) {
        if let Some((key, _)) = self.order.pop_front() {
            self.answers.remove(&key);
        }
    }
}
