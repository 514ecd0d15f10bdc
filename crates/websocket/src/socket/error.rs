//! Why a WebSocket ended, or did not send.

use std::time::Duration;
use std::{fmt, io};

use crate::ProtocolError;
use crate::frame::ControlTooLong;

/// What went wrong on a [`WebSocket`](super::WebSocket).
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The byte stream failed.
    Io(io::Error),
    /// The peer broke the protocol, and has been told so.
    Protocol(ProtocolError),
    /// The peer went away without a close frame (close code 1006 in the terms of RFC 6455 §7.4.1).
    Disconnected,
    /// A ping was not answered within this time, [`PingOptions::timeout`](super::PingOptions::timeout).
    PongTimeout(Duration),
    /// The closing handshake has begun; nothing more can be sent.
    Closed,
    /// The payload of a ping or pong is too long. The connection goes on.
    ControlTooLong(ControlTooLong),
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed: {error}"),
            Self::Protocol(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::Disconnected => f.write_str("the peer went away without closing"),
            Self::PongTimeout(limit) => write!(f, "the peer answered no ping within {limit:?}"),
            Self::Closed => f.write_str("the WebSocket is closed or closing"),
            Self::ControlTooLong(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WebSocketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::ControlTooLong(error) => Some(error),
            Self::Disconnected | Self::PongTimeout(_) | Self::Closed => None,
        }
    }
}

impl From<io::Error> for WebSocketError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ProtocolError> for WebSocketError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<ControlTooLong> for WebSocketError {
    fn from(error: ControlTooLong) -> Self {
        Self::ControlTooLong(error)
    }
}
