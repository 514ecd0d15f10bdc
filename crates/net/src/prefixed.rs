//! A stream with bytes put back in front.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads `prefix` first and then `inner`; writes go straight to `inner`.
///
/// This is how bytes that were read too far, as by an HTTP parser before an upgrade, come back
/// to whoever reads next. The prefix is freed as soon as it has been read.
#[derive(Debug)]
pub struct Prefixed<S> {
    prefix: Bytes,
    inner: S,
}

impl<S> Prefixed<S> {
    /// Puts `prefix` in front of `inner`.
    pub fn new(prefix: Bytes, inner: S) -> Self {
        Self { prefix, inner }
    }

    /// The stream itself, without what is left of the prefix.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// What is left of the prefix, and the stream.
    pub fn into_parts(self) -> (Bytes, S) {
        (self.prefix, self.inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        }
        let count = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(&self.prefix[..count]);
        self.prefix.advance(count);
        if self.prefix.is_empty() {
            self.prefix = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn the_prefix_is_read_first_in_pieces_of_any_size() {
        for piece in [1, 2, 3, 64] {
            let (mut far, near) = tokio::io::duplex(64);
            far.write_all(b" and the rest").await.unwrap();
            far.shutdown().await.unwrap();
            let mut stream = Prefixed::new(Bytes::from_static(b"first"), near);
            let mut all = Vec::new();
            loop {
                let mut bytes = vec![0; piece];
                let count = stream.read(&mut bytes).await.unwrap();
                if count == 0 {
                    break;
                }
                all.extend_from_slice(&bytes[..count]);
            }
            assert_eq!(all, b"first and the rest");
        }
    }

    #[tokio::test]
    async fn an_empty_read_takes_nothing_of_the_prefix() {
        let mut stream = Prefixed::new(Bytes::from_static(b"ab"), tokio::io::empty());
        assert_eq!(stream.read(&mut []).await.unwrap(), 0);
        assert_eq!(stream.into_parts().0, "ab");
    }

    #[tokio::test]
    async fn writes_go_to_the_stream() {
        let (mut far, near) = tokio::io::duplex(64);
        let mut stream = Prefixed::new(Bytes::from_static(b"x"), near);
        stream.write_all(b"hello").await.unwrap();
        drop(stream);
        let mut all = String::new();
        far.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "hello");
    }
}
