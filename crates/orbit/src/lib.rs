//! Orbit, the push server: sessions of the Centrifuge client protocol over WebSocket, HTTP streaming, SSE and long
//! polling, and plain SSE for any `EventSource`.
//!
//! # The map
//!
//! - [`Orbit`] is what all sessions share; [`routes`] are its paths; [`Apps`] tells it which apps there are.
//! - A transport (`transport/`) turns bytes into frames for a [`Session`] and writes what its connection's queue holds.
//! - A [`Session`] (`session/`) does the commands of one client: who it is ([`token`]), what it may do ([`access`]), what
//!   it subscribes to, in terms of `planet-hub`.
//! - [`protocol`] is the client protocol itself, bytes in and bytes out. [`Wire`] frames it for each transport.
//! - [`Flusher`] writes the queues of WebSockets after a fan-out, with no task for each of them.
//! - [`Clock`](clock::Clock) wakes all sessions for pings and deadlines, with no timer for each of them.

pub mod access;
mod addresses;
mod app;
pub mod clock;
mod flusher;
mod format;
pub mod name;
mod orbit;
pub mod origin;
pub mod protocol;
mod rate;
mod session;
mod settings;
pub mod token;
mod transport;

pub use app::{App, Apps};
pub use flusher::Flusher;
pub use format::Wire;
pub use orbit::{OpenSessions, Orbit};
pub use session::Session;
pub use settings::SessionSettings;
pub use transport::{Transport, routes};

/// The version that clients are told.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Seconds since 1970.
fn unix_seconds() -> u64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_1970.map_or(0, |elapsed| elapsed.as_secs())
}

/// Seconds until a moment in seconds since 1970: 1 at least, since a client takes 0 for never.
fn seconds_until(moment: u64) -> u32 {
    u32::try_from(moment.saturating_sub(unix_seconds())).unwrap_or(u32::MAX).max(1)
}
