//! Reading the pages of other processes.

use core::sync::atomic::Ordering::Relaxed;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::birth::Birth;
use super::layout::{MAGIC, Page, VERSION};
use super::{DEFAULT_FOLDER, FOLDER_VARIABLE, Snapshot};
use crate::sys;

/// Why there is no [`Snapshot`].
#[derive(Debug)]
pub enum PageError {
    /// The process has none: it has ended, or does not run on planet-malloc, or has pages switched off.
    None {
        /// The process that was asked for.
        pid: u32,
    },
    /// Its file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not one that planet-malloc makes.
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file is of another version of planet-malloc.
    Version {
        /// The file.
        path: PathBuf,
        /// The version of its layout.
        version: u32,
    },
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None { pid } => {
                write!(f, "process {pid} keeps no figures: it has ended, or was not started with planet run")
            }
            Self::Read { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Foreign { path, problem } => {
                write!(f, "{} is no page of planet-malloc: {problem}; remove it", path.display())
            }
            Self::Version { path, version } => write!(
                f,
                "{} has layout {version}, and this program knows {VERSION}: run both with the same planet",
                path.display()
            ),
        }
    }
}

impl std::error::Error for PageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// The figures of one process: of this user, or for root of any.
///
/// # Errors
/// See [`PageError`].
///
/// ```
/// let error = planet_malloc::page::read(u32::MAX).unwrap_err();
/// assert!(error.to_string().starts_with("process 4294967295 keeps no figures"));
/// ```
pub fn read(pid: u32) -> Result<Snapshot, PageError> {
    let found = folders().into_iter().map(|folder| read_in(&folder, pid));
    found.reduce(|found, next| if found.is_ok() { found } else { next }).unwrap_or(Err(PageError::None { pid }))
}

/// The figures of all processes of this user, or for root of every user, in no order. Processes that end meanwhile are
/// left out, and so is what is [no page](PageError::Foreign).
pub fn all() -> impl Iterator<Item = Snapshot> {
    folders().into_iter().flat_map(|folder| all_in(&folder))
}

/// As [`read`], of the pages in `folder`.
///
/// # Errors
/// See [`PageError`].
pub fn read_in(folder: &Path, pid: u32) -> Result<Snapshot, PageError> {
    let path =
        folder.join(format!("{}.{pid}", own_namespace().map_err(|error| read_error("/proc/self/ns/pid", error))?));
    let (page, inode) = match open(&path) {
        Err(PageError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            return Err(PageError::None { pid });
        }
        opened => opened?,
    };
    let Some(page) = page else { return Err(PageError::None { pid }) };
    let written_by = Birth { started: page.started.load(Relaxed), stack: page.stack.load(Relaxed) };
    let alive = fs::read(format!("/proc/{pid}/stat")).ok().and_then(|stat| Birth::parse(&stat));
    if page.pid.load(Relaxed) != pid || !alive.is_some_and(|birth| birth.is(&written_by)) {
        remove_stale(&path, inode);
        return Err(PageError::None { pid });
    }
    Ok(Snapshot::of(&page, sys::now()))
}

/// As [`all`], of the pages in `folder`; none when there is no such folder.
pub fn all_in(folder: &Path) -> impl Iterator<Item = Snapshot> + use<> {
    let folder = folder.to_owned();
    let namespace = own_namespace().ok();
    let names = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(move |name| {
        let (of, pid) = name.to_str()?.split_once('.')?;
        (of.parse().ok() == namespace).then(|| pid.parse().ok())?
    });
    pids.filter_map(move |pid| read_in(&folder, pid).ok())
}

/// Ids of processes have their meaning in a namespace (pid_namespaces(7)): this is the caller's.
fn own_namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino())
}

/// The folder in which `PLANET_MALLOC_PAGES` has pages lie, if it does.
pub fn named_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER_VARIABLE).filter(|named| !named.is_empty() && named != "0").map(PathBuf::from)
}

/// Where pages lie: the folder that the environment names, else this user's, and for root those of all users.
fn folders() -> Vec<PathBuf> {
    if let Some(named) = named_folder() {
        return vec![named];
    }
    // SAFETY: the call only returns a number.
    let user = unsafe { libc::geteuid() };
    if user != 0 {
        return vec![format!("{DEFAULT_FOLDER}{user}").into()];
    }
    let (parent, prefix) = DEFAULT_FOLDER.rsplit_once('/').expect("it is a whole path");
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)));
    // Anybody may put a link there, to anywhere.
    named.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// A page's contents and its file's number. `None` for one that is still being made.
fn open(path: &Path) -> Result<(Option<Box<Page>>, u64), PageError> {
    let failed = |error| read_error(path, error);
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let mut file = File::options().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let foreign = |problem| PageError::Foreign { path: path.to_owned(), problem };
    if !about.is_file() {
        return Err(foreign("it is no regular file"));
    }
    let mut page = Box::new(Page::new());
    let (address, len) = (core::ptr::from_mut(&mut *page).cast::<u8>(), size_of::<Page>());
    // SAFETY: the page is ours alone and as long, and any bytes are valid in its atomics.
    let bytes = unsafe { core::slice::from_raw_parts_mut(address, len) };
    let mut filled = 0;
    while filled < len {
        match file.read(&mut bytes[filled..]).map_err(failed)? {
            0 => break,
            more => filled += more,
        }
    }
    match (page.magic.load(Relaxed), page.version.load(Relaxed)) {
        (0, _) => Ok((None, about.ino())),
        (MAGIC, VERSION) if page.len.load(Relaxed) as usize == len && filled == len => Ok((Some(page), about.ino())),
        (MAGIC, VERSION) => Err(foreign("its length is wrong")),
        (MAGIC, version) => Err(PageError::Version { path: path.to_owned(), version }),
        _ => Err(foreign("it begins with something else")),
    }
}

fn read_error(path: impl AsRef<Path>, error: io::Error) -> PageError {
    PageError::Read { path: path.as_ref().to_owned(), error }
}

/// Removes what a process left behind that was killed, unless another one has put its own there meanwhile.
fn remove_stale(path: &Path, inode: u64) {
    if fs::symlink_metadata(path).is_ok_and(|about| about.ino() == inode) {
        // Not being allowed to changes nothing: the page is ignored all the same.
        let _ = fs::remove_file(path);
    }
}
