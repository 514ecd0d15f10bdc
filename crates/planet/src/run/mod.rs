//! `planet run`: a program with planet-malloc under it.
//!
//! | module | one idea |
//! | --- | --- |
//! | `program` | which file a command runs, through scripts to their interpreter and through `env` |
//! | `binary` | what the dynamic loader will do with that file |
//! | `python` | what Python needs so that its small objects come from the allocator too |
//!
//! The loader puts the allocator in place of the C library's, by `LD_PRELOAD` (ld.so(8)); this process then becomes the
//! program, so that signals, exit codes and process ids are those of the program itself.

mod binary;
mod error;
mod program;
mod python;

use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use binary::{Binary, Linkage};
pub use error::RunError;

use crate::config::Size;

/// The allocator's library, as cargo names it.
const LIBRARY: &str = "libplanet_malloc.so";

/// Names the library when it is elsewhere.
const LIBRARY_VARIABLE: &str = "PLANET_MALLOC_LIBRARY";

/// Tells the allocator how many bytes should be resident at most.
const LIMIT_VARIABLE: &str = "PLANET_MALLOC_LIMIT";

/// Tells the allocator to profile the heap, and into which file.
const PROFILE_VARIABLE: &str = "PLANET_MALLOC_PROFILE";

const PRELOAD: &str = "LD_PRELOAD";

/// Becomes `command` with the allocator under it. Comes back only with an error. While more than `memory_limit_advice`
/// is resident, the allocator gives back at once what is freed. A `profile` of the heap is written when it exits.
///
/// # Errors
/// See [`RunError`]. Nothing has been run then.
pub fn run(
    command: &[OsString],
    memory_limit_advice: Option<Size>,
    profile: Option<&Path>,
) -> Result<Infallible, RunError> {
    let [name, arguments @ ..] = command else { return Err(RunError::NoCommand) };
    let [in_the_end, its_arguments @ ..] = program::behind_env(command) else { return Err(RunError::NoCommand) };
    let library = find_library()?;
    let folders = env::var_os("PATH");
    let path = program::find(name, folders.as_deref())?;
    let files = program::interpreters(&program::find(in_the_end, folders.as_deref())?)?;
    check(files.last().unwrap_or(&path), &library)?;
    let mut program = Command::new(&path);
    program.arg0(name).args(arguments).env(PRELOAD, preload(&library, env::var_os(PRELOAD).as_deref()));
    if env::var_os(python::VARIABLE).is_none() && !python::is_in_dev_mode(its_arguments) && python::takes_malloc(&files)
    {
        program.env(python::VARIABLE, python::MALLOC);
    }
    if env::var_os(python::DIRECTLY).is_none() {
        // Also where the program is not seen to be Python: it may start one, or be one in disguise.
        program.env(python::DIRECTLY, "1");
    }
    if let Some(limit) = memory_limit_advice {
        program.env(LIMIT_VARIABLE, limit.bytes().to_string());
    }
    if let Some(file) = profile {
        program.env(PROFILE_VARIABLE, file);
    }
    Err(RunError::Start { program: path, error: program.exec() })
}

/// Beside this program, or in the `lib` folder beside its folder, or where the variable says; as an absolute path, since
/// the program may change its folder before it starts others.
fn find_library() -> Result<PathBuf, RunError> {
    let library = look_for_library()?;
    let library = path::absolute(&library).map_err(|error| RunError::Read { path: library, error })?;
    if library.as_os_str().as_encoded_bytes().iter().any(|byte| b" :$".contains(byte)) {
        return Err(RunError::Unlistable { library });
    }
    Ok(library)
}

fn look_for_library() -> Result<PathBuf, RunError> {
    if let Some(named) = env::var_os(LIBRARY_VARIABLE) {
        let named = PathBuf::from(named);
        return if named.is_file() { Ok(named) } else { Err(RunError::NoLibrary { looked_at: vec![named] }) };
    }
    let folder = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned())).unwrap_or_default();
    let candidates = vec![folder.join(LIBRARY), folder.join("../lib").join(LIBRARY)];
    match candidates.iter().find(|candidate| candidate.is_file()) {
        Some(found) => Ok(found.clone()),
        None => Err(RunError::NoLibrary { looked_at: candidates }),
    }
}

/// Refuses what the loader would run without the allocator, and without a word.
fn check(program: &Path, library: &Path) -> Result<(), RunError> {
    let program_is = Binary::read(program)?;
    let library_is = Binary::read(library)?;
    if program_is.linkage == Linkage::Static {
        return Err(RunError::Static { program: program.to_owned() });
    }
    if program_is.machine != library_is.machine {
        return Err(RunError::OtherMachine { program: program.to_owned(), library: library.to_owned() });
    }
    if program::gains_privileges(program).map_err(|error| RunError::Read { path: program.to_owned(), error })? {
        return Err(RunError::Privileged { program: program.to_owned() });
    }
    Ok(())
}

/// Ours first, and once; other libraries that are preloaded already stay.
fn preload(library: &Path, already: Option<&OsStr>) -> OsString {
    let mut list = library.as_os_str().as_bytes().to_vec();
    let names = already.unwrap_or_default().as_bytes().split(|byte| b" :".contains(byte));
    for name in names.filter(|name| !name.is_empty() && *name != library.as_os_str().as_bytes()) {
        list.push(b':');
        list.extend(name);
    }
    OsString::from_vec(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_preloaded_libraries_stay() {
        let ours = Path::new("/lib/ours.so");
        assert_eq!(preload(ours, None), "/lib/ours.so");
        assert_eq!(preload(ours, Some(OsStr::new(""))), "/lib/ours.so");
        assert_eq!(preload(ours, Some(OsStr::new("a.so b.so"))), "/lib/ours.so:a.so:b.so");
        assert_eq!(preload(ours, Some(OsStr::new("a.so:/lib/ours.so"))), "/lib/ours.so:a.so");
    }

    #[test]
    fn without_a_command_there_is_nothing_to_run() {
        assert!(matches!(run(&[], None, None), Err(RunError::NoCommand)));
    }
}
