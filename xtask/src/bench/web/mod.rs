//! What a request costs: our file server and our cache beside nginx and Varnish.
//!
//! Each server has one core and the load, `wrk`, the other. They take turns, again and again for a short while each, so
//! that whatever else the machine does falls on all of them; the median of the ratios of each turn counts.
//!
//! - [`contestants`]: how each server is set up and started.
//! - [`cpu`]: what a server has used of its core.
//! - [`table`]: the results for people, and for `bench/WEB.md`.

mod contestants;
mod cpu;
mod table;

use std::process::Stdio;

use clap::Args;

use self::contestants::{Contestant, Site};
use self::cpu::Cpu;
use self::table::{Results, Row};
use crate::test::needs::{Need, Needs};
use crate::{process, workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// How often each server has its turn.
    #[arg(long, default_value_t = 7)]
    repeats: usize,
    /// Seconds of a turn.
    #[arg(long, default_value_t = 3)]
    seconds: usize,
    /// Connections of the load.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Write the results to bench/WEB.md.
    #[arg(long)]
    save: bool,
}

/// The core of the servers, and that of the load.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// What one turn of a server came to.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Turn {
    requests_per_second: f64,
    cpu_us_per_request: f64,
}

/// Builds, measures and prints; the answer says whether every answer was a success.
///
/// # Errors
/// When something cannot be built, installed, started or measured.
pub(super) fn run(options: &Options) -> Result<bool, String> {
    if options.repeats == 0 || options.seconds == 0 || options.connections == 0 {
        return Err("--repeats, --seconds and --connections have to be at least 1".to_owned());
    }
    // Not installed by itself: on Debian, a server that is installed also starts.
    let mut needs = Needs::new(false);
    for need in [Need::Nginx, Need::Varnish, Need::Wrk] {
        needs.provide(need)?;
    }
    contestants::build()?;
    let site = Site::make()?;
    let mut rows = Vec::new();
    let groups = contestants::groups(&site)?;
    // All of them run until the end: one is what others forward to.
    for group in &groups {
        rows.extend(measure(options, group)?);
    }
    let results = Results { connections: options.connections, rows };
    print!("\n{results}");
    if options.save {
        results.save(&format!(
            "cargo xtask bench web --repeats {} --seconds {} --connections {} --save",
            options.repeats, options.seconds, options.connections
        ))?;
    }
    Ok(true)
}

/// Lets the servers of one group take turns; the first is the one that the others are compared with.
fn measure(options: &Options, group: &[Contestant]) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = group.iter().map(|contestant| Row::new(contestant.task, contestant.name)).collect();
    for contestant in group {
        // Fills caches, and shows that the server answers at all.
        turn(options, contestant, 1)?;
    }
    for repeat in 1..=options.repeats {
        for (contestant, row) in group.iter().zip(&mut rows) {
            if process::interrupted() {
                return Err("interrupted".to_owned());
            }
            let turn = turn(options, contestant, options.seconds)?;
            println!(
                "-- {repeat}/{}: {}, {}: {:.0} requests/s, {:.2} µs of CPU each",
                options.repeats, contestant.task, contestant.name, turn.requests_per_second, turn.cpu_us_per_request
            );
            row.turns.push(turn);
        }
    }
    Ok(rows)
}

fn turn(options: &Options, contestant: &Contestant, seconds: usize) -> Result<Turn, String> {
    let mut command = workspace::program("taskset");
    command.args(["--cpu-list", LOAD_CORE, "wrk", "--threads", "1", "--connections", &options.connections.to_string()]);
    command.args(["--duration", &format!("{seconds}s"), &contestant.url]).stderr(Stdio::inherit());
    let before = Cpu::of(contestant.server.pid())?;
    let output = command.output().map_err(|error| format!("cannot start wrk: {error}"))?;
    let used = Cpu::of(contestant.server.pid())?.since(before);
    let text = String::from_utf8_lossy(&output.stdout);
    let load = Load::read(&text).ok_or_else(|| format!("wrk said of {}: {text}", contestant.url))?;
    if load.failed {
        return Err(format!("{} answered with errors: {text}", contestant.url));
    }
    Ok(Turn {
        requests_per_second: load.requests_per_second,
        cpu_us_per_request: used.as_secs_f64() * 1e6 / load.requests,
    })
}

/// What wrk says at its end.
#[derive(Debug, PartialEq)]
struct Load {
    requests: f64,
    requests_per_second: f64,
    failed: bool,
}

impl Load {
    fn read(text: &str) -> Option<Self> {
        let requests = text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok())?;
        let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok())?;
        let failed = text.contains("Non-2xx") || text.contains("Socket errors");
        (requests > 0.0).then_some(Self { requests, requests_per_second: rate, failed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Running 3s test @ http://127.0.0.1:1/\n  98765 requests in 3.00s, 30.1MB read\n\
         Requests/sec:  32921.67\nTransfer/sec:     10.03MB\n";

    #[test]
    fn reports_of_wrk_are_read() {
        let load = Load { requests: 98765.0, requests_per_second: 32921.67, failed: false };
        assert_eq!(Load::read(REPORT), Some(load));
        assert!(Load::read(&format!("{REPORT}  Non-2xx or 3xx responses: 7\n")).unwrap().failed);
        assert_eq!(Load::read("unable to connect"), None);
    }
}
