//! What idle connections hold, counted at the allocator.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

use planet_websocket::client::{ConnectOptions, WebSocketClient, connect};
use planet_websocket::handshake::AcceptOptions;
use planet_websocket::{DeflateOptions, SocketOptions};
use support::serve;

struct Counting;

static HEAP_BYTES: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; the
// count beside it touches no memory that is handed out.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP_BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HEAP_BYTES.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: `pointer` came from `System.alloc` with this layout, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CONNECTIONS: usize = 200;

async fn round_trip(client: &mut WebSocketClient, text: &str) {
    client.send(text).await.expect("sent");
    client.recv().await.expect("an echo").expect("a message");
}

/// Heap bytes of a client and its server task together, once both wait for something to read.
async fn bytes_of_an_idle_pair(deflate: Option<DeflateOptions>) -> usize {
    let accepting = AcceptOptions { deflate, ..AcceptOptions::default() };
    let server = serve(false, accepting, SocketOptions::default()).await;
    let mut options = ConnectOptions::new(server.url());
    options.deflate = deflate;
    let big = "a message of some size, ".repeat(400);
    // What is made once for a thread or a process is not the connections'.
    let mut first = connect(&options).await.expect("a connection").socket;
    round_trip(&mut first, &big).await;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    let before = HEAP_BYTES.load(Ordering::Relaxed);
    for _ in 0..CONNECTIONS {
        let mut client = connect(&options).await.expect("a connection").socket;
        round_trip(&mut client, &big).await;
        clients.push(client);
    }
    for client in &mut clients {
        round_trip(client, "small").await;
        assert_eq!(client.held_bytes(), 0);
    }
    let after = HEAP_BYTES.load(Ordering::Relaxed);
    usize::try_from(after - before).expect("connections cost something") / CONNECTIONS
}

#[tokio::test]
async fn an_idle_connection_holds_little_with_and_without_compression() {
    // Both ends with their tasks and the runtime's registration of two sockets, in debug builds too.
    for deflate in [None, Some(DeflateOptions::server())] {
        let bytes = bytes_of_an_idle_pair(deflate).await;
        println!("{bytes} bytes of heap for an idle client and server, with {deflate:?}");
        assert!(bytes < 3000, "{bytes} bytes with {deflate:?}");
    }
}
