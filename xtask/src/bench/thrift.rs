//! Thrift calls a second: our server beside that of the Apache crate and that of Python's thrift.
//!
//! All three serve framed TCP with the binary protocol, and are called by our client, over one pool. They take turns, so
//! that whatever else the machine does falls on all of them; the median of the ratios of each turn counts.

use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;

use super::table::{median, ratios};
use crate::server::Server;
use crate::test::needs::{self, Need, Needs};
use crate::{process, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// How often each server has its turn.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Seconds of a turn.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Connections of the pool.
    #[arg(long, default_value_t = 8)]
    connections: usize,
}

/// Calls under way at once on a connection: one, as most clients do, and several.
const CALLS_IN_FLIGHT: [usize; 2] = [1, 16];

const BUILD: Duration = Duration::from_secs(30 * 60);

/// Builds, measures and prints.
///
/// # Errors
/// When something cannot be built, installed, started or measured, or an answer is wrong.
pub(super) fn run(options: &Options) -> Result<bool, String> {
    if options.repeats == 0 || options.seconds == 0 || options.connections == 0 {
        return Err("--repeats, --seconds and --connections have to be at least 1".to_owned());
    }
    let mut needs = Needs::new(true);
    for need in [Need::Python, Need::Thrift] {
        needs.provide(need)?;
    }
    let mut build = workspace::cargo();
    build.args(["build", "--release", "-p", "planet-thrift", "--example", "probe"]);
    process::run(build, BUILD, |_| {})?;
    let servers = [
        ("planet-thrift", Server::start(ours(&["serve", "127.0.0.1:0", "127.0.0.1:0"]))?),
        ("the Apache crate's TServer", Server::start(ours(&["serve-with-threads", "256"]))?),
        ("Python's TThreadedServer", Server::start(python())?),
    ];
    println!("\n| server | calls on a connection | calls a second | of those of planet-thrift |");
    println!("| --- | --- | --- | --- |");
    for calls in CALLS_IN_FLIGHT {
        let mut rates = [const { Vec::new() }; 3];
        for _ in 0..options.repeats {
            for ((_, server), rates) in servers.iter().zip(&mut rates) {
                rates.push(load(server.address(), options, calls)?);
            }
        }
        for ((name, _), theirs) in servers.iter().zip(&rates) {
            let ratio = median(&ratios(theirs, &rates[0]));
            println!("| {name} | {calls} | {:.0} | {ratio:.2} |", median(theirs));
        }
    }
    Ok(true)
}

fn ours(arguments: &[&str]) -> Command {
    let mut command = workspace::program(workspace::target().join("release/examples/probe"));
    command.args(arguments);
    command
}

fn python() -> Command {
    let mut command = Command::new(needs::python("python"));
    command.current_dir(workspace::root().join("tests")).args(["-m", "interop.thrift.their_server"]);
    command
}

/// Calls answered a second.
fn load(address: &str, options: &Options, calls_in_flight: usize) -> Result<f64, String> {
    let numbers = [options.seconds.to_string(), options.connections.to_string(), calls_in_flight.to_string()];
    let mut command = ours(&["load", address]);
    command.args(numbers);
    let (said, lines) = mpsc::channel();
    process::run(command, Duration::from_secs(options.seconds + 60), move |line| {
        // Fails when nobody listens any more, and then nothing more is wanted.
        let _ = said.send(line.to_owned());
    })?;
    let rate = lines.iter().find_map(|line| line.trim().parse().ok());
    rate.ok_or_else(|| format!("the load on {address} did not say how many calls were answered"))
}
