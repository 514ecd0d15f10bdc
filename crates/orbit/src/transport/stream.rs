//! A WebSocket on a stream that only a task can write: TLS, or one stream of an HTTP/2 connection.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use bytes::BytesMut;
use planet_hub::{Batch, Connection};
use planet_websocket::scratch;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::socket::CLOSE_TIMEOUT;
use super::websocket::Frames;
use crate::session::Session;

/// Reads and writes until either side is done. `early` is what came right behind the handshake.
pub(super) async fn run<S>(stream: S, session: &Session, frames: Frames, early: bytes::Bytes)
where
    S: AsyncRead + AsyncWrite,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let reading = read(&mut reader, session, frames, early);
    tokio::pin!(reading);
    tokio::select! {
        () = &mut reading => {
            // The answer to a close may still be queued.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, write(&mut writer, session.connection())).await;
        }
        written = write(&mut writer, session.connection()) => {
            if written.is_ok() {
                let _ = tokio::time::timeout(CLOSE_TIMEOUT, reading).await;
            }
        }
    }
}

async fn read<R>(reader: &mut R, session: &Session, mut frames: Frames, early: bytes::Bytes)
where
    R: AsyncRead + Unpin,
{
    let goes_on = frames.receive(session, &mut early.to_vec());
    drop(early);
    if !goes_on {
        return;
    }
    let receive = |context: &mut std::task::Context<'_>| {
        scratch::with(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            match Pin::new(&mut *reader).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    Poll::Ready(frames.receive(session, buffer.filled_mut()))
                }
                Poll::Ready(_) => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
    };
    let mut receive = receive;
    while poll_fn(&mut receive).await {}
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
        writer.write_all(&together).await?;
        writer.flush().await?;
        batch = next;
    }
    writer.shutdown().await
}
