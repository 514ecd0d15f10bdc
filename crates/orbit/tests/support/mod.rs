//! A server in this process, and clients for each of its transports.

#![allow(dead_code, unused_imports, unreachable_pub)] // Every test binary uses a part of it.

mod client;
mod http_client;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use planet_hub::{AppLimits, AppSettings, ChannelOptions, Hub, Message, Overflow, Rules};
use planet_net::{Admission, Certificates, Drained, Limits, Listener, Networks, Server, Shutdown};
use planet_orbit::access::{Access, Who};
use planet_orbit::origin::AllowedOrigins;
use planet_orbit::token::{BeaconKey, JwtKey, JwtVerifier, Verifier};
use planet_orbit::{App, Apps, Flusher, Orbit, SessionSettings, Wire};
use serde_json::Value;

pub use client::{Client, Kind};
pub use http_client::{Answer, Streaming, get, post, request, request_over};
pub use tokens::{SECRET, SIGN_KEY, in_seconds, token};

/// How long anything may take that should happen.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The key of the second app.
pub const OTHER_KEY: &str = "other-key";

/// What the server is to be like.
pub struct Setup {
    pub sessions: SessionSettings,
    pub limits: AppLimits,
    pub channels: ChannelOptions,
    pub access: Rules<Access>,
    pub origins: AllowedOrigins,
    pub open: bool,
    pub trusted_proxies: Networks,
    pub net: Limits,
    pub certificates: Option<Certificates>,
}

impl Default for Setup {
    /// Channels keep ten messages, know who is there and tell of joins. Anyone may subscribe and publish, except to
    /// `private.*` without a token, to `backend.*`, and to the inbox of somebody else.
    fn default() -> Self {
        let pattern = |text: &str| text.parse().unwrap();
        let everyone = |who| Access { subscribe: who, publish: who, presence: who, history: who };
        let channels = ChannelOptions {
            history_size: 10,
            presence: true,
            join_leave: true,
            overflow: Overflow::Disconnect,
            ..ChannelOptions::default()
        };
        Self {
            sessions: SessionSettings::default(),
            limits: AppLimits::default(),
            channels,
            access: Rules::new(everyone(Who::Anyone))
                .with(pattern("private.*"), everyone(Who::Token))
                .with(pattern("backend.*"), everyone(Who::Backend))
                .with(pattern("quiet.*"), Access { subscribe: Who::Anyone, ..everyone(Who::User) })
                .with(pattern("@{user}"), everyone(Who::User)),
            origins: AllowedOrigins::parse(["https://example.com"]).unwrap(),
            open: false,
            trusted_proxies: Networks::none(),
            net: Limits::default(),
            certificates: None,
        }
    }
}

struct TwoApps {
    default: Arc<App>,
    other: Arc<App>,
}

impl Apps for TwoApps {
    fn by_key(&self, api_key: &str) -> Option<Arc<App>> {
        (api_key == OTHER_KEY).then(|| self.other.clone())
    }

    fn default(&self) -> Arc<App> {
        self.default.clone()
    }
}

/// A running server.
pub struct World {
    pub address: SocketAddr,
    pub app: Arc<App>,
    pub other: Arc<App>,
    pub orbit: Arc<Orbit>,
    pub admission: Arc<Admission>,
    pub shutdown: Shutdown,
    pub serving: tokio::task::JoinHandle<Drained>,
}

impl Setup {
    pub fn start(self) -> World {
        let shutdown = Shutdown::new();
        let flusher = Flusher::new();
        flusher.start(2);
        let hub = Hub::builder(Wire::formats(), flusher).build();
        let app = |name: &str| {
            let settings = AppSettings { channels: Rules::new(self.channels), limits: self.limits };
            let jwt = JwtVerifier::new(vec![JwtKey::hs256(SECRET).unwrap()]).with_leeway(0);
            Arc::new(App {
                hub: hub.create_app(name, settings).unwrap(),
                open: self.open,
                access: self.access.clone(),
                verifier: Verifier::new(Some(jwt), Some(BeaconKey::new(SIGN_KEY))),
                origins: self.origins.clone(),
                settings: self.sessions,
                meter: Arc::default(),
            })
        };
        let (default, other) = (app("default"), app("other"));
        let apps = TwoApps { default: default.clone(), other: other.clone() };
        let orbit = Orbit::new(apps, shutdown.clone(), self.trusted_proxies);
        orbit.start();
        let listener = Listener::bind(&["127.0.0.1:0".parse().unwrap()], self.net, shutdown.clone()).unwrap();
        let address = listener.addresses()[0];
        let admission = listener.admission().clone();
        let mut server = Server::new(listener);
        if let Some(certificates) = self.certificates {
            server = server.with_tls(certificates);
        }
        let service = TowerToHyperService::new(planet_orbit::routes(orbit.clone()));
        let serving = tokio::spawn(server.run(service));
        World { address, app: default, other, orbit, admission, shutdown, serving }
    }
}

impl World {
    /// Publishes as the back end does.
    pub fn publish(&self, channel: &str, data: &str) {
        self.app.hub.publish(channel, Message::new(data.to_owned())).unwrap();
    }

    /// Waits until this many sessions are left in the app.
    pub async fn until_connections(&self, count: usize) {
        let reached = async {
            while self.app.hub.connection_count() != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, reached).await;
        assert!(in_time.is_ok(), "there are {} connections, not {count}", self.app.hub.connection_count());
    }
}

/// Waits for something that should happen.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

/// The code of the error in a reply.
pub fn error_code(reply: &Value) -> u64 {
    reply["error"]["code"].as_u64().unwrap_or_else(|| panic!("no error in {reply}"))
}
