//! One framed connection of the pool.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::ClientError;
use crate::frames::{self, Frames};
use crate::{ClientSettings, MessageError};

type Answer = Result<Bytes, Failure>;

/// A message to be sent, and where its answer goes.
#[derive(Debug)]
pub(super) struct Request {
    message: Bytes,
    expects_answer: bool,
    answer: oneshot::Sender<Answer>,
}

impl Request {
    pub(super) fn new(message: Bytes, expects_answer: bool) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, receiver) = oneshot::channel();
        (Self { message, expects_answer, answer }, receiver)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection had waited in the pool, and was found closed: a new one may do better.
    Stale,
    /// Something else.
    Other(ClientError),
}

impl From<Failure> for ClientError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stale => Self::Lost,
            Failure::Other(error) => error,
        }
    }
}

/// A call that has been put into the outgoing bytes.
#[derive(Debug)]
struct Sent {
    answer: oneshot::Sender<Answer>,
    expects_answer: bool,
    /// Whether the connection was waiting in the pool when the call came.
    came_to_waiting: bool,
}

/// Has a task of its own carry calls over `tcp`. It ends with the connection, which closes the channel.
pub(super) fn start(tcp: TcpStream, settings: &ClientSettings) -> mpsc::Sender<Request> {
    let (sender, requests) = mpsc::channel(settings.calls_in_flight.max(1));
    let connection = Connection {
        tcp,
        frames: Frames::new(settings.message.bytes),
        out: BytesMut::new(),
        is_writable: true,
        sent: VecDeque::new(),
        has_answered: false,
    };
    tokio::spawn(connection.run(requests, settings.idle_timeout));
    sender
}

struct Connection {
    tcp: TcpStream,
    frames: Frames,
    out: BytesMut,
    is_writable: bool,
    /// Calls in the order of their answers.
    sent: VecDeque<Sent>,
    has_answered: bool,
}

/// What ends a connection.
enum End {
    /// Nobody needs it any more, or it was silent for long enough.
    Unused,
    /// A caller no longer waits. What it would have got stands in the way of the others' answers.
    Abandoned,
    Lost,
    Message(MessageError),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

impl Connection {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>, idle_timeout: std::time::Duration) {
        let end = loop {
            if let Err(end) = self.step(&mut requests, idle_timeout).await {
                break end;
            }
        };
        // Whoever asks for the connection from now on finds it closed, and what came meanwhile goes to another one.
        requests.close();
        for sent in self.sent {
            let failure = match &end {
                End::Lost | End::Unused if sent.came_to_waiting => Failure::Stale,
                End::Message(error) => Failure::Other(ClientError::Message(error.clone())),
                End::Lost | End::Unused | End::Abandoned => Failure::Other(ClientError::Lost),
            };
            // Fails when the caller no longer waits.
            let _ = sent.answer.send(Err(failure));
        }
        while let Some(request) = requests.recv().await {
            let _ = request.answer.send(Err(Failure::Stale));
        }
    }

    async fn step(
        &mut self,
        requests: &mut mpsc::Receiver<Request>,
        idle_timeout: std::time::Duration,
    ) -> Result<(), End> {
        while let Some(answer) = self.frames.take().map_err(End::Message)? {
            self.has_answered = true;
            // An answer that nobody asked for: the other side is out of step.
            let sent = self.sent.pop_front().ok_or(End::Lost)?;
            let _ = sent.answer.send(Ok(answer));
        }
        self.write()?;
        tokio::select! {
            biased;
            // First, so that no call is put behind one whose answer may never come.
            () = abandoned(self.sent.front_mut()) => return Err(End::Abandoned),
            request = requests.recv() => {
                self.put(request.ok_or(End::Unused)?);
                // Those that wait already leave in the same write.
                while let Ok(request) = requests.try_recv() {
                    self.put(request);
                }
            }
            read = self.frames.read(&self.tcp) => {
                if read? == 0 {
                    return Err(End::Lost);
                }
            }
            ready = self.tcp.writable(), if !self.is_writable => {
                ready?;
                self.is_writable = true;
            }
            () = sleep_until(Instant::now() + idle_timeout), if self.sent.is_empty() => return Err(End::Unused),
        }
        Ok(())
    }

    fn put(&mut self, request: Request) {
        let Request { message, expects_answer, answer } = request;
        if let Err(error) = frames::put(&mut self.out, &message) {
            let _ = answer.send(Err(Failure::Other(ClientError::Message(error))));
            return;
        }
        let came_to_waiting = self.has_answered && self.sent.is_empty();
        self.sent.push_back(Sent { answer, expects_answer, came_to_waiting });
    }

    fn write(&mut self) -> Result<(), End> {
        while self.is_writable && !self.out.is_empty() {
            match self.tcp.try_write(&self.out) {
                Ok(count) => self.out.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_writable = false,
                Err(error) => return Err(error.into()),
            }
        }
        if self.out.is_empty() {
            self.out = BytesMut::new();
            self.finish_oneway();
        }
        Ok(())
    }

    /// Calls without an answer are done once they are written.
    fn finish_oneway(&mut self) {
        if self.sent.iter().all(|sent| sent.expects_answer) {
            return;
        }
        for sent in std::mem::take(&mut self.sent) {
            if sent.expects_answer {
                self.sent.push_back(sent);
            } else {
                let _ = sent.answer.send(Ok(Bytes::new()));
            }
        }
    }
}

/// Returns when the caller whose answer is next no longer waits for it.
async fn abandoned(next: Option<&mut Sent>) {
    match next {
        Some(sent) => sent.answer.closed().await,
        None => std::future::pending().await,
    }
}
