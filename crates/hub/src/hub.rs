//! The hub: all apps of one node.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::app::App;
use crate::event::{Format, MAX_FORMATS};
use crate::metrics::Counters;
use crate::node::{Flush, Node, Observer};
use crate::options::AppSettings;
use crate::store::{Broker, Forgetful, Store, ThisNode};
use crate::sync::{Mutex, lock};

/// All apps of one node, and what they share.
pub struct Hub {
    node: Arc<Node>,
    store: Box<dyn Store>,
    apps: RwLock<HashMap<Box<str>, Arc<App>>>,
    creating: Mutex<()>,
}

/// The parts that a [`Hub`] is made of.
pub struct HubBuilder {
    formats: Vec<Box<dyn Format>>,
    flush: Box<dyn Flush>,
    observer: Option<Box<dyn Observer>>,
    broker: Box<dyn Broker>,
    store: Box<dyn Store>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl HubBuilder {
    /// Tells `observer` of users coming and going.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Publishes through `broker`; without, this node is alone.
    #[must_use]
    pub fn broker(mut self, broker: impl Broker + 'static) -> Self {
        self.broker = Box::new(broker);
        self
    }

    /// Keeps logs in `store` between two runs; without, they are forgotten.
    #[must_use]
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Box::new(store);
        self
    }

    /// Reads the time from `clock`, in milliseconds since 1970; without, from the system.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The hub, with no app yet.
    pub fn build(self) -> Hub {
        let Self { formats, flush, observer, broker, store, clock } = self;
        let node = Node {
            formats,
            flush,
            observer,
            broker,
            counters: Counters::default(),
            clock,
            stopped: AtomicBool::new(false),
        };
        Hub { node: Arc::new(node), store, apps: RwLock::default(), creating: Mutex::default() }
    }
}

impl Hub {
    /// Begins a hub that writes `formats`, in the order of their [`FormatId`](crate::FormatId)s, and has connections
    /// with a [`Sink`](crate::Sink) written by `flush`.
    ///
    /// # Panics
    /// With more than [`MAX_FORMATS`] formats.
    pub fn builder(formats: Vec<Box<dyn Format>>, flush: impl Flush + 'static) -> HubBuilder {
        assert!(formats.len() <= MAX_FORMATS, "a hub has {MAX_FORMATS} formats at most");
        HubBuilder {
            formats,
            flush: Box::new(flush),
            observer: None,
            broker: Box::new(ThisNode),
            store: Box::new(Forgetful),
            clock: Box::new(system_clock),
        }
    }

    /// Makes an app, with the logs that the store has kept for it; an app of this name that is there already is given
    /// back as it is.
    ///
    /// What was kept is taken out of the store: after a run that ends without [`save`](Self::save), the offsets that it
    /// gave are unknown, and logs from before it must not be continued with other messages under the same offsets.
    ///
    /// # Errors
    /// When the store cannot be read, or not be emptied; no app is made then.
    pub fn create_app(&self, name: &str, settings: AppSettings) -> io::Result<Arc<App>> {
        // One at a time, but with the table of apps free: reading a store may take long.
        let _creating = lock(&self.creating);
        if let Some(app) = self.app(name) {
            return Ok(app);
        }
        let app = Arc::new(App::new(name, settings, self.node.clone()));
        let saved = self.store.load(name)?;
        if !saved.is_empty() {
            self.store.save(name, &[])?;
        }
        app.restore(saved);
        self.apps.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), app.clone());
        Ok(app)
    }

    /// The app of this name.
    pub fn app(&self, name: &str) -> Option<Arc<App>> {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All apps.
    pub fn apps(&self) -> Vec<Arc<App>> {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// What the hub has counted since it was made.
    pub fn counters(&self) -> &Counters {
        &self.node.counters
    }

    /// Forgets what has expired in all apps. Call it every few seconds; what is read is up to date without it, but
    /// channels nobody reads keep their memory until then.
    pub fn sweep(&self) {
        for app in self.apps() {
            app.sweep();
        }
    }

    /// Saves the logs of all apps to the store, as the last thing a run does. From then on nothing can be published
    /// ([`PublishError::Stopped`](crate::PublishError::Stopped)): the next run would know nothing of it and give the same
    /// offsets again.
    ///
    /// # Errors
    /// When the store cannot be written; apps before that one are saved.
    pub fn save(&self) -> io::Result<()> {
        self.node.stopped.store(true, Ordering::SeqCst);
        self.apps().iter().try_for_each(|app| self.store.save(app.name(), &app.snapshot()))
    }
}

fn system_clock() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.map_or(0, |elapsed| elapsed.as_millis() as u64)
}
