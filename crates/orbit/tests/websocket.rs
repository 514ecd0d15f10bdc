//! What is particular to WebSockets: closing, compression, early commands, TLS and HTTP/2.

mod support;

use std::sync::Arc;

use http::{Request, Version};
use http_body_util::Empty;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use planet_net::Certificates;
use planet_websocket::client::{ConnectOptions, WebSocketClient, connect};
use planet_websocket::{CloseCode, DeflateOptions, Message, Role, SocketOptions, WebSocket, frame};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::{Value, json};
use support::{Setup, World, soon};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECT: &str = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"chat\"}}";

fn options(world: &World) -> ConnectOptions {
    ConnectOptions::new(format!("ws://{}/connection/websocket", world.address))
}

async fn frame_of<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocket<S>) -> Value {
    match soon("a message", socket.recv()).await.unwrap() {
        Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Connects, subscribes, and sends and receives a message.
async fn chat<S: AsyncRead + AsyncWrite + Unpin>(world: &World, socket: &mut WebSocket<S>) {
    socket.send(CONNECT).await.unwrap();
    assert_eq!(frame_of(socket).await["connect"]["ping"], 25);
    assert_eq!(frame_of(socket).await["id"], 2);
    let long = "ping pong ".repeat(100);
    let publish = json!({"id": 3, "publish": {"channel": "chat", "data": long}}).to_string();
    socket.send(publish).await.unwrap();
    let both = [frame_of(socket).await, frame_of(socket).await];
    assert!(both.iter().any(|frame| frame["push"]["pub"]["data"] == long), "{both:?}");
    socket.close(CloseCode::NORMAL, "").await.unwrap();
    world.until_connections(0).await;
}

#[tokio::test]
async fn a_close_is_answered_with_its_own_code() {
    let world = Setup::default().start();
    for code in [1000, 1001, 3999, 4000] {
        let mut socket = connect(&options(&world)).await.unwrap().socket;
        socket.send(Message::Close(Some(close(code)))).await.unwrap();
        assert_eq!(soon("the answer", socket.recv()).await.unwrap(), Some(Message::Close(Some(close(code)))));
        assert_eq!(soon("the end", socket.recv()).await.unwrap(), None);
        world.until_connections(0).await;
    }
}

fn close(code: u16) -> planet_websocket::CloseReason<'static> {
    planet_websocket::CloseReason { code: CloseCode::new(code).unwrap(), reason: "".into() }
}

#[tokio::test]
async fn our_own_close_waits_for_the_answer_and_swallows_the_rest() {
    let world = Setup::default().start();
    let mut tcp = raw(&world, b"").await;
    tcp.write_all(&frame::text(Role::Client, "nonsense")).await.unwrap();
    tcp.write_all(&frame::text(Role::Client, CONNECT)).await.unwrap();
    let mut close = Vec::new();
    soon("a close frame and the end", tcp.read_to_end(&mut close)).await.unwrap();
    assert_eq!(close, frame::close(Role::Server, CloseCode::new(3501).unwrap(), "bad request"));
    tcp.write_all(&frame::close(Role::Client, CloseCode::new(3501).unwrap(), "")).await.unwrap();
    drop(tcp);
    world.until_connections(0).await;
}

#[tokio::test]
async fn what_breaks_the_protocol_is_answered_with_the_code_for_it() {
    let world = Setup::default().start();
    for (bytes, code) in [(&b"\x81\x01x"[..], 1002), (&b"\x81\x81\0\0\0\0\xff"[..], 1007)] {
        let mut tcp = raw(&world, bytes).await;
        let mut close = [0; 4];
        soon("a close frame", tcp.read_exact(&mut close)).await.unwrap();
        assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, code));
    }
}

/// A handshake written by hand, with `early` right behind it.
async fn raw(world: &World, early: &[u8]) -> TcpStream {
    let mut tcp = TcpStream::connect(world.address).await.unwrap();
    let head = "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                Sec-WebSocket-Protocol: centrifuge-json\r\n\r\n";
    tcp.write_all(&[head.as_bytes(), early].concat()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(soon("the handshake", tcp.read_u8()).await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: centrifuge-json\r\n"), "{answer}");
    tcp
}

#[tokio::test]
async fn commands_right_behind_the_handshake_are_done() {
    let world = Setup::default().start();
    let mut tcp = raw(&world, &frame::text(Role::Client, CONNECT)).await;
    let mut head = [0; 2];
    soon("a frame", tcp.read_exact(&mut head)).await.unwrap();
    assert_eq!(head[0], 0x81);
    assert_eq!(world.app.hub.channel_count(), 1);
}

#[tokio::test]
async fn messages_are_compressed_for_those_who_want_it() {
    let world = Setup::default().start();
    for server_max_window_bits in [15, 10] {
        let deflate = DeflateOptions { server_max_window_bits, threshold_bytes: 0, ..DeflateOptions::client() };
        let asked = ConnectOptions { deflate: Some(deflate), ..options(&world) };
        let mut socket = connect(&asked).await.unwrap().socket;
        assert!(socket.deflate().is_some(), "{server_max_window_bits}");
        chat(&world, &mut socket).await;
    }
}

#[tokio::test]
async fn over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let world = Setup { certificates: Some(Certificates::load(certificate, key).unwrap()), ..Setup::default() }.start();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let url = format!("wss://localhost:{}/connection/websocket", world.address.port());
    let asked = ConnectOptions { tls: Some(Arc::new(config)), ..ConnectOptions::new(url) };
    let mut socket: WebSocketClient = connect(&asked).await.unwrap().socket;
    chat(&world, &mut socket).await;
    // One that is gone without a word is not waited for.
    let mut socket = connect(&asked).await.unwrap().socket;
    socket.send(CONNECT).await.unwrap();
    frame_of(&mut socket).await;
    drop(socket);
    world.until_connections(0).await;
}

#[tokio::test]
async fn over_http2() {
    let world = Setup::default().start();
    let tcp = TcpStream::connect(world.address).await.unwrap();
    let (mut http, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::connect(format!("http://{}/connection/websocket", world.address))
        .version(Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .header("origin", format!("http://{}", world.address))
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    let response = http.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let upgraded = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut socket = WebSocket::new(upgraded, Role::Client, None, &SocketOptions::default(), Vec::new());
    chat(&world, &mut socket).await;
}
