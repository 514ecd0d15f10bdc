//! What a bench comes to, for people and as JSON.

use std::fmt;

use serde::Serialize;

use crate::options::Transport;

/// The figures of a bench.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How the clients were connected.
    pub transport: Transport,
    /// Clients connected.
    pub clients: usize,
    /// Whether each was a user of its own.
    pub users: bool,
    /// Subscriptions of each client.
    pub subscriptions: usize,
    /// Seconds until all were connected and subscribed.
    pub connect_seconds: f64,
    /// Clients connected and subscribed in a second.
    pub connects_per_second: f64,
    /// How messages were published: `rest`, `websocket`; none without publishing.
    pub publisher: Option<&'static str>,
    /// Bytes of a message's payload.
    pub message_bytes: usize,
    /// Messages sent together.
    pub burst: usize,
    /// Messages published.
    pub published: u64,
    /// Messages published in a second, as achieved.
    pub published_per_second: f64,
    /// Messages that subscribers should have got.
    pub expected: u64,
    /// Messages that subscribers got, each once.
    pub delivered: u64,
    /// Deliveries in a second, from the first message sent to the last one received.
    pub delivered_per_second: f64,
    /// Messages that did not come.
    pub lost: u64,
    /// Messages that came again.
    pub repeated: u64,
    /// Messages whose offset did not follow the one before.
    pub out_of_order: u64,
    /// Messages of other publishers on these channels.
    pub foreign: u64,
    /// Clients that the server dropped before the end.
    pub dropped_clients: u64,
    /// What the first of these was told.
    pub first_failure: Option<String>,
    /// From publishing to reading.
    pub latency: Option<Latency>,
    /// CPU of the server, when its process is known.
    pub server_cpu: Option<CpuUse>,
    /// Memory of the server, when its process is known.
    pub server_memory: Option<MemoryUse>,
    /// Memory of the load generator.
    pub client_memory: Option<MemoryUse>,
}

/// Latencies, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50_us: f64,
    /// One in a hundred was slower.
    pub p99_us: f64,
    /// One in a thousand was slower.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

/// CPU of a process.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CpuUse {
    /// Number of the process.
    pub pid: u32,
    /// Seconds of CPU from the first message to the last delivery.
    pub publishing_seconds: f64,
    /// Seconds that this took by the clock on the wall.
    pub wall_seconds: f64,
    /// Seconds of CPU that it uses in one second while nothing is published; this share is not counted below.
    pub idle_per_second: f64,
    /// Microseconds of CPU for one delivery.
    pub us_per_delivery: f64,
}

/// Resident memory of a process.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemoryUse {
    /// Bytes before the first client connected.
    pub before_bytes: u64,
    /// Bytes with all connected, idle for the settling time.
    pub connected_bytes: u64,
    /// Bytes at the end, with all still connected.
    pub end_bytes: u64,
    /// Growth until all were connected, divided by their number.
    pub bytes_per_connection: f64,
}

impl Report {
    /// Whether every subscriber got everything, once and in order.
    pub fn is_complete(&self) -> bool {
        self.lost == 0 && self.repeated == 0 && self.out_of_order == 0 && self.dropped_clients == 0
    }

    /// As one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings are always JSON")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = serde_json::to_value(self.transport).unwrap_or_default();
        let transport = transport.as_str().unwrap_or_default();
        let users = if self.users { ", each with a user" } else { "" };
        writeln!(
            f,
            "clients      {} over {transport}{users}, subscriptions each: {}",
            self.clients, self.subscriptions
        )?;
        writeln!(f, "connected    in {:.2} s, {:.0}/s", self.connect_seconds, self.connects_per_second)?;
        if let Some(publisher) = self.publisher {
            let bursts = if self.burst > 1 { format!(" in bursts of {}", self.burst) } else { String::new() };
            writeln!(
                f,
                "published    {} messages of {} bytes{bursts} by {publisher}, {:.1}/s",
                self.published, self.message_bytes, self.published_per_second
            )?;
            writeln!(f, "delivered    {} of {}, {:.0}/s", self.delivered, self.expected, self.delivered_per_second)?;
            writeln!(
                f,
                "lost         {} (repeated {}, out of order {}, clients dropped {})",
                self.lost, self.repeated, self.out_of_order, self.dropped_clients
            )?;
        }
        if let Some(failure) = &self.first_failure {
            writeln!(f, "dropped      {failure}")?;
        }
        if self.foreign > 0 {
            writeln!(f, "foreign      {} messages of other publishers", self.foreign)?;
        }
        if let Some(latency) = self.latency {
            let ms = |us: f64| us / 1000.0;
            writeln!(
                f,
                "latency      p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
                ms(latency.p50_us),
                ms(latency.p99_us),
                ms(latency.p999_us),
                ms(latency.max_us)
            )?;
        }
        if let Some(cpu) = self.server_cpu {
            writeln!(
                f,
                "server CPU   {:.2} µs per delivery: {:.3} s in {:.2} s, less {:.4} s for each idle second (process {})",
                cpu.us_per_delivery, cpu.publishing_seconds, cpu.wall_seconds, cpu.idle_per_second, cpu.pid
            )?;
        }
        for (whose, memory) in [("server", self.server_memory), ("clients'", self.client_memory)] {
            if let Some(memory) = memory {
                writeln!(
                    f,
                    "{whose:<8} RSS {:.0} bytes per connection: {} before, {} connected, {} at the end",
                    memory.bytes_per_connection,
                    Mebibytes(memory.before_bytes),
                    Mebibytes(memory.connected_bytes),
                    Mebibytes(memory.end_bytes)
                )?;
            }
        }
        Ok(())
    }
}

struct Mebibytes(u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20))
    }
}
