//! Publications of late by their idempotency key, so that a repeat is answered and not sent again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::log::{Epoch, Position};
use crate::message::Published;
use crate::options::AppLimits;
use crate::store::SavedRepeat;

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
        self.insert(key.into(), published, now + limits.idempotency_window.as_millis() as u64);
    }

    fn insert(&mut self, key: Arc<str>, published: Published, expires: u64) {
        self.answers.insert(key.clone(), (published, expires));
        self.order.push_back((key, expires));
    }

    /// What is remembered, as it is saved.
    pub(crate) fn save(&self) -> Vec<SavedRepeat> {
        let saved = |(key, expires_at): &(Arc<str>, u64)| {
            let (published, _) = self.answers.get(key)?;
            let offset = published.position.map_or(0, |position| position.offset);
            Some(SavedRepeat { key: key.to_string(), expires_at: *expires_at, offset, sent: published.sent as u64 })
        };
        self.order.iter().filter_map(saved).collect()
    }

    /// What was saved in a channel whose offsets count under `epoch`.
    pub(crate) fn restore(saved: Vec<SavedRepeat>, epoch: Epoch) -> Self {
        let mut window = Self::default();
        for SavedRepeat { key, expires_at, offset, sent } in saved {
            let position = (offset > 0).then_some(Position { epoch, offset });
            window.insert(key.into(), Published { position, sent: sent as usize, repeated: false }, expires_at);
        }
        window
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
