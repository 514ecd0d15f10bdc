//! The meter against a peer that counts bytes itself, over TCP.

mod common;

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::{read_response, start_counted, until};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use planet_net::meter::{Meter, Metered, RateLimit, Registry, Throttled};
use planet_net::{Limits, Prefixed};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// Sends pieces of random sizes, one in two of them as several slices; says how many bytes that were.
async fn send(stream: &mut (impl AsyncWriteExt + Unpin), seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let bytes = vec![7; 100_000];
    let mut sent = 0;
    for _ in 0..200 {
        let size = random.random_range(1..bytes.len());
        if random.random() {
            let (one, two) = bytes[..size].split_at(size / 3);
            sent += stream.write_vectored(&[IoSlice::new(one), IoSlice::new(two)]).await.unwrap() as u64;
        } else {
            stream.write_all(&bytes[..size]).await.unwrap();
            sent += size as u64;
        }
    }
    stream.flush().await.unwrap();
    stream.shutdown().await.unwrap();
    sent
}

/// Reads into buffers of random sizes until the end; says how many bytes there were.
async fn receive(stream: &mut (impl AsyncReadExt + Unpin), seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut buffer = vec![0; 50_000];
    let mut received = 0;
    loop {
        let size = random.random_range(1..buffer.len());
        match stream.read(&mut buffer[..size]).await.unwrap() {
            0 => return received,
            count => received += count as u64,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_are_those_of_a_peer_that_counts() {
    let registry = Registry::new(["app"], 10);
    let mut streams = Vec::new();
    for seed in 0..4 {
        let (client, server) = pair().await;
        let app = registry.meter([["even", "odd"][seed as usize % 2]]);
        let meter = Arc::new(Meter::without_rates().with_parent(app));
        let server = Metered::new(server, meter.clone());
        assert!(tokio::io::AsyncWrite::is_write_vectored(&server));
        let serving = tokio::spawn(async move {
            let (mut reading, mut writing) = tokio::io::split(server);
            tokio::join!(receive(&mut reading, seed), send(&mut writing, 100 + seed))
        });
        let peer = tokio::spawn(async move {
            let (mut reading, mut writing) = client.into_split();
            tokio::join!(receive(&mut reading, 200 + seed), send(&mut writing, 300 + seed))
        });
        streams.push((meter, serving, peer));
    }
    let (mut all_in, mut all_out) = (0, 0);
    for (meter, serving, peer) in streams {
        let (peer_received, peer_sent) = peer.await.unwrap();
        assert_eq!(serving.await.unwrap(), (peer_sent, peer_received));
        let shown = meter.snapshot();
        assert_eq!((shown.bytes_in, shown.bytes_out), (peer_sent, peer_received));
        all_in += peer_sent;
        all_out += peer_received;
    }
    let total = registry.total();
    assert_eq!((total.bytes_in, total.bytes_out), (all_in, all_out));
    let labels = registry.snapshot();
    assert_eq!(labels.iter().map(|label| label.figures.bytes_in).sum::<u64>(), all_in);
    assert_eq!(labels.len(), 2);
}

#[tokio::test]
async fn a_limit_changes_no_byte_and_what_it_wraps_is_counted() {
    let (mut client, server) = pair().await;
    let limit = Arc::new(RateLimit::new(200_000_000.try_into().unwrap(), 4_000_000.try_into().unwrap()));
    let meter = Arc::new(Meter::new());
    let server = Prefixed::new("first".into(), Metered::new(server, meter.clone()));
    let mut server = Throttled::new(server).with_read_limit(limit.clone()).with_write_limit(limit);
    let sending = tokio::spawn(async move {
        let text: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
        client.write_all(&text).await.unwrap();
        client.shutdown().await.unwrap();
        text
    });
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.unwrap();
    let sent = sending.await.unwrap();
    assert!(received.strip_prefix(b"first").unwrap() == sent);
    assert_eq!(meter.snapshot().bytes_in, sent.len() as u64);
}

#[tokio::test]
async fn requests_of_one_connection_count_for_whom_they_are_claimed() {
    let (running, registry) = start_counted(Limits::default());
    let mut client = running.connect().await;
    let mut expected = [(0, 0); 3];
    for (at, path) in [(0, "/for/chat"), (1, "/for/shop"), (2, "/"), (0, "/for/chat"), (2, "/")] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let response = read_response(&mut client).await;
        expected[at].0 += request.len() as u64;
        expected[at].1 += response.len() as u64;
    }
    drop(client);
    until(|| running.admission.connections() == 0).await;
    let counted = ["chat", "shop", ""].map(|app| registry.meter([app]).snapshot());
    assert_eq!(counted.map(|shown| (shown.bytes_in, shown.bytes_out)), expected);
    let traffic = running.admission.traffic();
    let total = registry.total();
    assert_eq!((total.bytes_in, total.bytes_out), (traffic.bytes_in(), traffic.bytes_out()));
}

#[tokio::test]
async fn an_upgraded_connection_goes_on_counting_for_its_request() {
    let (running, registry) = start_counted(Limits::default());
    let mut client = running.connect().await;
    let request = "GET /for/chat/echo HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let response = read_response(&mut client).await;
    assert!(response.starts_with("HTTP/1.1 101"), "{response}");
    tokio::time::sleep(Duration::from_millis(20)).await;
    client.write_all(b"hello").await.unwrap();
    let mut echoed = [0; 5];
    client.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"hello");
    drop(client);
    until(|| running.admission.connections() == 0).await;
    let shown = registry.meter(["chat"]).snapshot();
    assert_eq!((shown.bytes_in, shown.bytes_out), (request.len() as u64 + 5, response.len() as u64 + 5));
}

#[tokio::test]
async fn requests_over_http2_count_for_the_last_that_was_claimed_and_none_is_lost() {
    let (running, apps) = start_counted(Limits::default());
    let io = TokioIo::new(running.connect().await);
    let (mut requests, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    for path in ["/for/chat", "/", "/for/shop"] {
        let request = Request::get(format!("http://localhost{path}")).body(Empty::<Bytes>::new()).unwrap();
        assert!(requests.send_request(request).await.unwrap().into_body().collect().await.is_ok());
    }
    drop(requests);
    connection.await.unwrap().unwrap();
    until(|| running.admission.connections() == 0).await;
    let [chat, shop] = ["chat", "shop"].map(|app| apps.meter([app]).snapshot());
    assert!(chat.bytes_in > 0 && chat.bytes_out > 0 && shop.bytes_in > 0 && shop.bytes_out > 0);
    let (total, traffic) = (apps.total(), running.admission.traffic());
    assert_eq!((total.bytes_in, total.bytes_out), (traffic.bytes_in(), traffic.bytes_out()));
}
