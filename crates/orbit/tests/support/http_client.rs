//! A small HTTP client: a connection for each request.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::soon;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }
}

/// An answer whose body goes on.
pub struct Streaming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    read: BytesMut,
}

impl Streaming {
    /// The next piece that ends with `end`, without it; `None` at the end of the body.
    pub async fn next(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|window| window == end.as_bytes()) {
                let piece = self.read.split_to(at + end.len());
                return Some(String::from_utf8(piece[..at].to_vec()).unwrap());
            }
            let frame = soon("more of the body", self.body.frame()).await?;
            let Ok(Ok(data)) = frame.map(hyper::body::Frame::into_data) else { return None };
            self.read.extend_from_slice(&data);
        }
    }

    pub async fn whole(self) -> Answer {
        let rest = soon("the whole body", self.body.collect()).await.unwrap().to_bytes();
        let text = String::from_utf8([&self.read[..], &rest[..]].concat()).unwrap();
        Answer { status: self.status, headers: self.headers, text }
    }
}

/// Sends a request on a connection of its own.
pub async fn request(address: SocketAddr, request: Request<String>) -> Streaming {
    let tcp = TcpStream::connect(address).await.unwrap();
    request_over(tcp, request).await
}

/// Sends a request on this connection.
pub async fn request_over<S>(stream: S, request: Request<String>) -> Streaming
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    parts.headers.entry("host").or_insert_with(|| "localhost".parse().unwrap());
    let request = Request::from_parts(parts, Full::new(Bytes::from(body)));
    let response = soon("an answer", sender.send_request(request)).await.unwrap();
    let (parts, body) = response.into_parts();
    Streaming { status: parts.status, headers: parts.headers, body, read: BytesMut::new() }
}

pub async fn post(address: SocketAddr, path: &str, body: impl Into<String>) -> Answer {
    request(address, Request::post(path).body(body.into()).unwrap()).await.whole().await
}

pub async fn get(address: SocketAddr, path: &str) -> Streaming {
    request(address, Request::get(path).body(String::new()).unwrap()).await
}
