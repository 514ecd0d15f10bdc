//! HTTP connections through the public face: versions, limits, upgrades, shutdown.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{read_response, read_to_end, start, until};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use planet_net::{Drained, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const GET_AND_CLOSE: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn http1_requests_carry_their_peer_and_their_bytes_are_counted() {
    let running = start(Limits::default(), None);
    let mut client = running.connect().await;
    let mut sent = 0;
    let mut received = 0;
    for _ in 0..2 {
        client.write_all(GET.as_bytes()).await.unwrap();
        sent += GET.len();
        let response = read_response(&mut client).await;
        received += response.len();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        let expected = format!("HTTP/1.1 tls=false {}", client.local_addr().unwrap());
        assert!(response.ends_with(&expected), "{response}");
    }
    let traffic = running.admission.traffic();
    assert_eq!(traffic.bytes_in(), sent as u64);
    assert_eq!(traffic.bytes_out(), received as u64);
    assert_eq!(running.admission.connections(), 1);
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_recognised() {
    let running = start(Limits::default(), None);
    let io = TokioIo::new(running.connect().await);
    let (mut requests, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://localhost/").body(Empty::<Bytes>::new()).unwrap();
    let response = requests.send_request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"HTTP/2.0 tls=false 127.0.0.1:"), "{body:?}");
}

