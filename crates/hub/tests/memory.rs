//! What a connection takes while it is idle, counted by the allocator.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use common::{AtOnce, Lines};
use planet_hub::*;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator as it came; only sizes are counted besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Not a power of two, so that tables which double stand neither full nor half empty.
const CONNECTIONS: usize = 10_000;

// One test alone in this binary: others would allocate at the same time.
#[test]
fn an_idle_connection_takes_little_and_gives_it_back() {
    let hub = Hub::builder(vec![Box::new(Lines { encoded: Default::default() })], AtOnce).build();
    let options = ChannelOptions { presence: true, ..common::with_history(10) };
    let app = hub.create_app("app", AppSettings { channels: Rules::new(options), ..AppSettings::default() }).unwrap();
    let position = app.history("chat", &HistoryQuery::default()).unwrap().position;

    let before = HELD.load(Ordering::Relaxed);
    let mut connections = Vec::with_capacity(CONNECTIONS);
    let list = HELD.load(Ordering::Relaxed) - before;
    for number in 0..CONNECTIONS {
        let connection = app.open(FormatId(0), None).unwrap();
        connection.identify(Some(&format!("user{number}")), None).unwrap();
        let _unflushed = connection.subscribe("chat", Subscribe::default(), |_| Bytes::new()).unwrap();
        connections.push(connection);
    }
    let idle = (HELD.load(Ordering::Relaxed) - before - list) / CONNECTIONS;
    println!("bytes of the hub for each idle connection: {idle}");
    assert!(idle < 600, "{idle} bytes for each connection");

    // A burst in every queue, written and gone, leaves nothing behind.
    for number in 0..10 {
        assert_eq!(app.publish("chat", Message::new(number.to_string())).unwrap().sent, CONNECTIONS);
    }
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for connection in &connections {
        let batch = match connection.poll_take(Batch::default(), &mut context) {
            std::task::Poll::Ready(Some(batch)) => batch,
            other => panic!("ten messages wait, not {other:?}"),
        };
        assert_eq!(batch.frames().len(), 10);
        assert!(connection.poll_take(batch, &mut context).is_pending());
        assert_eq!(connection.outbound().bytes(), 0);
    }
    let after = (HELD.load(Ordering::Relaxed) - before - list) / CONNECTIONS;
    assert!(after <= idle + 1, "{after} bytes after a burst, {idle} before");

    connections.iter().for_each(|connection| connection.end());
    drop(connections);
    let left = HELD.load(Ordering::Relaxed) - before;
    assert!(left < 20_000, "{left} bytes left after all connections have ended");
    assert_eq!(app.history("chat", &HistoryQuery::default()).unwrap().position.epoch, position.epoch);
}
