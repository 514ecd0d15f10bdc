//! Files embedded in the binary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use rust_embed::RustEmbed;

use super::source::{Content, Entry, Found, Opened, Source};

/// What `#[derive(RustEmbed)]` put into a type.
pub(super) struct Embedded<E>(pub(super) PhantomData<fn() -> E>);

impl<E: RustEmbed> Source for Embedded<E> {
    fn open_now(&self, path: &str) -> Option<io::Result<Found>> {
        Some(self.open(path))
    }

    fn open(&self, path: &str) -> io::Result<Found> {
        let Some(file) = E::get(path) else {
            let folder = path.is_empty() || E::iter().any(|name| under(&name, path).is_some());
            return Ok(if folder { Found::Folder } else { Found::Nothing });
        };
        let content = match file.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        };
        // Half of a SHA-256 is more than enough to tell contents apart.
        let mut tag = String::from("\"");
        for byte in &file.metadata.sha256_hash()[..16] {
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        let modified = file.metadata.last_modified().map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at));
        Ok(Found::File(Opened {
            length: content.len() as u64,
            content: Content::Memory(content),
            tag: HeaderValue::try_from(tag).ok(),
            modified,
        }))
    }

    fn list(&self, path: &str, limit: usize) -> io::Result<Vec<Entry>> {
        let mut entries = BTreeMap::new();
        for file in E::iter() {
            match under(&file, path).map(|name| name.split_once('/').ok_or(name)) {
                Some(Ok((folder, _))) => entries.insert(folder.to_owned(), None),
                Some(Err(name)) => entries.insert(name.to_owned(), E::get(&file).map(|file| file.data.len() as u64)),
                None => None,
            };
            if entries.len() == limit {
                break;
            }
        }
        Ok(entries.into_iter().map(|(name, length)| Entry { name, length }).collect())
    }
}

fn under<'a>(file: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() { Some(file) } else { file.strip_prefix(folder)?.strip_prefix('/') }
}
