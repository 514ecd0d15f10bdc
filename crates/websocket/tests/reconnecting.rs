//! A client that connects again, and what ends that.

mod support;

use std::time::Duration;

use planet_websocket::client::{
    ConnectError, ConnectOptions, Disconnect, ReconnectEvent, ReconnectPolicy, Reconnecting,
};
use planet_websocket::handshake::HandshakeError;
use planet_websocket::{CloseCode, Message, PingOptions, WebSocketError};
use support::by_hand::{accept_by_hand, read_head};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

fn at_once() -> ReconnectPolicy {
    let delay = Duration::from_millis(1);
    ReconnectPolicy { min_delay: delay, base_delay: delay, max_delay: delay, ..ReconnectPolicy::default() }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    (listener, url)
}

async fn connected(client: &mut Reconnecting) {
    let event = client.next().await;
    assert!(matches!(event, Some(ReconnectEvent::Connected { .. })), "{event:?}");
}

async fn disconnected(client: &mut Reconnecting) -> (Disconnect, Option<Duration>) {
    match client.next().await {
        Some(ReconnectEvent::Disconnected { why, next_in }) => (why, next_in),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_goes_on_where_it_was_until_a_final_close() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut paths = Vec::new();
        for end in [None, Some(CloseCode::SERVICE_RESTART), Some(CloseCode::NORMAL)] {
            let (head, mut socket) = accept_by_hand(listener.accept().await.expect("a client").0).await;
            paths.push(head.split(' ').nth(1).expect("a path").to_owned());
            socket.send("news").await.expect("sent");
            assert_eq!(socket.recv().await.expect("an answer"), Some("seen".into()));
            // Without a code it is cut off.
            if let Some(code) = end {
                socket.close(code, "that is it").await.expect("closed");
            }
        }
        paths
    });
    let (mut attempt, feed) = (0, url.clone());
    let mut client = Reconnecting::new(ConnectOptions::new(url), at_once()).on_reconnect(move |options| {
        attempt += 1;
        options.url = format!("{feed}?after={attempt}");
    });
    for part in 0..3 {
        assert!(matches!(client.send("too early").await, Err(WebSocketError::Closed)));
        connected(&mut client).await;
        let Some(ReconnectEvent::Message(message)) = client.next().await else { panic!("no message") };
        assert_eq!(message, Message::from("news"));
        client.send("seen").await.expect("sent");
        let (why, next_in) = disconnected(&mut client).await;
        match (part, why) {
            (0, Disconnect::Failed(WebSocketError::Disconnected | WebSocketError::Io(_))) => {}
            (1, Disconnect::Closed(Some(close))) => assert_eq!(close.to_string(), "1012 (that is it)"),
            (2, Disconnect::Closed(Some(close))) => assert_eq!(close.code, CloseCode::NORMAL),
            (_, why) => panic!("part {part} ended with {why:?}"),
        }
        assert_eq!(next_in, (part < 2).then_some(Duration::from_millis(1)));
    }
    assert!(client.next().await.is_none());
    assert_eq!(server.await.expect("the paths"), ["/", "/?after=1", "/?after=2"]);
}

#[tokio::test]
async fn it_gives_up_after_as_many_failures_in_a_row_as_allowed() {
    let (listener, url) = listen().await;
    drop(listener);
    let policy = ReconnectPolicy { max_failures: Some(3), ..at_once() };
    let mut client = Reconnecting::new(ConnectOptions::new(url), policy);
    for failure in 1..=3 {
        let (why, next_in) = disconnected(&mut client).await;
        assert!(matches!(why, Disconnect::NotConnected(ConnectError::Connect { .. })), "{why}");
        assert_eq!(next_in.is_some(), failure < 3);
    }
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn only_a_connection_that_holds_ends_a_row_of_failures() {
    for (stable_after, attempts) in [(Duration::ZERO, 5), (Duration::from_secs(3600), 2)] {
        let (listener, url) = listen().await;
        let server = tokio::spawn(async move {
            loop {
                drop(accept_by_hand(listener.accept().await.expect("a client").0).await);
            }
        });
        let policy = ReconnectPolicy { max_failures: Some(2), stable_after, ..at_once() };
        let mut client = Reconnecting::new(ConnectOptions::new(url), policy);
        for attempt in 1..=attempts {
            connected(&mut client).await;
            let (_, next_in) = disconnected(&mut client).await;
            assert_eq!(next_in.is_some(), stable_after.is_zero() || attempt < attempts);
        }
        server.abort();
    }
}

#[tokio::test]
async fn a_refusal_is_final() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a client");
        read_head(&mut tcp).await.expect("a request");
        tcp.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.expect("written");
    });
    let mut client = Reconnecting::new(ConnectOptions::new(url), at_once());
    let (why, next_in) = disconnected(&mut client).await;
    let Disconnect::NotConnected(ConnectError::Handshake(HandshakeError::Status(status))) = why else {
        panic!("{why}");
    };
    assert_eq!((status.as_u16(), next_in), (404, None));
    server.await.expect("one request, and no more");
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_left_and_one_that_does_is_timed() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        // Nothing is read, so that the ping stays without an answer.
        let (_, silent) = accept_by_hand(listener.accept().await.expect("a client").0).await;
        let (_, mut socket) = accept_by_hand(listener.accept().await.expect("a client").0).await;
        while let Ok(Some(_)) = socket.recv().await {}
        drop(silent);
    });
    let mut options = ConnectOptions::new(url);
    let ping = PingOptions { interval: Duration::from_millis(1), timeout: Duration::from_millis(50) };
    options.socket.ping = Some(ping);
    let mut client = Reconnecting::new(options, at_once()).on_reconnect(move |options| {
        options.socket.ping = Some(PingOptions { timeout: Duration::from_secs(60), ..ping });
    });
    connected(&mut client).await;
    let (why, _) = disconnected(&mut client).await;
    assert!(matches!(why, Disconnect::Failed(WebSocketError::PongTimeout(limit)) if limit == ping.timeout), "{why}");
    connected(&mut client).await;
    assert_eq!(client.socket().expect("open").round_trip(), None);
    for _ in 0..3 {
        let Some(ReconnectEvent::Message(Message::Pong(_))) = client.next().await else { panic!("no pong") };
        assert!(client.socket().expect("open").round_trip().is_some());
    }
    client.close(CloseCode::NORMAL, "").await.expect("closed");
    assert!(client.next().await.is_none());
    server.await.expect("the server ends");
}
