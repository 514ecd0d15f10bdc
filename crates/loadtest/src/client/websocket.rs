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
    let mut socket = connect(&subscriber.context().target, subscriber.client()).await?;
    let sent = socket.send(subscriber.first_commands()).await;
    sent.map_err(|error| ClientError::Protocol(format!("no WebSocket: {error}")))?;
    let Parts { io, decoder, input, .. } = socket.into_parts();
    read(io, decoder, input, subscriber).await
}

/// Reads frames until the server ends the connection.
pub(super) async fn read(
    mut io: ClientStream,
    decoder: Decoder,
    mut early: Vec<u8>,
    subscriber: Subscriber,
) -> Result<(), ClientError> {
    let mut reader = Reader { decoder, subscriber };
    let answers = reader.receive(&mut early)?;
    drop(early);
    write(&mut io, answers).await?;
    loop {
        io.tcp().readable().await?;
        let answers = scratch::with(|buffer| match io.tcp().try_read(buffer) {
            Ok(0) => Err(ClientError::Disconnected { code: None, reason: String::new() }),
            Ok(count) => reader.receive(&mut buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        })?;
        write(&mut io, answers).await?;
    }
}

async fn write(io: &mut ClientStream, frames: Vec<bytes::Bytes>) -> Result<(), ClientError> {
    for frame in frames {
        io.write_all(&frame).await?;
    }
    Ok(())
}

struct Reader {
    decoder: Decoder,
    subscriber: Subscriber,
}

impl Reader {
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
