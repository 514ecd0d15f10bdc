//! A server's side of the handshake.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ALLOW, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};

use super::{accept_key, has_token, tokens};
use crate::deflate::{DeflateOptions, DeflateParams, accept_offers};

/// What a server takes.
#[derive(Debug, Clone, Default)]
pub struct AcceptOptions {
    /// Subprotocols it speaks, best first. A client that offers none of them is accepted without one
    /// (RFC 6455 §4.2.2).
    pub subprotocols: Vec<String>,
    /// How it compresses; `None` declines compression.
    pub deflate: Option<DeflateOptions>,
}

/// A handshake that succeeded, and what was agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The subprotocol chosen.
    pub subprotocol: Option<String>,
    /// The parameters of permessage-deflate, if both want it. Give them to
    /// [`Decoder::with_deflate`](crate::Decoder::with_deflate).
    pub deflate: Option<DeflateParams>,
    /// `Sec-WebSocket-Accept`; over HTTP/2 there is none.
    accept: Option<String>,
    extensions: Option<String>,
}

/// Whether a request asks for a WebSocket at all, rightly or wrongly. A server that offers other
/// things at the same path looks here first.
pub fn is_websocket<B>(request: &Request<B>) -> bool {
    is_extended_connect(request) || has_token(request.headers(), UPGRADE, "websocket")
}

/// Checks a client's request and chooses subprotocol and compression (RFC 6455 §4.2, RFC 8441 §5).
///
/// Who may connect from where (`Origin`) is for the caller to decide.
///
/// ```
/// use planet_websocket::handshake::{AcceptOptions, accept};
///
/// let request = http::Request::get("/chat")
///     .header("Host", "example.com")
///     .header("Upgrade", "websocket")
///     .header("Connection", "Upgrade")
///     .header("Sec-WebSocket-Version", "13")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let response = match accept(&request, &AcceptOptions::default()) {
///     Ok(accepted) => accepted.response::<String>(),
///     Err(rejection) => rejection.response::<String>(),
/// };
/// assert_eq!(response.status(), 101);
/// # Ok::<(), http::Error>(())
/// ```
pub fn accept<B>(request: &Request<B>, options: &AcceptOptions) -> Result<Accepted, Rejection> {
    let headers = request.headers();
    let extended_connect = is_extended_connect(request);
    if !extended_connect {
        if request.method() != Method::GET {
            return Err(Rejection::Method);
        }
        if request.version() != Version::HTTP_11 {
            return Err(Rejection::HttpVersion);
        }
        if !has_token(headers, UPGRADE, "websocket") {
            return Err(Rejection::NoUpgrade);
        }
        if !has_token(headers, CONNECTION, "upgrade") {
            return Err(Rejection::NoConnectionUpgrade);
        }
    }
    let mut versions = headers.get_all(SEC_WEBSOCKET_VERSION).into_iter();
    if versions.next().map(HeaderValue::as_bytes) != Some(b"13") || versions.next().is_some() {
        return Err(Rejection::WebSocketVersion);
    }
    let accept = if extended_connect { None } else { Some(answer_key(request)?) };
    let subprotocol = options
        .subprotocols
        .iter()
        .find(|ours| tokens(headers, SEC_WEBSOCKET_PROTOCOL).any(|theirs| theirs == *ours))
        .cloned();
    let offers = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter().filter_map(|value| value.to_str().ok());
    let (deflate, extensions) = options.deflate.as_ref().and_then(|deflate| accept_offers(offers, deflate)).unzip();
    Ok(Accepted { subprotocol, deflate, accept, extensions })
}

fn answer_key<B>(request: &Request<B>) -> Result<String, Rejection> {
    let mut keys = request.headers().get_all(SEC_WEBSOCKET_KEY).into_iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(Rejection::Key);
    };
    let key = key.as_bytes().trim_ascii();
    let mut nonce = [0; 18];
    if STANDARD.decode_slice(key, &mut nonce) != Ok(16) {
        return Err(Rejection::Key);
    }
    Ok(accept_key(key))
}

#[cfg(feature = "hyper")]
fn is_extended_connect<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT
        && request.extensions().get::<hyper::ext::Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

#[cfg(not(feature = "hyper"))]
fn is_extended_connect<B>(_request: &Request<B>) -> bool {
    false
}

impl Accepted {
    /// The response to send: 101 over HTTP/1.1, 200 over HTTP/2. Its body is empty.
    pub fn response<B: Default>(&self) -> Response<B> {
        let mut response = Response::new(B::default());
        let status = if self.accept.is_some() { StatusCode::SWITCHING_PROTOCOLS } else { StatusCode::OK };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if let Some(accept) = &self.accept {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.extend(value(accept).map(|value| (SEC_WEBSOCKET_ACCEPT, value)));
        }
        let subprotocol = self.subprotocol.as_deref().and_then(value);
        headers.extend(subprotocol.map(|value| (SEC_WEBSOCKET_PROTOCOL, value)));
        let extensions = self.extensions.as_deref().and_then(value);
        headers.extend(extensions.map(|value| (SEC_WEBSOCKET_EXTENSIONS, value)));
        response
    }
}

fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

/// Why a request cannot become a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The method is not GET (405).
    Method,
    /// The request is older than HTTP/1.1 (400), or is an HTTP/2 one that is no extended CONNECT.
    HttpVersion,
    /// No `Upgrade: websocket` (426).
    NoUpgrade,
    /// No `Connection: Upgrade` (400). A proxy that forwards the one must forward the other.
    NoConnectionUpgrade,
    /// `Sec-WebSocket-Version` is not 13 (426, which names 13).
    WebSocketVersion,
    /// `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes in base64 (400).
    Key,
}

impl Rejection {
    /// The status to answer with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoUpgrade | Self::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            Self::HttpVersion | Self::NoConnectionUpgrade | Self::Key => StatusCode::BAD_REQUEST,
        }
    }

    /// The response to send, with the reason as its body. It fits HTTP/2 as well, from which hyper
    /// takes out the headers that name a connection.
    pub fn response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(format!("{self}\n")));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        if self == Self::Method {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
        }
        if self.status() == StatusCode::UPGRADE_REQUIRED {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        response
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "a WebSocket is opened with GET",
            Self::HttpVersion => "a WebSocket needs HTTP/1.1, or extended CONNECT over HTTP/2 (RFC 8441)",
            Self::NoUpgrade => "this is a WebSocket: the request needs `Upgrade: websocket`",
            Self::NoConnectionUpgrade => "the request needs `Connection: Upgrade`; does a proxy leave it out?",
            Self::WebSocketVersion => "the request needs `Sec-WebSocket-Version: 13`",
            Self::Key => "the request needs one `Sec-WebSocket-Key` of 16 bytes in base64",
        })
    }
}

impl std::error::Error for Rejection {}

#[cfg(test)]
mod tests;
