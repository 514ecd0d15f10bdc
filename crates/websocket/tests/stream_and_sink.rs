//! A WebSocket as a `Stream` and a `Sink`.

mod support;

use futures_util::{SinkExt as _, StreamExt as _, stream};
use planet_websocket::client::{ConnectOptions, connect};
use planet_websocket::handshake::AcceptOptions;
use planet_websocket::{Message, Role, SocketOptions, WebSocket, WebSocketError};
use support::serve;
use tokio::io::duplex;

#[tokio::test]
async fn two_tasks_share_a_connection_to_its_end() {
    let mut server = serve(true, AcceptOptions::default(), SocketOptions::default()).await;
    let socket = connect(&ConnectOptions::new(server.url())).await.expect("a connection").socket;
    let (mut sink, stream) = socket.split();
    let sent: Vec<_> = (0..200).map(|number| Message::from(format!("{number}").repeat(5000))).collect();
    let all = sent.clone();
    let sending = tokio::spawn(async move {
        sink.send_all(&mut stream::iter(all).map(Ok)).await.expect("sent");
        sink.close().await.expect("a close frame");
        sink.send("late".into()).await
    });
    let mut received: Vec<Message> = stream.map(|message| message.expect("a message")).collect().await;
    assert_eq!(received.pop(), Some(Message::Close(None)));
    assert!(received == sent, "{} of {} came back", received.len(), sent.len());
    assert!(matches!(sending.await.expect("no panic"), Err(WebSocketError::Closed)));
    server.ended.recv().await.expect("a report").result.expect("a clean end");
}

#[tokio::test]
async fn a_full_byte_stream_holds_up_a_sink_until_the_reading_task_has_written() {
    // Room for one byte: nothing goes out unless the other end reads.
    let (near, far) = duplex(1);
    let socket = WebSocket::new(near, Role::Client, None, &SocketOptions::default(), Vec::new());
    let (mut sink, mut stream) = socket.split();
    let sending = tokio::spawn(async move { sink.send("x".repeat(1000).into()).await });
    tokio::task::yield_now().await;
    assert!(!sending.is_finished());
    // From here on it is this task that the byte stream wakes.
    let reading = tokio::spawn(async move { stream.next().await });
    tokio::task::yield_now().await;
    let mut peer = WebSocket::new(far, Role::Server, None, &SocketOptions::default(), Vec::new());
    assert_eq!(peer.recv().await.expect("a message"), Some("x".repeat(1000).into()));
    sending.await.expect("no panic").expect("sent");
    drop(peer);
    assert!(matches!(reading.await.expect("no panic"), Some(Err(WebSocketError::Disconnected))));
}
