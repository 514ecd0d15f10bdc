//! Into the user's own plugin folder, and out of it again.
//!
//! Beside what is installed stands `NAME.planet-npapi`, which says that it was put there by this program: only such files are
//! replaced or removed. A file of the same name that was there before is kept as `NAME.before`, and comes back.

use std::fs;
use std::path::{Path, PathBuf};

use crate::check::{self, Prober};
use crate::error::Error;

/// Puts a plugin into a folder; where it is then.
///
/// # Errors
/// When no engine would take the file, or the folder cannot be written.
pub fn install(file: &Path, folder: &Path, prober: Prober<'_>) -> Result<PathBuf, Error> {
    let report = check::check(file, prober)?;
    if !report.is_plugin() {
        return Err(Error::Refused(format!("no engine would take {}:\n{report}", file.display())));
    }
    if !file.is_file() {
        return Err(Error::Refused(format!("{} is a bundle: copy it to ~/Library/Internet Plug-Ins", file.display())));
    }
    let name = file.file_name().ok_or_else(|| Error::Refused(format!("{} has no name", file.display())))?;
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let target = folder.join(name);
    if target.canonicalize().is_ok_and(|target| file.canonicalize().is_ok_and(|file| file == target)) {
        return Err(Error::Refused(format!("{} is there already", target.display())));
    }
    let is_foreign = target.symlink_metadata().is_ok() && !mark(&target).exists();
    if is_foreign {
        let before = before(&target);
        if before.symlink_metadata().is_ok() {
            return Err(Error::Refused(format!("both {} and {} are there", target.display(), before.display())));
        }
        fs::rename(&target, &before).map_err(Error::io("rename", &target))?;
    }
    // A browser may have the old file mapped: it keeps that one, and the name goes to the new one.
    let new = beside(&target, "new");
    fs::copy(file, &new).map_err(Error::io("write", &new))?;
    fs::write(mark(&target), "Put here by `planet plugin doctor install`.\n").map_err(Error::io("write", &target))?;
    fs::rename(&new, &target).map_err(Error::io("write", &target))?;
    Ok(target)
}

/// Takes a plugin out of a folder again; whether another file of its name came back.
///
/// # Errors
/// When it was not put there by [`install`].
pub fn uninstall(name: &str, folder: &Path) -> Result<bool, Error> {
    let target = folder.join(Path::new(name).file_name().unwrap_or_default());
    if !mark(&target).exists() {
        return Err(Error::Refused(format!("{} was not put there by this program", target.display())));
    }
    fs::remove_file(&target).map_err(Error::io("remove", &target))?;
    fs::remove_file(mark(&target)).map_err(Error::io("remove", &target))?;
    let before = before(&target);
    let is_there = before.symlink_metadata().is_ok();
    if is_there {
        fs::rename(&before, &target).map_err(Error::io("rename", &before))?;
    }
    Ok(is_there)
}

fn mark(target: &Path) -> PathBuf {
    beside(target, "planet-npapi")
}

fn before(target: &Path) -> PathBuf {
    beside(target, "before")
}

fn beside(target: &Path, end: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    target.with_file_name(name)
}
