//! For whom the bytes of an HTTP connection count.
//!
//! A connection may serve requests to several apps, one after the other, and what is counted for whom is said at
//! [`PeerInfo::count_for`](crate::PeerInfo::count_for). Each byte counts exactly once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::meter::Meter;

/// Counts what a connection carries.
#[derive(Debug)]
pub(crate) struct Account {
    unclaimed: Arc<Meter>,
    /// Whether requests come one at a time.
    sequential: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of a request that may still be claimed.
    pending: u64,
    reading: Option<Arc<Meter>>,
    writing: Option<Arc<Meter>>,
}

impl Account {
    /// Counts in `unclaimed` what nobody claims.
    pub(crate) fn new(unclaimed: Arc<Meter>, sequential: bool) -> Arc<Self> {
        Arc::new(Self { unclaimed, sequential, state: Mutex::default() })
    }

    pub(crate) fn read(&self, bytes: u64) {
        let mut state = self.lock();
        match &state.reading {
            Some(meter) => meter.record_in(bytes),
            None => state.pending += bytes,
        }
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        self.lock().writing.as_ref().unwrap_or(&self.unclaimed).record_out(bytes);
    }

    /// The head of a request has been read.
    pub(crate) fn begin(&self) {
        if self.sequential {
            self.lock().writing = None;
        }
    }

    /// The request counts for `meter`.
    pub(crate) fn claim(&self, meter: &Arc<Meter>) {
        let mut state = self.lock();
        meter.record_in(std::mem::take(&mut state.pending));
        state.reading = Some(meter.clone());
        state.writing = Some(meter.clone());
    }

    /// All of the response has been handed over, though not all of it may be written. What is read from now on belongs to
    /// the next request.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        self.unclaimed.record_in(std::mem::take(&mut state.pending));
        if self.sequential {
            state.reading = None;
        }
    }

    /// Each change is complete before anything can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.unclaimed.record_in(state.pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(meter: &Meter) -> (u64, u64) {
        (meter.bytes_in(), meter.bytes_out())
    }

    #[test]
    fn a_request_is_counted_with_its_head_and_all_of_its_response() {
        let [nobody, chat, shop] = [(); 3].map(|()| Arc::new(Meter::new()));
        let account = Account::new(nobody.clone(), true);
        let request = |head: u64, claimed: Option<&Arc<Meter>>, body: u64, response: u64| {
            account.read(head);
            account.begin();
            if let Some(meter) = claimed {
                account.claim(meter);
            }
            account.read(body);
            account.wrote(response);
            account.end();
            account.wrote(1);
        };
        request(100, Some(&chat), 20, 3000);
        request(1, None, 2, 3);
        request(500, Some(&shop), 60, 7000);
        account.read(9);
        assert_eq!((bytes(&chat), bytes(&shop), bytes(&nobody)), ((120, 3001), (560, 7001), (3, 4)));
        drop(account);
        assert_eq!(bytes(&nobody), (12, 4));
    }

    #[test]
    fn requests_that_share_a_connection_count_for_the_last_that_was_claimed() {
        let [nobody, chat, shop] = [(); 3].map(|()| Arc::new(Meter::new()));
        let account = Account::new(nobody.clone(), false);
        account.wrote(1);
        account.read(10);
        account.begin();
        account.claim(&chat);
        account.wrote(200);
        account.begin();
        account.end();
        account.wrote(3000);
        account.claim(&shop);
        account.read(40_000);
        assert_eq!((bytes(&chat), bytes(&shop), bytes(&nobody)), ((10, 3200), (40_000, 0), (0, 1)));
    }
}
