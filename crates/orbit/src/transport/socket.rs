//! A WebSocket on a plain TCP socket, written by whoever has something for it.
//!
//! The reading side is a task that waits for the socket to be readable and holds no buffer meanwhile. The writing side
//! is no task at all: the flusher, or the thread that answers a command, writes straight to the socket. Only a peer that
//! takes no more gets a task of its own, until it does.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use planet_hub::{Connection, Drained, Sink};
use planet_net::ConnectionGuard;
use planet_websocket::scratch;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::websocket::Frames;
use crate::session::Session;

/// How long a peer may take to close its side after we have closed ours, and to take what it was to be told last.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes read from one peer before others of the thread get their turn.
const TURN: usize = 64 << 10;

/// The socket, shared by its reader and its writers.
pub(super) struct Socket {
    tcp: TcpStream,
    guard: ConnectionGuard,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream, guard: ConnectionGuard) -> Arc<Self> {
        Arc::new(Self { tcp, guard })
    }

    /// Reads what there is; `None` once the peer is gone.
    fn receive(&self, session: &Session, frames: &mut Frames) -> Option<usize> {
        scratch::with(|buffer| match self.tcp.try_read(buffer) {
            Ok(0) => None,
            Ok(count) => {
                self.guard.traffic().add_in(count as u64);
                session.app().meter.record_in(count as u64);
                frames.receive(session, &mut buffer[..count]);
                Some(count)
            }
            Err(error) => (error.kind() == io::ErrorKind::WouldBlock).then_some(0),
        })
    }

    /// Straight to the socket, past what tokio knows of it: that lies in memory of its own, which a fan-out would have to
    /// fetch for every subscriber.
    fn write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let socket = SockRef::from(&self.tcp);
        match frames {
            [one] => socket.send(one),
            many => socket.send_vectored(many),
        }
    }

    /// Ends one or both directions; the reader sees the end of the stream. Fails only when it is over already.
    fn shutdown(&self, how: Shutdown) {
        let _ = SockRef::from(&self.tcp).shutdown(how);
    }
}

/// The writing side. The hub counts what is written here, for many sockets at a time.
impl Sink for Socket {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.write(frames) {
            // Once more through tokio, which then knows that there is something to wait for.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.tcp.try_io(Interest::WRITABLE, || self.write(frames))
            }
            written => written,
        }
    }

    fn stopped(self: Arc<Self>, connection: &Arc<Connection>, outcome: Drained) {
        match outcome {
            Drained::Empty => {}
            Drained::Blocked => drop(tokio::spawn(write_when_possible(self, connection.clone()))),
            Drained::Finished(_) => {
                self.shutdown(Shutdown::Write);
                // Weak, so that the socket is closed as soon as its reader is done.
                let socket = Arc::downgrade(&self);
                tokio::spawn(async move {
                    tokio::time::sleep(CLOSE_TIMEOUT).await;
                    if let Some(socket) = socket.upgrade() {
                        socket.shutdown(Shutdown::Both);
                    }
                });
            }
            Drained::Failed => self.shutdown(Shutdown::Both),
        }
    }
}

/// Waits until the peer takes more, and then goes on writing. A peer that is being closed may not keep us waiting.
async fn write_when_possible(socket: Arc<Socket>, connection: Arc<Connection>) {
    loop {
        match tokio::time::timeout(CLOSE_TIMEOUT, socket.tcp.writable()).await {
            Ok(Ok(())) => return connection.drain(),
            Err(_) if connection.outbound().closed().is_none() => {}
            Ok(Err(_)) | Err(_) => {
                connection.outbound().abort();
                return socket.shutdown(Shutdown::Both);
            }
        }
    }
}

/// Reads until the peer is gone. `early` is what came right behind the handshake.
///
/// A plain function around a small closure: the future is all that an idle connection keeps of its task, and an
/// `async fn` would keep its arguments as well.
pub(super) fn read(
    socket: Arc<Socket>,
    session: Arc<Session>,
    mut frames: Frames,
    early: bytes::Bytes,
) -> impl Future<Output = ()> + Send {
    frames.receive(&session, &mut early.to_vec());
    poll_fn(move |context| {
        let mut left = TURN;
        while ready!(socket.tcp.poll_read_ready(context)).is_ok() {
            let Some(count) = socket.receive(&session, &mut frames) else { break };
            // Whoever sends without a pause never has to be waited for, and would keep others from this thread.
            let Some(rest) = left.checked_sub(count) else {
                context.waker().wake_by_ref();
                return Poll::Pending;
            };
            left = rest;
        }
        // A writer that still waits for the peer to read waits no longer.
        socket.shutdown(Shutdown::Both);
        Poll::Ready(())
    })
}
