//! Why the server did not start, or did not stop as it should.

use std::{fmt, io};

use planet_beacon::{AppsError, DataDirError};
use planet_net::{BindError, TlsError};

/// Why the server did not start, or did not stop as it should.
#[derive(Debug)]
pub enum ServeError {
    /// An address could not be listened on.
    Bind(BindError),
    /// The certificate or its key cannot be used.
    Tls(TlsError),
    /// The system refuses to report signals.
    Signals(io::Error),
    /// The data directory cannot be used.
    DataDir(DataDirError),
    /// The history kept between two runs cannot be used.
    Store(io::Error),
    /// The apps cannot be opened.
    Apps(AppsError),
    /// A setting cannot be used.
    Setting {
        /// What it is a setting of.
        of: String,
        /// What is wrong.
        problem: String,
    },
    /// The history could not be kept for the next run.
    Save(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Signals(error) => write!(f, "cannot wait for signals: {error}"),
            Self::DataDir(error) => error.fmt(f),
            Self::Store(error) => write!(f, "cannot keep history: {error}"),
            Self::Apps(error) => error.fmt(f),
            Self::Setting { of, problem } => write!(f, "{of}: {problem}"),
            Self::Save(error) => write!(f, "the history is not kept; clients will be told of gaps: {error}"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(error) => Some(error),
            Self::Tls(error) => Some(error),
            Self::DataDir(error) => Some(error),
            Self::Apps(error) => Some(error),
            Self::Signals(error) | Self::Store(error) | Self::Save(error) => Some(error),
            Self::Setting { .. } => None,
        }
    }
}
