//! How much memory stays after a spike, beside other allocators.
//!
//! - [`scenario`]: one scenario on one allocator, watched from outside.
//! - [`stall`]: how long a thread waits while memory goes back.
//! - [`table`]: the figures, and the page that keeps them.
//! - [`verdict`]: which goals were met.
//! - [`picture`]: resident memory over time.

mod picture;
mod scenario;
mod stall;
mod table;
mod verdict;

use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread;

use clap::Args;

use self::scenario::{Case, Run};
use self::table::{Results, Row};
use super::allocators::{self, Aim, Allocator, Missing};

#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask bench memory --save\n  \
    cargo xtask bench memory --only scattered --only server --repeats 1")]
pub(crate) struct Options {
    /// How often each scenario runs on each allocator.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// Only this scenario; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = names())]
    only: Vec<String>,
    /// Write the results to bench/MEMORY.md and the picture to bench/memory.svg.
    #[arg(long)]
    save: bool,
}

/// How many programs may rest at once while the next one has its spike. Each may hold some 700 MB then.
const RESTING: usize = 8;

/// The scenario that is about the time that spikes take.
const SPIKES: &str = "spikes";
/// The scenario that does not rest, and so has the machine for itself.
const SERVER: &str = "server";
/// The scenario in which there is a little to do after the spike.
const LIGHT: &str = "light";
/// What the command calls the measuring of stalls.
const STALLS: &str = "stalls";

const CASES: [Case; 13] = [
    case("high", "result last"),
    case("scattered", "survivors scattered"),
    case("clustered", "survivors clustered"),
    case("threads", "8 threads, then idle"),
    case("document", "JSON document"),
    case("size_shift", "small blocks, then large"),
    case(SPIKES, "20 spikes of 200 MB"),
    case(SERVER, "asyncio server, 3 spikes"),
    case(LIGHT, "light work after"),
    Case { small_objects: true, ..case("document", "JSON document, malloc") },
    Case { small_objects: true, ..case("dicts", "dicts, malloc") },
    Case { small_objects: true, ..case("scattered", "survivors scattered, malloc") },
    Case { small_objects: true, ..case(LIGHT, "light work after, malloc") },
];

const fn case(name: &'static str, title: &'static str) -> Case {
    Case { name, title, small_objects: false }
}

fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = CASES.iter().map(|case| case.name).chain([STALLS]).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Builds, measures and prints; the answer says whether every goal was met.
///
/// # Errors
/// When something is missing, cannot be built, or fails.
pub(super) fn run(options: &Options) -> Result<bool, String> {
    let mut missing = Missing::default();
    allocators::need(&mut missing);
    missing.finish()?;
    let allocators = allocators::prepare(Aim::LeastMemory)?;
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let cases: Vec<Case> = CASES.into_iter().filter(|case| wanted(case.name)).collect();
    let repeats = usize::from(options.repeats);
    let rows = measure(&cases, &allocators, repeats)?;
    let stalls = if wanted(STALLS) { stall::measure(&allocators, 3 * repeats)? } else { Vec::new() };
    let results = Results { allocators, cases, rows, stalls };
    let goals = verdict::goals(&results);
    print!("\n{results}\n{goals}");
    if options.save {
        let only: Vec<String> = options.only.iter().map(|only| format!(" --only {only}")).collect();
        results.save(&goals, &format!("cargo xtask bench memory --repeats {repeats}{} --save", only.concat()))?;
    }
    Ok(goals.met())
}

/// Lets the allocators take turns at each scenario.
fn measure(cases: &[Case], allocators: &[Allocator], repeats: usize) -> Result<Vec<Row>, String> {
    let each = cases.iter().flat_map(|case| allocators.iter().map(|allocator| (*case, allocator)));
    let mut rows: Vec<Row> =
        each.map(|(case, allocator)| Row { case, allocator: allocator.name, runs: vec![] }).collect();
    thread::scope(|scope| {
        let mut resting = VecDeque::new();
        for repeat in 1..=repeats {
            for (index, case) in cases.iter().enumerate() {
                for (turn, allocator) in allocators.iter().enumerate() {
                    let most = if case.name == SERVER { 0 } else { RESTING };
                    let (rests, at_rest) = mpsc::channel();
                    collect(&mut resting, most, &mut rows)?;
                    let row = index * allocators.len() + turn;
                    println!("-- {repeat}/{repeats}: {}, {}", case.title, allocator.name);
                    resting.push_back((row, scope.spawn(move || scenario::run(*case, allocator, &rests))));
                    // When it fails, its result says so.
                    let _ = at_rest.recv();
                    collect(&mut resting, most, &mut rows)?;
                }
            }
        }
        collect(&mut resting, 0, &mut rows)?;
        Ok(rows)
    })
}

type Resting<'scope> = VecDeque<(usize, thread::ScopedJoinHandle<'scope, Result<Run, String>>)>;

/// Waits for those that have rested longest until `most` are left, and keeps what they came to.
fn collect(resting: &mut Resting<'_>, most: usize, rows: &mut [Row]) -> Result<(), String> {
    while resting.len() > most {
        let Some((row, run)) = resting.pop_front() else { break };
        let row = &mut rows[row];
        let run = run.join().map_err(|_| "the watcher of a scenario panicked".to_owned())?;
        row.runs.push(run.map_err(|problem| format!("{} on {}: {problem}", row.case.title, row.allocator))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_a_function_of_the_script() {
        let folder = crate::workspace::root().join("crates/malloc/bench");
        let script = std::fs::read_to_string(folder.join("scenarios.py")).expect("the script is there");
        for case in CASES.iter().filter(|case| case.name != SERVER) {
            assert!(script.contains(&format!("def {}():", case.name)), "{}", case.name);
        }
        assert!(folder.join("server.py").is_file());
    }
}
