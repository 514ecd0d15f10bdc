//! Why a call failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use hyper::StatusCode;

use crate::MessageError;

/// Why a call failed.
#[derive(Debug)]
pub enum ClientError {
    /// No connection could be made: the method was not called.
    Connect {
        /// Where to.
        address: String,
        /// What the system said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The call was not answered in time. The method may have been called. Its connection is closed.
    TooSlow {
        /// The time there was.
        limit: Duration,
    },
    /// The connection was lost before the answer. The method may have been called.
    Lost,
    /// The answer cannot be read.
    Message(MessageError),
    /// The HTTP server answered with something else than 200.
    Status(StatusCode),
    /// What the generated code says: an exception of the method (`Error::User`), one of the protocol
    /// (`Error::Application`), or that the call cannot be written or its answer not be read.
    Thrift(thrift::Error),
}

impl ClientError {
    /// The exception of the method, if that is what it is.
    pub fn exception<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Thrift(thrift::Error::User(exception)) => exception.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { address, source } => write!(f, "cannot connect to {address}: {source}"),
            Self::TooSlow { limit } => write!(f, "the call was not answered within {} s", limit.as_secs_f32()),
            Self::Lost => f.write_str("the connection was lost before the answer; the method may have been called"),
            Self::Message(error) => error.fmt(f),
            Self::Status(status) => write!(f, "the HTTP server answered with {status}"),
            Self::Thrift(error) => error.fmt(f),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect { source, .. } => Some(&**source),
            Self::Message(error) => Some(error),
            Self::Thrift(error) => Some(error),
            Self::TooSlow { .. } | Self::Lost | Self::Status(_) => None,
        }
    }
}
