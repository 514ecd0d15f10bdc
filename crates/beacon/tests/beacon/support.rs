//! A server on a loopback port with subscribers in this process, and requests written byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper_util::service::TowerToHyperService;
use planet_beacon::metrics::{HubFigures, Metrics, Source};
use planet_beacon::rest::{RestCounters, RestSettings};
use planet_beacon::{AppConfig, Apps, Beacon, DataDir, FileStore, routes};
use planet_hub::{Batch, Connection, Event, Flush, Format, FormatId, Hub, Subscribe};
use planet_net::{Limits, Listener, Server, Shutdown};
use planet_orbit::SessionSettings;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const API_KEY: &str = "test_app";
pub(crate) const SECRET_KEY: &str = "correct_horse_battery";

/// Shows events as text.
struct Plain;

impl Format for Plain {
    fn encode(&self, event: &Event<'_>) -> Bytes {
        match event {
            Event::Publication { channel, publication, .. } => {
                format!("{channel} {}", std::str::from_utf8(&publication.data).unwrap()).into()
            }
            Event::Message(data) => Bytes::copy_from_slice(data),
            Event::Disconnect(why) => format!("closed {} {}", why.code, why.reason).into(),
            _ => Bytes::new(),
        }
    }
}

/// The connections here are read by hand.
struct Nobody;

impl Flush for Nobody {
    fn flush(&self, _: Vec<Arc<Connection>>) {}
}

pub(crate) fn hub(data: &DataDir) -> Arc<Hub> {
    Arc::new(Hub::builder(vec![Box::new(Plain)], Nobody).store(FileStore::open(data).unwrap()).build())
}

pub(crate) fn config() -> AppConfig {
    AppConfig {
        api_key: Some(API_KEY.parse().unwrap()),
        secret_key: Some(SECRET_KEY.parse().unwrap()),
        sessions: SessionSettings { message_bytes: 1000, ..SessionSettings::default() },
        ..AppConfig::new("default")
    }
}

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) apps: Apps,
    pub(crate) shutdown: Shutdown,
    _data: TempDir,
}

impl TestServer {
    /// Serves this app, and a second one that nobody is in.
    pub(crate) fn start(config: AppConfig) -> Self {
        Self::start_with(config, Duration::from_secs(10), None)
    }

    pub(crate) fn start_with(config: AppConfig, body_timeout: Duration, metrics_token: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let hub = hub(&data);
        let apps = Apps::open(&data, vec![config, AppConfig::new("other")], &hub).unwrap();
        let rest_counters = Arc::new(RestCounters::default());
        let sources: Vec<Arc<dyn Source>> = vec![Arc::new(HubFigures::new(hub)), rest_counters.clone()];
        let shutdown = Shutdown::new();
        let router = routes(Beacon {
            apps: apps.clone(),
            rest: RestSettings { body_timeout, ..RestSettings::default() },
            rest_counters,
            metrics: Arc::new(Metrics::new(sources)),
            metrics_token: metrics_token.map(|token| token.parse().unwrap()),
            shutdown: shutdown.clone(),
        });
        // Its own shutdown, so that it goes on answering when that of the routes has begun.
        let listener = Listener::bind(&["127.0.0.1:0".parse().unwrap()], Limits::default(), Shutdown::new()).unwrap();
        let address = listener.addresses()[0];
        tokio::spawn(Server::new(listener).run(TowerToHyperService::new(router)));
        Self { address, apps, shutdown, _data: folder }
    }

    /// A connection of a user that is subscribed to these channels.
    pub(crate) fn subscriber(&self, user: &str, channels: &[&str]) -> Subscriber {
        let connection = self.apps.default_app().hub().open(FormatId(0), None).unwrap();
        connection.identify(Some(user), None).unwrap();
        for channel in channels {
            let _ = connection.subscribe(channel, Subscribe::default(), |_| Bytes::new()).unwrap();
        }
        Subscriber(connection)
    }

    /// Sends these bytes on a connection of their own, and reads the one answer.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_ref()).await.unwrap();
        if request.as_ref().starts_with(b"HEAD ") {
            return Answer::read_head(&mut stream).await;
        }
        Answer::read(&mut stream).await
    }

    /// A request with the secret key. `rest` is what follows the API key in the path.
    pub(crate) async fn call(&self, method: &str, rest: &str, body: &str) -> Answer {
        self.raw(request(method, &format!("/1.0.0/{API_KEY}{rest}"), &[("X-Beacon-Secret-Key", SECRET_KEY)], body))
            .await
    }
}

/// A request, with `Content-Length` when it has a body.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: planet.test\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

pub(crate) struct Subscriber(Arc<Connection>);

impl Subscriber {
    /// Takes everything that is queued, and leaves nothing.
    pub(crate) fn take(&self) -> Vec<String> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(Some(batch)) = self.0.poll_take(Batch::default(), &mut context) else {
            return Vec::new();
        };
        let frames: Vec<String> = batch.frames().map(|frame| String::from_utf8(frame.to_vec()).unwrap()).collect();
        // Gives the batch back as written.
        let _ = self.0.poll_take(batch, &mut context);
        frames.into_iter().filter(|frame| !frame.is_empty()).collect()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Reads one answer; "100 Continue" counts as one.
    pub(crate) async fn read(stream: &mut TcpStream) -> Self {
        let mut answer = Self::read_head(stream).await;
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    async fn read_head(stream: &mut TcpStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&head)),
            }
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: String::new() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of an error, which every refusal has.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()["error"].as_str().unwrap().to_owned()
    }
}
