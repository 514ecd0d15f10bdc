//! Benchmarks of `pyperformance`, each a Python program: the time that CPython takes on an allocator, and instructions.
//!
//! Time varies from run to run by more than what is judged here; instructions hardly do. valgrind counts them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::programs;
use crate::bench::allocators::{Allocator, Missing, PYTHON};
use crate::{process, workspace};

/// A benchmark: what it is called, its folder, what it is told to do, and how often, so that it takes some 0.3 s.
#[derive(Debug)]
pub(super) struct Benchmark {
    pub(super) name: &'static str,
    folder: &'static str,
    arguments: &'static [&'static str],
    loops: u32,
}

const fn benchmark(name: &'static str, loops: u32) -> Benchmark {
    Benchmark { name, folder: name, arguments: &[], loops }
}

/// Those that work in one process, on many kinds of objects, and need few other packages.
pub(super) const BENCHMARKS: [Benchmark; 20] = [
    Benchmark { arguments: &["none"], ..benchmark("async_tree", 1) },
    benchmark("chaos", 5),
    benchmark("comprehensions", 15_000),
    benchmark("deepcopy", 800),
    benchmark("deltablue", 80),
    benchmark("float", 4),
    benchmark("generators", 4),
    benchmark("go", 2),
    benchmark("hexiom", 40),
    benchmark("html5lib", 4),
    benchmark("json_dumps", 20),
    benchmark("json_loads", 1000),
    benchmark("mako", 30),
    Benchmark { folder: "pickle", arguments: &["--pure-python", "pickle"], ..benchmark("pickle_pure_python", 60) },
    benchmark("pyflate", 1),
    benchmark("raytrace", 1),
    benchmark("regex_compile", 2),
    benchmark("richards", 5),
    benchmark("sqlite_synth", 100_000),
    Benchmark { arguments: &["process"], ..benchmark("xml_etree", 4) },
];

/// How many times as long a program takes under valgrind. The delay after which memory goes back is stretched by as much,
/// or else the purge would be counted so many times as often as it really comes by.
const VALGRIND_SLOWDOWN: u32 = 20;
/// The usual delay.
const DELAY_MS: u32 = 1000;

/// How CPython's small objects are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SmallObjects {
    /// By CPython's own allocator, as it is usual.
    Pymalloc,
    /// By the allocator that is measured (`PYTHONMALLOC=malloc`).
    Malloc,
    /// By ours, as `planet run` starts Python: without the way through malloc.
    Directly,
}

fn environment() -> PathBuf {
    workspace::target().join("pyperformance")
}

/// Notes what counting instructions needs.
pub(super) fn need(missing: &mut Missing) {
    missing.unless(Some("/usr/bin/valgrind"), "valgrind");
}

/// Where the benchmarks are.
///
/// # Errors
/// When they, or what they import, are missing: how to install them.
pub(super) fn folder() -> Result<PathBuf, String> {
    let mut command = Command::new(environment().join("bin/python"));
    command.args(["-c", "import html5lib, mako, pyperf, pyperformance; print(pyperformance.__path__[0], end='')"]);
    match command.output() {
        Ok(output) if output.status.success() => {
            let package = PathBuf::from(String::from_utf8_lossy(&output.stdout).into_owned());
            Ok(package.join("data-files/benchmarks"))
        }
        _ => {
            let folder = environment();
            let folder = folder.strip_prefix(workspace::root()).unwrap_or(&folder).display();
            Err(format!(
                "install Python's benchmarks first (Debian has what makes environments in python3-venv): \
                 {PYTHON} -m venv {folder} && {folder}/bin/pip install -r crates/malloc/bench/requirements.txt"
            ))
        }
    }
}

impl Benchmark {
    /// Adds the command line of one run.
    fn on(&self, mut command: Command, folder: &Path, allocator: &Allocator, small: SmallObjects) -> Command {
        command.arg(folder.join(format!("bm_{}/run_benchmark.py", self.folder)));
        command.args(["--worker", "--warmups", "0", "--values", "1", "--loops", &self.loops.to_string()]);
        command.args(self.arguments).current_dir(workspace::target());
        allocator.apply(&mut command);
        // The order of sets and dicts follows from hashes, which are to be the same in each run.
        command.env("PYTHONHASHSEED", "0");
        command.env("PYTHONMALLOC", if small == SmallObjects::Pymalloc { "pymalloc" } else { "malloc" });
        command.env("PLANET_MALLOC_PYTHON", if small == SmallObjects::Directly { "1" } else { "0" });
        command
    }

    /// Runs it once; the seconds of CPU time it took.
    ///
    /// # Errors
    /// When it does not succeed.
    pub(super) fn seconds(&self, folder: &Path, allocator: &Allocator, small: SmallObjects) -> Result<f64, String> {
        let command = self.on(Command::new(environment().join("bin/python")), folder, allocator, small);
        programs::seconds(command, allocator)
    }

    /// Runs it once under valgrind; the instructions it took.
    ///
    /// # Errors
    /// When it does not succeed or nothing was counted.
    pub(super) fn instructions(
        &self,
        folder: &Path,
        allocator: &Allocator,
        small: SmallObjects,
    ) -> Result<f64, String> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
        valgrind.arg(environment().join("bin/python"));
        let mut command = self.on(valgrind, folder, allocator, small);
        command.env("PLANET_MALLOC_DELAY_MS", (DELAY_MS * VALGRIND_SLOWDOWN).to_string());
        let output = command.output().map_err(|error| format!("cannot start valgrind: {error}"))?;
        if process::interrupted() {
            return Err("interrupted".to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let count = counted(&said).filter(|_| output.status.success());
        count.ok_or_else(|| format!("{} on {} under valgrind: {said}", self.name, allocator.name))
    }
}

/// The instructions in what valgrind says at its end.
fn counted(said: &str) -> Option<f64> {
    let count = said.lines().find_map(|line| line.split_once("I   refs:"))?.1;
    count.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_read() {
        assert_eq!(counted("==7== \n==7== I   refs:      1,128,118,329\n"), Some(1_128_118_329.0));
        assert_eq!(counted("==7== Collected : 5"), None);
    }
}
