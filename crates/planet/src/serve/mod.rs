//! `planet serve`: the crates put together.

mod announcement;
mod apps;
mod error;
mod figures;
mod pages;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::service::TowerToHyperService;
use planet_beacon::metrics::{HubFigures, Metrics};
use planet_beacon::rest::{RestCounters, RestSettings};
use planet_beacon::{BackendService, Beacon, DataDir, EventSettings, EventStream, FileStore, KeyError};
use planet_hub::Hub;
use planet_net::meter::Registry;
use planet_net::policy::PolicyFile;
use planet_net::{Certificates, Drained, Limits, Listener, Server, Shutdown};
use planet_orbit::{Flusher, Orbit, Wire};

use announcement::Announcement;
pub use error::ServeError;

use crate::config::{Endpoint, Settings};
use crate::signals;

/// Between two looks at what has expired in the hub.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The part of the time for a shutdown over which clients are asked to reconnect; the rest is for what they still have
/// to be sent.
const SPREAD: f64 = 0.3;

/// How long the readers of the event stream may take to read what is left for them at the end.
const EVENTS_PATIENCE: Duration = Duration::from_secs(1);

/// Serves until a signal says to stop, and then until all is drained or `shutdown_timeout` is over.
///
/// # Errors
///
/// When the server cannot start.
pub async fn serve(settings: Settings) -> Result<(), ServeError> {
    let server = &settings.server;
    let shutdown = Shutdown::new();
    let certificates = match (&server.tls_cert, &server.tls_key) {
        (Some(certificate), Some(key)) => Some(Certificates::load(certificate, key).map_err(ServeError::Tls)?),
        _ => None,
    };
    let policy =
        server.flash_policy_file.as_ref().map(PolicyFile::load).transpose().map_err(|problem| ServeError::Setting {
            of: "flash_policy_file".to_owned(),
            problem: problem.to_string(),
        })?;
    let metrics_token = server.metrics_token.as_ref().map(|token| token.expose().parse());
    let metrics_token = metrics_token.transpose().map_err(|problem: KeyError| ServeError::Setting {
        of: "metrics_token".to_owned(),
        problem: problem.to_string(),
    })?;
    let listener = Listener::bind(&server.listen, server.limits(), shutdown.clone()).map_err(ServeError::Bind)?;
    let event_settings =
        EventSettings { readers: server.event_readers, buffer_bytes: server.event_buffer_bytes.bytes() };
    let events = EventStream::new(event_settings);
    // Its own, since readers are to be told of the users who leave while the server stops.
    let events_shutdown = Shutdown::new();
    let events_listener = bind(server.events, event_settings.limits(), &events_shutdown)?;
    let thrift_settings = server.thrift();
    let thrift_listener = bind(server.thrift, thrift_settings.limits(), &shutdown)?;
    let data = DataDir::open(&server.data).map_err(ServeError::DataDir)?;
    let store = FileStore::open(&data).map_err(ServeError::Store)?;

    let flusher = Flusher::new();
    flusher.start(std::thread::available_parallelism().map_or(2, usize::from));
    let hub = Hub::builder(Wire::formats(), flusher.clone()).observer(events.clone()).store(store).build();
    let hub = Arc::new(hub);
    // From here on, what was saved of the history is in memory only: nothing below may keep the server from starting.
    signals::watch(shutdown.clone(), server.shutdown_timeout.duration()).map_err(ServeError::Signals)?;
    let bandwidth = Arc::new(Registry::new(["app"], settings.app.len() + 1));
    let unclaimed = bandwidth.meter([figures::NO_APP]);
    let apps = apps::open(&settings, &data, &hub, &bandwidth)?;
    let orbit = Orbit::new(apps.clone(), shutdown.clone(), server.trusted_proxies());
    orbit.start();
    tokio::spawn(sweep(hub.clone()));

    let backend = BackendService::new(apps.clone(), thrift_settings);
    let pages_cache = pages::cache();
    let rest_counters = Arc::new(RestCounters::default());
    let metrics = Metrics::new(vec![
        Arc::new(HubFigures::new(hub.clone())),
        Arc::new(figures::Sessions::new(orbit.clone(), flusher)),
        Arc::new(figures::Listening::new(listener.admission().clone(), hub.clone())),
        Arc::new(figures::Bandwidth(bandwidth)),
        Arc::new(figures::Memory { others: server.metrics_processes }),
        Arc::new(pages::Figures(pages_cache.clone())),
        rest_counters.clone(),
        Arc::new(backend.clone()),
        Arc::new(events.clone()),
    ]);
    let beacon = Beacon {
        apps: apps.clone(),
        rest: RestSettings { body_timeout: server.body_timeout.duration(), ..RestSettings::default() },
        rest_counters,
        metrics: Arc::new(metrics),
        metrics_token,
        shutdown: shutdown.clone(),
    };
    let routes = Router::new()
        .merge(planet_orbit::routes(orbit.clone()))
        .merge(planet_beacon::routes(beacon))
        .fallback_service(pages::router(&pages_cache, server.demo.then(|| apps.default_app().clone())));

    Announcement {
        listener: &listener,
        events: events_listener.as_ref(),
        thrift: thrift_listener.as_ref(),
        settings: &settings,
        apps: &apps,
    }
    .print();
    let mut http = Server::new(listener).with_meter(unclaimed);
    if let Some(policy) = policy {
        http = http.with_policy_file(policy);
    }
    if let Some(certificates) = certificates {
        http = http.with_tls(certificates);
    }
    let serving_events = events_listener.map(|listener| tokio::spawn(async move { events.serve(listener).await }));
    // Its connections belong to the same shutdown as those of the HTTP server, which waits for all of them.
    thrift_listener.map(|listener| tokio::spawn(async move { backend.serve(listener).await }));
    tokio::spawn(advise(orbit, hub.clone(), shutdown.clone(), server.shutdown_timeout.duration()));
    let drained = http.run(TowerToHyperService::new(routes)).await;
    events_shutdown.begin(EVENTS_PATIENCE);
    if let Some(serving_events) = serving_events {
        // Fails only when it panicked, which has been logged.
        let _ = serving_events.await;
    }
    hub.save().map_err(ServeError::Save)?;
    match drained {
        Drained::Completely => tracing::info!("stopped; every connection was ended in order"),
        Drained::DeadlinePassed { left } => {
            tracing::warn!(left, "stopped; the time was over before all connections had ended");
        }
    }
    Ok(())
}

fn bind(endpoint: Endpoint, limits: Limits, shutdown: &Shutdown) -> Result<Option<Listener>, ServeError> {
    let Endpoint::At(address) = endpoint else { return Ok(None) };
    Listener::bind(&[address], limits, shutdown.clone()).map(Some).map_err(ServeError::Bind)
}

async fn sweep(hub: Arc<Hub>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let hub = hub.clone();
        // Looks at every channel, which with very many of them would hold up others on this thread.
        if tokio::task::spawn_blocking(move || hub.sweep()).await.is_err() {
            tracing::error!("a sweep of expired messages failed; the next one goes on");
        }
    }
}

/// Once the shutdown begins, asks clients to reconnect, spread over a part of the time there is.
async fn advise(orbit: Arc<Orbit>, hub: Arc<Hub>, shutdown: Shutdown, within: Duration) {
    shutdown.begun().await;
    let connections = hub.apps().iter().flat_map(|app| app.connections()).collect();
    orbit.advise_reconnect(connections, within.mul_f64(SPREAD)).await;
}
