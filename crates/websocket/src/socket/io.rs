//! The two directions of a WebSocket's byte stream.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::WebSocketError;
use crate::{Decoder, Message, ProtocolError, Role, scratch};

/// Frames that go out in one write.
const MAX_SLICES: usize = 16;

/// A message, and the frame that the protocol asks for in answer.
type Received = (Message, Option<Bytes>);

/// What one read brought beyond the message that was returned.
#[derive(Default)]
pub(super) struct Input {
    rest: Vec<u8>,
    /// How much of `rest` is decoded.
    start: usize,
}

impl Input {
    pub(super) fn new(rest: Vec<u8>) -> Self {
        Self { rest, start: 0 }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.rest.capacity()
    }

    pub(super) fn into_vec(mut self) -> Vec<u8> {
        self.rest.split_off(self.start)
    }

    /// Decodes the next message, reading as often as it takes.
    pub(super) fn poll_next<S: AsyncRead + Unpin>(
        &mut self,
        io: &mut S,
        decoder: &mut Decoder,
        role: Role,
        context: &mut Context<'_>,
    ) -> Poll<Result<Received, WebSocketError>> {
        if let Some(received) = self.next_from_rest(decoder, role)? {
            return Poll::Ready(Ok(received));
        }
        loop {
            let received = scratch::with(|buffer| {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(&mut *io).poll_read(context, &mut buffer))?;
                let mut input = buffer.filled_mut();
                if input.is_empty() {
                    return Poll::Ready(Err(WebSocketError::Disconnected));
                }
                let received = decode(decoder, &mut input, role)?;
                *self = Self::new(input.to_vec());
                Poll::Ready(Ok(received))
            });
            if let Some(received) = ready!(received)? {
                return Poll::Ready(Ok(received));
            }
        }
    }

    fn next_from_rest(&mut self, decoder: &mut Decoder, role: Role) -> Result<Option<Received>, ProtocolError> {
        let mut input = &mut self.rest[self.start..];
        if input.is_empty() {
            return Ok(None);
        }
        let received = decode(decoder, &mut input, role);
        let left = input.len();
        if left == 0 {
            *self = Self::default();
        } else {
            self.start = self.rest.len() - left;
        }
        received
    }
}

fn decode(decoder: &mut Decoder, input: &mut &mut [u8], role: Role) -> Result<Option<Received>, ProtocolError> {
    let event = decoder.next(input)?;
    let received = event.map(|event| (event.to_message(), event.reply(role)));
    if input.is_empty() && received.is_some() {
        // Lets go of a message that the decoder had put together and that is copied by now.
        decoder.next(&mut &mut [][..])?;
    }
    Ok(received)
}

/// Frames on their way out.
#[derive(Default)]
pub(super) struct Output {
    frames: VecDeque<Bytes>,
    /// An unsent pong, which a newer one replaces (RFC 6455 §5.5.3), so that pings cannot pile up
    /// anything.
    pong: Option<Bytes>,
    /// Whether the byte stream may still hold some of what it took, as TLS does when the socket is full.
    unflushed: bool,
    /// A task that waits for all to be written. A byte stream wakes only the last one that tried to write, and that
    /// may be the one that reads.
    flushing: Option<Waker>,
}

impl Output {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.frames.extend(self.pong.take());
        self.frames.push_back(frame);
    }

    pub(super) fn set_pong(&mut self, pong: Bytes) {
        self.pong = Some(pong);
    }

    pub(super) fn clear(&mut self) {
        let flushing = std::mem::take(self).flushing;
        flushing.into_iter().for_each(Waker::wake);
    }

    pub(super) fn held_bytes(&self) -> usize {
        let frames: usize = self.frames.iter().chain(&self.pong).map(Bytes::len).sum();
        self.frames.capacity() * size_of::<Bytes>() + frames
    }

    pub(super) fn into_frames(mut self) -> Vec<Bytes> {
        self.frames.extend(self.pong.take());
        self.frames.into()
    }

    /// Writes everything, for a task that does nothing else until that is done.
    pub(super) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let written = self.poll_write(io, context);
        self.flushing = written.is_pending().then(|| context.waker().clone());
        written
    }

    /// Writes everything, in as few calls as the stream allows.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.frames.extend(self.pong.take_if(|_| self.frames.is_empty()));
        if self.frames.is_empty() && !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        while !self.frames.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.frames.len().min(MAX_SLICES);
            for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                *slice = IoSlice::new(frame);
            }
            let io = Pin::new(&mut *io);
            let mut written = ready!(io.poll_write_vectored(context, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            while let Some(frame) = self.frames.front_mut().filter(|_| written > 0) {
                let part = written.min(frame.len());
                frame.advance(part);
                written -= part;
                if frame.is_empty() {
                    self.frames.pop_front();
                }
            }
            self.frames.extend(self.pong.take_if(|_| self.frames.is_empty()));
        }
        // An idle connection keeps no queue.
        self.frames = VecDeque::new();
        ready!(Pin::new(&mut *io).poll_flush(context))?;
        self.unflushed = false;
        self.flushing.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}
