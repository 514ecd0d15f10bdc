//! A WebSocket over one stream of an HTTP/2 connection (RFC 8441).

mod support;

use http::{Request, StatusCode, Version};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use planet_websocket::handshake::AcceptOptions;
use planet_websocket::{CloseCode, Message, Role, SocketOptions, WebSocket};
use support::serve;
use tokio::net::TcpStream;

type Body = Empty<bytes::Bytes>;

fn extended_connect(version: &str) -> Request<Body> {
    let mut request = Request::connect("http://localhost/chat")
        .version(Version::HTTP_2)
        .header("sec-websocket-version", version)
        .body(Body::new())
        .expect("a valid request");
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    request
}

async fn http2_client(address: std::net::SocketAddr) -> http2::SendRequest<Body> {
    let tcp = TcpStream::connect(address).await.expect("connected");
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.expect("an HTTP/2 connection");
    tokio::spawn(connection);
    sender
}

async fn socket(response: hyper::Response<Incoming>) -> Socket {
    let upgraded = hyper::upgrade::on(response).await.expect("an upgrade");
    let options = SocketOptions::default();
    WebSocket::new(TokioIo::new(upgraded), Role::Client, None, &options, Vec::new())
}

type Socket = WebSocket<TokioIo<hyper::upgrade::Upgraded>>;

#[tokio::test]
async fn two_websockets_share_a_connection() {
    let mut server = serve(true, AcceptOptions::default(), SocketOptions::default()).await;
    let mut http = http2_client(server.address).await;
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let response = http.send_request(extended_connect("13")).await.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("sec-websocket-accept"));
        sockets.push(socket(response).await);
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        let text = format!("on stream {number}");
        socket.send(text.as_str()).await.expect("sent");
        let message = socket.recv().await.expect("an echo");
        assert_eq!(message, Some(Message::Text(text)));
    }
    for socket in &mut sockets {
        socket.close(CloseCode::NORMAL, "").await.expect("closed");
        let ended = server.ended.recv().await.expect("a report");
        assert!(!ended.own_stream, "an HTTP/2 stream stays hyper's");
        ended.result.expect("a clean end");
    }
}

#[tokio::test]
async fn a_wrong_version_is_rejected_and_the_connection_goes_on() {
    let server = serve(true, AcceptOptions::default(), SocketOptions::default()).await;
    let mut http = http2_client(server.address).await;
    let response = http.send_request(extended_connect("8")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    let response = http.send_request(extended_connect("13")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
}
