//! Finding the library, building C programs, and running programs on the allocator.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The library, built on first use: cargo builds a cdylib for nobody's tests.
pub(crate) fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY
        .get_or_init(|| {
            let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("inside the target folder");
            let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
            let done = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--profile", profile, "--target-dir"])
                .arg(target)
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status();
            assert!(done.expect("cargo can be started").success(), "the library cannot be built");
            target.join(if cfg!(debug_assertions) { "debug" } else { "release" }).join("libplanet_malloc.so")
        })
        .clone()
}

/// Compiles `tests/c/NAME` and says where the program is.
#[allow(dead_code)] // Not every test program has one.
pub(crate) fn compiled(name: &str) -> PathBuf {
    compiled_as(name, &[])
}

/// Compiles `tests/c/NAME` as a library and says where that is.
#[allow(dead_code)] // As above.
pub(crate) fn compiled_library(name: &str) -> PathBuf {
    compiled_as(name, &["-shared", "-fPIC"])
}

fn compiled_as(name: &str, flags: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(name);
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace('.', "-"));
    let compiler = if name.ends_with(".cpp") { "c++" } else { "cc" };
    let done = Command::new(compiler)
        .args(flags)
        .args(["-O1", "-w", "-pthread", "-o"])
        .arg(&program)
        .arg(&source)
        .arg("-ldl")
        .status()
        .unwrap_or_else(|error| panic!("{compiler} cannot be started: {error}"));
    assert!(done.success(), "{compiler} fails on {}", source.display());
    program
}

/// A command that will run on the allocator.
pub(crate) fn on_planet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("LD_PRELOAD", library()).env_remove("PYTHONMALLOC").env_remove("PLANET_MALLOC_PYTHON");
    command
}

/// Runs the command and returns what it printed; it must succeed.
#[allow(dead_code)] // As above.
pub(crate) fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it can be started");
    let errors = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?} ended with {status}: {errors}");
    String::from_utf8_lossy(&stdout).into_owned()
}
