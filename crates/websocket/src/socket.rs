//! A WebSocket over any async byte stream.

mod ending;
mod error;
mod heartbeat;
mod io;
mod stream;

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::deflate::Deflater;
use crate::{CloseCode, Decoder, DeflateOptions, DeflateParams, Limits, Message, Opcode, Role, frame};
use ending::Ending;
pub use error::WebSocketError;
pub use heartbeat::PingOptions;
use heartbeat::{Beat, Heartbeat};
use io::{Input, Output};

/// How a [`WebSocket`] behaves, apart from what the handshake agreed.
#[derive(Debug, Clone)]
pub struct SocketOptions {
    /// What it takes at most.
    pub limits: Limits,
    /// How long the closing handshake may take before the connection is dropped; default 5 s.
    pub close_timeout: Duration,
    /// Threshold and level of what it compresses. The windows are those of the handshake.
    pub deflate: DeflateOptions,
    /// Pings of its own; `None` by default.
    pub ping: Option<PingOptions>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            close_timeout: Duration::from_secs(5),
            deflate: DeflateOptions::server(),
            ping: None,
        }
    }
}

/// A WebSocket over a byte stream on which the handshake is done.
///
/// It reads through the thread's [`scratch`](crate::scratch) buffer and keeps none of its own: while it
/// waits, it holds no heap memory. Pings are answered, a close is answered, and a peer that breaks the
/// protocol is told so before the connection ends.
///
/// [`recv`](Self::recv) and [`send`](Self::send) are cancel-safe: what was read or begun to be written
/// is kept and goes on at the next call. So one task can serve both directions with `tokio::select!`.
/// It is a `Stream` and a `Sink` as well, which `futures_util`'s `split` gives to two tasks.
pub struct WebSocket<S> {
    io: S,
    role: Role,
    state: State,
    decoder: Decoder,
    deflater: Option<Deflater>,
    deflate: Option<DeflateParams>,
    input: Input,
    output: Output,
    heartbeat: Option<Box<Heartbeat>>,
    /// The end, once it has begun.
    ending: Option<Box<Ending>>,
    /// Why the connection ends, until [`Self::recv`] has said it.
    failure: Option<Box<WebSocketError>>,
    close_timeout: Duration,
}

/// How far the closing handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// We sent a close frame and wait for the peer's.
    CloseSent,
    /// Both close frames were sent, or there is nobody to send one to. The stream is to be ended.
    Ending,
    Closed,
}

/// What a [`WebSocket`] is made of, for a caller that drives it by itself.
#[derive(Debug)]
pub struct Parts<S> {
    /// The byte stream.
    pub io: S,
    /// The decoder, perhaps in the middle of a message.
    pub decoder: Decoder,
    /// Bytes that were read and not yet decoded. Feed them to the decoder first.
    pub input: Vec<u8>,
    /// Frames that were not yet written, the first perhaps in part. Write them first.
    pub output: Vec<Bytes>,
    /// The agreed compression.
    pub deflate: Option<DeflateParams>,
}

