//! A hub under test: a clock that stands still, formats that can be read back, and sinks that take as much as they are let.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use planet_hub::*;

/// Events as lines of text: `chat #3 "hello"`.
pub struct Lines {
    pub encoded: Arc<AtomicUsize>,
}

impl Format for Lines {
    fn encode(&self, event: &Event<'_>) -> Bytes {
        self.encoded.fetch_add(1, Ordering::Relaxed);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let line = match event {
            Event::Publication { channel, publication, .. } => publication_line(channel, publication),
            Event::Join { channel, client } => format!("{channel} +{}", client.user.as_deref().unwrap_or("anonymous")),
            Event::Leave { channel, client } => format!("{channel} -{}", client.user.as_deref().unwrap_or("anonymous")),
            Event::Message(data) => format!("message {}", text(data)),
            Event::Gap { channel, gap } => format!("{channel} gap {}-{} of {}", gap.first, gap.last, gap.dropped),
            Event::Disconnect(why) => format!("disconnect {}", why.code),
        };
        Bytes::from(line + "\n")
    }
}

pub fn publication_line(channel: &str, publication: &Publication) -> String {
    format!("{channel} #{} {}", publication.offset, String::from_utf8_lossy(&publication.data))
}

/// The answer to a subscribe, as lines.
pub fn answer(channel: &str, subscribed: &Subscribed) -> Bytes {
    let mut lines = match &subscribed.recovery {
        Recovery::NotAsked => format!("{channel} subscribed\n"),
        Recovery::Recovered(_) => format!("{channel} recovered\n"),
        Recovery::Gap => format!("{channel} unrecovered\n"),
    };
    if let Recovery::Recovered(missed) = &subscribed.recovery {
        for publication in missed {
            lines += &(publication_line(channel, publication) + "\n");
        }
    }
    lines.into()
}

/// Writes at once, on the thread that publishes.
pub struct AtOnce;

impl Flush for AtOnce {
    fn flush(&self, ready: Vec<Arc<Connection>>) {
        ready.iter().for_each(Connection::drain);
    }
}

#[derive(Default)]
pub struct Peer {
    read: Mutex<Vec<u8>>,
    /// Bytes it takes before it blocks.
    room: AtomicUsize,
    stopped: Mutex<Vec<Drained>>,
}

/// The other end of a connection with a sink.
#[derive(Clone, Default)]
pub struct PeerSink(pub Arc<Peer>);

impl Sink for PeerSink {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        let wanted = frames.iter().map(|frame| frame.len()).sum::<usize>();
        let mut left = wanted.min(self.0.room.load(Ordering::Relaxed));
        if left == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.0.room.fetch_sub(left, Ordering::Relaxed);
        let taken = left;
        let mut read = self.0.read.lock().unwrap();
        for frame in frames {
            let part = left.min(frame.len());
            read.extend_from_slice(&frame[..part]);
            left -= part;
        }
        Ok(taken)
    }

    fn stopped(self: Arc<Self>, _: &Arc<Connection>, outcome: Drained) {
        self.0.stopped.lock().unwrap().push(outcome);
    }
}

impl Peer {
    /// The whole lines it has read since it was last asked.
    pub fn lines(&self) -> Vec<String> {
        let mut read = self.read.lock().unwrap();
        let whole = read.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let text: Vec<u8> = read.drain(..whole).collect();
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }

    pub fn stopped(&self) -> Option<Drained> {
        self.stopped.lock().unwrap().last().copied()
    }
}

/// A connection and the peer that reads it.
pub struct Client {
    pub connection: Arc<Connection>,
    pub peer: Arc<Peer>,
}

impl Client {
    pub fn lines(&self) -> Vec<String> {
        self.peer.lines()
    }

    /// From now on the peer reads this many bytes.
    pub fn reads(&self, bytes: usize) {
        self.peer.room.store(bytes, Ordering::Relaxed);
        self.connection.drain();
    }

