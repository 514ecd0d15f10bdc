//! A client's side of the handshake.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HOST, InvalidHeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{accept_key, has_token};
use crate::deflate::{DeflateOptions, DeflateParams, NegotiationError, offer, verify_answer};

/// A client's handshake: the headers it sends, and the check of what comes back.
#[derive(Debug, Clone)]
pub struct ClientHandshake {
    key: String,
    subprotocols: Vec<String>,
    deflate: Option<DeflateOptions>,
}

impl ClientHandshake {
    /// A handshake with a fresh key, which offers these subprotocols and, if given, compression.
    pub fn new(subprotocols: Vec<String>, deflate: Option<DeflateOptions>) -> Self {
        Self { key: STANDARD.encode(rand::random::<[u8; 16]>()), subprotocols, deflate }
    }

    /// Puts the headers of the handshake in place (RFC 6455 §4.1), `Host` among them.
    ///
    /// Fails if `host` or a subprotocol cannot stand in a header.
    pub fn write_headers(&self, host: &str, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
        headers.insert(HOST, HeaderValue::from_str(host)?);
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&self.key)?);
        if !self.subprotocols.is_empty() {
            let names = HeaderValue::from_str(&self.subprotocols.join(", "))?;
            headers.insert(SEC_WEBSOCKET_PROTOCOL, names);
        }
        if let Some(deflate) = &self.deflate {
            let offer = HeaderValue::from_str(&offer(deflate))?;
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, offer);
        }
        Ok(())
    }

    /// Checks the server's answer (RFC 6455 §4.1) and returns what was agreed: the subprotocol and
    /// the compression.
    pub fn verify<B>(&self, response: &Response<B>) -> Result<(Option<String>, Option<DeflateParams>), HandshakeError> {
        let headers = response.headers();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(HandshakeError::Status(response.status()));
        }
        if !has_token(headers, UPGRADE, "websocket") || !has_token(headers, CONNECTION, "upgrade") {
            return Err(HandshakeError::NoUpgrade);
        }
        let accept = headers.get(SEC_WEBSOCKET_ACCEPT);
        if accept.map(|value| value.as_bytes().trim_ascii()) != Some(accept_key(self.key.as_bytes()).as_bytes()) {
            return Err(HandshakeError::Accept);
        }
        let subprotocol = match headers.get(SEC_WEBSOCKET_PROTOCOL) {
            None => None,
            Some(name) => Some(
                self.subprotocols
                    .iter()
                    .find(|offered| name.as_bytes() == offered.as_bytes())
                    .ok_or_else(|| {
                        let name = String::from_utf8_lossy(name.as_bytes());
                        HandshakeError::Subprotocol(name.into_owned())
                    })?
                    .clone(),
            ),
        };
        let mut answers = Vec::new();
        for value in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
            let answer = value.to_str().map_err(|_| HandshakeError::Extensions(NegotiationError::Malformed))?;
            answers.push(answer);
        }
        let deflate = verify_answer(answers.into_iter(), self.deflate.as_ref()).map_err(HandshakeError::Extensions)?;
        Ok((subprotocol, deflate))
    }
}

/// Why a server's answer opens no WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// A status other than 101.
    Status(StatusCode),
    /// No `Upgrade: websocket` or no `Connection: Upgrade`.
    NoUpgrade,
    /// `Sec-WebSocket-Accept` does not answer the key: a cache, or no WebSocket server.
    Accept,
    /// A subprotocol that was not offered.
    Subprotocol(String),
    /// A wrong answer about extensions.
    Extensions(NegotiationError),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status} instead of 101"),
            Self::NoUpgrade => f.write_str("the server did not switch to WebSocket"),
            Self::Accept => f.write_str("the server's Sec-WebSocket-Accept does not fit the key"),
            Self::Subprotocol(name) => {
                write!(f, "the server chose the subprotocol {name:?}, which was not offered")
            }
            Self::Extensions(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Extensions(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(handshake: &ClientHandshake) -> Response<()> {
        Response::builder()
            .status(101)
            .header(UPGRADE, "WebSocket")
            .header(CONNECTION, "keep-alive, upgrade")
            .header(SEC_WEBSOCKET_ACCEPT, accept_key(handshake.key.as_bytes()))
            .body(())
            .expect("a valid response")
    }

    #[test]
    fn writes_the_headers_and_takes_the_answer() {
        let handshake = ClientHandshake::new(vec!["a".into(), "b".into()], Some(DeflateOptions::client()));
        let mut headers = HeaderMap::new();
        handshake.write_headers("example.com:81", &mut headers).expect("valid headers");
        assert_eq!(headers[HOST], "example.com:81");
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "a, b");
        assert_eq!(headers[SEC_WEBSOCKET_KEY].len(), 24);
        let mut response = answer(&handshake);
        let (subprotocol, deflate) = handshake.verify(&response).expect("a right answer");
        assert_eq!((subprotocol, deflate), (None, None));
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("b"));
        response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
        let (subprotocol, deflate) = handshake.verify(&response).expect("a right answer");
        assert_eq!(subprotocol.as_deref(), Some("b"));
        assert_eq!(deflate, Some(DeflateParams::default()));
    }

    #[test]
    fn says_what_is_wrong_with_an_answer() {
        let handshake = ClientHandshake::new(vec![], None);
        let mut response = answer(&handshake);
        *response.status_mut() = StatusCode::NOT_FOUND;
        assert_eq!(handshake.verify(&response), Err(HandshakeError::Status(StatusCode::NOT_FOUND)));
        let mut response = answer(&handshake);
        response.headers_mut().remove(UPGRADE);
        assert_eq!(handshake.verify(&response), Err(HandshakeError::NoUpgrade));
        let other = ClientHandshake::new(vec![], None);
        assert_eq!(other.verify(&answer(&handshake)), Err(HandshakeError::Accept));
        let mut response = answer(&handshake);
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("x"));
        assert_eq!(handshake.verify(&response), Err(HandshakeError::Subprotocol("x".into())));
        let mut response = answer(&handshake);
        response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("permessage-deflate"));
        assert!(matches!(
            handshake.verify(&response),
            Err(HandshakeError::Extensions(NegotiationError::UnofferedExtension(_)))
        ));
    }
}
