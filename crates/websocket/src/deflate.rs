//! Compressed messages: the permessage-deflate extension (RFC 7692).
//!
//! A server's usual case is one message for many connections. By default it therefore tells clients
//! that it compresses every message by itself (`server_no_context_takeover`, which RFC 7692 §7.1.1.1
//! lets it do unasked), so that [`shared_text`] and [`shared_binary`] compress a message once for all
//! of them. It asks clients to do the same (§7.1.1.2), so that an idle connection needs no window of
//! what came before: a per-thread inflater serves all connections.
//!
//! With context takeover a connection compresses better and holds up to 300 KB to do so.

mod compress;
mod inflate;
mod negotiate;

pub(crate) use compress::Deflater;
pub use compress::{SHARED_THRESHOLD_BYTES, shared_binary, shared_text};
pub(crate) use inflate::{Inflater, inflate_alone};
pub use negotiate::NegotiationError;
pub(crate) use negotiate::{accept_offers, offer, verify_answer};

use crate::Role;

/// Name of the extension in `Sec-WebSocket-Extensions`.
pub(crate) const EXTENSION: &str = "permessage-deflate";

/// What ends every flushed DEFLATE block and is left out on the wire (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// What one end wants of the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateOptions {
    /// The server compresses each message by itself. A server sets it to share compressed messages,
    /// a client to save the memory of a window. Default for a server: `true`.
    pub server_no_context_takeover: bool,
    /// The client compresses each message by itself. Default for a server: `true`.
    pub client_no_context_takeover: bool,
    /// Largest window of the server's compression, as a power of two: 8 to 15, default 15.
    pub server_max_window_bits: u8,
    /// Largest window of the client's compression, as a power of two: 8 to 15, default 15.
    pub client_max_window_bits: u8,
    /// Messages below this many bytes are sent as they are; default 256. Headers and the loss of
    /// sharing eat up what compressing them would save. 0 compresses every message, even one that
    /// gets longer by it, which only tests want.
    pub threshold_bytes: usize,
    /// From 1, fast, to 9, small; default 6.
    pub level: u8,
}

impl DeflateOptions {
    /// A server's defaults: no window held for any connection, in either direction.
    pub const fn server() -> Self {
        Self {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            threshold_bytes: SHARED_THRESHOLD_BYTES,
            level: 6,
        }
    }

    /// A client's defaults: whatever the server likes best.
    pub const fn client() -> Self {
        Self { server_no_context_takeover: false, client_no_context_takeover: false, ..Self::server() }
    }

    fn window_bits(bits: u8) -> u8 {
        bits.clamp(8, 15)
    }
}

/// What both ends agreed on (RFC 7692 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateParams {
    /// The server forgets each message before it compresses the next.
    pub server_no_context_takeover: bool,
    /// The client forgets each message before it compresses the next.
    pub client_no_context_takeover: bool,
    /// Window of the server's compression, as a power of two: 8 to 15.
    pub server_max_window_bits: u8,
    /// Window of the client's compression, as a power of two: 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for DeflateParams {
    /// What holds when the answer names no parameter.
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

impl DeflateParams {
    /// Whether a server may send this client frames made by [`shared_text`] and [`shared_binary`]. If
    /// not, plain frames are always right: compressing is never a duty.
    pub const fn takes_shared_frames(&self) -> bool {
        self.server_no_context_takeover && self.server_max_window_bits == 15
    }

    pub(crate) const fn incoming(&self, role: Role) -> Direction {
        match role {
            Role::Server => self.client_to_server(),
            Role::Client => self.server_to_client(),
        }
    }

    pub(crate) const fn outgoing(&self, role: Role) -> Direction {
        match role {
            Role::Server => self.server_to_client(),
            Role::Client => self.client_to_server(),
        }
    }

    const fn server_to_client(&self) -> Direction {
        Direction { no_context_takeover: self.server_no_context_takeover, window_bits: self.server_max_window_bits }
    }

    const fn client_to_server(&self) -> Direction {
        Direction { no_context_takeover: self.client_no_context_takeover, window_bits: self.client_max_window_bits }
    }
}

/// What was agreed for one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) no_context_takeover: bool,
    pub(crate) window_bits: u8,
}

impl Direction {
    /// The window to ask the library for, which takes no 8. Inflating with a larger window is always
    /// right. Deflating with 9 stays inside 8: the library never looks back further than the window
    /// less its lookahead of 262 bytes, here 250.
    const fn library_window_bits(self) -> u8 {
        if self.window_bits < 9 { 9 } else { self.window_bits }
    }
}
