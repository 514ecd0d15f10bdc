//! Counters of what passed through a listener.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the start, safe to read and to add to from any thread.
///
/// [`Stream`](crate::Stream) counts the bytes it carries: what the application reads and writes,
/// without the overhead of TLS. Code that takes the bare socket out of a stream adds what it
/// moves by [`Traffic::add_in`] and [`Traffic::add_out`].
#[derive(Debug, Default)]
pub struct Traffic {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    accepted: AtomicU64,
    refused_total: AtomicU64,
    refused_address: AtomicU64,
    accept_failures: AtomicU64,
    handshake_failures: AtomicU64,
    timeouts: AtomicU64,
}

impl Traffic {
    /// Adds bytes read from a client.
    pub fn add_in(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds bytes written to a client.
    pub fn add_out(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes read from clients.
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    /// Bytes written to clients.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    /// Connections taken from the kernel and let in.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections refused because too many were open in all.
    pub fn refused_total(&self) -> u64 {
        self.refused_total.load(Ordering::Relaxed)
    }

    /// Connections refused because too many were open from their address.
    pub fn refused_address(&self) -> u64 {
        self.refused_address.load(Ordering::Relaxed)
    }

    /// Attempts to accept that failed for want of file descriptors or memory.
    pub fn accept_failures(&self) -> u64 {
        self.accept_failures.load(Ordering::Relaxed)
    }

    /// TLS handshakes that failed or took too long.
    pub fn handshake_failures(&self) -> u64 {
        self.handshake_failures.load(Ordering::Relaxed)
    }

    /// Connections closed because a request head was late or a peer did not read.
    pub fn timeouts(&self) -> u64 {
        self.timeouts.load(Ordering::Relaxed)
    }

    pub(crate) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused_total(&self) {
        self.refused_total.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused_address(&self) {
        self.refused_address.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_accept_failure(&self) {
        self.accept_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_handshake_failure(&self) {
        self.handshake_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_timeout(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }
}
