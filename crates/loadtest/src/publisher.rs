//! Publishes at a steady rate: through REST, through one WebSocket client, or to the bare writer.

use std::time::{Duration, Instant};

use planet_websocket::Message;
use planet_websocket::client::WebSocketClient;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{CONNECT_TIMEOUT, Requests, connect_tcp, connect_websocket};
use crate::context::Context;
use crate::error::ClientError;
use crate::options::Transport;
use crate::payload::Payload;
use crate::protocol::{self, Frame, PONG};

/// The byte by which a connection tells the bare writer that messages follow, a line each.
const PUBLISH: &[u8] = b"P";

/// What has been published.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// Messages of each channel.
    pub(crate) messages: Vec<u64>,
    /// From the first message to the last.
    pub(crate) elapsed: Duration,
    /// When the first was sent, on the bench's clock, in nanoseconds.
    pub(crate) first: u64,
}

/// The way that messages take.
pub(crate) enum Publisher {
    Rest { requests: Requests, paths: Vec<String>, secret_key: String },
    WebSocket { socket: Box<WebSocketClient>, channels: Vec<String>, last_id: u32, answered: u32 },
    Bare(TcpStream),
}

impl Publisher {
    /// What it is called in the report.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rest { .. } => "rest",
            Self::WebSocket { .. } => "websocket",
            Self::Bare(_) => "bare",
        }
    }

    pub(crate) async fn connect(context: &Context) -> Result<Self, ClientError> {
        let (args, target) = (&context.args, &context.target);
        let channels: Vec<String> = (0..args.channels).map(|channel| args.channel_name(channel)).collect();
        if args.transport == Transport::Bare {
            let mut tcp = connect_tcp(target, args.clients).await?;
            tcp.write_all(PUBLISH).await?;
            return Ok(Self::Bare(tcp));
        }
        if let (Some(secret_key), Some(api_key)) = (&args.secret_key, &args.api_key) {
            let path = |channel: &String| {
                let name: String = form_urlencoded::byte_serialize(channel.as_bytes()).collect();
                format!("/1.0.0/{api_key}/channels/{name}")
            };
            let paths = channels.iter().map(path).collect();
            let requests = Requests::connect(target, args.clients).await?;
            return Ok(Self::Rest { requests, paths, secret_key: secret_key.clone() });
        }
        let mut socket = Box::new(connect_websocket(target, args.clients).await?);
        let user = args.users.then_some("bench-publisher");
        let connect = protocol::connect_and_subscribe(user, std::iter::empty());
        socket.send(connect).await.map_err(broken)?;
        let mut publisher = Self::WebSocket { socket, channels, last_id: 1, answered: 0 };
        publisher.settle().await?;
        Ok(publisher)
    }

    /// Publishes for as long as asked, and waits until the server has taken everything.
    pub(crate) async fn run(
        &mut self,
        context: &Context,
        progress: impl Fn(Duration),
    ) -> Result<Published, ClientError> {
        let args = &context.args;
        let between = Duration::from_secs_f64(args.burst as f64 / args.rate);
        let mut published =
            Published { messages: vec![0; args.channels], elapsed: Duration::ZERO, first: context.clock.now() };
        let start = Instant::now();
        let mut sent = 0_u64;
        let mut due = Duration::ZERO;
        while due < args.duration {
            self.wait_until(start + due).await?;
            let mut batch = Vec::with_capacity(args.burst);
            for _ in 0..args.burst {
                let channel = (sent % args.channels as u64) as usize;
                let sequence = published.messages[channel];
                let payload =
                    Payload { run: context.run, channel: channel as u16, sequence, sent: context.clock.now() };
                batch.push((channel, payload.write(args.size)));
                published.messages[channel] += 1;
                sent += 1;
            }
            self.send(&batch).await?;
            progress(start.elapsed());
            due += between;
        }
        published.elapsed = start.elapsed();
        self.settle().await?;
        Ok(published)
    }

    async fn send(&mut self, batch: &[(usize, String)]) -> Result<(), ClientError> {
        match self {
            Self::Rest { requests, paths, secret_key } => {
                for (channel, payload) in batch {
                    let headers = [("x-beacon-secret-key", secret_key.as_str())];
                    let response = requests.post(&paths[*channel], &headers, payload.clone()).await?;
                    crate::client::body(response).await?;
                }
                Ok(())
            }
            Self::WebSocket { socket, channels, last_id, .. } => {
                let mut commands = Vec::with_capacity(batch.len());
                for (channel, payload) in batch {
                    *last_id += 1;
                    commands.push(protocol::publish(*last_id, &channels[*channel], payload));
                }
                socket.send(commands.join("\n")).await.map_err(broken)
            }
            Self::Bare(tcp) => {
                let lines: String = batch.iter().flat_map(|(_, payload)| [payload, "\n"]).collect();
                Ok(tcp.write_all(lines.as_bytes()).await?)
            }
        }
    }

    /// Waits, and reads meanwhile what the server answers.
    async fn wait_until(&mut self, moment: Instant) -> Result<(), ClientError> {
        let sleep = tokio::time::sleep_until(moment.into());
        tokio::pin!(sleep);
        loop {
            let Self::WebSocket { socket, answered, .. } = self else {
                sleep.await;
                return Ok(());
            };
            tokio::select! {
                () = &mut sleep => return Ok(()),
                message = socket.recv() => {
                    let message = message.map_err(broken)?;
                    hear(socket, answered, message).await?;
                }
            }
        }
    }

    /// Waits until every command has its answer.
    async fn settle(&mut self) -> Result<(), ClientError> {
        let Self::WebSocket { socket, last_id, answered, .. } = self else { return Ok(()) };
        let hearing = async {
            while *answered < *last_id {
                let message = socket.recv().await.map_err(broken)?;
                hear(socket, answered, message).await?;
            }
            Ok(())
        };
        tokio::time::timeout(CONNECT_TIMEOUT, hearing).await.unwrap_or(Err(ClientError::Timeout("be answered")))
    }
}

/// Takes the answers in one message: each has to be one of success.
async fn hear(socket: &mut WebSocketClient, answered: &mut u32, message: Option<Message>) -> Result<(), ClientError> {
    let text = match message {
        Some(Message::Text(text)) => text,
        Some(Message::Close(Some(close))) => {
            return Err(ClientError::Disconnected { code: Some(close.code.get()), reason: close.reason.into_owned() });
        }
        Some(Message::Close(None)) | None => {
            return Err(ClientError::Disconnected { code: None, reason: String::new() });
        }
        Some(_) => return Ok(()),
    };
    for line in text.lines() {
        if line == PONG {
            socket.send(PONG).await.map_err(broken)?;
            continue;
        }
        let frame = Frame::parse(line.as_bytes())
            .map_err(|error| ClientError::Protocol(format!("a frame that is none: {error}")))?;
        if let Some(error) = frame.error {
            return Err(ClientError::Refused { code: error.code, message: error.message.into_owned() });
        }
        *answered = frame.id.max(*answered);
    }
    Ok(())
}

fn broken(error: planet_websocket::WebSocketError) -> ClientError {
    ClientError::Protocol(format!("no WebSocket: {error}"))
}
