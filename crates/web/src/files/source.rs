//! Where files come from.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderValue;

/// A place with files in it. Paths are relative and [safe](super::path::SafePath).
pub(super) trait Source: Send + Sync {
    /// Looks a path up if that takes no waiting for a disk; `None` if it would.
    fn open_now(&self, path: &str) -> Option<io::Result<Found>>;

    /// Looks a path up, and may wait.
    fn open(&self, path: &str) -> io::Result<Found>;

    /// The first entries of a folder, up to a number of them, and may wait.
    fn list(&self, path: &str, limit: usize) -> io::Result<Vec<Entry>>;
}

pub(super) enum Found {
    File(Opened),
    Folder,
    Nothing,
}

pub(super) struct Opened {
    pub(super) content: Content,
    pub(super) length: u64,
    /// A strong entity tag; none while the file may still change unnoticed.
    pub(super) tag: Option<HeaderValue>,
    pub(super) modified: Option<SystemTime>,
}

#[derive(Clone)]
pub(super) enum Content {
    Memory(Bytes),
    Disk(Arc<File>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Of a file; none for a folder.
    pub(super) length: Option<u64>,
}
