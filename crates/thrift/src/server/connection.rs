//! One framed connection, from its first byte to its last.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use planet_net::{Accepted, ConnectionGuard};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::Shared;
use crate::frames::{self, Frames};
use crate::in_order::InOrder;
use crate::{Handler, MessageError, ServerSettings};

/// Bytes of answers that are gathered before they are written, when there are many.
const WRITE_AT_ONCE: usize = 64 * 1024;

/// Stands for no deadline at all.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

type Answer = Result<Option<Bytes>, MessageError>;

/// Why no more is read.
enum End {
    /// The peer has closed its side, or we stop: what has come is still answered.
    Quiet,
    /// A message cannot be read. What came before it is still answered.
    Refused(MessageError),
    /// The connection is gone, or the peer was silent for too long.
    Lost(io::Error),
}

/// Serves a connection until it ends, by itself or through a limit or a shutdown.
pub(super) async fn serve<H: Handler>(shared: &Shared<H>, accepted: Accepted) {
    let Accepted { tcp, peer, guard, .. } = accepted;
    let settings = &shared.settings;
    let connection = Connection {
        settings,
        tcp,
        guard: &guard,
        frames: Frames::new(settings.message.bytes),
        out: BytesMut::new(),
        active: Instant::now(),
        end: None,
    };
    let ended = tokio::select! {
        ended = connection.run(|message| shared.answer(message, Some(peer))) => ended,
        () = guard.shutdown().deadline_passed() => End::Quiet,
    };
    match ended {
        End::Quiet => {}
        End::Refused(error) => shared.refuse(Some(peer), &error),
        End::Lost(error) => tracing::debug!(%peer, %error, "a Thrift connection ended"),
    }
}

struct Connection<'a> {
    settings: &'a ServerSettings,
    tcp: TcpStream,
    guard: &'a ConnectionGuard,
    frames: Frames,
    /// Answers that are not written yet.
    out: BytesMut,
    /// When something last came or went.
    active: Instant,
    end: Option<End>,
}

impl Connection<'_> {
    /// Has `answer` answer what comes, in order.
    async fn run<F: Future<Output = Answer>>(mut self, answer: impl Fn(Bytes) -> F) -> End {
        let mut calls = InOrder::new();
        loop {
            self.go_on(&mut calls, &answer);
            if !self.out.is_empty() {
                if let Err(error) = self.write().await {
                    return End::Lost(error);
                }
                continue;
            }
            if calls.is_empty()
                && let Some(end) = self.end.take()
            {
                return match end {
                    End::Quiet if self.frames.begun().is_some() => End::Refused(MessageError::BrokenOff),
                    end => end,
                };
            }
            let reads = self.end.is_none() && calls.len() < self.calls_at_once();
            let deadline = self.deadline(calls.is_empty());
            tokio::select! {
                biased;
                answer = calls.next() => self.put(answer, &mut calls),
                read = self.frames.read(&self.tcp), if reads => match read {
                    Ok(0) => self.end = Some(End::Quiet),
                    Ok(count) => {
                        self.guard.traffic().add_in(count as u64);
                        self.active = Instant::now();
                    }
                    Err(error) => self.end = Some(End::Lost(error)),
                },
                () = self.guard.shutdown().begun(), if self.end.is_none() => self.end = Some(End::Quiet),
                () = sleep_until(deadline), if reads => self.end = Some(self.too_late()),
            }
        }
    }

    /// Does everything that can be done without waiting.
    fn go_on<F: Future<Output = Answer>>(&mut self, calls: &mut InOrder<F>, answer: &impl Fn(Bytes) -> F) {
        while self.out.len() < WRITE_AT_ONCE {
            while matches!(self.end, None | Some(End::Quiet)) && calls.len() < self.calls_at_once() {
                match self.frames.take() {
                    Ok(Some(message)) => calls.push(answer(message)),
                    Ok(None) => break,
                    Err(error) => self.end = Some(End::Refused(error)),
                }
            }
            let Some(answer) = calls.take_ready() else { break };
            self.put(answer, calls);
        }
    }

    fn put<F: Future<Output = Answer>>(&mut self, answer: Answer, calls: &mut InOrder<F>) {
        let put = match answer {
            Ok(Some(answer)) => frames::put(&mut self.out, &answer),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = put {
            self.end = Some(End::Refused(error));
            calls.clear();
        }
    }

    async fn write(&mut self) -> io::Result<()> {
        timeout(self.settings.write_timeout, self.tcp.write_all(&self.out)).await??;
        self.guard.traffic().add_out(self.out.len() as u64);
        self.active = Instant::now();
        if self.frames.begun().is_some() {
            self.out.clear();
        } else {
            // An idle connection holds no memory.
            self.out = BytesMut::new();
        }
        Ok(())
    }

    fn calls_at_once(&self) -> usize {
        self.settings.calls_in_flight.max(1)
    }

    fn too_late(&self) -> End {
        match self.frames.begun() {
            Some(_) => End::Refused(MessageError::TooSlow { limit: self.settings.message_timeout }),
            None => End::Lost(io::Error::new(io::ErrorKind::TimedOut, "nothing came for too long")),
        }
    }

    /// When the peer has to have sent more.
    fn deadline(&self, is_idle: bool) -> Instant {
        match self.frames.begun() {
            Some(begun) => begun + self.settings.message_timeout,
            None if is_idle => self.active + self.settings.idle_timeout,
            None => Instant::now() + A_DAY,
        }
    }
}
