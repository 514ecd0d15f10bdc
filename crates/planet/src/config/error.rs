//! What is wrong with the settings, where, and what was probably meant.

use std::{fmt, io, path::PathBuf, sync::Arc};

use super::nearest::did_you_mean;

/// Where a setting comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    #[default]
    Default,
    /// A place in the file.
    File {
        /// The file.
        path: Arc<PathBuf>,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file is no TOML.
    Syntax {
        /// Where.
        at: Origin,
        /// What was found and expected.
        message: String,
    },
    /// There is no such key in that table.
    UnknownKey {
        /// The key.
        key: String,
        /// Where.
        at: Origin,
        /// A key of that table which was probably meant.
        nearest: Option<String>,
        /// The table that does have such a key.
        belongs_in: Option<String>,
    },
    /// There is no such `PLANET_…` variable.
    UnknownVariable {
        /// Its name.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// A value is not of the right kind.
    BadValue {
        /// The key, with the tables it is in.
        key: String,
        /// Where.
        at: Origin,
        /// What is wrong with it.
        message: String,
    },
}

/// Why there are no settings to go on with.
#[derive(Debug)]
pub enum ConfigError {
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was read, and this is wrong: at least one problem.
    Wrong(Vec<Problem>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { at, message } => write!(f, "not TOML at {at}: {message}"),
            Self::UnknownKey { key, at, nearest, belongs_in } => {
                write!(f, "unknown key `{key}` at {at}")?;
                match belongs_in {
                    Some(table) => write!(f, "; `{key}` belongs in {table}"),
                    None => f.write_str(&did_you_mean(nearest.as_deref())),
                }
            }
            Self::UnknownVariable { name, nearest } => {
                write!(f, "unknown environment variable `{name}`{}", did_you_mean(nearest.as_deref()))
            }
            Self::BadValue { key, at, message } => write!(f, "bad value for `{key}` at {at}: {message}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Wrong(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    let line_break = if index == 0 { "" } else { "\n" };
                    write!(f, "{line_break}{problem}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Wrong(_) => None,
        }
    }
}
