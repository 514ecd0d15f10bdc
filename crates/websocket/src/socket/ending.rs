//! The end of a WebSocket's byte stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::io::Output;
use crate::{Role, scratch};

/// Bytes that are thrown away after the end before the connection is dropped.
const MAX_DRAIN_BYTES: usize = 4 << 20;

/// Ends a byte stream in good order, as far as the peer lets us in time.
pub(super) struct Ending {
    step: Step,
    deadline: Pin<Box<Sleep>>,
}

/// What is done next.
enum Step {
    /// Frames that wait, a close frame among them, go out.
    Write,
    /// The server ends the TCP connection first (RFC 6455 §7.1.1).
    ShutDownFirst,
    /// Bytes still unread at a close would make the kernel reset the connection, and the peer might lose our close
    /// frame.
    Drain {
        drained: usize,
    },
    ShutDown,
}

impl Ending {
    pub(super) fn new(limit: Duration) -> Self {
        Self { step: Step::Write, deadline: Box::pin(sleep(limit)) }
    }

    /// Whatever goes wrong here, the connection is over.
    pub(super) fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        output: &mut Output,
        role: Role,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        match self.poll_steps(io, output, role, context) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => self.deadline.as_mut().poll(context),
        }
    }

    fn poll_steps<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        output: &mut Output,
        role: Role,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match &mut self.step {
                Step::Write => {
                    ready!(output.poll_write(io, context))?;
                    self.step = match role {
                        Role::Server => Step::ShutDownFirst,
                        Role::Client => Step::Drain { drained: 0 },
                    };
                }
                Step::ShutDownFirst => {
                    ready!(Pin::new(&mut *io).poll_shutdown(context))?;
                    self.step = Step::Drain { drained: 0 };
                }
                Step::Drain { drained } => {
                    let read = ready!(poll_discard(io, context))?;
                    *drained += read;
                    if read == 0 || *drained >= MAX_DRAIN_BYTES {
                        self.step = Step::ShutDown;
                    }
                }
                Step::ShutDown => return Pin::new(&mut *io).poll_shutdown(context),
            }
        }
    }
}

/// Reads once, and forgets what came. 0 is the end of the stream.
fn poll_discard<S: AsyncRead + Unpin>(io: &mut S, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
    scratch::with(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(io).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    })
}
