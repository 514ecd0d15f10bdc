//! As much of HTTP/1.1 as a handshake and a proxy need.

use std::io;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::ConnectError;

/// Longest head of an answer that is read.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Most headers of an answer that are read.
const MAX_HEADERS: usize = 64;

/// The head of an answer.
#[derive(Debug)]
pub(super) struct ResponseHead {
    pub(super) status: StatusCode,
    /// The status in the server's own words.
    pub(super) reason: String,
    pub(super) headers: HeaderMap,
}

impl From<ResponseHead> for Response<()> {
    fn from(head: ResponseHead) -> Self {
        let mut response = Self::new(());
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        response
    }
}

/// Sends a request without a body, whose line is `request`, as in `GET /`.
pub(super) async fn write_request<S: AsyncWrite + Unpin>(
    stream: &mut S,
    request: &str,
    headers: &HeaderMap,
) -> io::Result<()> {
    let mut request = format!("{request} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_str().as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await
}

/// Reads the head of the answer, and returns the bytes that came behind it. Takes HTTP/1.`oldest_minor` and later.
pub(super) async fn read_response<S: AsyncRead + Unpin>(
    stream: &mut S,
    oldest_minor: u8,
) -> Result<(ResponseHead, Vec<u8>), ConnectError> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        if let Some((response, head_bytes)) = parse(&bytes, oldest_minor)? {
            return Ok((response, bytes[head_bytes..].to_vec()));
        }
        if bytes.len() >= MAX_HEAD_BYTES {
            return Err(ConnectError::ResponseTooLong(MAX_HEAD_BYTES));
        }
    }
}

fn parse(bytes: &[u8], oldest_minor: u8) -> Result<Option<(ResponseHead, usize)>, ConnectError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let head_bytes = match head.parse(bytes) {
        Ok(httparse::Status::Complete(head_bytes)) => head_bytes,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(ConnectError::ResponseTooLong(MAX_HEAD_BYTES));
        }
        Err(_) => return Err(ConnectError::InvalidResponse),
    };
    if head.version.is_none_or(|minor| minor < oldest_minor) {
        return Err(ConnectError::InvalidResponse);
    }
    let status = StatusCode::from_u16(head.code.unwrap_or_default()).map_err(|_| ConnectError::InvalidResponse)?;
    let mut headers = HeaderMap::new();
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| ConnectError::InvalidResponse)?;
        let value = HeaderValue::from_bytes(header.value).map_err(|_| ConnectError::InvalidResponse)?;
        headers.append(name, value);
    }
    Ok(Some((ResponseHead { status, reason: head.reason.unwrap_or_default().to_owned(), headers }, head_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> Result<(ResponseHead, Vec<u8>), ConnectError> {
        read_response(&mut bytes, 1).await
    }

    #[tokio::test]
    async fn reads_a_head_and_keeps_what_follows() {
        let (response, rest) = read(b"HTTP/1.1 101 Odd\r\nA: b\r\na: c\r\n\r\n\x81\x00").await.expect("valid");
        assert_eq!((response.status.as_u16(), response.reason.as_str()), (101, "Odd"));
        assert_eq!(response.headers.get_all("a").iter().count(), 2);
        assert_eq!(rest, b"\x81\x00");
    }

    #[tokio::test]
    async fn refuses_what_is_not_a_bounded_http_1_1_head() {
        assert!(matches!(read(b"SSH-2.0-x\r\n").await, Err(ConnectError::InvalidResponse)));
        assert!(matches!(read(b"HTTP/1.0 200 OK\r\n\r\n").await, Err(ConnectError::InvalidResponse)));
        assert!(read_response(&mut &b"HTTP/1.0 200 OK\r\n\r\n"[..], 0).await.is_ok());
        assert!(matches!(read(b"HTTP/1.1 101 cut").await, Err(ConnectError::Io(_))));
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(MAX_HEAD_BYTES));
        assert!(matches!(read(long.as_bytes()).await, Err(ConnectError::ResponseTooLong(MAX_HEAD_BYTES))));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(65));
        assert!(matches!(read(many.as_bytes()).await, Err(ConnectError::ResponseTooLong(_))));
    }
}
