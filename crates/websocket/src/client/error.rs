//! Why a connection did not come about.

use std::time::Duration;
use std::{fmt, io};

use crate::handshake::HandshakeError;

/// Why [`connect`](super::connect) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// Not a `ws://` or `wss://` URL with a host, without user name and fragment.
    InvalidUrl(String),
    /// The host or a subprotocol cannot stand in an HTTP header.
    InvalidHeader,
    /// A `wss://` URL, and no TLS configuration, or the feature `tls` is off.
    NoTls,
    /// The name was not found, or no address of it answered.
    Connect {
        /// Host and port.
        address: String,
        /// What the system said last.
        error: io::Error,
    },
    /// The TLS handshake failed.
    Tls {
        /// Host and port.
        address: String,
        /// What TLS said.
        error: io::Error,
    },
    /// The connection broke during the handshake.
    Io(io::Error),
    /// The answer is not HTTP/1.1.
    InvalidResponse,
    /// The head of the answer is longer than this many bytes, or has too many headers.
    ResponseTooLong(usize),
    /// The server answered, and its answer opens no WebSocket.
    Handshake(HandshakeError),
    /// It took longer than [`ConnectOptions::timeout`](super::ConnectOptions::timeout).
    Timeout(Duration),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl(url) => write!(f, "{url:?} is not a ws:// or wss:// URL"),
            Self::InvalidHeader => f.write_str("the host or a subprotocol has characters that no HTTP header takes"),
            Self::NoTls => f.write_str("a wss:// URL needs a TLS configuration"),
            Self::Connect { address, error } => write!(f, "cannot connect to {address}: {error}"),
            Self::Tls { address, error } => write!(f, "TLS with {address} failed: {error}"),
            Self::Io(error) => write!(f, "the connection broke during the handshake: {error}"),
            Self::InvalidResponse => f.write_str("the server's answer is not HTTP/1.1"),
            Self::ResponseTooLong(limit) => {
                write!(f, "the head of the server's answer is over {limit} bytes")
            }
            Self::Handshake(error) => error.fmt(f),
            Self::Timeout(limit) => write!(f, "no connection within {limit:?}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect { error, .. } | Self::Tls { error, .. } | Self::Io(error) => Some(error),
            Self::Handshake(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<HandshakeError> for ConnectError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}
