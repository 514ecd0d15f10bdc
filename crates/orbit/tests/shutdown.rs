//! Stopping: every client is asked to come back, and nobody new is let in.

mod support;

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use planet_net::Drained;
use serde_json::{Value, json};
use support::{Client, Kind, Setup, get, soon};
use tokio::net::TcpStream;

#[tokio::test]
async fn every_client_is_asked_to_reconnect_and_no_new_one_is_let_in() {
    let world = Setup::default().start();
    let mut clients = Vec::new();
    for kind in Kind::ALL {
        clients.push((kind, Client::connect(&world, kind, json!({})).await.0));
    }
    let mut plain = get(world.address, "/sse?channel=chat").await;
    plain.next("\n\n").await.unwrap();
    let poll = tokio::spawn(async move {
        let mut poller = clients.pop().unwrap().1;
        (clients, poller.end().await)
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.shutdown.begin(Duration::from_secs(20));
    world.orbit.advise_reconnect(world.app.hub.connections(), Duration::from_millis(50)).await;
    let (clients, polled) = poll.await.unwrap();
    assert_eq!(polled, 3001, "LongPoll");
    for (kind, mut client) in clients {
        assert_eq!(client.end().await, 3001, "{kind:?}");
    }
    let last = plain.next("\n\n").await.unwrap();
    let (name, data) = last.split_once('\n').unwrap();
    assert_eq!(name, "event: disconnect");
    let told: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(told["code"], 3001);
    assert_eq!(plain.next("\n\n").await, None);
    assert_eq!(soon("the end", world.serving).await.unwrap(), Drained::Completely);
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn whoever_comes_on_a_connection_that_is_still_open_is_refused() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let world = Setup::default().start();
    // A server of its own, which goes on taking requests when the shutdown begins.
    let (near, far) = tokio::io::duplex(1 << 16);
    let service = hyper_util::service::TowerToHyperService::new(planet_orbit::routes(world.orbit.clone()));
    tokio::spawn(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(far), service),
    );
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(near)).await.unwrap();
    tokio::spawn(connection);
    world.shutdown.begin(Duration::from_secs(20));
    let new = [
        ("GET", "/connection/websocket"),
        ("POST", "/connection/http_stream"),
        ("GET", "/connection/sse?cf_connect=%7B%7D"),
        ("POST", "/connection/long_poll"),
        ("GET", "/sse?channel=chat"),
    ];
    for (method, path) in new {
        let asked = Request::builder().method(method).uri(format!("http://localhost{path}"));
        let body = Full::new(bytes::Bytes::from_static(b"{\"id\":1,\"connect\":{}}"));
        let answer = sender.send_request(asked.body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 503, "{path}");
    }
    // What belongs to a session that is there is still taken.
    let envelope = Full::new(bytes::Bytes::from_static(b"{\"session\":\"x\",\"data\":\"\"}"));
    let asked = Request::post("http://localhost/emulation").body(envelope).unwrap();
    assert_eq!(sender.send_request(asked).await.unwrap().status(), 404);
    assert_eq!(world.app.hub.connection_count(), 0);
}
