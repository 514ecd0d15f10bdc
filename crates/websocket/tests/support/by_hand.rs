//! Servers that answer the handshake by hand, on whatever stream.

use planet_websocket::handshake::accept_key;
use planet_websocket::{Role, SocketOptions, WebSocket};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Reads a request's head; `None` if the client went away before its end.
pub(crate) async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8(head).expect("a text"))
}

/// Takes a client's handshake. Returns the head of its request and the socket.
pub(crate) async fn accept_by_hand<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> (String, WebSocket<S>) {
    let head = read_head(&mut stream).await.expect("a request");
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).expect("a key");
    let accept = accept_key(key.as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await.expect("written");
    (head, WebSocket::new(stream, Role::Server, None, &SocketOptions::default(), Vec::new()))
}
