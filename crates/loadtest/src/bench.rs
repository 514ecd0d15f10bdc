//! The order of things: connect, settle, publish, drain, report.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::client;
use crate::context::Context;
use crate::descriptors;
use crate::error::{BenchError, ClientError};
use crate::options::BenchArgs;
use crate::process::Process;
use crate::progress::Progress;
use crate::publisher::{Published, Publisher};
use crate::report::{CpuUse, Latency, MemoryUse, Report};
use crate::target::Target;

/// Between two looks at how far things are.
const LOOK: Duration = Duration::from_millis(5);

/// How long the idle server is watched for its baseline.
const BASELINE: Duration = Duration::from_secs(1);

/// No client becoming ready for this long means that none will.
const STALLED: Duration = Duration::from_secs(30);

/// Runs a bench to its end.
///
/// # Errors
///
/// When it cannot begin, a client cannot connect, or nothing can be published. What goes wrong after that is in the
/// report.
pub fn run(args: &BenchArgs) -> Result<Report, BenchError> {
    args.check()?;
    descriptors::provide(args.clients)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(BenchError::System)?;
    let report = runtime.block_on(bench(args));
    runtime.shutdown_background();
    report
}

async fn bench(args: &BenchArgs) -> Result<Report, BenchError> {
    let target = Target::find(&args.url, args.api_key.as_deref()).await?;
    let found = || target.is_local().then(|| Process::listening_at(target.address)).flatten();
    let server = args.pid.map(Process::of).or_else(found);
    let context = Arc::new(Context::new(args.clone(), target));
    let mut server_memory = server.map(Memory::before).transpose()?;
    let mut client_memory = Memory::before(Process::own())?;

    let connect_time = connect(&context).await?;
    sleep(args.settle).await;
    if let Some(memory) = &mut server_memory {
        memory.connected()?;
    }
    client_memory.connected()?;

    let publishing = if args.duration.is_zero() { None } else { Some(publish(&context, server).await?) };
    let clients = args.clients;
    let failures = context.take_failures();
    let first_failure = failures.first.map(|(client, error)| format!("client {client}: {error}"));
    let mut report = Report {
        transport: args.transport,
        clients,
        users: args.users,
        subscriptions: args.subscriptions,
        connect_seconds: connect_time.as_secs_f64(),
        connects_per_second: clients as f64 / connect_time.as_secs_f64(),
        publisher: None,
        message_bytes: args.size,
        burst: args.burst,
        published: 0,
        published_per_second: 0.0,
        expected: 0,
        delivered: 0,
        delivered_per_second: 0.0,
        lost: 0,
        repeated: 0,
        out_of_order: 0,
        foreign: 0,
        dropped_clients: failures.count,
        first_failure,
        latency: None,
        server_cpu: None,
        server_memory: server_memory.map(|memory| memory.end(clients)).transpose()?,
        client_memory: Some(client_memory.end(clients)?),
    };
    if let Some(publishing) = publishing {
        publishing.fill_in(&context, &mut report);
    }
    Ok(report)
}

/// Connects and subscribes all clients; says how long that took.
async fn connect(context: &Arc<Context>) -> Result<Duration, BenchError> {
    let clients = context.args.clients;
    let progress = Progress::new("connecting", clients as u64);
    let connecting = Arc::new(Semaphore::new(context.args.connecting));
    let start = Instant::now();
    for client in 0..clients {
        tokio::spawn(client::run(context.clone(), client, connecting.clone()));
    }
    let (mut ready, mut changed) = (0, Instant::now());
    while ready < clients {
        sleep(LOOK).await;
        if let Some((client, error)) = context.take_failures().first {
            return Err(BenchError::Client { client, error });
        }
        let now = context.ready();
        if now != ready {
            (ready, changed) = (now, Instant::now());
        } else if changed.elapsed() > STALLED {
            return Err(BenchError::Client { client: ready, error: ClientError::Timeout("be subscribed") });
        }
        progress.set(ready as u64);
    }
    Ok(start.elapsed())
}

/// What came of publishing.
struct Publishing {
    published: Published,
    by: &'static str,
    expected: u64,
    cpu: Option<CpuUse>,
    /// Its connection stays open until the failures are counted: the bare writer drops its subscribers with it.
    _publisher: Publisher,
}

