//! The allocators that are compared, each a library that goes under any program by `LD_PRELOAD`.
//!
//! glibc is preloaded like the others: a program that is linked with an allocator of its own, as Debian's Redis is with
//! jemalloc, then runs on the one that is measured.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{process, workspace};

/// Debian's Python: those of version managers may bring an allocator of their own.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// The allocator that all others are compared with.
pub(super) const BASE: &str = "glibc";
/// glibc with `malloc_trim` by hand.
pub(super) const TRIMMED: &str = "glibc + trim";
/// Our own.
pub(super) const OURS: &str = "planet";

const BUILD: Duration = Duration::from_secs(30 * 60);

/// An allocator under which programs can run.
#[derive(Clone, Debug)]
pub(super) struct Allocator {
    pub(super) name: &'static str,
    pub(super) library: PathBuf,
    /// Environment variables for it.
    pub(super) settings: &'static [(&'static str, &'static str)],
    /// Whether the program is to call `malloc_trim(0)` by hand.
    pub(super) trim: bool,
}

/// What the allocators are set to do best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// Give memory back.
    LeastMemory,
    /// Be fast, as they are without settings.
    Speed,
}

/// One that Debian has as a package.
struct Packaged {
    name: &'static str,
    library: &'static str,
    package: &'static str,
    least_memory: &'static [(&'static str, &'static str)],
}

/// Those that ours is to be as fast as.
pub(super) const RIVALS: [&str; 4] = ["jemalloc", "gperftools", "mimalloc 2", MIMALLOC_3];

const MIMALLOC_3: &str = "mimalloc 3";

const PACKAGED: [Packaged; 3] = [
    Packaged {
        name: "jemalloc",
        library: "libjemalloc.so.2",
        package: "libjemalloc2",
        least_memory: &[("MALLOC_CONF", "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0")],
    },
    Packaged {
        name: "gperftools",
        library: "libtcmalloc_minimal.so.4",
        package: "libgoogle-perftools4",
        least_memory: &[
            ("TCMALLOC_SKIP_SBRK", "1"),
            ("TCMALLOC_RELEASE_RATE", "10"),
            ("TCMALLOC_AGGRESSIVE_DECOMMIT", "1"),
        ],
    },
    Packaged {
        name: "mimalloc 2",
        library: "libmimalloc.so.2.0",
        package: "libmimalloc2.0",
        least_memory: &[
            ("MIMALLOC_DECOMMIT_DELAY", "0"),
            ("MIMALLOC_SEGMENT_DECOMMIT_DELAY", "0"),
            ("MIMALLOC_PAGE_RESET", "1"),
            ("MIMALLOC_ABANDONED_PAGE_DECOMMIT", "1"),
        ],
    },
];

/// mimalloc 3 is built from its crate.
const MIMALLOC_3_LEAST_MEMORY: &[(&str, &str)] = &[("MIMALLOC_PURGE_DELAY", "0"), ("MIMALLOC_ALLOW_THP", "0")];

impl Allocator {
    fn new(name: &'static str, library: PathBuf) -> Self {
        Self { name, library, settings: &[], trim: false }
    }

    /// Lets `command` run on this allocator.
    pub(super) fn apply(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).envs(self.settings.iter().copied());
    }

    /// Asks a program that runs on it where its library was loaded from.
    fn check(&self) -> Result<(), String> {
        let mut command = Command::new("cat");
        self.apply(command.arg("/proc/self/maps"));
        let maps = command.output().map_err(|error| format!("cannot start cat: {error}"))?;
        let library = self.library.canonicalize();
        let library = library.map_err(|error| format!("cannot find {}: {error}", self.library.display()))?;
        if String::from_utf8_lossy(&maps.stdout).contains(&*library.to_string_lossy()) {
            Ok(())
        } else {
            let said = String::from_utf8_lossy(&maps.stderr);
            Err(format!("{} could not be loaded into a program: {said}", library.display()))
        }
    }
}