impl<S> WebSocket<S> {
    /// A WebSocket over `io` for the end that has this role, with the compression agreed in the
    /// handshake. `read` are bytes that came right behind the handshake.
    pub fn new(
        io: S,
        role: Role,
        deflate: Option<DeflateParams>,
        options: &SocketOptions,
        read: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            io,
            role,
            state: State::Open,
            decoder: Decoder::new(role, options.limits).with_deflate(deflate),
            deflater: deflate.map(|params| Deflater::new(params.outgoing(role), &options.deflate)),
            deflate,
            input: Input::new(read.into()),
            output: Output::default(),
            heartbeat: options.ping.map(|ping| Box::new(Heartbeat::new(ping))),
            ending: None,
            failure: None,
            close_timeout: options.close_timeout,
        }
    }

    /// The agreed compression.
    pub fn deflate(&self) -> Option<DeflateParams> {
        self.deflate
    }

    /// How long the last pong took to come, counted from when its ping was due. `None` before the first one and
    /// without [`SocketOptions::ping`].
    ///
    /// It is set by the time [`recv`](Self::recv) returns that [`Message::Pong`].
    pub fn round_trip(&self) -> Option<Duration> {
        self.heartbeat.as_ref()?.round_trip()
    }

    /// The byte stream, for its address and its options. Reading or writing it directly breaks the
    /// connection.
    pub fn get_ref(&self) -> &S {
        &self.io
    }

    /// Takes the WebSocket apart.
    pub fn into_parts(self) -> Parts<S> {
        Parts {
            io: self.io,
            decoder: self.decoder,
            input: self.input.into_vec(),
            output: self.output.into_frames(),
            deflate: self.deflate,
        }
    }

    /// Bytes of heap held for messages underway in either direction: 0 while idle.
    pub fn held_bytes(&self) -> usize {
        self.decoder.held_bytes() + self.input.held_bytes() + self.output.held_bytes()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Waits for the next message.
    ///
    /// Pings and pongs are among them, for callers that watch them; pings are answered already. After
    /// [`Message::Close`] comes `None`, which ends the stream in good order: call until then. A
    /// protocol error has been told to the peer when it is returned here.
    pub async fn recv(&mut self) -> Result<Option<Message>, WebSocketError> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// Sends a message: compressed if agreed and worth it, in one frame.
    ///
    /// Returns when all of it is handed to the byte stream.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), WebSocketError> {
        let message = message.into();
        // What a cancelled call left behind goes first, so that no more than one frame ever waits. Only a close is put
        // behind it at once: it ends the conversation even if this call is cancelled too.
        if self.state == State::Open && !matches!(message, Message::Close(_)) {
            self.flush().await?;
        }
        self.push(message)?;
        self.flush().await
    }

    /// Sends a ready frame, such as one shared by many connections.
    ///
    /// It must not be a close frame, and compressed frames must fit [`Self::deflate`].
    pub async fn send_frame(&mut self, frame: Bytes) -> Result<(), WebSocketError> {
        if self.state != State::Open {
            return Err(WebSocketError::Closed);
        }
        self.flush().await?;
        self.output.push(frame);
        self.flush().await
    }

    /// Closes the connection: sends a close frame, waits for the peer's, and ends the byte stream.
    ///
    /// Messages that arrive meanwhile are discarded. Gives up waiting after the close timeout, which is
    /// no error.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), WebSocketError> {
        if self.state == State::Open {
            self.output.push(frame::close(self.role, code, reason));
            self.state = State::CloseSent;
        }
        let close_timeout = self.close_timeout;
        let answer = async {
            while self.state == State::CloseSent {
                poll_fn(|context| self.poll_message(context)).await?;
            }
            Ok(())
        };
        let answer = timeout(close_timeout, answer).await;
        poll_fn(|context| self.poll_end(context)).await;
        match answer {
            Ok(Err(error @ WebSocketError::Protocol(_))) => Err(error),
            // A peer that hangs up or stays silent now does no harm.
            _ => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), WebSocketError> {
        Ok(poll_fn(|context| self.output.poll_flush(&mut self.io, context)).await?)
    }

    /// Puts a message behind what waits to be written. After a close nothing may follow it, whether or not the caller
    /// waits until it is written.
    fn push(&mut self, message: Message) -> Result<(), WebSocketError> {
        if self.state != State::Open {
            return Err(WebSocketError::Closed);
        }
        let frame = match message {
            Message::Text(text) => self.data(Opcode::Text, text.as_bytes()),
            Message::Binary(payload) => self.data(Opcode::Binary, &payload),
            Message::Ping(payload) => frame::ping(self.role, &payload)?,
            Message::Pong(payload) => frame::pong(self.role, &payload)?,
            Message::Close(close) => {
                self.state = State::CloseSent;
                match close {
                    None => frame::close_empty(self.role),
                    Some(close) => frame::close(self.role, close.code, &close.reason),
                }
            }
        };
        self.output.push(frame);
        Ok(())
    }

    fn data(&mut self, opcode: Opcode, payload: &[u8]) -> Bytes {
        match &mut self.deflater {
            Some(deflater) => deflater.frame(self.role, opcode, payload),
            None => frame::encode(self.role, opcode, true, false, payload),
        }
    }

    pub(crate) fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Message>, WebSocketError>> {
        if matches!(self.state, State::Open | State::CloseSent) {
            match ready!(self.poll_message(context)) {
                Ok(message) => return Poll::Ready(Ok(Some(message))),
                Err(error) => self.fail(error),
            }
        }
        ready!(self.poll_end(context));
        Poll::Ready(match self.failure.take() {
            Some(error) => Err(*error),
            None => Ok(None),
        })
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Message, WebSocketError>> {
        self.write_while_reading(context);
        let read = self.input.poll_next(&mut self.io, &mut self.decoder, self.role, context)?;
        let Poll::Ready((message, reply)) = read else {
            ready!(self.poll_heartbeat(context))?;
            return Poll::Pending;
        };
        if let (Some(heartbeat), Message::Pong(payload)) = (&mut self.heartbeat, &message) {
            heartbeat.pong(payload);
        }
        // After a close frame of ours nothing more may be sent (RFC 6455 §5.5.1).
        if let (Some(reply), State::Open) = (reply, self.state) {
            match message {
                Message::Close(_) => self.output.push(reply),
                _ => self.output.set_pong(reply),
            }
        }
        if matches!(message, Message::Close(_)) {
            self.state = State::Ending;
        }
        self.write_while_reading(context);
        Poll::Ready(Ok(message))
    }

    /// Pings when that is due; ready when the peer has not answered in time.
    fn poll_heartbeat(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        let Some(heartbeat) = self.heartbeat.as_mut().filter(|_| self.state == State::Open) else {
            return Poll::Pending;
        };
        loop {
            match ready!(heartbeat.poll(context)) {
                Beat::Missed(limit) => return Poll::Ready(Err(WebSocketError::PongTimeout(limit))),
                Beat::Ping(payload) => {
                    self.output.push(frame::ping(self.role, &payload)?);
                    if let Poll::Ready(Err(_)) = self.output.poll_write(&mut self.io, context) {
                        self.output.clear();
                    }
                }
            }
        }
    }

    /// Lets waiting pongs and the like leave. A failed write is not told here: a peer that closed and
    /// hung up may have left messages and a close frame to be read.
    fn write_while_reading(&mut self, context: &mut Context<'_>) {
        if let Poll::Ready(Err(_)) = self.output.poll_write(&mut self.io, context) {
            self.output.clear();
        }
    }

    /// Keeps the error for after the end of the stream, and tells the peer if it is at fault.
    fn fail(&mut self, error: WebSocketError) {
        if let WebSocketError::Protocol(fault) = error {
            if self.state == State::Open {
                let close = frame::close(self.role, fault.close_code(), &fault.to_string());
                self.output.push(close);
            }
            self.state = State::Ending;
        } else {
            self.state = State::Closed;
        }
        self.failure = Some(Box::new(error));
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.state != State::Closed {
            self.state = State::Ending;
            self.input = Input::default();
            let ending = self.ending.get_or_insert_with(|| Box::new(Ending::new(self.close_timeout)));
            ready!(ending.poll(&mut self.io, &mut self.output, self.role, context));
            self.output.clear();
            self.ending = None;
            self.state = State::Closed;
        }
        Poll::Ready(())
    }
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("deflate", &self.deflate)
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}
