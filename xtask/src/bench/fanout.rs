//! What a delivery costs: Planet beside a program that only writes the same frames to as many sockets.
//!
//! Both are driven by `planet bench` with the same clients, at the same time: one write costs half as much again in one
//! minute than in the next on a machine that others share, and so whatever comes over it comes over both. The median of
//! the ratios counts.

use clap::Args;
use serde_json::json;

use super::load::{Figures, Load};
use super::table::{Idle, Pair, Results, Series, median};
use crate::process;
use crate::server::Server;
use crate::workspace;

#[derive(Args)]
pub(crate) struct Options {
    /// Subscribers.
    #[arg(long, default_value_t = 1000)]
    clients: usize,
    /// How often each is measured.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Seconds of publishing in each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Idle connections whose memory is measured, for each transport; 0 leaves that out.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
    /// Write the results to bench/RESULTS.md.
    #[arg(long)]
    save: bool,
}

/// Messages a second, low enough for every queue to be empty between two of them.
const RATE: usize = 10;
/// Messages a second in bursts of ten: five bursts.
const BURST_RATE: usize = 50;
const BURST: usize = 10;

/// Minutes that a build may take.
const BUILD_MINUTES: u64 = 30;

/// Builds, measures and prints; the answer says whether nothing was lost.
///
/// # Errors
/// When something cannot be built, started or measured.
pub(super) fn run(options: &Options) -> Result<bool, String> {
    if options.repeats == 0 || options.seconds == 0 {
        return Err("--repeats and --seconds have to be at least 1".to_owned());
    }
    for arguments in [["-p", "planet", "--bin", "planet"], ["-p", "planet-loadtest", "--example", "bare_writer"]] {
        let mut command = workspace::cargo();
        command.args(["build", "--release"]).args(arguments);
        process::run(command, std::time::Duration::from_secs(60 * BUILD_MINUTES), |_| {})?;
    }
    let results = measure(options)?;
    if options.json {
        println!("{}", results.to_json());
    } else {
        print!("\n{results}");
    }
    if options.save {
        results.save(&command_line(options))?;
    }
    Ok(results.lost() == 0)
}

fn measure(options: &Options) -> Result<Results, String> {
    let websocket = |rate, burst| Load {
        transport: "websocket",
        clients: options.clients,
        rate,
        burst,
        seconds: options.seconds,
        users: false,
    };
    let bare = Load { transport: "bare", ..websocket(RATE, 1) };
    let planet = Server::planet()?;
    let writer = Server::start(workspace::program(workspace::target().join("release/examples/bare_writer")))?;
    let mut pairs = [Pair::new("one message at a time"), Pair::new("bursts of 10")];
    let loads = [websocket(RATE, 1), websocket(BURST_RATE, BURST)];
    for repeat in 1..=options.repeats {
        for (pair, load) in pairs.iter_mut().zip(&loads) {
            let (limit, cost) = std::thread::scope(|scope| {
                let limit = scope.spawn(|| add_run(&bare, &writer, &mut pair.limit));
                let cost = add_run(load, &planet, &mut pair.planet);
                (limit.join().expect("running a load does not panic"), cost)
            });
            let (limit, cost) = (limit?, cost?);
            println!("-- {repeat}/{}: {}: {cost:.2} µs, limit {limit:.2} µs", options.repeats, pair.name);
        }
    }
    drop((planet, writer));
    let mut idle = Vec::new();
    if options.idle > 0 {
        for transport in ["websocket", "http_stream", "sse", "long_poll", "event_source"] {
            let load = Load { transport, clients: options.idle, seconds: 0, users: true, ..websocket(RATE, 1) };
            // A server of its own, since one that had connections before has memory to spare.
            let figures = run_load(&load, &Server::planet()?)?;
            println!("-- {transport}: {:.0} bytes", figures.bytes_per_connection);
            idle.push(Idle { transport, connections: options.idle, bytes: figures.bytes_per_connection });
        }
    }
    Ok(Results { clients: options.clients, pairs, idle })
}

/// Measures once more what a delivery costs a server, in microseconds.
fn add_run(load: &Load, server: &Server, series: &mut Series) -> Result<f64, String> {
    let figures = run_load(load, server)?;
    let cost = figures.cpu_per_delivery.ok_or("the server's process was not found")?;
    series.add(cost, &figures);
    Ok(cost)
}

fn run_load(load: &Load, server: &Server) -> Result<Figures, String> {
    if process::interrupted() {
        return Err("interrupted".to_owned());
    }
    load.run(server.address())
}

fn command_line(options: &Options) -> String {
    let Options { clients, repeats, seconds, idle, .. } = options;
    format!("cargo xtask bench fanout --clients {clients} --repeats {repeats} --seconds {seconds} --idle {idle} --save")
}

impl Results {
    fn to_json(&self) -> String {
        let pairs: Vec<_> = self
            .pairs
            .iter()
            .map(|pair| {
                let (ratios, limit, planet) = (pair.ratios(), &pair.limit, &pair.planet);
                json!({
                    "name": pair.name, "median_ratio_to_limit": median(&ratios), "ratios_to_limit": ratios,
                    "us_per_delivery": planet.costs, "limit_us_per_delivery": limit.costs,
                    "deliveries": planet.deliveries + limit.deliveries, "lost": planet.lost + limit.lost,
                })
            })
            .collect();
        let idle: Vec<_> = self
            .idle
            .iter()
            .map(|idle| json!({ "transport": idle.transport, "connections": idle.connections, "bytes": idle.bytes }))
            .collect();
        json!({ "subscribers": self.clients, "cpu": pairs, "idle_connections": idle }).to_string()
    }
}
