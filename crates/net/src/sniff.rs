//! Finding out whether a client on plain TCP speaks HTTP/1.1 or HTTP/2, or is a Flash player that wants a policy file.

use std::io;

use rustix::net::{RecvFlags, recv};
use tokio::{io::Interest, net::TcpStream};

use crate::policy;

/// What a client with prior knowledge of HTTP/2 sends first (RFC 9113, section 3.4).
pub const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The versions of HTTP that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1, and everything that is not recognised as HTTP/2.
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2,
}

impl HttpVersion {
    /// What the first bytes of a connection say; `None` while they are too few to tell.
    pub fn of(first: &[u8]) -> Option<Self> {
        if first.starts_with(HTTP2_PREFACE) {
            Some(Self::Http2)
        } else if HTTP2_PREFACE.starts_with(first) {
            None
        } else {
            Some(Self::Http1)
        }
    }

    /// The version named by a protocol chosen by ALPN (RFC 7301); none chosen means HTTP/1.1.
    pub fn of_alpn(protocol: Option<&[u8]>) -> Self {
        if protocol == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }
}

/// What a connection on plain TCP is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// HTTP of this version.
    Http(HttpVersion),
    /// A request for a [policy file](policy).
    PolicyFile,
}

impl Opening {
    /// What the first bytes of a connection say; `None` while they are too few to tell.
    pub fn of(first: &[u8]) -> Option<Self> {
        if first.starts_with(policy::REQUEST) {
            Some(Self::PolicyFile)
        } else if policy::REQUEST.starts_with(first) {
            None
        } else {
            HttpVersion::of(first).map(Self::Http)
        }
    }
}

/// Looks at the first bytes of a connection without taking them.
///
/// Choosing hyper's HTTP/1.1 or HTTP/2 server beforehand saves the read-ahead buffer of a server
/// that decides by itself: 5.5 KB for each idle connection. `None` means that the peer closed
/// the connection without sending anything. There is no time limit here; the caller sets one.
///
/// # Errors
///
/// Those of reading from the socket.
pub async fn http_version(tcp: &TcpStream) -> io::Result<Option<HttpVersion>> {
    look(tcp, HttpVersion::of).await
}

/// As [`http_version`], and sees requests for a policy file as well.
///
/// # Errors
///
/// Those of reading from the socket.
pub async fn opening(tcp: &TcpStream) -> io::Result<Option<Opening>> {
    look(tcp, Opening::of).await
}

async fn look<T>(tcp: &TcpStream, tell: impl Fn(&[u8]) -> Option<T>) -> io::Result<Option<T>> {
    tcp.async_io(Interest::READABLE, || {
        // As long as the longer one of what is looked for.
        let mut first = [0; HTTP2_PREFACE.len()];
        let (count, _) = recv(tcp, &mut first, RecvFlags::PEEK)?;
        if count == 0 {
            return Ok(None);
        }
        // Saying "would block" clears the readiness seen before this look at the bytes, so that
        // the next look comes when more bytes have: no polling, and no wake-up is missed.
        tell(&first[..count]).map(Some).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    })
    .await
}

const _: () = assert!(policy::REQUEST.len() <= HTTP2_PREFACE.len());

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn versions_are_told_apart_by_their_first_bytes() {
        use HttpVersion::{Http1, Http2};
        for (first, expected) in [
            (&b""[..], None),
            (b"P", None),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
            (HTTP2_PREFACE, Some(Http2)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0", Some(Http2)),
            (b"PRI * HTTP/1.1\r\n", Some(Http1)),
            (b"PUT / HTTP/1.1\r\n", Some(Http1)),
            (b"GET", Some(Http1)),
            (b"\x16\x03\x01", Some(Http1)),
        ] {
            assert_eq!(HttpVersion::of(first), expected, "{first:?}");
        }
        assert_eq!(HttpVersion::of_alpn(Some(b"h2")), Http2);
        assert_eq!(HttpVersion::of_alpn(Some(b"http/1.1")), Http1);
        assert_eq!(HttpVersion::of_alpn(None), Http1);
    }

    #[test]
    fn a_policy_request_is_told_from_http_by_all_of_its_bytes() {
        for (first, expected) in [
            (&b""[..], None),
            (b"<", None),
            (b"<policy-file-request/>", None),
            (b"<policy-file-request/>\0", Some(Opening::PolicyFile)),
            (b"<policy-file-request/>\0x", Some(Opening::PolicyFile)),
            (b"<policy-file-request/>\n", Some(Opening::Http(HttpVersion::Http1))),
            (b"<html>", Some(Opening::Http(HttpVersion::Http1))),
            (b"P", None),
            (b"GET", Some(Opening::Http(HttpVersion::Http1))),
            (HTTP2_PREFACE, Some(Opening::Http(HttpVersion::Http2))),
        ] {
            assert_eq!(Opening::of(first), expected, "{first:?}");
        }
    }

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        (client, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn bytes_that_come_one_by_one_are_waited_for_and_stay_readable() {
        let (mut client, mut server) = pair().await;
        let writing = tokio::spawn(async move {
            for byte in HTTP2_PREFACE {
                client.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            client
        });
        assert_eq!(http_version(&server).await.unwrap(), Some(HttpVersion::Http2));
        let mut first = [0; HTTP2_PREFACE.len()];
        server.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, HTTP2_PREFACE);
        writing.await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_closed_without_a_byte_is_no_error() {
        let (client, server) = pair().await;
        drop(client);
        assert_eq!(http_version(&server).await.unwrap(), None);
    }
}
