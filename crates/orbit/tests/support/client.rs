//! A client of the client protocol, over any transport.

use std::collections::VecDeque;
use std::net::SocketAddr;

use planet_websocket::client::{ConnectOptions, WebSocketClient, connect};
use planet_websocket::{CloseCode, Message};
use serde_json::{Value, json};

use super::{Streaming, World, get, post, soon};

/// A transport of the client protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    WebSocket,
    HttpStream,
    Sse,
    LongPoll,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::HttpStream, Self::Sse, Self::LongPoll];
}

enum Link {
    WebSocket(Box<WebSocketClient>),
    Lines(Streaming),
    Events(Streaming),
    Polls { cursor: u64 },
}

/// A client. Answers pings, and keeps what it was not asked for.
pub struct Client {
    address: SocketAddr,
    link: Link,
    /// What names the session in requests of its own.
    pub session: String,
    waiting: VecDeque<Value>,
    last_id: u64,
    /// Whether it answers pings.
    pub answers_pings: bool,
}

impl Client {
    /// Opens the transport and sends the connect command.
    pub async fn open(world: &World, kind: Kind, connect: Value) -> Self {
        Self::open_at(world.address, "", kind, connect).await
    }

    /// The same below a prefix of the path.
    pub async fn open_at(address: SocketAddr, prefix: &str, kind: Kind, request: Value) -> Self {
        let command = json!({"id": 1, "connect": request}).to_string();
        let path = |name: &str| format!("{prefix}/connection/{name}");
        let mut waiting = VecDeque::new();
        let mut session = String::new();
        let link = match kind {
            Kind::WebSocket => {
                let options = ConnectOptions::new(format!("ws://{address}{}", path("websocket")));
                let mut socket = connect(&options).await.unwrap().socket;
                socket.send(command).await.unwrap();
                Link::WebSocket(Box::new(socket))
            }
            Kind::HttpStream => {
                let body = http::Request::post(path("http_stream")).body(command).unwrap();
                Link::Lines(super::request(address, body).await)
            }
            Kind::Sse => {
                let query: String = form_urlencoded::byte_serialize(command.as_bytes()).collect();
                Link::Events(get(address, &format!("{}?cf_connect={query}", path("sse"))).await)
            }
            Kind::LongPoll => {
                let opened = post(address, &path("long_poll"), command).await.json();
                waiting.extend(opened["frames"].as_array().unwrap().iter().cloned());
                session = opened["session"].as_str().unwrap().to_owned();
                Link::Polls { cursor: opened["cursor"].as_u64().unwrap() }
            }
        };
        Self { address, link, session, waiting, last_id: 1, answers_pings: true }
    }

    /// Opens the transport and connects, and gives the result.
    pub async fn connect(world: &World, kind: Kind, connect: Value) -> (Self, Value) {
        let mut client = Self::open(world, kind, connect).await;
        let reply = client.reply(1).await;
        let result = reply["connect"].clone();
        assert!(result.is_object(), "{kind:?}: {reply}");
        if kind != Kind::WebSocket {
            client.session = result["session"].as_str().unwrap().to_owned();
        }
        (client, result)
    }

    /// Sends lines of commands.
    pub async fn send(&mut self, lines: &str) {
        assert!(self.try_send(lines).await, "the session is gone");
    }

    /// Sends lines of commands; says whether there is still somebody to take them.
    async fn try_send(&mut self, lines: &str) -> bool {
        match &mut self.link {
            Link::WebSocket(socket) => socket.send(lines).await.is_ok(),
            _ => {
                let envelope = json!({"session": self.session, "node": "", "data": lines});
                post(self.address, "/emulation", envelope.to_string()).await.status == 204
            }
        }
    }

    /// Sends a command and gives its reply, whatever comes before it.
    pub async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"id": id, method: parameters}).to_string()).await;
        self.reply(id).await
    }

    /// The reply to a command.
    pub async fn reply(&mut self, id: u64) -> Value {
        let mut others = VecDeque::new();
        loop {
            let frame = self.next().await.unwrap_or_else(|end| panic!("{end:?} in place of reply {id}"));
            if frame["id"] == id {
                others.append(&mut self.waiting);
                self.waiting = others;
                return frame;
            }
            others.push_back(frame);
        }
    }

    /// The next push.
    pub async fn push(&mut self) -> Value {
        let frame = self.next().await.unwrap_or_else(|end| panic!("{end:?} in place of a push"));
        assert!(frame["push"].is_object(), "{frame}");
        frame["push"].clone()
    }

    /// The code with which the server ends the connection.
    pub async fn end(&mut self) -> u64 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// The next frame, or the code with which the server ends the connection; 0 for none.
    pub async fn next(&mut self) -> Result<Value, u64> {
        loop {
            let frame = match self.waiting.pop_front() {
                Some(frame) => frame,
                None => match soon("a frame", self.read()).await? {
                    Some(frame) => frame,
                    None => continue,
                },
            };
            if let Some(code) = frame["push"]["disconnect"]["code"].as_u64() {
                return Err(code);
            }
            if frame != json!({}) {
                return Ok(frame);
            }
            if self.answers_pings && !matches!(self.link, Link::Polls { .. }) {
                // What the server says last may be on its way already.
                let _there = self.try_send("{}").await;
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Value>, u64> {
        let text = match &mut self.link {
            Link::WebSocket(socket) => match socket.recv().await {
                Ok(Some(Message::Text(text))) => Some(text),
                Ok(Some(Message::Close(close))) => {
                    let _ended = socket.recv().await;
                    return Err(close.map_or(0, |close| close.code.get().into()));
                }
                Ok(Some(_)) => return Ok(None),
                Ok(None) | Err(_) => None,
            },
            Link::Lines(body) => body.next("\n").await,
            Link::Events(body) => body.next("\n\n").await.map(|event| event["data: ".len()..].to_owned()),
            Link::Polls { cursor } => {
                let poll = json!({"session": self.session, "cursor": *cursor}).to_string();
                let answer = post(self.address, "/connection/long_poll", poll).await;
                if answer.status == 404 {
                    return Err(0);
                }
                let answer = answer.json();
                *cursor = answer["cursor"].as_u64().unwrap();
                self.waiting.extend(answer["frames"].as_array().unwrap().iter().cloned());
                return Ok(None);
            }
        };
        text.map(|text| serde_json::from_str(&text).unwrap()).map(Some).ok_or(0)
    }

    /// Closes a WebSocket as a browser does; drops any other transport.
    pub async fn close(self) {
        if let Link::WebSocket(mut socket) = self.link {
            socket.close(CloseCode::NORMAL, "").await.unwrap();
        }
    }
}

impl Client {
    /// Ends the sending side of a WebSocket's connection, and gives what is left of it, unread.
    pub fn hang_up(self) -> impl Sized {
        let Link::WebSocket(socket) = self.link else { panic!("only WebSockets hang up") };
        let stream = socket.into_parts().io;
        let tcp = stream.tcp();
        socket2::SockRef::from(tcp).shutdown(std::net::Shutdown::Write).unwrap();
        stream
    }
}
