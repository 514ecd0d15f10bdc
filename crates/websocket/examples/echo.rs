//! An echo server, with compression: sends every message back as it came.
//!
//! ```text
//! cargo run --release -p planet-websocket --example echo -- [127.0.0.1:9001]
//! ```
//!
//! It prints its address, which matters when port 0 is asked for.

use std::env;
use std::error::Error;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use planet_websocket::handshake::{AcceptOptions, accept};
use planet_websocket::server::take_stream;
use planet_websocket::{
    DeflateOptions, DeflateParams, Limits, Message, Role, SocketOptions, WebSocket, WebSocketError,
};
use tokio::net::{TcpListener, TcpStream};

/// The largest message that the Autobahn cases send.
const MESSAGE_BYTES: usize = 16 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("ws://{}", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        tokio::spawn(async move {
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(tcp), service_fn(answer)).with_upgrades();
            if let Err(error) = connection.await {
                eprintln!("http: {error}");
            }
        });
    }
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<String>, hyper::Error> {
    let options = AcceptOptions { deflate: Some(DeflateOptions::server()), ..AcceptOptions::default() };
    let accepted = match accept(&request, &options) {
        Ok(accepted) => accepted,
        Err(rejection) => return Ok(rejection.response()),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let deflate = accepted.deflate;
    tokio::spawn(async move {
        let result = match upgrade.await {
            Ok(upgraded) => echo(upgraded, deflate).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = result {
            eprintln!("websocket: {error}");
        }
    });
    Ok(accepted.response())
}

async fn echo(upgraded: hyper::upgrade::Upgraded, deflate: Option<DeflateParams>) -> Result<(), WebSocketError> {
    let options = SocketOptions {
        // The compression cases take it for a mistake if a message comes back uncompressed.
        deflate: DeflateOptions { threshold_bytes: 0, ..DeflateOptions::server() },
        limits: Limits { frame_bytes: MESSAGE_BYTES, message_bytes: MESSAGE_BYTES, ..Limits::default() },
        ..SocketOptions::default()
    };
    let (stream, read) = take_stream::<TcpStream>(upgraded);
    let mut socket = WebSocket::new(stream, Role::Server, deflate, &options, read);
    while let Some(message) = socket.recv().await? {
        if let Message::Text(_) | Message::Binary(_) = message {
            socket.send(message).await?;
        }
    }
    Ok(())
}
