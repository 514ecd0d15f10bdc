//! What a channel keeps, and for how long: history, what came before a restart, and the channel itself.

use std::sync::Arc;

use super::{Channel, Removed, State};
use crate::app::App;
use crate::budget::HistoryBudget;
use crate::idempotency::Window;
use crate::log::{History, HistoryQuery, Unrecoverable, cost};
use crate::store::{SavedChannel, SavedRepeat};
use crate::sync::lock;

impl Channel {
    pub(crate) fn history(
        &self,
        budget: &HistoryBudget,
        query: &HistoryQuery,
        now: u64,
    ) -> Result<Result<History, Unrecoverable>, Removed> {
        let mut state = lock(&self.state);
        if state.removed {
            return Err(Removed);
        }
        state.used_at = now;
        self.expire(&mut state, budget, now);
        let position = state.log.position();
        Ok(state.log.read(query).map(|publications| History { publications, position }))
    }

    /// Drops messages beyond the channel's size and age.
    pub(super) fn expire(&self, state: &mut State, budget: &HistoryBudget, now: u64) {
        let oldest_allowed = now.saturating_sub(self.options.history_ttl.as_millis() as u64);
        while state.log.len() > self.options.history_size
            || state.log.oldest().is_some_and(|oldest| oldest.published_at < oldest_allowed)
        {
            budget.free(state.log.pop_oldest().map_or(0, |gone| cost(&gone)));
        }
    }

    /// Counts messages that a store has kept.
    pub(crate) fn count_restored(self: &Arc<Self>, budget: &HistoryBudget) {
        let mut state = lock(&self.state);
        state.log.iter().for_each(|message| budget.add(cost(message)));
        let oldest = state.log.oldest().map(|oldest| oldest.published_at);
        state.enlisted = oldest.is_some();
        drop(state);
        if let Some(oldest) = oldest {
            budget.enlist(self, oldest);
        }
    }

    /// Drops the oldest message if it is from the time `as_of`. Says whether it did, and the time of the message that is
    /// then the oldest; without one, the channel no longer counts as enlisted.
    pub(crate) fn evict_oldest(&self, budget: &HistoryBudget, as_of: u64) -> (bool, Option<u64>) {
        let mut state = lock(&self.state);
        let due = state.log.oldest().is_some_and(|oldest| oldest.published_at <= as_of);
        if due {
            budget.free(state.log.pop_oldest().map_or(0, |gone| cost(&gone)));
        }
        let oldest = state.log.oldest().map(|oldest| oldest.published_at);
        state.enlisted = oldest.is_some();
        (due, oldest)
    }

    /// Forgets what has expired. `Removed` when the channel is of no more use, and is now marked as removed. In a
    /// `crowded` app, to be remembered is no use.
    pub(crate) fn sweep(&self, app: &App, now: u64, crowded: bool) -> Result<(), Removed> {
        let mut state = lock(&self.state);
        let had_messages = !state.log.is_empty();
        self.expire(&mut state, app.budget(), now);
        if let Some(window) = &mut state.idempotency {
            window.expire(now);
            if window.is_empty() {
                state.idempotency = None;
            }
        }
        let busy = !state.subscribers.is_empty() || !state.log.is_empty() || state.idempotency.is_some();
        if busy || had_messages {
            state.used_at = now;
        }
        let position_ttl = app.limits().position_ttl.as_millis() as u64;
        let remembered = if self.options.history_size > 0 && !crowded { position_ttl } else { 0 };
        let unused_for = now.saturating_sub(state.used_at);
        if busy || unused_for < remembered {
            return Ok(());
        }
        state.removed = true;
        Err(Removed)
    }

    /// The channel as it is to be saved; `None` where there is nothing to keep.
    pub(crate) fn save(&self) -> Option<SavedChannel> {
        let state = lock(&self.state);
        let has_log = self.options.history_size > 0 && state.log.position().offset > 0;
        let repeats = state.idempotency.as_ref().map(|window| window.save()).unwrap_or_default();
        (has_log || !repeats.is_empty()).then(|| SavedChannel {
            name: self.name.to_string(),
            position: state.log.position(),
            messages: state.log.iter().cloned().collect(),
            repeats,
        })
    }

    /// Takes up what was saved beside the log.
    pub(crate) fn restore_repeats(&self, saved: Vec<SavedRepeat>) {
        let mut state = lock(&self.state);
        if !saved.is_empty() {
            state.idempotency = Some(Box::new(Window::restore(saved, state.log.position().epoch)));
        }
    }
}
