//! Which file a command runs: found as a shell finds it, and through scripts to their interpreter (execve(2)).

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::RunError;

/// Interpreters that are scripts themselves; the kernel follows no more than this.
const MAX_INTERPRETERS: usize = 4;

/// The kernel reads this much of a script's first line.
const MAX_FIRST_LINE: u64 = 256;

/// Where the shell looks when there is no `PATH`.
const DEFAULT_PATH: &str = "/usr/bin:/bin";

/// The file behind a name: itself if it holds a slash, else the first of that name in the folders of `path`.
pub(super) fn find(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, RunError> {
    if name.as_bytes().contains(&b'/') {
        let file = PathBuf::from(name);
        return match fs::metadata(&file) {
            Ok(found) if is_executable(&found) => Ok(file),
            Ok(found) if found.is_dir() => Err(RunError::NotAProgram { path: file, problem: "it is a folder".into() }),
            Ok(_) => Err(RunError::NotExecutable { path: file }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RunError::NotFound { name: name.to_owned() }),
            Err(error) => Err(RunError::Read { path: file, error }),
        };
    }
    let folders = env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH)));
    let mut files = folders.map(|folder| folder.join(name));
    let found = files.find(|file| fs::metadata(file).is_ok_and(|found| is_executable(&found)));
    found.ok_or_else(|| RunError::NotFound { name: name.to_owned() })
}

/// The files that the kernel goes through to run one: the file itself, and behind a script its interpreter, and so on; the
/// last is a program. `env` in between is looked through, since it becomes the program it names.
pub(super) fn interpreters(file: &Path) -> Result<Vec<PathBuf>, RunError> {
    let mut files = vec![file.to_owned()];
    while let Some(next) = interpreter(&files[files.len() - 1])? {
        if files.len() > MAX_INTERPRETERS {
            return Err(RunError::TooManyInterpreters { path: file.to_owned() });
        }
        files.push(next);
    }
    Ok(files)
}

/// The command that `env` becomes, when all it does is set variables; else the command itself. Not looked through is an
/// `env` with options, and one that changes where programs are found or how Python checks its memory.
pub(super) fn behind_env(command: &[OsString]) -> &[OsString] {
    let [name, arguments @ ..] = command else { return command };
    if Path::new(name).file_name() != Some(OsStr::new("env")) {
        return command;
    }
    let is_assignment = |argument: &&OsString| argument.as_bytes().contains(&b'=');
    let assignments = arguments.iter().take_while(is_assignment).count();
    let (assignments, behind) = arguments.split_at(assignments);
    let matters = |assignment: &OsString| {
        [&b"PATH="[..], b"PYTHONDEVMODE="].iter().any(|variable| assignment.as_bytes().starts_with(variable))
    };
    match behind.first() {
        Some(first) if !first.as_bytes().starts_with(b"-") && !assignments.iter().any(matters) => behind_env(behind),
        _ => command,
    }
}

/// What runs a script; `None` for a file that is none.
fn interpreter(file: &Path) -> Result<Option<PathBuf>, RunError> {
    let line = first_line_of_script(file).map_err(|error| RunError::Read { path: file.to_owned(), error })?;
    let Some(line) = line else { return Ok(None) };
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let missing = || RunError::NotAProgram { path: file.to_owned(), problem: "its first line is `#!` alone".into() };
    let named = Path::new(OsStr::from_bytes(words.next().ok_or_else(missing)?));
    let is_env = named.file_name() == Some(OsStr::new("env"));
    let behind_env = words.find(|word| is_env && !word.starts_with(b"-") && !word.contains(&b'='));
    match behind_env {
        Some(name) => find(OsStr::from_bytes(name), env::var_os("PATH").as_deref()),
        None => find(named.as_os_str(), None),
    }
    .map(Some)
}

