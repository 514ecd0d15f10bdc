//! What a delivery costs: Planet beside a program that only writes the same frames to as many sockets.
//!
//! Both are driven by `planet bench` with the same clients, one after the other and again and again, so that whatever
//! else the machine does falls on both. The median counts.

use clap::Args;
use serde_json::json;

use super::load::{Figures, Load};
use super::table::{Idle, Results, Series};
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
    let mut series = [
        (&writer, bare, Series::new("bare writer, one message at a time")),
        (&planet, websocket(RATE, 1), Series::new("planet, one message at a time")),
        (&planet, websocket(BURST_RATE, BURST), Series::new("planet, bursts of 10")),
    ];
    for repeat in 1..=options.repeats {
        for (server, load, series) in &mut series {
            let figures = run_load(load, server)?;
            let cost = figures.cpu_per_delivery.ok_or("the server's process was not found")?;
            println!("-- {repeat}/{}: {}: {cost:.2} µs", options.repeats, series.name);
            series.add(cost, &figures);
        }
    }
    let series = series.map(|(_, _, series)| series);
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
    Ok(Results { clients: options.clients, series, idle })
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
        let series: Vec<_> = self
            .series
            .iter()
            .map(|series| {
                json!({
                    "name": series.name, "median_us_per_delivery": series.median(), "us_per_delivery": series.costs,
                    "deliveries": series.deliveries, "lost": series.lost,
                })
            })
            .collect();
        let idle: Vec<_> = self
            .idle
            .iter()
            .map(|idle| json!({ "transport": idle.transport, "connections": idle.connections, "bytes": idle.bytes }))
            .collect();
        let [single, burst] = self.ratios();
        json!({
            "subscribers": self.clients, "series": series, "idle_connections": idle,
            "ratio_one_at_a_time": single, "ratio_bursts": burst,
        })
        .to_string()
    }
}
