//! Bounds, times and their defaults.

use std::time::Duration;

use planet_net::{Limits, Networks};

use crate::Encoding;

/// What one message may be. Holds for requests at a server and for answers at a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// Bytes of a message: of a frame without its length, or of an HTTP body. Default 1 MiB.
    pub bytes: usize,
    /// Elements of one list, set or map. Default 100,000.
    ///
    /// Whatever it is, all containers of a message together cannot claim more elements than the message has bytes, so
    /// that a few bytes which announce a huge list cost no memory.
    pub elements: usize,
    /// Bytes of one string or binary. Default 1 MiB.
    pub string_bytes: usize,
    /// Structs inside one another. Default 64.
    pub depth: usize,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self { bytes: 1 << 20, elements: 100_000, string_bytes: 1 << 20, depth: 64 }
    }
}

/// Bounds and times of a [`Server`](crate::Server).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Connections open at once; the next one is closed as it is accepted. Default 1024.
    pub connections: usize,
    /// Connections open at once from one IPv4 address or one IPv6 /64 network. Default 256.
    pub connections_per_address: u32,
    /// Networks that `connections_per_address` does not apply to. Default: loopback.
    pub unlimited_addresses: Networks,
    /// What a message may be.
    pub message: MessageLimits,
    /// Calls of one connection that are being handled at once; more wait in the socket. Their handlers begin in the
    /// order in which the calls came, and the answers leave in that order. Default 16; 0 counts as 1.
    pub calls_in_flight: usize,
    /// How long a connection may be silent between two calls. Default 15 min.
    pub idle_timeout: Duration,
    /// From the first byte of a message to its last one. Default 10 s.
    pub message_timeout: Duration,
    /// How long a handler may take. The caller is then told so by an exception. Default 30 s.
    pub call_timeout: Duration,
    /// How long a write may wait for a peer that does not read. Default 30 s.
    pub write_timeout: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 256,
            unlimited_addresses: Networks::loopback(),
            message: MessageLimits::default(),
            calls_in_flight: 16,
            idle_timeout: Duration::from_secs(15 * 60),
            message_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
        }
    }
}

impl ServerSettings {
    /// The limits to make the listener with.
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            unlimited_addresses: self.unlimited_addresses.clone(),
            idle_timeout: self.idle_timeout,
            header_timeout: self.message_timeout,
            write_timeout: self.write_timeout,
            ..Limits::default()
        }
    }
}

/// Bounds and times of a [`Client`](crate::Client).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// How messages are written. Default [`Encoding::Binary`].
    pub encoding: Encoding,
    /// What an answer may be.
    pub message: MessageLimits,
    /// Connections open at once. Calls beyond what they carry wait. Default 8; 0 counts as 1.
    pub connections: usize,
    /// Calls under way at once on one framed connection. More than 1 needs a server that answers in order, as all of
    /// the common ones do, and lets a slow call hold up those behind it. HTTP/1.1 always has 1. Default 1; 0 counts
    /// as 1.
    pub calls_in_flight: usize,
    /// How long connecting may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How long a call may take, waiting for a connection included. Default 30 s.
    pub call_timeout: Duration,
    /// After so long without a call a connection is closed. Keep it below the server's own time. Default 60 s.
    pub idle_timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            encoding: Encoding::Binary,
            message: MessageLimits::default(),
            connections: 8,
            calls_in_flight: 1,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
        }
    }
}
