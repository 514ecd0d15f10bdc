//! One past each bound of the REST API, and what browsers may do.

use std::time::Duration;

use crate::support::{API_KEY, Answer, SECRET_KEY, TestServer, config, request};
use planet_beacon::AppConfig;
use planet_orbit::origin::AllowedOrigins;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn text_of(length: usize) -> String {
    format!("\"{}\"", "x".repeat(length - 2))
}

#[tokio::test]
async fn a_message_may_have_so_many_bytes_and_not_one_more() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    assert_eq!(server.call("POST", "/channels/chat", &text_of(1000)).await.status, 200);
    assert_eq!(julia.take().len(), 1);
    for path in ["/channels/chat", "/users/julia"] {
        for length in [1001, 3_000_000] {
            let answer = server.call("POST", path, &text_of(length)).await;
            assert_eq!((answer.status, answer.error().as_str()), (413, "the body is longer than 1000 bytes"));
        }
    }
    // The same without a length in front.
    let chunked = format!(
        "POST /1.0.0/{API_KEY}/channels/chat HTTP/1.1\r\nHost: x\r\nX-Beacon-Secret-Key: {SECRET_KEY}\r\n\
         Transfer-Encoding: chunked\r\n\r\n3e9\r\n{}\r\n0\r\n\r\n",
        text_of(1001)
    );
    assert_eq!(server.raw(chunked).await.status, 413);
    assert_eq!(julia.take(), [""; 0]);
}

#[tokio::test]
async fn a_client_that_waits_for_the_go_ahead_gets_it_or_is_refused_before_it_sends() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    let head = |length: usize, secret: &str| {
        format!(
            "POST /1.0.0/{API_KEY}/channels/chat HTTP/1.1\r\nHost: x\r\nX-Beacon-Secret-Key: {secret}\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head(3, SECRET_KEY).as_bytes()).await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 100);
    stream.write_all(b"[1]").await.unwrap();
    assert_eq!(Answer::read(&mut stream).await.json(), json!({"messages_sent": 1}));
    assert_eq!(julia.take(), ["chat [1]"]);
    assert_eq!(server.raw(head(1001, SECRET_KEY)).await.status, 413);
    assert_eq!(server.raw(head(3, "wrong")).await.status, 401);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_and_others_go_on() {
    let server = TestServer::start_with(config(), Duration::from_millis(50), None);
    let julia = server.subscriber("julia", &["chat"]);
    let late = format!(
        "POST /1.0.0/{API_KEY}/channels/chat HTTP/1.1\r\nHost: x\r\nX-Beacon-Secret-Key: {SECRET_KEY}\r\n\
         Content-Length: 9\r\n\r\n[1"
    );
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(late.as_bytes()).await.unwrap();
    assert_eq!(server.call("POST", "/channels/chat", "1").await.status, 200);
    let answer = Answer::read(&mut slow).await;
    assert_eq!((answer.status, answer.error().as_str()), (408, "the body did not come within 0.05 s"));
    assert_eq!(julia.take(), ["chat 1"]);
}

#[tokio::test]
async fn a_body_that_breaks_off_publishes_nothing() {
    let server = TestServer::start(config());
    let julia = server.subscriber("julia", &["chat"]);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let half = format!(
        "POST /1.0.0/{API_KEY}/channels/chat HTTP/1.1\r\nHost: x\r\nX-Beacon-Secret-Key: {SECRET_KEY}\r\n\
         Content-Length: 9\r\n\r\n1"
    );
    stream.write_all(half.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    // However the connection ends, the next request shows that nothing came of the one before.
    let mut end = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut end).await;
    assert_eq!(server.call("POST", "/channels/chat", "2").await.status, 200);
    assert_eq!(julia.take(), ["chat 2"]);
}

#[tokio::test]
async fn one_publication_past_the_quota_is_told_to_wait() {
    let quota = AppConfig { rest_publications_per_second: 1, rest_publication_burst: 3, ..config() };
    let server = TestServer::start(quota);
    let julia = server.subscriber("julia", &["chat"]);
    for _ in 0..3 {
        assert_eq!(server.call("POST", "/channels/chat", "1").await.status, 200);
    }
    let mut refused = server.call("POST", "/users/julia", "1").await;
    // On a machine that stalls for a second another one is earned meanwhile.
    for _ in 0..100 {
        if refused.status != 200 {
            break;
        }
        refused = server.call("POST", "/users/julia", "1").await;
    }
    assert_eq!(refused.status, 429);
    assert!(refused.error().contains("quota"));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(julia.take().len() >= 3);
    // Questions are not publications.
    assert_eq!(server.call("GET", "/users", "").await.status, 200);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_publish_and_others_may_not() {
    let origins = AllowedOrigins::parse(["https://shop.example"]).unwrap();
    let server = TestServer::start(AppConfig { rest_auth: false, origins, ..config() });
    let julia = server.subscriber("julia", &["chat"]);
    let path = format!("/1.0.0/{API_KEY}/channels/chat");
    let from = |origin| [("Origin", origin)];

    let answer = server.raw(request("POST", &path, &from("https://shop.example"), "1")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    // Errors are shown to the page as well.
    let answer = server.raw(request("POST", &path, &from("https://shop.example"), "{")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (400, Some("https://shop.example")));
    // Pages of the server itself need no entry.
    assert_eq!(server.raw(request("POST", &path, &from("http://planet.test"), "2")).await.status, 200);

    let answer = server.raw(request("POST", &path, &from("https://evil.example"), "3")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, None));
    assert!(answer.error().contains("origin"));
    assert_eq!(julia.take(), ["chat 1", "chat 2"]);
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_it_may_send() {
    let origins = AllowedOrigins::parse(["https://shop.example"]).unwrap();
    let server = TestServer::start(AppConfig { origins, ..config() });
    let path = format!("/1.0.0/{API_KEY}/channels/chat");
    let asks = |origin| {
        [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type,idempotency-key"),
        ]
    };
    let answer = server.raw(request("OPTIONS", &path, &asks("https://shop.example"), "")).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    let headers = answer.header("access-control-allow-headers").unwrap();
    assert!(headers.contains("Content-Type") && headers.contains("Idempotency-Key"), "{headers}");
    let answer = server.raw(request("OPTIONS", &path, &asks("https://evil.example"), "")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, None));
    let answer = server.raw(request("OPTIONS", &path, &[], "")).await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, POST, DELETE, OPTIONS")));
}
