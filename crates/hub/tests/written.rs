//! What an app is told of the bytes written to its sinks.

mod common;

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use common::Lines;
use planet_hub::*;

/// Frames wait until they are drained by hand.
struct Never;

impl Flush for Never {
    fn flush(&self, _: Vec<Arc<Connection>>) {}
}

/// Takes so many bytes, and then no more.
struct Takes(Mutex<usize>);

impl Sink for Takes {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut left = self.0.lock().unwrap();
        let taken = frames.iter().map(|frame| frame.len()).sum::<usize>().min(*left);
        *left -= taken;
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    fn stopped(self: Arc<Self>, _: &Arc<Connection>, _: Drained) {}
}

type Told = Arc<Mutex<Vec<(&'static str, u64)>>>;

fn app(hub: &Hub, name: &'static str, told: &Told) -> Arc<App> {
    let app = hub.create_app(name, AppSettings::default()).unwrap();
    let told = told.clone();
    app.on_written(move |bytes| told.lock().unwrap().push((name, bytes)));
    app.on_written(|_| panic!("only the first call has an effect"));
    app
}

/// A connection with this many bytes to write to a sink that takes `takes` of them.
fn connection(app: &Arc<App>, bytes: usize, takes: usize) -> Arc<Connection> {
    let connection = app.open(FormatId(0), Some(Arc::new(Takes(Mutex::new(takes))))).unwrap();
    let _unflushed = connection.send(Bytes::from(vec![b'x'; bytes]));
    connection
}

#[test]
fn an_app_is_told_once_for_each_run_of_its_connections() {
    let hub = Hub::builder(vec![Box::new(Lines { encoded: Default::default() })], Never).build();
    let told = Told::default();
    let (one, two) = (app(&hub, "one", &told), app(&hub, "two", &told));
    let connections = [
        connection(&one, 100, 1000),
        connection(&one, 20, 1000),
        connection(&two, 3, 1000),
        // Nothing of this one is written, and a part of the next.
        connection(&one, 7, 0),
        connection(&one, 4000, 3999),
        connection(&one, 5, 1000),
    ];
    Connection::drain_all(&connections);
    assert_eq!(*told.lock().unwrap(), [("one", 120), ("two", 3), ("one", 4004)]);
    assert_eq!(hub.counters().sink_bytes.get(), 4127);

    // What a task of the transport takes is that task's to count.
    let taken = one.open(FormatId(0), None).unwrap();
    let _unflushed = taken.send(Bytes::from_static(b"xxx"));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for batch in [Batch::default(), Batch::default()] {
        let _ = taken.poll_take(batch, &mut context);
    }
    assert_eq!(told.lock().unwrap().len(), 3);
}
