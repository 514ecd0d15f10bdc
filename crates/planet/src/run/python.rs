//! What Python needs so that its small objects come from the allocator too.
//!
//! CPython keeps objects of up to 512 bytes in arenas of its own, which it gives back only when wholly empty; told to use
//! malloc for them (`PYTHONMALLOC=malloc`), their memory can go back page by page.

use std::fs;
use std::path::Path;

/// Chooses CPython's allocator.
pub(super) const VARIABLE: &str = "PYTHONMALLOC";

/// Every object from malloc.
pub(super) const MALLOC: &str = "malloc";

/// Whether a program is a CPython that can take its objects from malloc. Builds without the global interpreter lock,
/// whose names end in `t`, cannot.
pub(super) fn takes_malloc(program: &Path) -> bool {
    // A virtual environment's `python` links to the real one, whose name says more.
    let real = fs::canonicalize(program);
    let path = real.as_deref().unwrap_or(program);
    let Some(version) = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("python"))
    else {
        return false;
    };
    version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_are_known_by_their_names() {
        for name in ["python", "python3", "/opt/bin/python3.13"] {
            assert!(takes_malloc(Path::new(name)), "{name}");
        }
        for name in ["python3.13t", "python3-config", "pypy3", "perl", "/"] {
            assert!(!takes_malloc(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn links_are_followed_to_the_real_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (real, link) = (folder.path().join("python3.14t"), folder.path().join("python"));
        fs::write(&real, "").expect("a temporary file");
        std::os::unix::fs::symlink(&real, &link).expect("a link to it");
        assert!(!takes_malloc(&link));
    }
}
