//! One type for connections with and without TLS, which counts what it carries.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_rustls::server::TlsStream;

use crate::{ConnectionGuard, account::Account};

/// A connection as hyper sees it: TCP or TLS, counted in [`Traffic`](crate::Traffic).
///
/// A write that waits longer than [`Limits::write_timeout`](crate::Limits::write_timeout) for a
/// peer that does not read fails with [`io::ErrorKind::TimedOut`]. The timer exists only while
/// a write waits.
#[derive(Debug)]
pub struct Stream {
    io: Io,
    guard: ConnectionGuard,
    account: Option<Arc<Account>>,
    stalled: Option<Pin<Box<Sleep>>>,
}

/// The transport of a [`Stream`].
#[derive(Debug)]
pub enum Io {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over TCP. Boxed, for its state is large.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Carries a connection over `io`, counted through `guard`.
    pub fn new(io: Io, guard: ConnectionGuard) -> Self {
        Self { io, guard, account: None, stalled: None }
    }

    /// Counts what is carried for whom the requests are claimed, besides.
    pub(crate) fn with_account(self, account: Option<Arc<Account>>) -> Self {
        Self { account, ..self }
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self.io, Io::Tls(_))
    }

    /// What keeps the connection counted.
    pub fn guard(&self) -> &ConnectionGuard {
        &self.guard
    }

    /// The socket underneath, also below TLS.
    pub fn tcp(&self) -> &TcpStream {
        match &self.io {
            Io::Tcp(tcp) => tcp,
            Io::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Takes the bare socket out of a connection without TLS.
    ///
    /// What is read and written from then on is not counted here: the new owner adds it to
    /// [`ConnectionGuard::traffic`], and keeps the guard as long as it uses the socket.
    ///
    /// # Errors
    ///
    /// Gives the stream back when it is encrypted: its socket alone would be of no use.
    pub fn into_tcp(self) -> Result<(TcpStream, ConnectionGuard), Self> {
        match self.io {
            Io::Tcp(tcp) => Ok((tcp, self.guard)),
            io @ Io::Tls(_) => Err(Self { io, ..self }),
        }
    }

    /// Takes the stream apart; the same duties as with [`Stream::into_tcp`].
    pub fn into_parts(self) -> (Io, ConnectionGuard) {
        (self.io, self.guard)
    }

    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.guard.traffic().add_out(*bytes as u64);
            if let Some(account) = &self.account {
                account.wrote(*bytes as u64);
            }
        }
        self.bound_waiting(cx, written)
    }

    /// Lets `progress` be pending only for so long.
    fn bound_waiting<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let timeout = self.guard.limits().write_timeout;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(timer.as_mut().poll(cx));
        self.guard.traffic().count_timeout();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer did not read what was sent to it")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Io::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buffer),
        };
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            self.guard.traffic().add_in(bytes as u64);
            if let Some(account) = &self.account {
                account.read(bytes as u64);
            }
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Io::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        };
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Io::Tls(tls) => Pin::new(tls.as_mut()).poll_write_vectored(cx, slices),
        };
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Tcp(tcp) => tcp.is_write_vectored(),
            Io::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Io::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        };
        self.bound_waiting(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = match &mut self.io {
            Io::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        };
        self.bound_waiting(cx, closed)
    }
}
