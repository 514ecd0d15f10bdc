//! How fast programs are, beside other allocators.
//!
//! - [`programs`]: small programs in which allocating is most of the work, and real ones.
//! - [`python`]: benchmarks of `pyperformance`.
//! - [`cpu`]: the CPU time of a program.
//! - [`table`]: figures as ratios.
//! - [`verdict`]: which goals were met.
//!
//! The allocators take turns at each program, and the least CPU time of each counts: what else the machine does can
//! only add to it.

mod cpu;
mod programs;
mod python;
mod table;
mod verdict;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::Args;

use self::programs::Program;
use self::python::{BENCHMARKS, Benchmark, SmallObjects};
use self::table::Table;
use self::verdict::{PRELOADED, Results};
use super::allocators::{self, Aim, Allocator, BASE, Missing, OURS};
use super::table::save;
use crate::workspace;

#[derive(Args)]
#[command(after_help = "Examples:\n  cargo xtask bench malloc --save\n  \
    cargo xtask bench malloc --only redis --only json_loads --repeats 1")]
pub(crate) struct Options {
    /// How often each program runs on each allocator.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repeats: u16,
    /// Only this program, or this benchmark of Python's; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Count Python's instructions on every allocator, not only on ours and mimalloc 3. Takes ten minutes more.
    #[arg(long)]
    full: bool,
    /// Write the results to bench/MALLOC.md.
    #[arg(long)]
    save: bool,
}

/// The rival whose instructions are counted each time.
const COUNTED: &str = "mimalloc 3";

/// Builds, measures and prints; the answer says whether every goal was met.
///
/// # Errors
/// When something is missing, cannot be built, or fails.
pub(super) fn run(options: &Options) -> Result<bool, String> {
    let mut missing = Missing::default();
    allocators::need(&mut missing);
    programs::need(&mut missing);
    python::need(&mut missing);
    missing.finish()?;
    let benchmarks_folder = python::folder()?;
    let allocators = allocators::prepare(Aim::Speed)?;
    let folder = workspace::target().join("malloc-bench");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;

    let mut programs = programs::all(&folder)?;
    let mut benchmarks: Vec<&Benchmark> = BENCHMARKS.iter().collect();
    let known =
        |name: &String| programs.iter().any(|it| it.name == *name) || BENCHMARKS.iter().any(|it| it.name == name);
    if let Some(unknown) = options.only.iter().find(|name| !known(name)) {
        let names = programs.iter().map(|it| &*it.name).chain(BENCHMARKS.iter().map(|it| it.name));
        return Err(format!("there is no {unknown}, but: {}", names.collect::<Vec<_>>().join(" ")));
    }
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    programs.retain(|program| wanted(&program.name));
    benchmarks.retain(|benchmark| wanted(benchmark.name));

    let repeats = usize::from(options.repeats);
    let results = Results {
        programs: measure_programs(&programs, &allocators, repeats)?,
        python: measure_python(&benchmarks, &benchmarks_folder, &allocators, repeats)?,
        instructions: count_instructions(&benchmarks, &benchmarks_folder, &allocators, options.full)?,
    };
    let goals = verdict::goals(&results);
    let text = format!("{goals}\n{results}");
    print!("\n{text}");
    if options.save {
        let only: Vec<String> = options.only.iter().map(|only| format!(" --only {only}")).collect();
        let full = if options.full { " --full" } else { "" };
        let command = format!("cargo xtask bench malloc --repeats {repeats}{}{full} --save", only.concat());
        let text = format!(
            "## Speed, beside other allocators\n\nEach as it is without settings; Python on ours as \
            `planet run` starts it (`PLANET_MALLOC_PYTHON=1`), and with the library preloaded only.\n\n{text}"
        );
        save("bench/MALLOC.md", "cargo xtask bench malloc --save", &command, &text)?;
    }
    Ok(goals.met())
}

