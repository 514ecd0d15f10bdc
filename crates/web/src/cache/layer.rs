//! The cache as its owner sees it: a layer, a way to purge, and counters.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower_layer::Layer;

use super::clock::{Clock, SystemClock};
use super::collect::Budget;
use super::counters::{Counters, Tally};
use super::flight::Flights;
use super::key::KeyRef;
use super::service::CacheService;
use super::settings::Settings;
use super::status::CacheStatus;
use super::store::Store;

/// A cache. Clones are the same cache.
#[derive(Clone)]
pub struct Cache {
    core: Arc<Core>,
}

/// Everything that the services of one cache share.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) flights: Flights,
    pub(crate) tally: Tally,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cache_status: CacheStatus,
    pub(crate) background: Arc<Semaphore>,
    pub(crate) budget: Budget,
}

impl Cache {
    /// An empty cache.
    pub fn new(settings: Settings) -> Self {
        Self::with_clock(settings, Arc::new(SystemClock::default()))
    }

    /// An empty cache that takes the time from `clock`.
    pub fn with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let core = Core {
            store: Store::new(&settings),
            flights: Flights::default(),
            tally: Tally::default(),
            clock,
            cache_status: CacheStatus::new(&settings.name),
            background: Arc::new(Semaphore::new(settings.max_background.min(Semaphore::MAX_PERMITS))),
            budget: Budget::new(settings.max_collecting),
            settings,
        };
        Self { core: Arc::new(core) }
    }

    /// What puts this cache in front of a service. Several services may share it, if they agree on what their paths mean.
    pub fn layer(&self) -> CacheLayer {
        CacheLayer { core: Arc::clone(&self.core) }
    }

    /// Forgets what is stored for `host/path?query`, all variants of it, and lets nothing be stored that is being fetched
    /// for it now. Says whether something was stored.
    ///
    /// The host is as clients write it, with its port where they do.
    pub fn purge(&self, key: &str) -> bool {
        self.core.store.remove(&KeyRef::parse(key))
    }

    /// Forgets every key that starts with `prefix`, as in `example.org/images/`, the host in small letters. Says how many
    /// answers went. The empty prefix empties the cache. It looks at every key.
    pub fn purge_prefix(&self, prefix: &str) -> usize {
        self.core.store.remove_prefix(prefix)
    }

    /// What the cache has done so far.
    pub fn counters(&self) -> Counters {
        self.core.tally.snapshot(self.core.store.evicted(), self.core.store.weight())
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("settings", &self.core.settings).field("counters", &self.counters()).finish()
    }
}

/// Puts a [`Cache`] in front of services.
#[derive(Clone)]
pub struct CacheLayer {
    core: Arc<Core>,
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CacheService::new(inner, Arc::clone(&self.core))
    }
}

impl std::fmt::Debug for CacheLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheLayer").field("settings", &self.core.settings).finish()
    }
}
