//! What Python needs so that its small objects come from the allocator too.
//!
//! CPython keeps objects of up to 512 bytes in arenas of its own, which it gives back only when wholly empty; told to use
//! malloc for them (`PYTHONMALLOC=malloc`), their memory can go back page by page.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Chooses CPython's allocator.
pub(super) const VARIABLE: &str = "PYTHONMALLOC";

/// Every object from malloc.
pub(super) const MALLOC: &str = "malloc";

/// Has the allocator's library tell CPython to call it for them, which takes less time, and works through launchers and in
/// programs with CPython in them. Means nothing to others.
pub(super) const DIRECTLY: &str = "PLANET_MALLOC_PYTHON";

/// Prints 1 where there is no global interpreter lock, and else 0 or nothing.
const IS_FREE_THREADED: &str = "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)";

/// Whether these [files](super::program::interpreters) lead to a CPython that can take its objects from malloc. Builds without
/// the global interpreter lock cannot. Their names end in `t`; a Python that hides behind a script, as version managers
/// have it, is asked.
pub(super) fn takes_malloc(files: &[PathBuf]) -> bool {
    let Some(program) = files.last() else { return false };
    // A virtual environment's `python` links to the real one, whose name says more.
    let real = fs::canonicalize(program).unwrap_or_else(|_| program.clone());
    if let Some(version) = version(&real) {
        return is_with_lock(version);
    }
    let Some(wrapper) = files.iter().find(|file| version(file).is_some_and(is_with_lock)) else { return false };
    let answer = Command::new(wrapper).args(["-c", IS_FREE_THREADED]).stderr(Stdio::null()).output();
    answer.is_ok_and(|answer| answer.status.success() && answer.stdout.trim_ascii() == b"0")
}

/// Whether Python is asked for its development mode, which checks what the program does with memory by an allocator of
/// its own.
pub(super) fn is_in_dev_mode(arguments: &[OsString]) -> bool {
    let options = arguments.iter().take_while(|argument| {
        let argument = argument.as_encoded_bytes();
        argument == b"dev" || (argument.starts_with(b"-") && !matches!(argument, b"-c" | b"-m" | b"-"))
    });
    let options: Vec<_> = options.collect();
    env::var_os("PYTHONDEVMODE").is_some_and(|mode| !mode.is_empty())
        || options.iter().any(|option| *option == "-Xdev")
        || options.windows(2).any(|pair| pair[0] == "-X" && pair[1] == "dev")
}

/// What stands behind `python` in a file's name.
fn version(file: &Path) -> Option<&str> {
    file.file_name()?.to_str()?.strip_prefix("python")
}

fn is_with_lock(version: &str) -> bool {
    version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn takes(program: impl Into<PathBuf>) -> bool {
        takes_malloc(&[program.into()])
    }

    #[test]
    fn pythons_are_known_by_their_names() {
        for name in ["/none/python", "/none/python3", "/none/python3.13"] {
            assert!(takes(name), "{name}");
        }
        for name in ["/none/python3.13t", "/none/python3-config", "/none/pypy3", "/none/perl", "/"] {
            assert!(!takes(name), "{name}");
        }
    }

    #[test]
    fn the_development_mode_keeps_its_allocator() {
        let asks = |line: &str| is_in_dev_mode(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in ["-X dev app.py", "-Xdev app.py", "-I -X dev -c pass"] {
            assert!(asks(line), "{line}");
        }
        for line in ["app.py -X dev", "-c pass -X dev", "-X utf8 app.py", "-m app -Xdev"] {
            assert!(!asks(line), "{line}");
        }
    }

    #[test]
    fn links_are_followed_to_the_real_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (real, link) = (folder.path().join("python3.14t"), folder.path().join("python"));
        fs::write(&real, "").expect("a temporary file");
        std::os::unix::fs::symlink(&real, &link).expect("a link to it");
        assert!(!takes(link));
    }

    #[test]
    fn one_behind_a_script_is_asked() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (answer, takes) in [("echo 0", true), ("echo 1", false), ("exit 1", false)] {
            let wrapper = folder.path().join("python3");
            fs::write(&wrapper, format!("#!/bin/sh\n{answer}\n")).expect("a temporary file");
            fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("it is ours");
            assert_eq!(takes_malloc(&[wrapper, "/bin/sh".into()]), takes, "{answer}");
        }
    }
}
