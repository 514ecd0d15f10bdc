//! Planet's development commands: `cargo xtask COMMAND`.
//!
//! - [`mod@test`] runs everything that shows that Planet works, and installs what that needs.
//! - [`mod@bench`] measures what Planet costs beside what it could cost at best.
//! - [`fuzz`] runs the fuzz targets for a given time.
//!
//! Both stand on [`process`], which runs a command in a process group of its own and leaves none of its children
//! behind, whether it ends well, fails, takes too long or is interrupted.

mod bench;
mod fuzz;
mod process;
mod server;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Planet's development commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every check and test, after installing what they need.
    Test(test::Options),
    /// Measure what Planet costs.
    Bench(bench::Options),
    /// Run the fuzz targets, each for a given time.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    process::heed_signals();
    let result = match arguments.command {
        Command::Test(options) => test::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
