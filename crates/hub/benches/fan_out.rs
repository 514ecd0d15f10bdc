//! What a delivery costs besides the write: from publishing, through the queues, to sinks that accept everything. Beside
//! it the floor: a shared frame pushed into a plain vector for each subscriber.
//!
//! `cargo bench -p planet-hub --bench fan_out`; divide by the number of subscribers, or read the throughput.

use std::hint::black_box;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use planet_hub::*;

struct Push;

impl Format for Push {
    fn encode(&self, event: &Event<'_>) -> Bytes {
        match event {
            Event::Publication { publication, .. } => publication.data.clone(),
            _ => Bytes::new(),
        }
    }
}

/// Writes on the publisher's thread, so that one figure holds enqueueing and draining.
struct AtOnce;

impl Flush for AtOnce {
    fn flush(&self, ready: Vec<Arc<Connection>>) {
        ready.iter().for_each(Connection::drain);
    }
}

struct Accepts;

impl Sink for Accepts {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(black_box(frames).iter().map(|frame| frame.len()).sum())
    }

    fn stopped(self: Arc<Self>, _: &Arc<Connection>, _: Drained) {}
}

fn subscribers(count: usize) -> (Hub, Arc<App>) {
    let hub = Hub::builder(vec![Box::new(Push)], AtOnce).build();
    let options = ChannelOptions { history_size: 100, presence: true, ..ChannelOptions::default() };
    let app = hub.create_app("bench", AppSettings { channels: Rules::new(options), ..AppSettings::default() }).unwrap();
    for number in 0..count {
        let connection = app.open(FormatId(0), Some(Arc::new(Accepts))).unwrap();
        connection.identify(Some(&format!("user{number}")), None).unwrap();
        let _empty = connection.subscribe("chat", Subscribe::default(), |_| Bytes::new()).unwrap();
    }
    (hub, app)
}

fn fan_out(criterion: &mut Criterion) {
    let data = Bytes::from(vec![b'x'; 128]);
    let mut group = criterion.benchmark_group("fan_out");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).sample_size(20);
    for count in [1, 100, 10_000] {
        group.throughput(Throughput::Elements(count as u64));
        let (_hub, app) = subscribers(count);
        group.bench_function(BenchmarkId::new("hub", count), |bencher| {
            bencher.iter(|| assert_eq!(app.publish("chat", Message::new(data.clone())).unwrap().sent, count));
        });
        let mut queues = vec![Vec::<Bytes>::new(); count];
        group.bench_function(BenchmarkId::new("floor", count), |bencher| {
            bencher.iter(|| {
                for queue in &mut queues {
                    queue.push(data.clone());
                    black_box(&queue);
                    queue.clear();
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