/// Publishes, and waits until every subscriber has everything.
async fn publish(context: &Arc<Context>, server: Option<Process>) -> Result<Publishing, BenchError> {
    let mut publisher = Publisher::connect(context).await.map_err(BenchError::Publish)?;
    let idle = match server {
        Some(server) => {
            let (before, start) = (cpu(server)?, Instant::now());
            sleep(BASELINE).await;
            cpu(server)?.since(&before).as_secs_f64() / start.elapsed().as_secs_f64()
        }
        None => 0.0,
    };
    let before = server.map(cpu).transpose()?;
    let start = Instant::now();
    let progress = Progress::new("publishing", context.args.duration.as_secs());
    let by = publisher.name();
    let published = publisher.run(context, |elapsed| progress.set(elapsed.as_secs())).await;
    drop(progress);
    let published = published.map_err(BenchError::Publish)?;
    let subscribers = context.args.subscribers();
    let expected = published.messages.iter().zip(&subscribers).map(|(messages, of)| messages * of).sum();
    drain(context, expected).await;
    let wall = start.elapsed().as_secs_f64();
    let cpu = match (server, before) {
        (Some(server), Some(before)) => {
            let used = cpu(server)?.since(&before).as_secs_f64();
            let above_idle = (used - idle * wall).max(0.0);
            let delivered = context.tally.delivered().max(1) as f64;
            Some(CpuUse {
                pid: server.pid(),
                publishing_seconds: used,
                wall_seconds: wall,
                idle_per_second: idle,
                us_per_delivery: above_idle * 1e6 / delivered,
            })
        }
        _ => None,
    };
    Ok(Publishing { published, by, expected, cpu, _publisher: publisher })
}

/// Waits until all is delivered, or until nothing more will be.
async fn drain(context: &Context, expected: u64) {
    let progress = Progress::new("draining", expected);
    let start = Instant::now();
    while start.elapsed() < context.args.drain_timeout {
        let delivered = context.tally.delivered();
        if delivered >= expected {
            return;
        }
        progress.set(delivered);
        sleep(LOOK).await;
    }
}

impl Publishing {
    fn fill_in(self, context: &Context, report: &mut Report) {
        let Self { published, by, expected, cpu, _publisher } = self;
        let counts = context.tally.sum();
        report.publisher = Some(by);
        report.published = published.messages.iter().sum();
        report.published_per_second = report.published as f64 / published.elapsed.as_secs_f64().max(1e-9);
        report.expected = expected;
        report.delivered = counts.delivered;
        let delivering = Duration::from_nanos(counts.last.saturating_sub(published.first)).as_secs_f64();
        report.delivered_per_second = counts.delivered as f64 / delivering.max(1e-9);
        report.lost = expected.saturating_sub(counts.delivered);
        report.repeated = counts.repeated;
        report.out_of_order = counts.out_of_order;
        report.foreign = counts.foreign;
        report.server_cpu = cpu;
        if counts.delivered > 0 {
            let at = |quantile| counts.latency.value_at_quantile(quantile) as f64 / 1000.0;
            report.latency = Some(Latency {
                p50_us: at(0.5),
                p99_us: at(0.99),
                p999_us: at(0.999),
                max_us: counts.latency.max() as f64 / 1000.0,
            });
        }
    }
}

fn cpu(process: Process) -> Result<crate::process::CpuSample, BenchError> {
    process.cpu().map_err(|error| BenchError::Process { pid: process.pid(), error })
}

/// The resident memory of a process at three moments.
struct Memory {
    process: Process,
    before: u64,
    connected: u64,
}

impl Memory {
    fn before(process: Process) -> Result<Self, BenchError> {
        let mut memory = Self { process, before: 0, connected: 0 };
        memory.before = memory.now()?;
        Ok(memory)
    }

    fn now(&self) -> Result<u64, BenchError> {
        self.process.resident().map_err(|error| BenchError::Process { pid: self.process.pid(), error })
    }

    fn connected(&mut self) -> Result<(), BenchError> {
        self.connected = self.now()?;
        Ok(())
    }

    fn end(self, clients: usize) -> Result<MemoryUse, BenchError> {
        Ok(MemoryUse {
            before_bytes: self.before,
            connected_bytes: self.connected,
            end_bytes: self.now()?,
            bytes_per_connection: (self.connected as f64 - self.before as f64) / clients as f64,
        })
    }
}
