//! Requests for the same thing at the same time: one fetches it, the others wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::key::Key;

/// What is fetched: a key, and what tells the requests apart that select different answers for it.
pub(crate) type Target = (Key, u64);

type Table = Arc<Mutex<HashMap<Target, watch::Receiver<Option<Landing>>>>>;

/// How a fetch ended, for those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// The answer is in the store.
    Stored,
    /// The answer is not for all. Those who wait go on, each on its own and at once.
    Apart,
    /// The service failed.
    Failed,
    /// Whoever fetched went away before there was an answer. One of those who wait takes over.
    Abandoned,
}

/// The fetches that others may wait for. There are never more than requests that are being served.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    table: Table,
}

/// What a request finds when it wants to fetch something.
#[derive(Debug)]
pub(crate) enum Joined {
    /// Nobody else is at it: fetch, and say how it ended.
    Lead(Lead),
    /// Somebody is.
    Wait(Wait),
}

/// The duty to fetch. Dropped without a word, it counts as abandoned.
#[derive(Debug)]
pub(crate) struct Lead {
    target: Option<Target>,
    landing: watch::Sender<Option<Landing>>,
    table: Table,
}

/// Waits for another request's fetch.
#[derive(Debug)]
pub(crate) struct Wait(watch::Receiver<Option<Landing>>);

impl Flights {
    pub(crate) fn join(&self, target: Target) -> Joined {
        let mut table = self.table.lock().expect("nothing panics under this lock");
        match table.entry(target) {
            Entry::Occupied(flying) => Joined::Wait(Wait(flying.get().clone())),
            Entry::Vacant(place) => {
                let (landing, waiting) = watch::channel(None);
                let target = place.key().clone();
                place.insert(waiting);
                Joined::Lead(Lead { target: Some(target), landing, table: Arc::clone(&self.table) })
            }
        }
    }
}

impl Lead {
    /// Tells those who wait. Says how many there are.
    pub(crate) fn land(mut self, how: Landing) -> usize {
        self.end(how)
    }

    fn end(&mut self, how: Landing) -> usize {
        let Some(target) = self.target.take() else { return 0 };
        // Out of the table first: who comes now looks into the store, and leads if there is nothing.
        self.table.lock().expect("nothing panics under this lock").remove(&target);
        let waiting = self.landing.receiver_count();
        self.landing.send_replace(Some(how));
        waiting
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.end(Landing::Abandoned);
    }
}

impl Wait {
    pub(crate) async fn landing(mut self) -> Landing {
        self.0.wait_for(Option::is_some).await.ok().and_then(|landing| *landing).unwrap_or(Landing::Abandoned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::key::KeyRef;

    fn target(variant: u64) -> Target {
        (KeyRef::parse("host/path").to_key(), variant)
    }

    fn lead(flights: &Flights) -> Lead {
        match flights.join(target(0)) {
            Joined::Lead(lead) => lead,
            Joined::Wait(_) => panic!("somebody else leads"),
        }
    }

    fn wait(flights: &Flights) -> Wait {
        match flights.join(target(0)) {
            Joined::Wait(wait) => wait,
            Joined::Lead(_) => panic!("nobody leads"),
        }
    }

    #[tokio::test]
    async fn one_leads_and_the_others_hear_how_it_ended() {
        let flights = Flights::default();
        let first = lead(&flights);
        let (one, other) = (wait(&flights), wait(&flights));
        assert!(matches!(flights.join(target(1)), Joined::Lead(_)), "another variant is another fetch");
        assert_eq!(first.land(Landing::Stored), 2);
        assert_eq!((one.landing().await, other.landing().await), (Landing::Stored, Landing::Stored));
        assert_eq!(lead(&flights).land(Landing::Apart), 0, "it is over");
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_lead_to_another() {
        let flights = Flights::default();
        let first = lead(&flights);
        let waiting = wait(&flights);
        drop(first);
        assert_eq!(waiting.landing().await, Landing::Abandoned);
        lead(&flights);
        assert!(flights.table.lock().expect("it was not poisoned").is_empty());
    }
}
