//! Our client and our server, with a real socket and hyper between them.

mod support;

use std::time::Duration;

use planet_websocket::client::{ConnectError, ConnectOptions, Connected, connect};
use planet_websocket::handshake::{AcceptOptions, HandshakeError};
use planet_websocket::{
    CloseCode, CloseReason, DeflateOptions, Limits, Message, ProtocolError, Role, SocketOptions, WebSocket,
    WebSocketError, frame,
};
use support::{EchoServer, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

async fn echo_server() -> EchoServer {
    serve(true, AcceptOptions::default(), SocketOptions::default()).await
}

async fn open(server: &EchoServer) -> Connected {
    connect(&ConnectOptions::new(server.url())).await.expect("a connection")
}

fn close(code: CloseCode, reason: &'static str) -> Message {
    Message::Close(Some(CloseReason { code, reason: reason.into() }))
}

#[tokio::test]
async fn messages_come_back_and_both_sides_close_in_good_order() {
    for auto in [true, false] {
        let mut server = serve(auto, AcceptOptions::default(), SocketOptions::default()).await;
        let mut socket = open(&server).await.socket;
        for message in [Message::from("käse"), Message::Binary(vec![7; 100_000].into()), Message::from("")] {
            socket.send(message.clone()).await.expect("sent");
            assert_eq!(socket.recv().await.expect("an echo"), Some(message));
            assert_eq!(socket.held_bytes(), 0);
        }
        socket.send(Message::Ping("?".into())).await.expect("sent");
        let pong = socket.recv().await.expect("a pong");
        assert_eq!(pong, Some(Message::Pong("?".into())));
        socket.close(CloseCode::NORMAL, "bye").await.expect("closed");
        assert!(matches!(socket.send("late").await, Err(WebSocketError::Closed)));
        let ended = server.ended.recv().await.expect("a report");
        assert!(ended.own_stream, "the socket is taken back from hyper");
        ended.result.expect("a clean end");
    }
}

#[tokio::test]
async fn many_messages_in_one_read_are_all_received() {
    let server = echo_server().await;
    let mut socket = open(&server).await.socket;
    let burst: Vec<String> = (0..500).map(|number| format!("message {number}")).collect();
    for text in &burst {
        socket.send(text.as_str()).await.expect("sent");
    }
    for text in &burst {
        let message = socket.recv().await.expect("an echo");
        assert_eq!(message, Some(Message::Text(text.clone())));
    }
}

#[tokio::test]
async fn compression_is_agreed_with_and_without_windows() {
    let without_windows = DeflateOptions::server();
    let with_windows = DeflateOptions {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: 10,
        ..DeflateOptions::server()
    };
    for deflate in [without_windows, with_windows] {
        let accepting = AcceptOptions { deflate: Some(deflate), ..AcceptOptions::default() };
        let options = SocketOptions { deflate, ..SocketOptions::default() };
        let server = serve(true, accepting, options).await;
        let mut connecting = ConnectOptions::new(server.url());
        connecting.deflate = Some(DeflateOptions::client());
        let mut socket = connect(&connecting).await.expect("a connection").socket;
        let agreed = socket.deflate().expect("compression");
        assert_eq!(agreed.server_no_context_takeover, deflate.server_no_context_takeover);
        assert_eq!(agreed.server_max_window_bits, deflate.server_max_window_bits);
        let text = "again and again, ".repeat(1000);
        for _ in 0..3 {
            socket.send(text.as_str()).await.expect("sent");
            let message = socket.recv().await.expect("an echo");
            assert_eq!(message, Some(Message::Text(text.clone())));
        }
    }
}

#[tokio::test]
async fn the_subprotocol_is_agreed() {
    let accepting = AcceptOptions { subprotocols: vec!["v2".into()], ..AcceptOptions::default() };
    let server = serve(true, accepting, SocketOptions::default()).await;
    let mut connecting = ConnectOptions::new(server.url());
    connecting.subprotocols = vec!["v1".into(), "v2".into()];
    let connected = connect(&connecting).await.expect("a connection");
    assert_eq!(connected.subprotocol.as_deref(), Some("v2"));
}

#[tokio::test]
async fn a_client_binds_to_its_local_address() {
    let server = echo_server().await;
    let mut connecting = ConnectOptions::new(server.url());
    let local = "127.0.0.77".parse().expect("an address");
    connecting.local_address = Some(local);
    let connected = connect(&connecting).await.expect("a connection");
    let address = connected.socket.get_ref().tcp().local_addr().expect("bound");
    assert_eq!(address.ip(), local);
}

#[tokio::test]
async fn a_server_tells_the_peer_what_it_did_wrong() {
    let options =
        SocketOptions { limits: Limits { message_bytes: 1000, ..Limits::default() }, ..SocketOptions::default() };
    let mut server = serve(true, AcceptOptions::default(), options).await;
    let mut socket = open(&server).await.socket;
    socket.send("x".repeat(1000)).await.expect("sent");
    assert!(matches!(socket.recv().await, Ok(Some(Message::Text(_)))));
    socket.send("x".repeat(1001)).await.expect("sent");
    let Ok(Some(Message::Close(Some(close)))) = socket.recv().await else {
        panic!("a close frame with a code");
    };
    assert_eq!(close.code, CloseCode::TOO_BIG);
    assert_eq!(close.reason, "a message is over the limit of 1000 bytes");
    assert_eq!(socket.recv().await.expect("the end"), None);
    let ended = server.ended.recv().await.expect("a report");
    assert!(matches!(ended.result, Err(WebSocketError::Protocol(ProtocolError::MessageTooBig { limit: 1000 }))));
}

#[tokio::test]
async fn a_peer_that_goes_away_is_told_apart_from_one_that_closes() {
    let mut server = echo_server().await;
    drop(open(&server).await);
    let ended = server.ended.recv().await.expect("a report");
    assert!(matches!(ended.result, Err(WebSocketError::Disconnected)));
}

#[tokio::test]
async fn connecting_fails_with_the_reason() {
    let server = echo_server().await;
    let refused = ConnectOptions::new("ws://127.0.0.1:1/");
    assert!(matches!(connect(&refused).await, Err(ConnectError::Connect { .. })));
    let not_ours = ConnectOptions::new("http://127.0.0.1/");
    assert!(matches!(connect(&not_ours).await, Err(ConnectError::InvalidUrl(_))));
    let no_tls = ConnectOptions::new(format!("wss://{}/", server.address));
    assert!(matches!(connect(&no_tls).await, Err(ConnectError::NoTls)));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a client");
        tcp.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.expect("written");
        let (_silent, _) = listener.accept().await.expect("a client");
        std::future::pending::<()>().await;
    });
    let mut options = ConnectOptions::new(format!("ws://{address}/"));
    assert!(matches!(
        connect(&options).await,
        Err(ConnectError::Handshake(HandshakeError::Status(status))) if status == 404
    ));
    options.timeout = Duration::from_millis(20);
    assert!(matches!(connect(&options).await, Err(ConnectError::Timeout(_))));
}