fn measure_programs(programs: &[Program], allocators: &[Allocator], repeats: usize) -> Result<Table, String> {
    let rows = programs.iter().map(|program| (program.name.clone(), vec![f64::INFINITY; allocators.len()])).collect();
    let columns = allocators.iter().map(|allocator| allocator.name.to_owned()).collect();
    let mut table = Table { title: "CPU time of programs", unit: ("s", 1.0), columns, rows };
    for repeat in 1..=repeats {
        for (program, (name, figures)) in programs.iter().zip(&mut table.rows) {
            println!("-- {repeat}/{repeats}: {name}");
            for (allocator, least) in allocators.iter().zip(figures) {
                *least = least.min(program.seconds(allocator)?);
            }
        }
    }
    Ok(table)
}

/// The ways that Python can run: stock, with small objects from each allocator, and as `planet run` starts it.
fn ways(allocators: &[Allocator]) -> Vec<(&Allocator, SmallObjects)> {
    let way = |name: &str, small| allocators.iter().find(|it| it.name == name).map(|allocator| (allocator, small));
    let through_malloc = allocators.iter().map(|allocator| (allocator, SmallObjects::Malloc));
    let stock = way(BASE, SmallObjects::Pymalloc);
    stock.into_iter().chain(through_malloc).chain(way(OURS, SmallObjects::Directly)).collect()
}

fn columns(ways: &[(&Allocator, SmallObjects)]) -> Vec<String> {
    let name = |&(allocator, small): &(&Allocator, SmallObjects)| match small {
        SmallObjects::Pymalloc => "pymalloc".to_owned(),
        SmallObjects::Malloc if allocator.name == OURS => PRELOADED.to_owned(),
        SmallObjects::Malloc | SmallObjects::Directly => allocator.name.to_owned(),
    };
    ways.iter().map(name).collect()
}

fn measure_python(
    benchmarks: &[&Benchmark],
    folder: &Path,
    allocators: &[Allocator],
    repeats: usize,
) -> Result<Table, String> {
    let ways = ways(allocators);
    let rows =
        benchmarks.iter().map(|benchmark| (benchmark.name.to_owned(), vec![f64::INFINITY; ways.len()])).collect();
    let title = "CPU time of Python with PYTHONMALLOC=malloc, beside pymalloc on glibc";
    let mut table = Table { title, unit: ("s", 1.0), columns: columns(&ways), rows };
    for repeat in 1..=repeats {
        for (benchmark, (name, figures)) in benchmarks.iter().zip(&mut table.rows) {
            println!("-- {repeat}/{repeats}: Python, {name}");
            for ((allocator, small), least) in ways.iter().zip(figures) {
                *least = least.min(benchmark.seconds(folder, allocator, *small)?);
            }
        }
    }
    Ok(table)
}

/// Counts on all cores at once: instructions hardly depend on what else runs.
fn count_instructions(
    benchmarks: &[&Benchmark],
    folder: &Path,
    allocators: &[Allocator],
    full: bool,
) -> Result<Table, String> {
    let mut ways = ways(allocators);
    ways.retain(|(allocator, small)| {
        full || *small == SmallObjects::Pymalloc || [COUNTED, OURS].contains(&allocator.name)
    });
    let rows = benchmarks.iter().map(|benchmark| (benchmark.name.to_owned(), vec![f64::NAN; ways.len()])).collect();
    let title = "Instructions of Python with PYTHONMALLOC=malloc, beside pymalloc on glibc";
    let table = Table { title, unit: ("10⁹", 1e9), columns: columns(&ways), rows };
    let (table, next) = (Mutex::new(table), AtomicUsize::new(0));
    let work = || -> Result<(), String> {
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            let (row, column) = (job / ways.len(), job % ways.len());
            let Some(benchmark) = benchmarks.get(row) else { return Ok(()) };
            let (allocator, small) = ways[column];
            println!("-- instructions of {}, {}", benchmark.name, columns(&ways)[column]);
            let count = benchmark.instructions(folder, allocator, small)?;
            table.lock().map_err(|_| "another count failed".to_owned())?.rows[row].1[column] = count;
        }
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a count panicked".to_owned())?)
    })?;
    table.into_inner().map_err(|_| "a count failed".to_owned())
}
