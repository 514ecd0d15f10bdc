//! Sockets taken back from hyper after an upgrade.
//!
//! hyper answers the handshake and hands over an `Upgraded`, which keeps its buffers and a layer of
//! dynamic dispatch for as long as it lives. Over HTTP/1.1 the socket inside can be had back, so that an
//! idle connection costs no more than the socket. Over HTTP/2 the stream stays hyper's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The transport of an upgraded connection, where `T` is what the server accepted, such as a
/// `TcpStream` or a TLS stream.
#[derive(Debug)]
pub enum ServerStream<T> {
    /// HTTP/1.1: the accepted socket itself.
    Own(T),
    /// HTTP/2: one stream among others on a connection that hyper goes on driving.
    Shared(TokioIo<Upgraded>),
}

/// Takes the socket out of an upgrade, with the bytes that came right behind the request.
///
/// `T` is what was given to hyper inside a [`TokioIo`]. Both hyper's own connection and hyper-util's
/// `auto` one are known. Another `T`, or an HTTP/2 stream, gives [`ServerStream::Shared`], which works
/// as well and costs more.
///
/// Feed the bytes to the decoder before anything is read.
pub fn take_stream<T>(upgraded: Upgraded) -> (ServerStream<T>, Bytes)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgraded = match upgraded.downcast::<TokioIo<T>>() {
        Ok(parts) => return (ServerStream::Own(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => upgraded,
    };
    match auto::upgrade::downcast::<TokioIo<T>>(upgraded) {
        Ok(parts) => (ServerStream::Own(parts.io.into_inner()), parts.read_buf),
        Err(upgraded) => (ServerStream::Shared(TokioIo::new(upgraded)), Bytes::new()),
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ServerStream<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(io) => Pin::new(io).poll_read(context, buffer),
            Self::Shared(io) => Pin::new(io).poll_read(context, buffer),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ServerStream<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Own(io) => Pin::new(io).poll_write(context, bytes),
            Self::Shared(io) => Pin::new(io).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Own(io) => Pin::new(io).poll_write_vectored(context, slices),
            Self::Shared(io) => Pin::new(io).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Own(io) => io.is_write_vectored(),
            Self::Shared(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(io) => Pin::new(io).poll_flush(context),
            Self::Shared(io) => Pin::new(io).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Own(io) => Pin::new(io).poll_shutdown(context),
            Self::Shared(io) => Pin::new(io).poll_shutdown(context),
        }
    }
}
