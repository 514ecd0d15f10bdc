//! `cargo xtask fuzz`: the cargo-fuzz targets of every crate that has some.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::{process, workspace};

/// What building a fuzz target and a last slow input may add to its time.
const SLACK: Duration = Duration::from_secs(900);

#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run only the target of this name.
    #[arg(long)]
    only: Option<String>,
}

/// Runs the fuzz targets one after the other; the answer says whether none found anything.
///
/// # Errors
/// When cargo-fuzz is missing or no target has the name asked for.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let installed = workspace::cargo().args(["fuzz", "--version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        return Err("cargo-fuzz is missing; install it with: cargo install cargo-fuzz".to_owned());
    }
    let targets: Vec<_> =
        targets()?.into_iter().filter(|(_, name)| options.only.as_ref().is_none_or(|only| only == name)).collect();
    if targets.is_empty() {
        return Err("there is no such fuzz target".to_owned());
    }
    let mut passed = 0;
    let mut failed = Vec::new();
    for (folder, name) in &targets {
        let mut command = workspace::cargo();
        command.current_dir(folder).args(["fuzz", "run", "--sanitizer", "none", name, "--"]);
        command.arg(format!("-max_total_time={}", options.seconds));
        // Coverage counters are a flag of the unstable compiler; this lets the stable one take it.
        command.env("RUSTC_BOOTSTRAP", "1");
        match process::run(command, Duration::from_secs(options.seconds) + SLACK, |_| {}) {
            Ok(()) => passed += 1,
            Err(problem) => failed.push(format!("{name}: {problem}")),
        }
        if process::interrupted() {
            break;
        }
    }
    for problem in &failed {
        println!("{problem}");
    }
    println!("{passed} passed, {} failed", failed.len());
    Ok(failed.is_empty())
}

/// Every fuzz target: the folder of its crate's `fuzz` package, and its name.
fn targets() -> Result<Vec<(PathBuf, String)>, String> {
    let crates = workspace::root().join("crates");
    let read =
        |folder: &PathBuf| fs::read_dir(folder).map_err(|error| format!("cannot list {}: {error}", folder.display()));
    let mut found = Vec::new();
    for member in read(&crates)?.flatten() {
        let package = member.path().join("fuzz");
        let sources = package.join("fuzz_targets");
        if !sources.is_dir() {
            continue;
        }
        for source in read(&sources)?.flatten() {
            let path = source.path();
            if path.extension().is_some_and(|extension| extension == "rs")
                && let Some(name) = path.file_stem()
            {
                found.push((package.clone(), name.to_string_lossy().into_owned()));
            }
        }
    }
    found.sort();
    Ok(found)
}
