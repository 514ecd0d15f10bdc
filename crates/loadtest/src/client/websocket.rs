//! WebSocket clients, which hold no buffer while they wait.

use std::io;

use planet_websocket::client::{ClientStream, ConnectOptions, WebSocketClient};
use planet_websocket::{Decoder, Event, Parts, Role, frame, scratch};
use tokio::io::AsyncWriteExt as _;

use super::CONNECT_TIMEOUT;
use crate::error::ClientError;
use crate::protocol::PONG;
use crate::subscriber::{Heard, Subscriber};
use crate::target::Target;

/// Opens a WebSocket of the app.
pub(crate) async fn connect(target: &Target, client: usize) -> Result<WebSocketClient, ClientError> {
    let mut options = ConnectOptions::new(format!("ws://{}{}", target.authority, target.path("/connection/websocket")));
    options.local_address = target.source(client);
    options.timeout = CONNECT_TIMEOUT;
    Ok(planet_websocket::client::connect(&options).await?.socket)
}

pub(super) async fn run(subscriber: Subscriber) -> Result<(), ClientError> {
    // A future is as large as the largest of its states, for as long as it lives: what is needed to connect lives in
    // one of its own.
    let mut reader = Box::pin(open(subscriber)).await?;
    reader.read().await
}

async fn open(subscriber: Subscriber) -> Result<Reader, ClientError> {
    let mut socket = connect(&subscriber.context().target, subscriber.client()).await?;
    let sent = socket.send(subscriber.first_commands()).await;
    sent.map_err(|error| ClientError::Protocol(format!("no WebSocket: {error}")))?;
    let Parts { io, decoder, mut input, .. } = socket.into_parts();
    let mut reader = Reader::new(io, decoder, subscriber);
    let answers = reader.receive(&mut input)?;
    reader.write(answers).await?;
    Ok(reader)
}

/// A connection that is open, read without a buffer of its own.
pub(super) struct Reader {
    io: ClientStream,
    decoder: Decoder,
    subscriber: Subscriber,
}

impl Reader {
    pub(super) fn new(io: ClientStream, decoder: Decoder, subscriber: Subscriber) -> Self {
        Self { io, decoder, subscriber }
    }

    /// Reads frames until the server ends the connection.
    pub(super) async fn read(&mut self) -> Result<(), ClientError> {
        loop {
            self.io.tcp().readable().await?;
            let answers = scratch::with(|buffer| match self.io.tcp().try_read(buffer) {
                Ok(0) => Err(ClientError::Disconnected { code: None, reason: String::new() }),
                Ok(count) => self.receive(&mut buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            })?;
            self.write(answers).await?;
        }
    }

    async fn write(&mut self, frames: Vec<bytes::Bytes>) -> Result<(), ClientError> {
        for frame in frames {
            self.io.write_all(&frame).await?;
        }
        Ok(())
    }

    /// Takes what was read, and returns the frames to answer with.
    fn receive(&mut self, mut input: &mut [u8]) -> Result<Vec<bytes::Bytes>, ClientError> {
        let mut answers = Vec::new();
        loop {
            let event = self.decoder.next(&mut input);
            match event.map_err(|error| ClientError::Protocol(format!("no WebSocket: {error}")))? {
                None => return Ok(answers),
                Some(Event::Text(text)) => {
                    for line in text.lines() {
                        if self.subscriber.frame(line.as_bytes())? == Heard::Ping {
                            answers.push(frame::text(Role::Client, PONG));
                        }
                    }
                }
                Some(Event::Close(close)) => {
                    let (code, reason) = close
                        .map_or((None, String::new()), |close| (Some(close.code.get()), close.reason.into_owned()));
                    return Err(ClientError::Disconnected { code, reason });
                }
                Some(event) => answers.extend(event.reply(Role::Client)),
            }
        }
    }
}
