//! What can go wrong.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why something did not work, to whom, and what to do.
#[derive(Debug)]
pub enum Error {
    /// The system refused something about a file or program.
    Io {
        /// What was tried, as in `read`.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A name that no project can have.
    Name(String),
    /// Something that cannot be done, in a sentence.
    Refused(String),
}

impl Error {
    /// An error of the system's about `path`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Io { action, path, error }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, error } => write!(formatter, "cannot {action} {}: {error}", path.display()),
            Self::Name(name) => write!(
                formatter,
                "{name:?} cannot be the name of a plugin: use up to 40 lower-case letters and digits, a letter first"
            ),
            Self::Refused(sentence) => write!(formatter, "{sentence}"),
        }
    }
}

impl std::error::Error for Error {}
