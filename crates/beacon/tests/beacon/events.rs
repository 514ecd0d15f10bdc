//! The event stream over real sockets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use planet_beacon::metrics::{Metrics, Source};
use planet_beacon::{EventSettings, EventStream};
use planet_hub::{
    AppSettings, ChannelOptions, Connection, Event, Flush, Format, FormatId, Hub, Observer, Rules, Subscribe,
};
use planet_net::{Listener, Shutdown};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

struct Running {
    events: EventStream,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
    address: std::net::SocketAddr,
}

impl Running {
    fn start(settings: EventSettings) -> Self {
        let (events, shutdown) = (EventStream::new(settings), Shutdown::new());
        let listener = Listener::bind(&["127.0.0.1:0".parse().unwrap()], settings.limits(), shutdown.clone()).unwrap();
        let address = listener.addresses()[0];
        let stream = events.clone();
        let serving = tokio::spawn(async move { stream.serve(listener).await });
        Self { events, shutdown, serving, address }
    }

    /// A reader that is told of everything from now on.
    async fn reader(&self) -> BufReader<TcpStream> {
        let before = self.events.readers();
        let reader = TcpStream::connect(self.address).await.unwrap();
        self.until_readers(before + 1).await;
        BufReader::new(reader)
    }

    async fn until_readers(&self, count: usize) {
        while self.events.readers() != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).await.unwrap();
    line
}

struct Silent;

impl Format for Silent {
    fn encode(&self, _: &Event<'_>) -> Bytes {
        Bytes::new()
    }
}

impl Flush for Silent {
    fn flush(&self, _: Vec<Arc<Connection>>) {}
}

#[tokio::test]
async fn readers_are_told_of_users_that_come_to_channels_and_leave_them() {
    let running = Running::start(EventSettings::default());
    let hub = Hub::builder(vec![Box::new(Silent)], Silent).observer(running.events.clone()).build();
    let channels = Rules::new(ChannelOptions { presence: true, ..ChannelOptions::default() });
    let app = hub.create_app("default", AppSettings { channels, ..AppSettings::default() }).unwrap();
    let (mut one, mut other) = (running.reader().await, running.reader().await);
    let connections: Vec<_> = (0..2).map(|_| app.open(FormatId(0), None).unwrap()).collect();
    for connection in &connections {
        connection.identify(Some("julia"), None).unwrap();
        let _ = connection.subscribe("#chat", Subscribe::default(), |_| Bytes::new()).unwrap();
    }
    connections.iter().for_each(|connection| connection.end());
    for reader in [&mut one, &mut other] {
        assert_eq!(line(reader).await, "default\tUSER_CONNECTED_TO_CHANNEL\tjulia\t#chat\r\n");
        assert_eq!(line(reader).await, "default\tUSER_DISCONNECTED_TO_CHANNEL\tjulia\t#chat\r\n");
    }
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_disconnected_and_others_go_on() {
    let running = Running::start(EventSettings { buffer_bytes: 10_000, ..EventSettings::default() });
    let mut stuck = running.reader().await;
    let mut reader = running.reader().await;
    let channel = "c".repeat(1000);
    let mut told = 0_usize;
    // What the system buffers on both sides has to be filled first. One event at a time, so that the one who reads is
    // never behind.
    while running.events.slow_readers() == 0 {
        running.events.user_arrived("default", "julia", &channel);
        assert!(line(&mut reader).await.ends_with("\r\n"));
        told += 1;
        assert!(told < 100_000, "the reader that is stuck was never disconnected");
    }
    running.until_readers(1).await;
    running.events.user_left("default", "julia", "last");
    assert_eq!(line(&mut reader).await, "default\tUSER_DISCONNECTED_TO_CHANNEL\tjulia\tlast\r\n");
    // It sees that it has not got everything: the connection breaks rather than ends.
    let broken = tokio::io::copy(&mut stuck, &mut tokio::io::sink()).await.unwrap_err();
    assert_eq!(broken.kind(), std::io::ErrorKind::ConnectionReset);
    let metrics = Metrics::new(vec![Arc::new(running.events.clone()) as Arc<dyn Source>]).text();
    let metrics = std::str::from_utf8(&metrics).unwrap();
    assert!(metrics.contains("planet_event_readers_ended_total{reason=\"slow\"} 1\n"), "{metrics}");
    assert!(metrics.contains("planet_event_readers 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_reader_may_say_what_it_likes_and_is_gone_when_it_closes() {
    let running = Running::start(EventSettings::default());
    let mut reader = running.reader().await;
    reader.write_all(&[b'x'; 100_000]).await.unwrap();
    running.events.user_arrived("default", "julia", "chat");
    assert_eq!(line(&mut reader).await, "default\tUSER_CONNECTED_TO_CHANNEL\tjulia\tchat\r\n");
    drop(reader);
    running.until_readers(0).await;
    running.events.user_left("default", "julia", "chat");
    assert_eq!(running.events.slow_readers(), 0);
}

#[tokio::test]
async fn one_reader_too_many_is_turned_away() {
    let running = Running::start(EventSettings { readers: 1, ..EventSettings::default() });
    let mut reader = running.reader().await;
    let mut refused = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(refused.read(&mut [0; 1]).await.unwrap_or(0), 0);
    running.events.user_arrived("default", "julia", "chat");
    assert!(line(&mut reader).await.contains("julia"));
    drop(reader);
    running.until_readers(0).await;
    running.reader().await;
}

#[tokio::test]
async fn at_the_end_readers_get_what_waits_for_them() {
    let running = Running::start(EventSettings::default());
    let mut reader = running.reader().await;
    for at in 0..1000 {
        running.events.user_left("default", "julia", &format!("c{at}"));
    }
    running.shutdown.begin(Duration::from_secs(60));
    running.serving.await.unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.lines().count(), 1000);
    assert!(text.ends_with("\tc999\r\n"));
    assert_eq!(running.events.readers(), 0);
}

#[tokio::test]
async fn a_reader_that_stops_reading_does_not_hold_up_the_end() {
    let running = Running::start(EventSettings { buffer_bytes: 64 << 20, ..EventSettings::default() });
    let _stuck = running.reader().await;
    let channel = "c".repeat(100_000);
    for _ in 0..300 {
        running.events.user_left("default", "julia", &channel);
    }
    running.shutdown.begin(Duration::from_millis(20));
    running.serving.await.unwrap();
}

#[tokio::test]
async fn no_name_can_forge_a_line() {
    let running = Running::start(EventSettings::default());
    let mut reader = running.reader().await;
    running.events.user_arrived("default", "julia\r\ndefault\tUSER_CONNECTED_TO_CHANNEL\tadmin", "chat");
    let line = line(&mut reader).await;
    assert_eq!(line, "default\tUSER_CONNECTED_TO_CHANNEL\tjulia??default?USER_CONNECTED_TO_CHANNEL?admin\tchat\r\n");
}
