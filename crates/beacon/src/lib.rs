//! Beacon: the apps of a server and the ways in which their back ends reach them.
//!
//! Clients are Orbit's business; this crate adds what an app's owner deals with. It is made of parts that the binary
//! puts together:
//!
//! - [`Apps`] knows each app by name and by API key. Keys come from the configuration, or are made and kept in the
//!   [`DataDir`].
//! - [`rest`] publishes, sends to users and tells who is there, over HTTP.
//! - [`BackendService`] does the same over Thrift.
//! - [`EventStream`] tells back ends over TCP who came and who left.
//! - [`FileStore`] keeps history across a graceful restart.
//! - [`health`] and [`metrics`] are for whoever runs the server.
//!
//! [`routes`] has all that is HTTP in one router.
//!
//! # Example
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use planet_beacon::{metrics::{HubFigures, Source}, *};
//! use planet_hub::Hub;
//! use planet_net::{Listener, Shutdown};
//! # fn formats() -> Vec<Box<dyn planet_hub::Format>> { Vec::new() }
//! # struct Flusher;
//! # impl planet_hub::Flush for Flusher { fn flush(&self, _: Vec<Arc<planet_hub::Connection>>) {} }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = EventSettings::default();
//! let (shutdown, events_shutdown) = (Shutdown::new(), Shutdown::new());
//! let address = "127.0.0.1:6051".parse()?;
//! let event_listener = Listener::bind(&[address], settings.limits(), events_shutdown.clone())?;
//!
//! let data = DataDir::open("data")?;
//! let events = EventStream::new(settings);
//! let hub = Hub::builder(formats(), Flusher).observer(events.clone()).store(FileStore::open(&data)?).build();
//! let hub = Arc::new(hub);
//! let apps = Apps::open(&data, vec![AppConfig::new("default")], &hub)?;
//! let serving_events = tokio::spawn({ let events = events.clone(); async move { events.serve(event_listener).await } });
//!
//! let rest_counters = Arc::new(rest::RestCounters::default());
//! let sources: Vec<Arc<dyn Source>> =
//!     vec![Arc::new(HubFigures::new(hub.clone())), Arc::new(events), rest_counters.clone()];
//! let router = routes(Beacon {
//!     apps,
//!     rest: rest::RestSettings::default(),
//!     rest_counters,
//!     metrics: Arc::new(metrics::Metrics::new(sources)),
//!     metrics_token: None,
//!     shutdown: shutdown.clone(),
//! });
//! // … serve `router` until the end; when all connections have ended:
//! hub.save()?;
//! events_shutdown.begin(std::time::Duration::from_secs(1));
//! serving_events.await?;
//! # Ok(())
//! # }
//! ```

mod actions;
mod apps;
mod backend;
mod data_dir;
mod events;
pub mod health;
mod key_file;
mod keys;
pub mod metrics;
mod quota;
mod repeats;
pub mod rest;
mod store;

use std::sync::Arc;

use axum::Router;
use planet_net::Shutdown;

pub use apps::{App, AppConfig, Apps, AppsError, MAX_NAME_LENGTH};
pub use backend::BackendService;
pub use data_dir::{DataDir, DataDirError};
pub use events::{EventSettings, EventStream};
pub use key_file::KeyFileError;
pub use keys::{ApiKey, KeyError, MAX_KEY_LENGTH, NoRandomness, Secret};
pub use store::FileStore;

/// What [`routes`] serves.
#[derive(Debug)]
pub struct Beacon {
    /// The apps that REST requests go to.
    pub apps: Apps,
    /// Bounds of REST requests.
    pub rest: rest::RestSettings,
    /// Where REST requests are counted.
    pub rest_counters: Arc<rest::RestCounters>,
    /// What `/metrics` shows.
    pub metrics: Arc<metrics::Metrics>,
    /// What a request for `/metrics` has to bear, if anything.
    pub metrics_token: Option<Secret>,
    /// Once it has begun, `/readyz` says so.
    pub shutdown: Shutdown,
}

/// REST, `/healthz`, `/readyz` and `/metrics`, to be merged with the routes of the other parts.
pub fn routes(beacon: Beacon) -> Router {
    rest::routes(beacon.apps, beacon.rest, beacon.rest_counters)
        .merge(health::routes(beacon.shutdown))
        .merge(metrics::routes(beacon.metrics, beacon.metrics_token))
}
