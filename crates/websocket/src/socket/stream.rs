//! A WebSocket as a `Stream` of messages and a `Sink` for them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{State, WebSocket, WebSocketError};
use crate::{Message, frame};

/// The messages that [`WebSocket::recv`] returns. It ends after the close, or after the first error.
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<Message, WebSocketError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_recv(context).map(Result::transpose)
    }
}

/// Takes one message at a time: the next one is taken when the last is handed to the byte stream.
///
/// Closing the sink sends a close frame without a code and no more; the peer's answer and the end come out of the
/// stream, which is to be read until `None`.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<S> {
    type Error = WebSocketError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.state != State::Open {
            return Poll::Ready(Err(WebSocketError::Closed));
        }
        self.poll_flush(context)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.get_mut().push(message)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let this = self.get_mut();
        Poll::Ready(Ok(ready!(this.output.poll_flush(&mut this.io, context))?))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if self.state == State::Open {
            let close = frame::close_empty(self.role);
            self.output.push(close);
            self.state = State::CloseSent;
        }
        self.poll_flush(context)
    }
}
