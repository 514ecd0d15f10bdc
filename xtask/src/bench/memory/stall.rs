//! How long a thread waits for its allocator while another thread's memory goes back to the system.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::bench::allocators::{Allocator, BASE, OURS};
use crate::{process, workspace};

/// The contestants: ours with and without its background thread, whose difference is what purging causes.
pub(super) const WITH_PURGE: &str = OURS;
pub(super) const WITHOUT_PURGE: &str = "planet, purge off";

/// The longest waits of one contestant, one a repeat, in microseconds.
#[derive(Debug)]
pub(super) struct Stalls {
    pub(super) name: &'static str,
    pub(super) longest: Vec<f64>,
}

/// Compiles the program and runs it on each contestant in turn, `repeats` times.
///
/// # Errors
/// When it cannot be compiled or fails.
pub(super) fn measure(allocators: &[Allocator], repeats: usize) -> Result<Vec<Stalls>, String> {
    let program = compile()?;
    let compared = allocators.iter().filter(|allocator| [BASE, "jemalloc", OURS].contains(&allocator.name));
    let mut contestants: Vec<Allocator> = compared.cloned().collect();
    let ours = allocators.iter().find(|allocator| allocator.name == OURS).cloned();
    let off = &[("PLANET_MALLOC_BACKGROUND", "0")];
    contestants.extend(ours.map(|ours| Allocator { name: WITHOUT_PURGE, settings: off, ..ours }));
    let mut all: Vec<Stalls> =
        contestants.iter().map(|allocator| Stalls { name: allocator.name, longest: Vec::new() }).collect();
    for repeat in 1..=repeats {
        for (allocator, stalls) in contestants.iter().zip(&mut all) {
            if process::interrupted() {
                return Err("interrupted".to_owned());
            }
            let longest = run(&program, allocator)?;
            println!("-- {repeat}/{repeats}: stalls, {}: {longest:.0} µs at most", allocator.name);
            stalls.longest.push(longest);
        }
    }
    Ok(all)
}

fn compile() -> Result<PathBuf, String> {
    let program = workspace::target().join("malloc-stalls");
    let mut command = workspace::program("cc");
    command.args(["-O2", "-pthread", "crates/malloc/bench/stalls.c", "-o"]).arg(&program);
    process::run(command, Duration::from_secs(60), |_| {})?;
    Ok(program)
}

fn run(program: &Path, allocator: &Allocator) -> Result<f64, String> {
    let mut command = Command::new(program);
    allocator.apply(&mut command);
    let output = command.output().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let longest = said.split_whitespace().next().and_then(|longest| longest.parse().ok());
    longest
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("{} on {} ended with {}: {said}", program.display(), allocator.name, output.status))
}
