//! Sockets for servers: listening, TLS, HTTP connections with limits, bandwidth meters, and shutdown.
//!
//! The crate knows nothing of routes, channels or apps. A program gives it addresses and a
//! [`hyper::service::Service`]; it accepts connections and keeps each of them inside [`Limits`].
//!
//! # The way of a connection
//!
//! 1. [`Listener::accept`] takes it from the kernel. [`admission`] counts it, in all and for its
//!    address, and refuses the one too many. When the process is out of file descriptors,
//!    accepting pauses and goes on by itself.
//! 2. [`Server`] shakes hands over TLS when there are [`Certificates`], and finds out whether
//!    the client speaks HTTP/1.1 or HTTP/2: from ALPN, or on plain TCP by looking at the first
//!    bytes without taking them ([`sniff`]).
//! 3. hyper serves it. Every request carries a [`PeerInfo`] in its extensions.
//! 4. A handler that upgrades an HTTP/1.1 connection gets its [`Stream`] back by
//!    `Upgraded::downcast::<TokioIo<Stream>>()`; [`Stream::into_tcp`] then gives the bare socket.
//!    Bytes that hyper had already read go back in front with [`Prefixed`].
//! 5. The [`ConnectionGuard`] of the connection is what counts: as long as a clone of it lives,
//!    the connection is one of the open ones, and [`Shutdown::drained`] waits for it.
//!
//! # Modules
//!
//! | module | one idea |
//! | --- | --- |
//! | [`listener`] | bind several addresses, accept, pause when descriptors run out |
//! | [`admission`] | how many connections may be open, in all and for one address |
//! | [`limits`] | every bound and its default |
//! | [`traffic`] | counters: bytes, connections, refusals |
//! | [`stream`] | TCP or TLS behind one type, counted |
//! | [`prefixed`] | bytes put back in front of a stream |
//! | [`sniff`] | HTTP/1.1 or HTTP/2 on plain TCP |
//! | [`policy`] | the policy file of a Flash player |
//! | [`tls`] | certificates from files, reloaded when they change |
//! | [`meter`] | bytes and rates of streams, by label and in total, and limits |
//! | `account` | for whom the bytes of an HTTP connection count |
//! | [`server`] | the accept loop, and what happens to one connection |
//! | [`request`] | what the server does before and after each request |
//! | [`body`] | reading a request body within a size and a time |
//! | [`networks`], [`forwarded`] | trusted proxies and the address of the client behind them |
//! | [`shutdown`] | stop, drain, deadline |

mod account;
pub mod admission;
pub mod body;
mod connection;
pub mod forwarded;
pub mod limits;
pub mod listener;
pub mod meter;
pub mod networks;
pub mod policy;
pub mod prefixed;
pub mod request;
pub mod server;
pub mod shutdown;
pub mod sniff;
pub mod stream;
pub mod tls;
pub mod traffic;

pub use admission::{Admission, ConnectionGuard, Refused};
pub use body::{BodyError, collect};
pub use forwarded::client_address;
pub use limits::Limits;
pub use listener::{Accepted, BindError, Listener};
pub use networks::{Networks, ParseNetworkError};
pub use prefixed::Prefixed;
pub use request::PeerInfo;
pub use server::Server;
pub use shutdown::{Drained, Shutdown};
pub use stream::{Io, Stream};
pub use tls::{Certificates, TlsError};
pub use traffic::Traffic;
