//! WebSocket for servers with many mostly idle connections: RFC 6455, compression (RFC 7692), and
//! WebSocket over HTTP/2 (RFC 8441).
//!
//! The heart is free of IO: bytes go in, messages come out. Around it are an async socket and a client.
//! An idle connection holds no buffer at any layer.
//!
//! # The map
//!
//! | you want to | look at |
//! | --- | --- |
//! | read frames from bytes you have | [`Decoder`], [`Event`], [`Limits`], [`ProtocolError`] |
//! | make frames, once for many receivers | [`frame`], [`deflate::shared_text`] |
//! | answer or send the opening handshake | [`handshake`] |
//! | use a WebSocket as a thing that sends and receives | [`WebSocket`], [`Message`] |
//! | take a socket back from hyper | [`server::take_stream`] |
//! | connect to a server, perhaps through a proxy | [`client::connect`], [`client::Proxy`] |
//! | stay connected | [`client::Reconnecting`], [`PingOptions`] |
//! | read without owning a buffer | [`scratch::with`] |
//!
//! # A server that drives the codec itself
//!
//! This is the leanest way to serve a plain socket: while nothing arrives, the connection is a socket,
//! the 64 bytes of a [`Decoder`], and a waiting task.
//!
//! ```
//! use planet_websocket::{Decoder, Event, Limits, Role, WebSocketError, frame, scratch};
//! use tokio::io::AsyncWriteExt;
//! use tokio::net::TcpStream;
//!
//! /// What came, and what to send for it.
//! enum Next {
//!     GoOn(Vec<bytes::Bytes>),
//!     End(Vec<bytes::Bytes>),
//! }
//!
//! async fn echo(mut tcp: TcpStream) -> Result<(), WebSocketError> {
//!     let mut decoder = Decoder::new(Role::Server, Limits::default());
//!     loop {
//!         tcp.readable().await?;
//!         let next = scratch::with(|buffer| {
//!             let read = match tcp.try_read(buffer) {
//!                 Ok(0) => return Err(WebSocketError::Disconnected),
//!                 Ok(read) => read,
//!                 Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
//!                 Err(error) => return Err(error.into()),
//!             };
//!             let mut input = &mut buffer[..read];
//!             let mut replies = Vec::new();
//!             loop {
//!                 match decoder.next(&mut input) {
//!                     Ok(Some(Event::Text(text))) => replies.push(frame::text(Role::Server, text)),
//!                     Ok(Some(event)) => {
//!                         replies.extend(event.reply(Role::Server));
//!                         if let Event::Close(_) = event {
//!                             return Ok(Next::End(replies));
//!                         }
//!                     }
//!                     Ok(None) => return Ok(Next::GoOn(replies)),
//!                     Err(error) => {
//!                         let reason = error.to_string();
//!                         replies.push(frame::close(Role::Server, error.close_code(), &reason));
//!                         return Ok(Next::End(replies));
//!                     }
//!                 }
//!             }
//!         })?;
//!         let (replies, ends) = match next {
//!             Next::GoOn(replies) => (replies, false),
//!             Next::End(replies) => (replies, true),
//!         };
//!         for reply in replies {
//!             tcp.write_all(&reply).await?;
//!         }
//!         if ends {
//!             return Ok(tcp.shutdown().await?);
//!         }
//!     }
//! }
//!
//! use planet_websocket::client::{ConnectOptions, connect};
//! use planet_websocket::handshake::accept_key;
//! # use tokio::io::AsyncReadExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let address = listener.local_addr()?;
//! # tokio::spawn(async move {
//! #     let (mut tcp, _) = listener.accept().await.unwrap();
//! #     let mut head = Vec::new();
//! #     while !head.ends_with(b"\r\n\r\n") {
//! #         tcp.read_buf(&mut head).await.unwrap();
//! #     }
//! #     let head = String::from_utf8(head).unwrap();
//! #     let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
//! #     let accept = accept_key(key.as_bytes());
//! #     let answer = format!("HTTP/1.1 101 .\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//! #         Sec-WebSocket-Accept: {accept}\r\n\r\n");
//! #     tcp.write_all(answer.as_bytes()).await.unwrap();
//! #     echo(tcp).await.unwrap();
//! # });
//!
//! // And the client for it.
//! let mut socket = connect(&ConnectOptions::new(format!("ws://{address}/"))).await?.socket;
//! socket.send("hello").await?;
//! assert_eq!(socket.recv().await?, Some("hello".into()));
//! socket.close(planet_websocket::CloseCode::NORMAL, "").await?;
//! # Ok(())
//! # }
//! ```
//!
//! The example `echo` does the same with hyper, compression and [`WebSocket`]; the Autobahn cases run
//! against it (`tests/autobahn.py`).
//!
//! # Features
//!
//! - `hyper` (on by default): [`server`], and extended CONNECT in [`handshake`].
//! - `tls`: `wss://` in [`client`], with a `rustls` configuration of yours.

pub mod client;
mod close;
mod decoder;
pub mod deflate;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod header;
mod limits;
mod mask;
pub mod scratch;
#[cfg(feature = "hyper")]
pub mod server;
mod socket;
mod text;

pub use close::{CloseCode, CloseReason, MAX_CLOSE_REASON_BYTES};
pub use decoder::Decoder;
pub use deflate::{DeflateOptions, DeflateParams};
pub use error::ProtocolError;
pub use event::{Event, Message};
pub use header::{MAX_CONTROL_BYTES, Opcode};
pub use limits::{Limits, Role};
pub use mask::{MaskKey, apply_mask};
pub use socket::{Parts, PingOptions, SocketOptions, WebSocket, WebSocketError};
