//! Every bound that a listener and its connections keep to.

use std::time::Duration;

use crate::Networks;

/// The smallest [`Limits::header_bytes`] that hyper accepts.
pub const MIN_HEADER_BYTES: usize = 8 * 1024;

/// Bounds for a [`Listener`](crate::Listener) and a [`Server`](crate::Server).
///
/// The defaults suit a public server. Times are wall time; sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections waiting to be accepted, for each address listened on. The kernel caps it at
    /// `net.core.somaxconn`. Default 4096.
    pub backlog: u32,
    /// Connections open at once. The next one is closed as soon as it is accepted.
    /// Default 100,000.
    pub connections: usize,
    /// Connections open at once from one IPv4 address or one IPv6 /64 network. Default 1024.
    pub connections_per_address: u32,
    /// Networks that `connections_per_address` does not apply to: those of one's own reverse
    /// proxies, which speak for many clients. Default: loopback.
    pub unlimited_addresses: Networks,
    /// From TCP accept to the end of the TLS handshake. Default 10 s.
    pub handshake_timeout: Duration,
    /// From the start of a connection (with TLS: from the end of the handshake) to the end of its
    /// first request head. A connection that sends nothing at all is closed then. Default 10 s.
    pub header_timeout: Duration,
    /// How long a connection may stay without a request in progress. On HTTP/1.1 this spans
    /// from the end of a response to the end of the next request's head. Default 75 s.
    pub idle_timeout: Duration,
    /// How long a write may wait for a peer that does not read. Default 30 s.
    pub write_timeout: Duration,
    /// Bytes of a request head: request line and header fields, and also the most that is
    /// buffered for an HTTP/1.1 connection. A longer one is answered with 431. At least
    /// [`MIN_HEADER_BYTES`]; less counts as that. Default 16 KiB.
    pub header_bytes: usize,
    /// Header fields in a request head. One more is answered with 431. HTTP/1.1 only: HTTP/2
    /// bounds the list by `header_bytes`. Default 100.
    pub headers: usize,
    /// Bytes of a request's URL as the client sent it. A longer one is answered with 414.
    /// Default 8 KiB.
    pub url_bytes: usize,
    /// Requests in progress on one HTTP/2 connection. Default 128.
    pub http2_streams: u32,
    /// Time between pings on an HTTP/2 connection. Default 20 s.
    pub http2_ping_interval: Duration,
    /// How long the answer to such a ping may take before the connection is closed.
    /// Default 20 s.
    pub http2_ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            backlog: 4096,
            connections: 100_000,
            connections_per_address: 1024,
            unlimited_addresses: Networks::loopback(),
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            header_bytes: 16 * 1024,
            headers: 100,
            url_bytes: 8 * 1024,
            http2_streams: 128,
            http2_ping_interval: Duration::from_secs(20),
            http2_ping_timeout: Duration::from_secs(20),
        }
    }
}