/// Whether running the file changes who one is, for which the loader then distrusts the environment.
pub(super) fn gains_privileges(file: &Path) -> io::Result<bool> {
    const SET_USER: u32 = 0o4000;
    const SET_GROUP: u32 = 0o2000;
    let found = fs::metadata(file)?;
    let (mode, user, group) = (found.permissions().mode(), rustix::process::getuid(), rustix::process::getgid());
    Ok((mode & SET_USER != 0 && found.uid() != user.as_raw())
        || (mode & SET_GROUP != 0 && found.gid() != group.as_raw()))
}

fn is_executable(found: &fs::Metadata) -> bool {
    found.is_file() && found.permissions().mode() & 0o111 != 0
}

/// What stands behind `#!`; `None` for a file that does not begin with it.
fn first_line_of_script(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut start = Vec::new();
    File::open(file)?.take(MAX_FIRST_LINE).read_to_end(&mut start)?;
    let Some(line) = start.strip_prefix(b"#!") else { return Ok(None) };
    Ok(line.split(|byte| *byte == b'\n').next().map(<[u8]>::to_vec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).expect("a temporary file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        path
    }

    #[test]
    fn names_are_found_in_the_path_and_files_by_themselves() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tool = script(folder.path(), "tool", "#!/bin/sh\n");
        assert_eq!(find(OsStr::new("tool"), Some(folder.path().as_os_str())).unwrap(), tool);
        assert_eq!(find(tool.as_os_str(), None).unwrap(), tool);
        assert!(matches!(find(OsStr::new("no-such-tool"), None), Err(RunError::NotFound { .. })));
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(find(tool.as_os_str(), None), Err(RunError::NotExecutable { .. })));
        assert!(matches!(find(OsStr::new("tool"), Some(folder.path().as_os_str())), Err(RunError::NotFound { .. })));
    }

    #[test]
    fn scripts_lead_to_their_interpreter() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shell = Path::new("/bin/sh");
        let last = |file: &Path| interpreters(file).unwrap().pop().unwrap();
        assert_eq!(interpreters(shell).unwrap(), [shell]);
        let direct = script(folder.path(), "direct", "#! /bin/sh -e\n");
        assert_eq!(interpreters(&direct).unwrap(), [&*direct, shell]);
        let indirect = script(folder.path(), "indirect", &format!("#!{}\n", direct.display()));
        assert_eq!(last(&indirect), shell);
        let through_env = script(folder.path(), "through-env", "#!/usr/bin/env -S A=1 sh -e\n");
        assert_eq!(last(&through_env).file_name(), Some(OsStr::new("sh")));
        let empty = script(folder.path(), "empty", "#!\n");
        assert!(matches!(interpreters(&empty), Err(RunError::NotAProgram { .. })));
        let itself = script(folder.path(), "itself", &format!("#!{}\n", folder.path().join("itself").display()));
        assert!(matches!(interpreters(&itself), Err(RunError::TooManyInterpreters { .. })));
    }

    #[test]
    fn env_that_only_sets_variables_is_looked_through() {
        let behind = |line: &str| {
            let command: Vec<_> = line.split(' ').map(OsString::from).collect();
            behind_env(&command).join(OsStr::new(" ")).into_string().unwrap()
        };
        for line in ["env python3 -X dev", "/usr/bin/env A=1 B= python3 -X dev", "env A=1 env B=-2 python3 -X dev"] {
            assert_eq!(behind(line), "python3 -X dev", "{line}");
        }
        for line in ["python3 env sh", "env", "env A=1", "env -i sh", "env A=1 - sh", "env PATH=/x sh"] {
            assert_eq!(behind(line), line);
        }
        assert_eq!(behind("env PYTHONDEVMODE=1 python3"), "env PYTHONDEVMODE=1 python3");
        assert!(behind_env(&[]).is_empty());
    }

    #[test]
    fn a_program_of_ones_own_gains_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tool = script(folder.path(), "tool", "#!/bin/sh\n");
        assert!(!gains_privileges(&tool).unwrap());
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o4755)).unwrap();
        assert!(!gains_privileges(&tool).unwrap());
    }
}