/// What has to be there before a bench begins: Debian packages, by a file that tells that each is installed.
#[derive(Default)]
pub(super) struct Missing(Vec<&'static str>);

impl Missing {
    /// Notes `package` unless `file` is there.
    pub(super) fn unless(&mut self, file: Option<impl AsRef<Path>>, package: &'static str) {
        if !file.is_some_and(|file| file.as_ref().exists()) && !self.0.contains(&package) {
            self.0.push(package);
        }
    }

    /// # Errors
    /// Says how to install what is missing.
    pub(super) fn finish(self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        // A server that Debian installs also starts, so this is left to the user.
        Err(format!("install what is compared first: sudo apt-get install {}", self.0.join(" ")))
    }
}

/// Notes what all benches of allocators need.
pub(super) fn need(missing: &mut Missing) {
    for rival in &PACKAGED {
        missing.unless(system_library(rival.library), rival.package);
    }
    missing.unless(Some(PYTHON), "python3");
    missing.unless(Some("/usr/bin/cc"), "gcc");
}

/// Builds ours and mimalloc 3 and checks that programs can run on each: glibc first, ours last.
///
/// # Errors
/// When something is missing, or cannot be built or loaded.
pub(super) fn prepare(aim: Aim) -> Result<Vec<Allocator>, String> {
    let mut build = workspace::cargo();
    build.args(["build", "--release", "-p", "planet-malloc-preload"]);
    process::run(build, BUILD, |_| {})?;
    let named = |library| system_library(library).ok_or_else(|| format!("{library} is missing"));

    let base = Allocator::new(BASE, named("libc.so.6")?);
    let mut all = vec![base.clone()];
    if aim == Aim::LeastMemory {
        all.push(Allocator { name: TRIMMED, trim: true, ..base });
    }
    for rival in &PACKAGED {
        all.push(Allocator { settings: rival.least_memory, ..Allocator::new(rival.name, named(rival.library)?) });
    }
    all.push(Allocator { settings: MIMALLOC_3_LEAST_MEMORY, ..Allocator::new(MIMALLOC_3, build_mimalloc_3()?) });
    if aim == Aim::Speed {
        all.iter_mut().for_each(|allocator| allocator.settings = &[]);
    }
    all.push(Allocator::new(OURS, workspace::target().join("release/libplanet_malloc.so")));
    all.iter().try_for_each(Allocator::check)?;
    Ok(all)
}

/// A library of the system, by the folders in which distributions keep them.
fn system_library(name: &str) -> Option<PathBuf> {
    let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    [multiarch.as_str(), "/usr/lib64", "/usr/lib"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|p| p.exists())
}

/// Compiles mimalloc 3 as its own build does for a shared library that takes malloc's place.
fn build_mimalloc_3() -> Result<PathBuf, String> {
    let source = mimalloc_3_source()?;
    let library = workspace::target().join("libmimalloc3.so");
    let mut command = workspace::program("cc");
    command.args(["-shared", "-fPIC", "-O3", "-fvisibility=hidden", "-ftls-model=initial-exec", "-fno-builtin-malloc"]);
    command.args(["-DNDEBUG", "-DMI_DEBUG=0", "-DMI_BUILD_RELEASE", "-DMI_MALLOC_OVERRIDE"]);
    command.args(["-DMI_SHARED_LIB", "-DMI_SHARED_LIB_EXPORT"]);
    command.arg("-I").arg(source.join("include")).arg(source.join("src/static.c")).arg("-o").arg(&library);
    process::run(command, BUILD, |_| {})?;
    Ok(library)
}

/// The C source in the crate that `crates/malloc/bench/mimalloc3` names; cargo fetches it.
fn mimalloc_3_source() -> Result<PathBuf, String> {
    let mut command = workspace::cargo();
    command.args(["metadata", "--format-version=1", "--quiet", "--manifest-path"]);
    command.arg("crates/malloc/bench/mimalloc3/Cargo.toml");
    let output = command.output().map_err(|error| format!("cannot start cargo: {error}"))?;
    let crates: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("cargo cannot fetch mimalloc 3: {}", String::from_utf8_lossy(&output.stderr).trim()))?;
    let found = crates["packages"].as_array().into_iter().flatten().find(|named| named["name"] == "libmimalloc-sys");
    let manifest = found.and_then(|found| found["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    folder.map(|folder| folder.join("c_src/mimalloc/v3")).ok_or_else(|| "libmimalloc-sys has no source".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_once() {
        let mut missing = Missing::default();
        missing.unless(Some("/"), "there");
        missing.unless(None::<&Path>, "one");
        missing.unless(Some("/nowhere/at/all"), "two");
        missing.unless(None::<&Path>, "one");
        assert!(missing.finish().unwrap_err().ends_with("apt-get install one two"));
        assert_eq!(Missing::default().finish(), Ok(()));
    }

    #[test]
    fn a_library_that_cannot_be_loaded_is_told() {
        let library = |path: &str| Allocator::new(BASE, path.into());
        assert_eq!(library(system_library("libc.so.6").expect("this runs on glibc").to_str().unwrap()).check(), Ok(()));
        assert!(library("/etc/hostname").check().unwrap_err().contains("could not be loaded"));
    }
}
