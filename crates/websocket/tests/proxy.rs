//! The client through an HTTP proxy.

mod support;

use planet_websocket::client::{ConnectError, ConnectOptions, Proxy, connect};
use planet_websocket::handshake::AcceptOptions;
use planet_websocket::{CloseCode, SocketOptions};
use support::proxy::{Answer, TestProxy};
use support::serve;

fn through(proxy: &TestProxy, url: String) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.proxy = Some(Proxy::new(&format!("http://{}", proxy.address)).expect("a proxy"));
    options
}

#[tokio::test]
async fn a_tunnel_carries_the_handshake_and_all_that_follows() {
    let server = serve(true, AcceptOptions::default(), SocketOptions::default()).await;
    // Some proxies still answer as HTTP/1.0, and some name a length, which means nothing here (RFC 9110 §9.3.6).
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 Connection established\r\nContent-Length: 5\r\n\r\n"] {
        let mut proxy = TestProxy::start(Answer::Tunnel(head)).await;
        let mut socket = connect(&through(&proxy, server.url())).await.expect("a connection").socket;
        let text = "through the tunnel, ".repeat(10_000);
        socket.send(text.as_str()).await.expect("sent");
        assert_eq!(socket.recv().await.expect("an echo"), Some(text.into()));
        socket.close(CloseCode::NORMAL, "").await.expect("closed");
        let address = server.address;
        let request = proxy.requests.recv().await.expect("a request");
        assert_eq!(request, format!("CONNECT {address} HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    }
}

#[tokio::test]
async fn credentials_go_to_the_proxy_and_not_to_the_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let server = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.expect("a client");
        support::by_hand::accept_by_hand(tcp).await.0
    });
    let mut proxy = TestProxy::start(Answer::Tunnel("HTTP/1.1 200 OK\r\n\r\n")).await;
    let mut options = through(&proxy, url);
    options.proxy = options.proxy.map(|proxy| proxy.with_basic_auth("Aladdin", "open sesame").expect("credentials"));
    connect(&options).await.expect("a connection");
    let request = proxy.requests.recv().await.expect("a request");
    assert!(request.contains("proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{request}");
    assert!(!server.await.expect("a head").contains("proxy-authorization"));
}

#[tokio::test]
async fn a_refusal_says_what_the_proxy_answered() {
    let refuse = |text: &str| Answer::Refuse(text.as_bytes().to_vec());
    for (answer, status, reason) in [
        ("HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\nlog in first", 407, "Who are you"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", 502, "Bad Gateway"),
        // Bytes behind the head would end up in the WebSocket.
        ("HTTP/1.1 200 OK\r\n\r\nhello", 200, "OK"),
    ] {
        let proxy = TestProxy::start(refuse(answer)).await;
        let error = connect(&through(&proxy, "ws://127.0.0.1:1/".into())).await.expect_err("a refusal");
        let told = error.to_string();
        assert_eq!(told, format!("the proxy {} opens no tunnel: it answered {status} {reason}", proxy.address));
        assert_eq!(error.is_permanent(), status == 407);
    }
    let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(16 * 1024));
    let proxy = TestProxy::start(refuse(&long)).await;
    let error = connect(&through(&proxy, "ws://127.0.0.1:1/".into())).await.expect_err("too long");
    assert!(matches!(error, ConnectError::ResponseTooLong(_)), "{error}");
    let proxy = TestProxy::start(refuse("SSH-2.0-x\r\n")).await;
    let error = connect(&through(&proxy, "ws://127.0.0.1:1/".into())).await.expect_err("no HTTP");
    assert!(matches!(error, ConnectError::InvalidResponse), "{error}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let mut options = ConnectOptions::new("ws://127.0.0.1:1/");
    options.proxy = Some(Proxy::new(&format!("http://{address}")).expect("a proxy"));
    match connect(&options).await {
        Err(ConnectError::Connect { address: named, .. }) => assert_eq!(named, address.to_string()),
        other => panic!("{other:?}"),
    }
}
