//! What an idle WebSocket with a user and a subscription costs the server.
//!
//! The server's threads are its own, and only what they allocate is counted; the clients are plain sockets of another
//! thread.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::{Duration, Instant};

use planet_websocket::{Role, frame};
use serde_json::json;
use support::{Setup, World, token};

/// The goal is 2 KB in all of the process's memory; this is its heap without the allocator's own losses.
const MOST_FOR_EACH: isize = 2000;

const CONNECTIONS: usize = 400;

thread_local! {
    static IS_SERVER: Cell<bool> = const { Cell::new(false) };
}

static HELD: AtomicIsize = AtomicIsize::new(0);

struct Counting;

fn count(bytes: isize) {
    if IS_SERVER.try_with(Cell::get).unwrap_or(false) {
        HELD.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise about `layout` is the one asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: `pointer` came from `alloc` above, hence from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Opens a WebSocket, connects as a user and subscribes.
fn open(world: &World, number: usize) -> TcpStream {
    let mut tcp = TcpStream::connect(world.address).unwrap();
    tcp.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let head = "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tcp.write_all(head.as_bytes()).unwrap();
    read_until(&mut tcp, b"\r\n\r\n");
    let token = token(&json!({"sub": format!("user-{number}")}));
    let connect = json!({"id": 1, "connect": {"token": token}});
    let subscribe = json!({"id": 2, "subscribe": {"channel": "chat"}});
    tcp.write_all(&frame::text(Role::Client, &format!("{connect}\n{subscribe}"))).unwrap();
    read_until(&mut tcp, b"\"positioned\":true}}");
    tcp
}

fn read_until(tcp: &mut TcpStream, end: &[u8]) {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        let mut byte = [0];
        tcp.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(&read)));
        read.push(byte[0]);
    }
}

/// What the server holds once that no longer changes.
fn held() -> isize {
    let deadline = Instant::now() + support::PATIENCE;
    let mut last = HELD.load(Ordering::Relaxed);
    while Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
        let now = HELD.load(Ordering::Relaxed);
        if now == last {
            break;
        }
        last = now;
    }
    last
}

#[test]
fn an_idle_websocket_costs_less_than_two_kilobytes() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .on_thread_start(|| IS_SERVER.set(true))
        .build()
        .unwrap();
    let started = runtime.spawn(async { Setup::default().start() });
    let world = runtime.block_on(started).unwrap();
    // What there is once, however many come: tables, buffers of threads.
    let few: Vec<_> = (0..20).map(|number| open(&world, number)).collect();
    let before = held();
    let many: Vec<_> = (20..20 + CONNECTIONS).map(|number| open(&world, number)).collect();
    let grown = held() - before;
    assert_eq!(world.app.hub.connection_count(), 20 + CONNECTIONS);
    let each = grown / CONNECTIONS as isize;
    println!("{each} bytes of heap for each idle connection");
    assert!(each > 500, "{each}: something is not counted");
    assert!(each < MOST_FOR_EACH, "{each} bytes for each of {CONNECTIONS} connections");

    drop(many);
    runtime.block_on(world.until_connections(20));
    let left = held() - before;
    // The clock's weak pointers keep the places of sessions, empty, until it comes by.
    assert!(left < grown / 2, "{left} of {grown} bytes stay when they are gone");
    drop(few);
}