#[tokio::test]
async fn an_http2_connection_without_requests_is_closed() {
    let limits = Limits {
        header_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let running = start(limits, None);
    let io = TokioIo::new(running.connect().await);
    let (mut requests, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://localhost/").body(Empty::<Bytes>::new()).unwrap();
    assert!(requests.send_request(request).await.unwrap().status().is_success());
    connection.await.unwrap().unwrap();
    until(|| running.admission.connections() == 0).await;
}

#[tokio::test]
async fn a_stream_upgraded_over_http2_outlives_the_idle_time() {
    let limits = Limits {
        header_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let running = start(limits, None);
    let io = TokioIo::new(running.connect().await);
    let (mut requests, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    // Only the server's SETTINGS allow extended CONNECT (RFC 8441, section 3); an answer shows that they have come.
    let request = Request::get("http://localhost/").body(Empty::<Bytes>::new()).unwrap();
    assert!(requests.send_request(request).await.unwrap().status().is_success());
    let mut request = Request::connect("http://localhost/tunnel").body(Empty::<Bytes>::new()).unwrap();
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    let response = requests.send_request(request).await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    let mut tunnel = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    tokio::time::sleep(Duration::from_millis(400)).await;
    tunnel.write_all(b"hello").await.unwrap();
    assert_eq!(read_to_end(&mut tunnel).await, "hello");
    // Nothing is left to do on the connection, and it was told to end.
    drop(tunnel);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_slow_head_ends_its_connection_and_no_other() {
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let running = start(limits, None);
    let mut other = running.connect().await;
    other.write_all(GET.as_bytes()).await.unwrap();
    read_response(&mut other).await;

    let mut silent = running.connect().await;
    assert_eq!(read_to_end(&mut silent).await, "");
    let mut slow = running.connect().await;
    let (mut reading, mut writing) = slow.split();
    let drip = async {
        for byte in GET.bytes().cycle().filter(|byte| *byte != b'\n') {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if writing.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    };
    let ended = tokio::select! {
        ended = read_to_end(&mut reading) => ended,
        () = drip => String::new(),
    };
    assert_eq!(ended, "");
    assert_eq!(running.admission.traffic().timeouts(), 2);

    other.write_all(GET.as_bytes()).await.unwrap();
    assert!(read_response(&mut other).await.starts_with("HTTP/1.1 200"));
    until(|| running.admission.connections() == 1).await;
}

#[tokio::test]
async fn a_kept_connection_is_closed_when_no_next_request_comes() {
    let limits = Limits {
        header_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let running = start(limits, None);
    let response = running.exchange(GET).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

#[tokio::test]
async fn what_is_too_long_is_answered_and_refused() {
    let running = start(Limits { url_bytes: 100, ..Limits::default() }, None);
    let url = |bytes: usize| {
        let url = format!("/{}", "u".repeat(bytes - 1));
        GET_AND_CLOSE.replacen('/', &url, 1)
    };
    assert!(running.exchange(&url(100)).await.starts_with("HTTP/1.1 200"));
    assert!(running.exchange(&url(101)).await.starts_with("HTTP/1.1 414"));

    let fields = |count: usize| {
        let fields = "a: b\r\n".repeat(count - 2);
        GET_AND_CLOSE.replacen("\r\n\r\n", &format!("\r\n{fields}\r\n"), 1)
    };
    assert!(running.exchange(&fields(100)).await.starts_with("HTTP/1.1 200"));
    assert!(running.exchange(&fields(101)).await.starts_with("HTTP/1.1 431"));

    let long = format!("\r\na: {}\r\n\r\n", "a".repeat(Limits::default().header_bytes));
    let response = running.exchange(&GET_AND_CLOSE.replacen("\r\n\r\n", &long, 1)).await;
    assert!(response.starts_with("HTTP/1.1 431"), "{response}");
}

#[tokio::test]
async fn a_peer_that_never_reads_is_cut_off() {
    let limits = Limits { write_timeout: Duration::from_millis(200), url_bytes: 1000, ..Limits::default() };
    let running = start(limits, None);
    let mut client = running.connect().await;
    let mut sent = 0;
    // Responses to requests that never end to come fill the socket buffers both ways.
    while client.write_all(GET.repeat(1000).as_bytes()).await.is_ok() {
        sent += 1000;
        assert!(sent < 10_000_000, "the server keeps answering a client that does not read");
    }
    until(|| running.admission.connections() == 0).await;
    assert_eq!(running.admission.traffic().timeouts(), 1);
}

#[tokio::test]
async fn an_upgraded_connection_is_a_bare_socket_and_stays_counted() {
    let running = start(Limits::default(), None);
    let mut client = running.connect().await;
    let request = "GET /up HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\nearly";
    client.write_all(request.as_bytes()).await.unwrap();
    let response = read_response(&mut client).await;
    assert!(response.starts_with("HTTP/1.1 101"), "{response}");
    until(|| !running.taken.lock().unwrap().is_empty()).await;
    let mut taken = running.taken.lock().unwrap().pop().unwrap();
    assert_eq!(taken.read_ahead, "early");
    taken.tcp.write_all(b"raw bytes").await.unwrap();
    let mut bytes = [0; 9];
    client.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"raw bytes");

    let before = running.admission.traffic().bytes_out();
    taken.guard.traffic().add_out(9);
    assert_eq!(running.admission.traffic().bytes_out(), before + 9);
    until(|| running.shutdown.guards() == 1).await;
    assert_eq!(running.admission.connections(), 1);
    drop(taken);
    until(|| running.admission.connections() == 0).await;
    assert_eq!(read_to_end(&mut client).await, "");
}

#[tokio::test]
async fn a_shutdown_finishes_requests_and_closes_idle_connections() {
    let running = start(Limits::default(), None);
    let mut idle = running.connect().await;
    idle.write_all(GET.as_bytes()).await.unwrap();
    read_response(&mut idle).await;
    let mut silent = running.connect().await;
    let mut busy = running.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    until(|| running.admission.traffic().accepted() == 3).await;
    // The request is known to be in progress once its bytes have been read.
    until(|| running.admission.traffic().bytes_in() > GET.len() as u64).await;
    running.shutdown.begin(Duration::from_secs(60));
    assert_eq!(read_to_end(&mut idle).await, "");
    assert_eq!(read_to_end(&mut silent).await, "");
    let response = read_to_end(&mut busy).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert_eq!(running.server.await.unwrap(), Drained::Completely);
    assert!(tokio::net::TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_past_its_deadline() {
    let running = start(Limits::default(), None);
    let mut client = running.connect().await;
    let request = "GET /up HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    until(|| !running.taken.lock().unwrap().is_empty()).await;
    until(|| running.shutdown.guards() == 1).await;
    running.shutdown.begin(Duration::from_millis(100));
    assert_eq!(running.server.await.unwrap(), Drained::DeadlinePassed { left: 1 });
}

#[tokio::test]
async fn ten_thousand_connects_and_disconnects_leave_nothing_behind() {
    let running = start(Limits::default(), None);
    for _ in 0..10_000 {
        drop(running.connect().await);
    }
    until(|| running.admission.traffic().accepted() == 10_000).await;
    until(|| running.admission.connections() == 0).await;
    assert!(running.exchange(GET_AND_CLOSE).await.starts_with("HTTP/1.1 200"));
}
