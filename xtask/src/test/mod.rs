//! `cargo xtask test`: everything that shows that Planet works.
//!
//! - [`steps`]: what is run, in which order, and what each step needs.
//! - [`needs`]: finds what a step needs and installs what is missing.
//! - [`malloc`]: the steps for programs on the allocator.
//! - [`npapi`]: the steps for browser plugins.
//! - [`count`]: reads how many tests passed from what the test runners print.
//! - [`summary`]: the table at the end.

mod count;
mod malloc;
pub(crate) mod needs;
mod npapi;
mod steps;
mod summary;

use std::time::Instant;

use clap::Args;

use self::count::Counter;
use self::needs::Needs;
use self::steps::{STEPS, Step};
use self::summary::{Outcome, Row, Summary};
use crate::{process, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// Run Autobahn's whole set of WebSocket cases (some 7 minutes) instead of the short one.
    #[arg(long)]
    autobahn: bool,
    /// Run plugins in Chromium 31 for Windows, under Wine, and nothing else.
    #[arg(long)]
    npapi_windows: bool,
    /// Run all of CPython's tests, servers, compilers and browsers on the allocator (an hour), and nothing else.
    #[arg(long, conflicts_with = "npapi_windows")]
    malloc_all: bool,
    /// Run only the steps of these names.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the steps.
    #[arg(long)]
    list: bool,
    /// Install nothing; steps that need something missing are skipped, or fail under CI=true.
    #[arg(long)]
    no_install: bool,
}

/// Runs the steps that were asked for; the answer says whether none failed.
///
/// # Errors
/// When `--only` names no step.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    if options.list {
        for step in STEPS {
            println!("{:<12} {}", step.name, step.about);
        }
        return Ok(true);
    }
    let chosen = if options.npapi_windows {
        vec![&npapi::WINDOWS]
    } else if options.malloc_all {
        vec![&malloc::ALL]
    } else {
        choose(&options.only)?
    };
    let mut needs = Needs::new(!options.no_install);
    let mut summary = Summary::default();
    for step in chosen {
        summary.add(run_step(step, options, &mut needs));
        if process::interrupted() {
            println!("\ninterrupted; the remaining steps were not run");
            break;
        }
    }
    print!("{summary}");
    Ok(summary.is_success() && !process::interrupted())
}

/// The steps named, in the order of the list; all when none is named.
fn choose(names: &[String]) -> Result<Vec<&'static Step>, String> {
    for name in names {
        if !STEPS.iter().any(|step| step.name == name) {
            return Err(format!("there is no step `{name}`; `cargo xtask test --list` names them"));
        }
    }
    Ok(STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
}

fn run_step(step: &Step, options: &Options, needs: &mut Needs) -> Row {
    println!("\n== {}: {}", step.name, step.about);
    let started = Instant::now();
    for need in step.needs {
        if let Err(missing) = needs.provide(*need) {
            println!("-- {}: {missing}", step.name);
            let outcome = if workspace::in_ci() { Outcome::Failed(missing) } else { Outcome::Skipped(missing) };
            return Row::new(step.name, started.elapsed(), Counter::default(), outcome);
        }
    }
    let counter = Counter::default();
    let result =
        (step.run)(&steps::Context { autobahn: options.autobahn, limit: step.limit, counter: counter.clone() });
    let outcome = match result {
        Ok(()) => Outcome::Passed,
        Err(problem) => Outcome::Failed(problem),
    };
    let row = Row::new(step.name, started.elapsed(), counter, outcome);
    println!("-- {row}");
    row
}
