//! Real threads: publishers, subscribers that come and go and read in bites, sweeps, all at the same time.

mod common;

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use common::{AtOnce, Lines, answer};
use planet_hub::*;

const CHANNELS: [&str; 3] = ["log.1", "log.2", "log.3"];
const MESSAGES: u64 = 5_000;

/// Messages that a reader sees before it leaves and comes back.
const STAY: u64 = 400;

/// A socket that takes a few bytes, then blocks, then is found writable by a poller on another thread.
struct Socket {
    shared: Arc<Shared>,
    writable: mpsc::Sender<Arc<Connection>>,
}

#[derive(Default)]
struct Shared {
    read: Mutex<Vec<u8>>,
    calls: AtomicUsize,
    busy: AtomicBool,
}

impl Sink for Socket {
    fn try_write(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        assert!(!self.shared.busy.swap(true, Ordering::AcqRel), "two writers at once");
        let call = self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let mut left = call % 90;
        let taken = left.min(frames.iter().map(|frame| frame.len()).sum());
        let mut read = self.shared.read.lock().unwrap();
        for frame in frames {
            let part = left.min(frame.len());
            read.extend_from_slice(&frame[..part]);
            left -= part;
        }
        drop(read);
        self.shared.busy.store(false, Ordering::Release);
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    fn stopped(self: Arc<Self>, connection: &Arc<Connection>, outcome: Drained) {
        if outcome == Drained::Blocked {
            self.writable.send(connection.clone()).expect("the poller outlives all sockets");
        }
    }
}

impl Shared {
    fn lines(&self) -> Vec<String> {
        let mut read = self.read.lock().unwrap();
        let whole = read.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let text: Vec<u8> = read.drain(..whole).collect();
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Follows a channel over many short connections until it has seen every message.
fn follow(app: &Arc<App>, channel: &str, epoch: Epoch, writable: &mpsc::Sender<Arc<Connection>>) -> usize {
    let (mut offset, mut connections) = (0, 0);
    while offset < MESSAGES {
        connections += 1;
        let shared = Arc::new(Shared::default());
        let socket = Socket { shared: shared.clone(), writable: writable.clone() };
        let connection = app.open(FormatId(0), Some(Arc::new(socket))).unwrap();
        connection.identify(Some("reader"), None).unwrap();
        let wish = Subscribe { recover: Some(Resume::After(Position { epoch, offset })), join_leave: true };
        let needed = connection.subscribe(channel, wish, |told| answer(channel, told)).unwrap();
        connection.flush(needed);
        let stay_until = MESSAGES.min(offset + STAY);
        while offset < stay_until {
            for line in shared.lines() {
                let word = line.strip_prefix(channel).expect("a line of this channel").trim();
                assert_ne!(word, "unrecovered");
                if let Some(number) = word.strip_prefix('#') {
                    let number: u64 = number.split(' ').next().unwrap().parse().unwrap();
                    assert_eq!(number, offset + 1, "{channel}");
                    offset = number;
                }
                // However much has come: the rest is for the next connection.
                if offset == stay_until {
                    break;
                }
            }
            thread::yield_now();
        }
        connection.end();
    }
    connections
}

#[test]
fn nothing_is_lost_or_doubled_while_everything_moves() {
    let lasting = ChannelOptions { presence: true, join_leave: true, ..common::with_history(MESSAGES as usize) };
    let channels = Rules::new(ChannelOptions::default()).with("log.*".parse().unwrap(), lasting);
    let hub = Hub::builder(vec![Box::new(Lines { encoded: Default::default() })], AtOnce).build();
    let app = hub.create_app("app", AppSettings { channels, limits: AppLimits::default() }).unwrap();
    let epochs = CHANNELS.map(|channel| app.history(channel, &HistoryQuery::default()).unwrap().position.epoch);
    let done = AtomicBool::new(false);
    let (writable, poll) = mpsc::channel::<Arc<Connection>>();

    thread::scope(|scope| {
        let (app, done) = (&app, &done);
        scope.spawn(move || poll.into_iter().for_each(|connection| connection.drain()));
        let publishers = CHANNELS.map(|channel| {
            scope.spawn(move || {
                for number in 1..=MESSAGES {
                    let published = app.publish(channel, Message::new(number.to_string())).unwrap();
                    assert_eq!(published.position.unwrap().offset, number);
                }
            })
        });
        let readers: Vec<_> = CHANNELS
            .into_iter()
            .zip(epochs)
            .map(|(channel, epoch)| {
                let writable = writable.clone();
                scope.spawn(move || follow(app, channel, epoch, &writable))
            })
            .collect();
        // A channel that is swept whenever its only subscriber is away.
        let visitor = scope.spawn(move || {
            let mut visits = 0;
            while !done.load(Ordering::Relaxed) {
                let connection = app.open(FormatId(0), None).unwrap();
                let _unflushed = connection.subscribe("short", Subscribe::default(), |_| "hello".into()).unwrap();
                assert_eq!(app.publish("short", Message::new("1")).unwrap().sent, 1);
                connection.end();
                visits += 1;
            }
            visits
        });
        let sweepers = [(); 2].map(|()| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    hub.sweep();
                    thread::yield_now();
                }
            })
        });
        let connections: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        // Before anything is asserted: a failed assertion must not leave the others running.
        done.store(true, Ordering::Relaxed);
        for connections in connections {
            assert_eq!(connections.unwrap() as u64, MESSAGES.div_ceil(STAY));
        }
        assert!(visitor.join().unwrap() > 0);
        for publisher in publishers {
            publisher.join().unwrap();
        }
        for sweeper in sweepers {
            sweeper.join().unwrap();
        }
        drop(writable);
    });
    assert_eq!((app.connection_count(), app.users_online()), (0, 0));
    assert_eq!(app.presence_stats("log.1"), Some(PresenceStats::default()));
    let kept: usize = CHANNELS
        .iter()
        .flat_map(|channel| app.history(channel, &HistoryQuery::default()).unwrap().publications)
        .map(|publication| publication.data.len())
        .sum();
    assert!(app.history_bytes() > kept, "{} bytes counted for {kept} of payload", app.history_bytes());
}
