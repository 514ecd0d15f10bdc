//! A WebSocket on a stream that only a task can write: TLS, or one stream of an HTTP/2 connection.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use planet_hub::{Batch, Connection};
use planet_websocket::scratch;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::socket::CLOSE_TIMEOUT;
use super::websocket::Frames;
use crate::session::Session;

/// Reads and writes until either side is done. `early` is what came right behind the handshake.
pub(super) async fn run<S>(stream: S, session: &Session, frames: Frames, early: bytes::Bytes)
where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut reading = pin!(read(&mut reader, session, frames, early));
    let mut writing = pin!(write(&mut writer, session.connection()));
    tokio::select! {
        () = &mut reading => {
            // The answer to a close may still be on its way. Whoever is gone without one is gone.
            if session.connection().outbound().closed().is_some() {
                let _ = timeout(CLOSE_TIMEOUT, writing).await;
            }
        }
        written = &mut writing => {
            if written.is_ok() {
                let _ = timeout(CLOSE_TIMEOUT, reading).await;
            }
        }
    }
}

async fn read<R>(reader: &mut R, session: &Session, mut frames: Frames, early: bytes::Bytes)
where
    R: AsyncRead + Unpin,
{
    frames.receive(session, &mut early.to_vec());
    drop(early);
    let mut receive = |context: &mut Context<'_>| {
        scratch::with(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            match Pin::new(&mut *reader).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    frames.receive(session, buffer.filled_mut());
                    Poll::Ready(true)
                }
                Poll::Ready(_) => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
    };
    while poll_fn(&mut receive).await {
        // Whoever sends without a pause never has to be waited for, and would keep others from this thread.
        tokio::task::consume_budget().await;
    }
}

/// Writes what comes into the queue until it ends.
async fn write<W>(writer: &mut W, connection: &Connection) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let mut batch = Batch::default();
    while let Some(next) = poll_fn(|context| connection.poll_take(std::mem::take(&mut batch), context)).await {
        let mut together = BytesMut::with_capacity(next.size());
        next.frames().for_each(|frame| together.extend_from_slice(frame));
        while !together.is_empty() {
            let count = unless_closed(connection, writer.write(&together)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            together.advance(count);
        }
        unless_closed(connection, writer.flush()).await?;
        batch = next;
    }
    timeout(CLOSE_TIMEOUT, writer.shutdown()).await?
}

/// Waits for the peer to read, for as long as the connection is open: one that is being closed may not keep us waiting.
async fn unless_closed<T>(connection: &Connection, progress: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut progress = pin!(progress);
    loop {
        match timeout(CLOSE_TIMEOUT, &mut progress).await {
            Ok(done) => return done,
            Err(_) if connection.outbound().closed().is_none() => {}
            Err(late) => return Err(late.into()),
        }
    }
}
