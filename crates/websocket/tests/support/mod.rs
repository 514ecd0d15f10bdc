//! An echo server behind hyper, servers and a proxy by hand, and tungstenite as an oracle.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod by_hand;
pub(crate) mod oracle;
pub(crate) mod proxy;
pub(crate) mod stream;

use std::net::SocketAddr;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use planet_websocket::handshake::{AcceptOptions, accept};
use planet_websocket::server::{ServerStream, take_stream};
use planet_websocket::{Message, Role, SocketOptions, WebSocket, WebSocketError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What the server tells of one connection at its end.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Whether the socket was taken back from hyper.
    pub(crate) own_stream: bool,
    pub(crate) result: Result<(), WebSocketError>,
}

/// A running server.
pub(crate) struct EchoServer {
    pub(crate) address: SocketAddr,
    pub(crate) ended: mpsc::UnboundedReceiver<Ended>,
}

impl EchoServer {
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }
}

/// Serves HTTP/1.1 and HTTP/2 through hyper-util's `auto` connection, or HTTP/1.1 through hyper's own.
pub(crate) async fn serve(auto: bool, accepting: AcceptOptions, options: SocketOptions) -> EchoServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (sender, ended) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (accepting, options, sender) = (accepting.clone(), options.clone(), sender.clone());
            let service = service_fn(move |request| {
                let answer = answer(request, &accepting, options.clone(), sender.clone());
                std::future::ready(Ok::<_, hyper::Error>(answer))
            });
            tokio::spawn(async move {
                let io = TokioIo::new(tcp);
                // A client that hangs up in the middle is what some tests are about.
                if auto {
                    let mut builder = auto::Builder::new(TokioExecutor::new());
                    builder.http2().enable_connect_protocol();
                    let _ = builder.serve_connection_with_upgrades(io, service).await;
                } else {
                    let builder = hyper::server::conn::http1::Builder::new();
                    let _ = builder.serve_connection(io, service).with_upgrades().await;
                }
            });
        }
    });
    EchoServer { address, ended }
}

fn answer(
    mut request: Request<Incoming>,
    accepting: &AcceptOptions,
    options: SocketOptions,
    ended: mpsc::UnboundedSender<Ended>,
) -> Response<String> {
    let accepted = match accept(&request, accepting) {
        Ok(accepted) => accepted,
        Err(rejection) => return rejection.response(),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let deflate = accepted.deflate;
    tokio::spawn(async move {
        let (stream, read) = take_stream::<TcpStream>(upgrade.await.expect("an upgrade"));
        let own_stream = matches!(stream, ServerStream::Own(_));
        let mut socket = WebSocket::new(stream, Role::Server, deflate, &options, read);
        let result = echo(&mut socket).await;
        let _ = ended.send(Ended { own_stream, result });
    });
    accepted.response()
}

async fn echo(socket: &mut WebSocket<ServerStream<TcpStream>>) -> Result<(), WebSocketError> {
    while let Some(message) = socket.recv().await? {
        if let Message::Text(_) | Message::Binary(_) = message {
            socket.send(message).await?;
        }
    }
    Ok(())
}