fn pair(options: &SocketOptions) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 16);
    let socket = WebSocket::new(ours, Role::Server, None, options, Vec::new());
    (socket, theirs)
}

#[tokio::test]
async fn bytes_read_with_the_handshake_come_first() {
    let (ours, mut theirs) = duplex(1 << 16);
    let early = frame::text(Role::Client, "early");
    let (head, tail) = early.split_at(4);
    let mut socket = WebSocket::new(ours, Role::Server, None, &SocketOptions::default(), head.to_vec());
    theirs.write_all(tail).await.expect("written");
    assert_eq!(socket.recv().await.expect("a message"), Some("early".into()));
}

#[tokio::test]
async fn pings_that_nobody_reads_the_answers_of_pile_up_nothing() {
    let (ours, mut theirs) = duplex(1 << 10);
    let mut socket = WebSocket::new(ours, Role::Server, None, &SocketOptions::default(), Vec::new());
    let writer = tokio::spawn(async move {
        for number in 0..2000u32 {
            let ping = frame::ping(Role::Client, &number.to_be_bytes()).expect("short");
            theirs.write_all(&ping).await.expect("written");
        }
        theirs
    });
    for _ in 0..2000 {
        assert!(matches!(socket.recv().await, Ok(Some(Message::Ping(_)))));
        assert!(socket.held_bytes() < (1 << 17), "{}", socket.held_bytes());
    }
    let parts = socket.into_parts();
    assert!(parts.output.len() <= 2, "{} frames wait", parts.output.len());
    drop(writer);
}

#[tokio::test(start_paused = true)]
async fn a_close_that_nobody_answers_ends_after_the_timeout() {
    let (mut socket, theirs) = pair(&SocketOptions::default());
    let before = tokio::time::Instant::now();
    socket.close(CloseCode::GOING_AWAY, "restart").await.expect("closed");
    let waited = before.elapsed();
    assert!(waited >= Duration::from_secs(5) && waited <= Duration::from_secs(11), "{waited:?}");
    drop(theirs);
    assert_eq!(socket.recv().await.expect("the end"), None);
}

#[tokio::test]
async fn a_cancelled_send_goes_on_at_the_next_call() {
    let (ours, mut theirs) = duplex(100);
    let mut socket = WebSocket::new(ours, Role::Server, None, &SocketOptions::default(), Vec::new());
    let long = "x".repeat(1000);
    tokio::select! {
        biased;
        sent = socket.send(long.as_str()) => panic!("no room for it, and yet {sent:?}"),
        () = tokio::task::yield_now() => {}
    }
    let reader = tokio::spawn(async move {
        let mut bytes = vec![0; 1004 + 6];
        theirs.read_exact(&mut bytes).await.expect("both frames");
        bytes
    });
    socket.send("next").await.expect("sent");
    let expected = [frame::text(Role::Server, &long), frame::text(Role::Server, "next")].concat();
    assert_eq!(reader.await.expect("read"), expected);
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let (mut socket, mut theirs) = pair(&SocketOptions::default());
    let bytes = [
        frame::text(Role::Client, "last"),
        frame::close(Role::Client, CloseCode::GOING_AWAY, "tab closed"),
        frame::text(Role::Client, "never seen"),
    ]
    .concat();
    theirs.write_all(&bytes).await.expect("written");
    assert_eq!(socket.recv().await.expect("a message"), Some("last".into()));
    assert_eq!(socket.recv().await.expect("a close"), Some(close(CloseCode::GOING_AWAY, "tab closed")));
    let mut answer = [0; 4];
    theirs.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer, [0x88, 2, 0x03, 0xe9]);
    drop(theirs);
    assert_eq!(socket.recv().await.expect("the end"), None);
    assert_eq!(socket.recv().await.expect("the end"), None);
    assert_eq!(socket.held_bytes(), 0);
}

#[tokio::test]
async fn nothing_follows_a_close_frame_even_if_sending_it_was_cancelled() {
    let (ours, _theirs) = duplex(1);
    let options = SocketOptions::default();
    let mut socket = WebSocket::new(ours, Role::Server, None, &options, Vec::new());
    tokio::select! {
        biased;
        sent = socket.send(close(CloseCode::NORMAL, "bye")) => panic!("no room, and yet {sent:?}"),
        () = tokio::task::yield_now() => {}
    }
    assert!(matches!(socket.send("late").await, Err(WebSocketError::Closed)));
}
