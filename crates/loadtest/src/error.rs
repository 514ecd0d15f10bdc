//! Why a bench did not come about, or broke off.

use std::fmt;
use std::io;

/// Why a bench ended without figures.
#[derive(Debug)]
#[non_exhaustive]
pub enum BenchError {
    /// An option has a value that cannot be worked with.
    Option {
        /// Its name, with the dashes.
        option: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The URL is not one of a server that can be benched.
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The host of the URL was not found.
    Resolve {
        /// The host.
        host: String,
        /// What the system said.
        error: io::Error,
    },
    /// A process may not open as many files as there would be connections.
    Descriptors {
        /// How many are needed.
        needed: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A client failed before all were connected.
    Client {
        /// Which one, from 0.
        client: usize,
        /// What it met with.
        error: ClientError,
    },
    /// The publisher failed.
    Publish(ClientError),
    /// The server's process cannot be read.
    Process {
        /// Its number.
        pid: u32,
        /// What the system said.
        error: io::Error,
    },
    /// Something of the machine that the bench stands on failed.
    System(io::Error),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { option, problem } => write!(f, "{option}: {problem}"),
            Self::Url { url, problem } => write!(f, "--url {url}: {problem}"),
            Self::Resolve { host, error } => write!(f, "{host} has no address: {error}"),
            Self::Descriptors { needed, limit } => write!(
                f,
                "{needed} descriptors are needed, and a process may open {limit} here: raise that with `ulimit -Hn`, \
                 or run several benches at once with fewer --clients each"
            ),
            Self::Client { client, error } => write!(f, "client {client} could not connect: {error}"),
            Self::Publish(error) => write!(f, "publishing failed: {error}"),
            Self::Process { pid, error } => write!(f, "--pid {pid}: the process cannot be read: {error}"),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BenchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { error, .. } | Self::Process { error, .. } | Self::System(error) => Some(error),
            Self::Client { error, .. } | Self::Publish(error) => Some(error),
            _ => None,
        }
    }
}

/// What a client met with.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection came about, or it broke.
    Io(io::Error),
    /// The WebSocket handshake failed.
    WebSocket(planet_websocket::client::ConnectError),
    /// HTTP itself failed.
    Http(hyper::Error),
    /// The server answered with another status than one that is fine.
    Status {
        /// The status.
        status: http::StatusCode,
        /// The start of the body.
        body: String,
    },
    /// The server refused a command.
    Refused {
        /// The code of the client protocol.
        code: u32,
        /// What the server said.
        message: String,
    },
    /// The server ended the connection.
    Disconnected {
        /// The code, when there was one.
        code: Option<u16>,
        /// What the server said.
        reason: String,
    },
    /// What the server sent is not what it should be.
    Protocol(String),
    /// It took too long.
    Timeout(&'static str),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                f.write_str("connection refused; is the server running, and is this its address?")
            }
            Self::Io(error) => error.fmt(f),
            Self::WebSocket(error) => error.fmt(f),
            Self::Http(error) => error.fmt(f),
            Self::Status { status, body } => {
                write!(f, "the server answered {status}")?;
                if !body.is_empty() {
                    write!(f, ": {body}")?;
                }
                match status.as_u16() {
                    401 => f.write_str("; check --api-key and --secret-key"),
                    404 => f.write_str("; check --url and --api-key"),
                    _ => Ok(()),
                }
            }
            Self::Refused { code, message } => {
                write!(f, "the server refused it: {code} {message}")?;
                f.write_str(match code {
                    101 | 103 => "; start the server with --open, or publish by REST with --secret-key",
                    111 => "; a connection has used up its app.limits.publish_rate: publish less, or by REST with --secret-key",
                    _ => "",
                })
            }
            Self::Disconnected { code: Some(code), reason } => {
                write!(f, "the server ended the connection: {code} {reason}")
            }
            Self::Disconnected { code: None, .. } => f.write_str("the server ended the connection"),
            Self::Protocol(what) => write!(f, "the server sent {what}"),
            Self::Timeout(what) => write!(f, "it took too long to {what}"),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<hyper::Error> for ClientError {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error)
    }
}

impl From<planet_websocket::client::ConnectError> for ClientError {
    fn from(error: planet_websocket::client::ConnectError) -> Self {
        match error {
            planet_websocket::client::ConnectError::Connect { error, .. } => Self::Io(error),
            other => Self::WebSocket(other),
        }
    }
}
