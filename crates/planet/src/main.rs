//! The `planet` command.
//!
//! Exit codes: 0 when all went well, 1 for a failure at run time, 2 for a wrong command line or wrong settings.
//! `planet run` has those of the program it runs, and 126 or 127 when there is none to run.

use std::process::ExitCode;

use clap::Parser;
use planet::{
    cli::{Cli, Command, RunArgs, ServeArgs},
    config::{self, Config},
    descriptors, log,
    memory::{self, MemoryArgs},
    plugin,
    run::{self, RunError},
    serve, signals,
};
use planet_loadtest::{BenchArgs, BenchError};
use planet_malloc::PlanetMalloc;

#[global_allocator]
static ALLOCATOR: PlanetMalloc = PlanetMalloc;

const FAILURE: u8 = 1;
const WRONG_SETTINGS: u8 = 2;
const NOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve(*args),
        Command::Bench(args) => bench(&args),
        Command::Run(args) => run(&args),
        Command::Memory(args) => memory(&args),
        Command::Plugin(command) => {
            signals::end_when_nobody_reads();
            match plugin::run(&command) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::from(FAILURE),
                Err(error) => fail(&error, FAILURE),
            }
        }
        Command::Reference => {
            signals::end_when_nobody_reads();
            print!("{}", config::reference::markdown());
            ExitCode::SUCCESS
        }
    }
}

fn serve(args: ServeArgs) -> ExitCode {
    let print_config = args.print_config;
    let config = match args.layers(std::env::vars_os()).and_then(Config::load) {
        Ok(config) => config,
        Err(error) => return fail(&error, WRONG_SETTINGS),
    };
    if print_config {
        signals::end_when_nobody_reads();
        print!("{}", config::print::print(&config));
        return ExitCode::SUCCESS;
    }
    log::init(config.settings.server.log_level, config.settings.server.log_format);
    descriptors::raise_limit();
    planet_malloc::profile::start_if_asked();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, FAILURE),
    };
    let served = runtime.block_on(serve::serve(config.settings));
    // Tasks that outlived the deadline of the shutdown are not waited for.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILURE),
    }
}

fn bench(args: &BenchArgs) -> ExitCode {
    let report = match planet_loadtest::run(args) {
        Ok(report) => report,
        Err(error @ (BenchError::Option { .. } | BenchError::Url { .. })) => return fail(&error, WRONG_SETTINGS),
        Err(error) => return fail(&error, FAILURE),
    };
    if args.json {
        println!("{}", report.to_json());
    } else {
        print!("{report}");
    }
    if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) }
}

fn run(RunArgs { memory_limit_advice, profile, command }: &RunArgs) -> ExitCode {
    let Err(error) = run::run(command, *memory_limit_advice, profile.as_deref());
    // As shells say that a command was not found, or could not be run.
    let code = if matches!(error, RunError::NotFound { .. }) { NOT_FOUND } else { NOT_RUN };
    fail(&error, code)
}

fn memory(args: &MemoryArgs) -> ExitCode {
    signals::end_when_nobody_reads();
    match memory::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, if error.is_wrong_request() { WRONG_SETTINGS } else { FAILURE }),
    }
}

fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("planet: {}", error.to_string().replace('\n', "\nplanet: "));
    ExitCode::from(code)
}
