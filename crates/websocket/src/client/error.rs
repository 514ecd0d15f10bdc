//! Why a connection did not come about.

use std::time::Duration;
use std::{fmt, io};

use http::StatusCode;

use crate::handshake::HandshakeError;

/// Why [`connect`](super::connect) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// Not a `ws://` or `wss://` URL with a host, without user name and fragment.
    InvalidUrl(String),
    /// Not the `http://` URL of a proxy: host and port, and nothing else.
    InvalidProxy(String),
    /// The host, a subprotocol, or the user name for a proxy cannot stand in an HTTP header.
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
    /// The proxy opens no tunnel to the server.
    Proxy {
        /// Host and port of the proxy.
        proxy: String,
        /// What it answered. With 407 it wants [other credentials](super::Proxy::with_basic_auth).
        status: StatusCode,
        /// The same in its own words, which may be empty.
        reason: String,
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
    /// The answer of the server is not HTTP/1.1, or that of the proxy no HTTP.
    InvalidResponse,
    /// The head of the answer is longer than this many bytes, or has too many headers.
    ResponseTooLong(usize),
    /// The server answered, and its answer opens no WebSocket.
    Handshake(HandshakeError),
    /// It took longer than [`ConnectOptions::timeout`](super::ConnectOptions::timeout).
    Timeout(Duration),
}

impl ConnectError {
    /// Whether trying again is in vain until someone changes the options or the server: something is wrong with the
    /// request itself, or it was refused with a status of 400 to 499 other than 408, 425 and 429.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::InvalidUrl(_) | Self::InvalidProxy(_) | Self::InvalidHeader | Self::NoTls => true,
            Self::Handshake(HandshakeError::Status(status)) | Self::Proxy { status, .. } => {
                status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429)
            }
            _ => false,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidUrl(url) => write!(f, "{url:?} is not a ws:// or wss:// URL"),
            Self::InvalidProxy(url) => write!(f, "{url:?} is not the http:// URL of a proxy"),
            Self::InvalidHeader => {
                f.write_str("the host, a subprotocol or a user name has characters that its HTTP header does not take")
            }
            Self::NoTls => f.write_str("a wss:// URL needs a TLS configuration"),
            Self::Connect { address, error } => write!(f, "cannot connect to {address}: {error}"),
            Self::Proxy { proxy, status, reason } => {
                write!(f, "the proxy {proxy} opens no tunnel: it answered {} {reason}", status.as_u16())
            }
            Self::Tls { address, error } => write!(f, "TLS with {address} failed: {error}"),
            Self::Io(error) => write!(f, "the connection broke during the handshake: {error}"),
            Self::InvalidResponse => f.write_str("the answer is not HTTP/1.1"),
            Self::ResponseTooLong(limit) => {
                write!(f, "the head of the answer is over {limit} bytes")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_change_by_itself_is_permanent() {
        let status = |code| StatusCode::from_u16(code).expect("a status");
        for (code, permanent) in
            [(301, false), (401, true), (404, true), (408, false), (425, false), (429, false), (503, false)]
        {
            let server = ConnectError::Handshake(HandshakeError::Status(status(code)));
            let proxy = ConnectError::Proxy { proxy: String::new(), status: status(code), reason: String::new() };
            assert_eq!((server.is_permanent(), proxy.is_permanent()), (permanent, permanent), "{code}");
        }
        assert!(ConnectError::NoTls.is_permanent());
        assert!(!ConnectError::Timeout(Duration::ZERO).is_permanent());
    }
}
