//! What can go wrong with a profile.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no profile.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProfileError {
    /// Profiling has begun before. It can begin once in a process.
    AlreadyStarted,
    /// Profiling has not begun: call [`start`](super::start) first.
    NotStarted,
    /// There is no memory for the samples, some 12 MB of address space.
    NoMemory,
    /// The file cannot be written.
    Write {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyStarted => f.write_str("heap profiling has begun already"),
            Self::NotStarted => {
                f.write_str("heap profiling has not begun: start it first, or set PLANET_MALLOC_PROFILE")
            }
            Self::NoMemory => f.write_str("no memory for the samples of a heap profile"),
            Self::Write { path, error } => write!(f, "cannot write the heap profile to {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for ProfileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Write { error, .. } => Some(error),
            _ => None,
        }
    }
}
