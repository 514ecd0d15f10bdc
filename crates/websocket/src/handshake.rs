//! The opening handshake, both sides, without IO.
//!
//! Over HTTP/1.1 it is an upgrade (RFC 6455 §4), over HTTP/2 an extended CONNECT (RFC 8441). It works
//! on `http` types with any body, so that it fits hyper, axum and plain sockets alike.

mod client;
pub(crate) mod extensions;
mod server;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::HeaderName;
use sha1::{Digest as _, Sha1};

pub use client::{ClientHandshake, HandshakeError};
pub use server::{AcceptOptions, Accepted, Rejection, accept, is_websocket};

/// What every server appends to the client's key (RFC 6455 §1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`.
///
/// ```
/// let accept = planet_websocket::handshake::accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(KEY_SUFFIX);
    STANDARD.encode(hash.finalize())
}

/// Whether a header that lists tokens has this one, in any case.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// The comma-separated tokens of all headers with this name.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|token| token.trim_matches([' ', '\t']))
        .filter(|token| !token.is_empty())
}
