//! What idle clients hold, counted at the allocator; their server runs in a thread that is not counted.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use planet_websocket::client::{ConnectOptions, ReconnectEvent, ReconnectPolicy, Reconnecting, connect};
use planet_websocket::handshake::AcceptOptions;
use planet_websocket::{DeflateOptions, Message, PingOptions, SocketOptions};
use support::serve;

thread_local! {
    static HEAP_BYTES: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; the count beside it is
// a thread-local without a destructor, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP_BYTES.set(HEAP_BYTES.get() + layout.size() as isize);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HEAP_BYTES.set(HEAP_BYTES.get() - layout.size() as isize);
        // SAFETY: `pointer` came from `System.alloc` with this layout, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CLIENTS: usize = 200;

/// The most that an idle client may hold with its task and the runtime's registration of its socket.
const MOST_BYTES: usize = 2048;

/// The URL of an echo server in a thread of its own, which ends with the test.
fn serve_elsewhere() -> String {
    let (sender, url) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let accepting = AcceptOptions { deflate: Some(DeflateOptions::server()), ..AcceptOptions::default() };
            let server = serve(false, accepting, SocketOptions::default()).await;
            sender.send(server.url()).expect("someone waits");
            std::future::pending::<()>().await;
        });
    });
    url.recv().expect("an address")
}

async fn one_client(options: Arc<ConnectOptions>, ready: tokio::sync::mpsc::Sender<()>) {
    let mut socket = Box::pin(connect(&options)).await.expect("a connection").socket;
    socket.send("there and back").await.expect("sent");
    while let Ok(Some(message)) = socket.recv().await {
        if let Message::Text(_) = message {
            let _ = ready.try_send(());
        }
    }
}

async fn one_reconnecting(options: Arc<ConnectOptions>, ready: tokio::sync::mpsc::Sender<()>) {
    let mut client = Reconnecting::new(options, ReconnectPolicy::default());
    while let Some(event) = client.next().await {
        match event {
            ReconnectEvent::Connected { .. } => client.send("there and back").await.expect("sent"),
            ReconnectEvent::Message(Message::Text(_)) => {
                let _ = ready.try_send(());
            }
            _ => {}
        }
    }
}

async fn bytes_each<F: Future<Output = ()> + Send + 'static>(
    client: impl Fn(tokio::sync::mpsc::Sender<()>) -> F,
) -> usize {
    let (sender, mut ready) = tokio::sync::mpsc::channel(CLIENTS);
    let run = |count| (0..count).map(|_| tokio::spawn(client(sender.clone()))).collect::<Vec<_>>();
    // What is made once for a thread or a process is not the clients'.
    let mut tasks = run(1);
    ready.recv().await.expect("a client");
    let before = HEAP_BYTES.get();
    tasks.extend(run(CLIENTS));
    for _ in 0..CLIENTS {
        ready.recv().await.expect("a client");
    }
    let after = HEAP_BYTES.get();
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    usize::try_from(after - before).expect("clients cost something") / CLIENTS
}

#[tokio::test]
async fn an_idle_client_holds_less_than_2_kb() {
    let url = serve_elsewhere();
    let plain = ConnectOptions::new(url);
    let mut compressed = plain.clone();
    compressed.deflate = Some(DeflateOptions::server());
    let mut pinging = plain.clone();
    pinging.socket.ping = Some(PingOptions::default());
    for (what, options) in [("plain", plain), ("compressed", compressed), ("pinging", pinging)] {
        let options = Arc::new(options);
        let once = bytes_each(|ready| one_client(options.clone(), ready)).await;
        let again = bytes_each(|ready| one_reconnecting(options.clone(), ready)).await;
        println!("{what}: {once} bytes of heap for an idle client, {again} for one that reconnects");
        assert!(once < MOST_BYTES && again < MOST_BYTES, "{what}: {once} and {again} bytes");
    }
}
