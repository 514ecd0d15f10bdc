//! As much of HTTP/1.1 as a handshake needs.

use std::io;

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::ConnectError;

/// Longest head of an answer that is read.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Most headers of an answer that are read.
const MAX_HEADERS: usize = 64;

pub(super) async fn write_request<S: AsyncWrite + Unpin>(
    stream: &mut S,
    path: &str,
    headers: &HeaderMap,
) -> io::Result<()> {
    let mut request = format!("GET {path} HTTP/1.1\r\n").into_bytes();
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

/// Reads the head of the answer, and returns the bytes that came behind it.
pub(super) async fn read_response<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<(Response<()>, Vec<u8>), ConnectError> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        if let Some((response, head_bytes)) = parse(&bytes)? {
            return Ok((response, bytes[head_bytes..].to_vec()));
        }
        if bytes.len() >= MAX_HEAD_BYTES {
            return Err(ConnectError::ResponseTooLong(MAX_HEAD_BYTES));
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Option<(Response<()>, usize)>, ConnectError> {
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
    if head.version != Some(1) {
        return Err(ConnectError::InvalidResponse);
    }
    let invalid = |_| ConnectError::InvalidResponse;
    let mut response = Response::builder()
        .status(head.code.unwrap_or_default())
        .body(())
        .map_err(|_| ConnectError::InvalidResponse)?;
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| ConnectError::InvalidResponse)?;
        let value = HeaderValue::from_bytes(header.value).map_err(invalid)?;
        response.headers_mut().append(name, value);
    }
    Ok(Some((response, head_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> Result<(Response<()>, Vec<u8>), ConnectError> {
        read_response(&mut bytes).await
    }

    #[tokio::test]
    async fn reads_a_head_and_keeps_what_follows() {
        let (response, rest) = read(b"HTTP/1.1 101 Odd\r\nA: b\r\na: c\r\n\r\n\x81\x00").await.expect("valid");
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers().get_all("a").iter().count(), 2);
        assert_eq!(rest, b"\x81\x00");
    }

    #[tokio::test]
    async fn refuses_what_is_not_a_bounded_http_1_1_head() {
        assert!(matches!(read(b"SSH-2.0-x\r\n").await, Err(ConnectError::InvalidResponse)));
        assert!(matches!(read(b"HTTP/1.0 200 OK\r\n\r\n").await, Err(ConnectError::InvalidResponse)));
        assert!(matches!(read(b"HTTP/1.1 101 cut").await, Err(ConnectError::Io(_))));
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(MAX_HEAD_BYTES));
        assert!(matches!(read(long.as_bytes()).await, Err(ConnectError::ResponseTooLong(MAX_HEAD_BYTES))));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(65));
        assert!(matches!(read(many.as_bytes()).await, Err(ConnectError::ResponseTooLong(_))));
    }
}
