//! `apps.toml` in the data directory: the keys that were made for apps, so that they stay the same.
//!
//! ```toml
//! [default]
//! api_key = "…"
//! secret_key = "…"
//! sign_key = "…"
//! ```
//!
//! Keys that come from the configuration are not written here.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data_dir::{DataDir, write_atomically};
use crate::keys::{ApiKey, Secret};

const NAME: &str = "apps.toml";

const HEAD: &str = "# The keys that this server has made for its apps. Keep them secret.\n";

/// What was made for one app.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MadeKeys {
    pub(crate) api_key: Option<ApiKey>,
    pub(crate) secret_key: Option<Secret>,
    pub(crate) sign_key: Option<Secret>,
}

/// The file and what is in it.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    pub(crate) apps: BTreeMap<String, MadeKeys>,
}

/// Why the keys of apps cannot be read or kept. A file that cannot be read is never written over.
#[derive(Debug)]
pub enum KeyFileError {
    /// The file is there and cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not have the form it was written in.
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line of the first mistake, where there is one.
        line: Option<usize>,
    },
    /// The file cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read the keys of apps in {}: {source}", path.display()),
            Self::Damaged { path, line } => {
                write!(f, "{} ", path.display())?;
                match line {
                    Some(line) => write!(f, "has a mistake at line {line}")?,
                    None => f.write_str("cannot be understood")?,
                }
                f.write_str("; mend it, or move it away to have new keys made")
            }
            Self::Write { path, source } => write!(f, "cannot keep the keys of apps in {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for KeyFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => Some(source),
            Self::Damaged { .. } => None,
        }
    }
}

impl KeyFile {
    /// Reads the file; without one there are no keys yet.
    pub(crate) fn read(data: &DataDir) -> Result<Self, KeyFileError> {
        let path = data.path().join(NAME);
        let apps = match fs::read_to_string(&path) {
            Ok(text) => parse(&text).map_err(|line| KeyFileError::Damaged { path: path.clone(), line })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(KeyFileError::Read { path, source }),
        };
        warn_of_readers(&path);
        Ok(Self { path, apps })
    }

    /// Writes the file anew.
    pub(crate) fn write(&self) -> Result<(), KeyFileError> {
        let text = toml::to_string(&self.apps).map_err(io::Error::other);
        text.and_then(|text| {
            write_atomically(&self.path, |file| {
                file.write_all(HEAD.as_bytes())?;
                file.write_all(text.as_bytes())
            })
        })
        .map_err(|source| KeyFileError::Write { path: self.path.clone(), source })
    }
}

/// The parser's own message is left out: it may quote a secret.
fn parse(text: &str) -> Result<BTreeMap<String, MadeKeys>, Option<usize>> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span()?.start;
        Some(1 + text.as_bytes().get(..start)?.iter().filter(|byte| **byte == b'\n').count())
    })
}

#[cfg(unix)]
fn warn_of_readers(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "other users of this machine may read the keys of apps; chmod 600 the file");
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_path: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named_by_its_line_and_secrets_are_not_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let path = directory.path().join(NAME);
        for (text, line) in [
            ("[default]\nsecret_key = \"hunter2\"\n", 2),
            ("\n[default\n", 2),
            ("default = \"hunter2_hunter2_hunter2\"\n", 1),
            ("[default]\nsecret = \"hunter2_hunter2_hunter2\"\n", 2),
        ] {
            fs::write(&path, text).unwrap();
            let error = KeyFile::read(&data).unwrap_err();
            assert!(
                matches!(error, KeyFileError::Damaged { line: Some(found), .. } if found == line),
                "{error} {text}"
            );
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
