//! What counting costs an operation: the clock alone, a meter of totals, one with rates, a connection's below its label's,
//! and a stream around nothing, counted and not.
//!
//! `cargo bench -p planet-net --bench meter`; the goal is under 20 ns for what a meter adds to an operation.

use std::hint::black_box;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use planet_net::meter::{Meter, Metered, Registry};
use tokio::io::AsyncWrite;

fn record(criterion: &mut Criterion) {
    let registry = Registry::new(["app"], 10);
    let below_label = Meter::without_rates().with_parent(registry.meter(["chat"]));
    let mut group = criterion.benchmark_group("record");
    for (name, meter) in
        [("totals", Meter::without_rates()), ("rates", Meter::new()), ("connection_and_label", below_label)]
    {
        group.bench_function(name, |bencher| bencher.iter(|| meter.record_out(black_box(1234))));
    }
    // The clock that is not used.
    group.bench_function("precise_clock", |bencher| bencher.iter(std::time::Instant::now));
    group.finish();
}

fn write(criterion: &mut Criterion) {
    let mut cx = Context::from_waker(Waker::noop());
    let payload = [0; 1234];
    let slices = [IoSlice::new(&payload)];
    let mut bare = tokio::io::sink();
    let mut metered = Metered::new(tokio::io::sink(), Arc::new(Meter::new()));
    let mut group = criterion.benchmark_group("write");
    group.bench_function("bare", |bencher| {
        bencher.iter(|| Pin::new(&mut bare).poll_write_vectored(&mut cx, black_box(&slices)))
    });
    group.bench_function("metered", |bencher| {
        bencher.iter(|| Pin::new(&mut metered).poll_write_vectored(&mut cx, black_box(&slices)))
    });
    group.finish();
}

fn snapshot(criterion: &mut Criterion) {
    let meter = Meter::new();
    meter.record_in(1);
    criterion.bench_function("snapshot", |bencher| bencher.iter(|| meter.snapshot()));
}

criterion_group!(benches, record, write, snapshot);
criterion_main!(benches);