    pub fn try_subscribe(&self, channel: &str, wish: Subscribe) -> Result<(), SubscribeError> {
        let needed = self.connection.subscribe(channel, wish, |subscribed| answer(channel, subscribed))?;
        self.connection.flush(needed);
        Ok(())
    }

    pub fn subscribe(&self, channel: &str) {
        self.try_subscribe(channel, Subscribe::default()).unwrap();
    }

    pub fn resume(&self, channel: &str, position: Position) {
        self.try_subscribe(channel, Subscribe { recover: Some(Resume::After(position)), join_leave: false }).unwrap();
    }
}

/// A hub with one app and all that it is measured by.
pub struct World {
    pub hub: Hub,
    pub app: Arc<App>,
    pub encoded: [Arc<AtomicUsize>; 2],
    clock: Arc<AtomicU64>,
    pub users: Arc<Mutex<Vec<String>>>,
}

struct Users(Arc<Mutex<Vec<String>>>);

impl Observer for Users {
    fn user_arrived(&self, app: &str, user: &str, channel: &str) {
        self.0.lock().unwrap().push(format!("{app}/{channel} +{user}"));
    }

    fn user_left(&self, app: &str, user: &str, channel: &str) {
        self.0.lock().unwrap().push(format!("{app}/{channel} -{user}"));
    }
}

impl World {
    pub fn new(options: ChannelOptions, limits: AppLimits) -> Self {
        Self::with_store(options, limits, Forgetful)
    }

    pub fn with_store(options: ChannelOptions, limits: AppLimits, store: impl Store + 'static) -> Self {
        let encoded: [Arc<AtomicUsize>; 2] = Default::default();
        let formats = encoded.clone().map(|encoded| Box::new(Lines { encoded }) as Box<dyn Format>);
        Self { encoded, ..Self::with_formats(options, limits, store, formats.into()) }
    }

    pub fn with_formats(
        options: ChannelOptions,
        limits: AppLimits,
        store: impl Store + 'static,
        formats: Vec<Box<dyn Format>>,
    ) -> Self {
        let clock = Arc::new(AtomicU64::new(1_000_000));
        let time = clock.clone();
        let users = Arc::default();
        let hub = Hub::builder(formats, AtOnce)
            .clock(move || time.load(Ordering::Relaxed))
            .observer(Users(Arc::clone(&users)))
            .store(store)
            .build();
        let app = hub.create_app("app", AppSettings { channels: Rules::new(options), limits }).unwrap();
        Self { hub, app, encoded: Default::default(), clock, users }
    }

    pub fn pass(&self, milliseconds: u64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// A connection whose peer reads everything at once.
    pub fn client(&self, user: Option<&str>) -> Client {
        let client = self.stranger(FormatId(0));
        client.connection.identify(user, None).unwrap();
        client
    }

    /// A connection that has not said who it is.
    pub fn stranger(&self, format: FormatId) -> Client {
        let sink = PeerSink::default();
        sink.0.room.store(usize::MAX / 2, Ordering::Relaxed);
        let connection = self.app.open(format, Some(Arc::new(sink.clone()))).unwrap();
        Client { connection, peer: sink.0 }
    }

    pub fn publish(&self, channel: &str, data: &str) -> Published {
        self.app.publish(channel, Message::new(data.to_owned())).unwrap()
    }

    pub fn position(&self, channel: &str) -> Position {
        self.app.history(channel, &HistoryQuery { limit: Some(0), ..HistoryQuery::default() }).unwrap().position
    }

    pub fn history(&self, channel: &str) -> Vec<String> {
        let history = self.app.history(channel, &HistoryQuery::default()).unwrap();
        history.publications.iter().map(|publication| publication_line(channel, publication)).collect()
    }
}

/// Channels that keep `size` messages for a minute.
pub fn with_history(size: usize) -> ChannelOptions {
    ChannelOptions { history_size: size, history_ttl: std::time::Duration::from_secs(60), ..ChannelOptions::default() }
}
