//! Why memory could not be shown.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use planet_malloc::page::PageError;

use super::table;

/// Why memory could not be shown. Each says what to do.
#[derive(Debug)]
pub enum MemoryError {
    /// There is no such process, or it is not on planet-malloc.
    NoProcess {
        /// The one that was asked for.
        pid: u32,
        /// Whether there is a process of that number.
        exists: bool,
    },
    /// One process is needed, and there is none.
    Nobody,
    /// One process is needed, and there are several.
    Several {
        /// Their numbers.
        pids: Vec<u32>,
    },
    /// A recording has none of that number.
    NotRecorded {
        /// The recording.
        path: PathBuf,
        /// The one that was asked for.
        pid: u32,
    },
    /// A recording is damaged, or none at all.
    Recording {
        /// The file.
        path: PathBuf,
        /// Which line, the first being 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The terminal, or whatever standard output is, took nothing.
    Output(io::Error),
    /// The figures of a process cannot be read.
    Page(PageError),
    /// Signals cannot be watched for.
    Signals(io::Error),
}

impl MemoryError {
    /// Whether the command line asks for what there is not.
    pub fn is_wrong_request(&self) -> bool {
        matches!(self, Self::NoProcess { .. } | Self::Nobody | Self::Several { .. } | Self::NotRecorded { .. })
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |error| Self::File { path: path.to_owned(), error }
    }
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProcess { pid, exists: false } => {
                write!(f, "there is no process {pid}; `planet memory` lists those on planet-malloc")
            }
            Self::NoProcess { pid, exists: true } => write!(
                f,
                "process {pid} does not run on planet-malloc, or belongs to another user; start it with: planet run -- \
                 COMMAND{}",
                table::looked_in()
            ),
            Self::Nobody => f.write_str(&table::nobody()),
            Self::Several { pids } => {
                let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
                write!(f, "there are several processes; name one of them: {}", pids.join(", "))
            }
            Self::NotRecorded { path, pid } => {
                write!(f, "{} has no process {pid}; --replay without a number shows those it has", path.display())
            }
            Self::Recording { path, line, problem } => write!(f, "{}, line {line}: {problem}", path.display()),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Output(error) => write!(f, "cannot write the figures: {error}"),
            Self::Page(error) => error.fmt(f),
            Self::Signals(error) => write!(f, "cannot watch for signals: {error}"),
        }
    }
}

impl std::error::Error for MemoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } | Self::Output(error) | Self::Signals(error) => Some(error),
            Self::Page(error) => Some(error),
            _ => None,
        }
    }
}
