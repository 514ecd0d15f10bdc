//! The push server: what all sessions of all apps share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use planet_net::{Networks, PeerInfo, Shutdown, client_address};

use crate::addresses::Addresses;
use crate::app::Apps;
use crate::clock::Clock;
use crate::format::reason;
use crate::protocol::Disconnect;
use crate::session::Session;
use crate::transport::{LongPolls, Transport};

/// The server. Made by [`Orbit::new`], started by [`Orbit::start`], served by [`routes`](crate::routes).
pub struct Orbit {
    apps: Box<dyn Apps>,
    clock: Clock<Session>,
    sessions: Sessions,
    long_polls: LongPolls,
    open_sessions: OpenSessions,
    shutdown: Shutdown,
    trusted_proxies: Networks,
    addresses: Arc<Addresses>,
    node: String,
}

impl Orbit {
    /// A server of these apps. Only requests from `trusted_proxies` are believed about whom they forward for.
    pub fn new(apps: impl Apps, shutdown: Shutdown, trusted_proxies: Networks) -> Arc<Self> {
        Arc::new(Self {
            apps: Box::new(apps),
            clock: Clock::default(),
            sessions: Sessions::default(),
            long_polls: LongPolls::default(),
            open_sessions: OpenSessions::default(),
            shutdown,
            trusted_proxies,
            addresses: Arc::default(),
            node: format!("{:016x}", rand::random::<u64>()),
        })
    }

    /// Starts what runs beside the sessions: the clock that pings them and finds the dead ones.
    pub fn start(self: &Arc<Self>) {
        let orbit = self.clone();
        tokio::spawn(async move { orbit.clock.run().await });
    }

    /// Asks every client to reconnect elsewhere or later, evenly over `spread`, so that they do not all come back at
    /// once.
    pub async fn advise_reconnect(&self, connections: Vec<Arc<planet_hub::Connection>>, spread: Duration) {
        const STEPS: u32 = 50;
        let step = connections.len().div_ceil(STEPS as usize).max(1);
        let mut turns = tokio::time::interval((spread / STEPS).max(Duration::from_millis(1)));
        for some in connections.chunks(step) {
            turns.tick().await;
            for connection in some {
                connection.flush(connection.close(reason(Disconnect::SHUTDOWN)));
            }
        }
    }

    /// How many sessions are open, by transport.
    pub fn open_sessions(&self) -> &OpenSessions {
        &self.open_sessions
    }

    pub(crate) fn apps(&self) -> &dyn Apps {
        &*self.apps
    }

    pub(crate) fn clock(&self) -> &Clock<Session> {
        &self.clock
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(crate) fn long_polls(&self) -> &LongPolls {
        &self.long_polls
    }

    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    pub(crate) fn addresses(&self) -> &Arc<Addresses> {
        &self.addresses
    }

    /// The address that a request's session is counted for. `None` where the connections that are accepted from the
    /// address are counted already, and each of them is one session at most.
    pub(crate) fn counted_address<B>(&self, request: &http::Request<B>, outlives_request: bool) -> Option<IpAddr> {
        let info = request.extensions().get::<PeerInfo>()?;
        let peer = info.addr.ip();
        let client = client_address(request.headers(), peer, &self.trusted_proxies);
        if client != peer {
            return Some(client);
        }
        let shares_connection = outlives_request || request.version() == http::Version::HTTP_2;
        (shares_connection && !info.guard.limits().unlimited_addresses.contains(peer)).then_some(peer)
    }

    /// Names this run of the server, for clients that send commands beside their stream.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }
}

/// Sessions by the secret keys under which further requests find them. Bounded by the connections there may be.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Box<str>, Weak<Session>>>);

impl Sessions {
    pub(crate) fn insert(&self, key: &str, session: &Arc<Session>) {
        self.lock().insert(key.into(), Arc::downgrade(session));
    }

    pub(crate) fn remove(&self, key: &str) {
        let mut sessions = self.lock();
        sessions.remove(key);
        give_back(&mut sessions);
    }

    pub(crate) fn find(&self, key: &str) -> Option<Arc<Session>> {
        self.lock().get(key)?.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Weak<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives memory back once most of a table stands empty.
pub(crate) fn give_back<K: Eq + std::hash::Hash, V>(table: &mut HashMap<K, V>) {
    if table.capacity() > 8 * table.len().max(8) {
        table.shrink_to(2 * table.len());
    }
}

/// How many sessions are open, by transport.
#[derive(Debug, Default)]
pub struct OpenSessions([AtomicUsize; Transport::ALL.len()]);

impl OpenSessions {
    pub(crate) fn opened(&self, transport: Transport) {
        self.0[transport as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self, transport: Transport) {
        self.0[transport as usize].fetch_sub(1, Ordering::Relaxed);
    }

    /// Sessions open now over `transport`.
    pub fn count(&self, transport: Transport) -> usize {
        self.0[transport as usize].load(Ordering::Relaxed)
    }
}
