//! Files of a folder, opened so that no path and no link leads out of it.

use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::path::is_served;
use super::source::{Content, Entry, Found, Opened, Source};

/// How long after a change a second one may leave the times of a file as they are: longer than a tick of the kernel's
/// clock, or, where the file system counts whole seconds, than the two seconds of the coarsest.
const TICK: Duration = Duration::from_millis(50);
const COARSE_TICK: Duration = Duration::from_secs(2);

/// Neither a pipe nor a terminal may hold up who opens it.
const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

pub(super) struct Folder {
    root: OwnedFd,
}

impl Folder {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { root: rustix::fs::openat(CWD, path, READ | OFlags::DIRECTORY, Mode::empty())? })
    }
}

impl Source for Folder {
    fn open_now(&self, path: &str) -> Option<io::Result<Found>> {
        let opened = open_cached(self.root.as_fd(), path)?;
        Some(found(opened))
    }

    fn open(&self, path: &str) -> io::Result<Found> {
        found(open_beneath(self.root.as_fd(), path))
    }

    fn list(&self, path: &str, limit: usize) -> io::Result<Vec<Entry>> {
        let folder = open_beneath(self.root.as_fd(), path)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().ok().filter(|name| is_served(name)) else {
                continue;
            };
            // Opening it is the one sure way to know whether a link stays inside.
            let inside = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
            let length = match entry.file_type() {
                FileType::Directory => None,
                FileType::RegularFile | FileType::Symlink | FileType::Unknown => match self.open(&inside) {
                    Ok(Found::File(file)) => Some(file.length),
                    Ok(Found::Folder) => None,
                    Ok(Found::Nothing) | Err(_) => continue,
                },
                _ => continue,
            };
            entries.push(Entry { name: name.to_owned(), length });
            if entries.len() == limit {
                break;
            }
        }
        Ok(entries)
    }
}

fn found(opened: Result<OwnedFd, Errno>) -> io::Result<Found> {
    let file = match opened {
        Ok(file) => File::from(file),
        // What may not be read, or lies outside, is not there for those who ask.
        Err(
            Errno::NOENT | Errno::NOTDIR | Errno::XDEV | Errno::LOOP | Errno::NAMETOOLONG | Errno::ACCESS | Errno::NXIO,
        ) => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Ok(Found::Folder);
    }
    if !metadata.is_file() {
        return Ok(Found::Nothing);
    }
    let settled = is_settled(&metadata, SystemTime::now());
    Ok(Found::File(Opened {
        content: Content::Disk(Arc::new(file)),
        length: metadata.len(),
        tag: settled.then(|| tag(&metadata)).flatten(),
        modified: metadata.modified().ok().filter(|_| settled),
    }))
}

/// Whether a change from now on is sure to show in the times of the file.
fn is_settled(metadata: &Metadata, now: SystemTime) -> bool {
    let tick = if metadata.ctime_nsec() == 0 { COARSE_TICK } else { TICK };
    let seconds = Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or_default());
    let changed = SystemTime::UNIX_EPOCH + seconds + Duration::from_nanos(metadata.ctime_nsec().unsigned_abs());
    now.duration_since(changed).is_ok_and(|age| age > tick)
}

/// Hashed, so that inode numbers stay here. Another hash in another release of Rust costs each client one download.
fn tag(metadata: &Metadata) -> Option<HeaderValue> {
    let mut hasher = DefaultHasher::new();
    let times = (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec());
    (metadata.dev(), metadata.ino(), metadata.len(), times).hash(&mut hasher);
    HeaderValue::try_from(format!("\"{:016x}-{:x}\"", hasher.finish(), metadata.len())).ok()
}

fn or_here(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

#[cfg(target_os = "linux")]
fn open_cached(root: BorrowedFd<'_>, path: &str) -> Option<Result<OwnedFd, Errno>> {
    use rustix::fs::ResolveFlags;

    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
    match rustix::fs::openat2(root, or_here(path), READ, Mode::empty(), resolve) {
        // The names are not all in memory, or the kernel does not know how to tell.
        Err(Errno::AGAIN | Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::INTR) => None,
        known => Some(known),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_cached(_: BorrowedFd<'_>, _: &str) -> Option<Result<OwnedFd, Errno>> {
    None
}

#[cfg(target_os = "linux")]
fn open_beneath(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;

    /// The kernel gives up with `EAGAIN` when a folder is renamed while it resolves a link through it.
    const TRIES: usize = 8;

    for _ in 0..TRIES {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(root, or_here(path), READ, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Before Linux 5.6, or forbidden by a sandbox.
            Err(Errno::NOSYS | Errno::PERM) => return walk(root, path),
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    walk(root, path)
}

/// Opens name after name, following no link.
fn walk(root: BorrowedFd<'_>, path: &str) -> Result<OwnedFd, Errno> {
    let mut names = or_here(path).split('/').peekable();
    let mut folder: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        let flags = if names.peek().is_some() { READ | OFlags::DIRECTORY } else { READ };
        let from = folder.as_ref().map_or(root, OwnedFd::as_fd);
        folder = Some(rustix::fs::openat(from, name, flags | OFlags::NOFOLLOW, Mode::empty())?);
    }
    folder.ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_walk_follows_no_link() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("secret"), "secret").expect("written");
        let inside = tempfile::tempdir().expect("a folder");
        fs::create_dir(inside.path().join("a")).expect("created");
        fs::write(inside.path().join("a/b"), "b").expect("written");
        symlink(outside.path(), inside.path().join("out")).expect("linked");
        symlink("a/b", inside.path().join("link")).expect("linked");
        let folder = Folder::new(inside.path()).expect("opened");
        let open = |path| walk(folder.root.as_fd(), path);
        assert!(open("a/b").is_ok() && open("").is_ok() && open("a").is_ok());
        assert!(open("out/secret").is_err() && open("out").is_err() && open("link").is_err());
    }

    #[test]
    fn a_file_that_just_changed_has_no_validators_yet() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let metadata = file.as_file().metadata().expect("metadata");
        let now = SystemTime::now();
        assert!(!is_settled(&metadata, now - TICK));
        assert!(is_settled(&metadata, now + COARSE_TICK + TICK));
    }
}
