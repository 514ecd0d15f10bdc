//! The event stream: tells back ends over TCP who came to which channel and who left it.
//!
//! One line an event, `sphere TAB name TAB user TAB channel CR LF`, where the sphere is the name of the app. A reader
//! connects and reads. What it sends is thrown away; when it closes its side, it is gone.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use planet_hub::Observer;
use planet_net::{Limits, Listener, Shutdown, Traffic};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::sync::Notify;

use crate::metrics::{Family, Source};

const ARRIVED: &str = "USER_CONNECTED_TO_CHANNEL";
const LEFT: &str = "USER_DISCONNECTED_TO_CHANNEL";

/// After so long without a word, the system asks a reader's machine whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Bounds of the event stream.
#[derive(Clone, Copy, Debug)]
pub struct EventSettings {
    /// Readers at once; one more is closed as soon as it is accepted. Default 32.
    pub readers: usize,
    /// Bytes that wait for one reader, beside what the system buffers. A reader that is further behind is
    /// disconnected. Default 1 MiB.
    pub buffer_bytes: usize,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self { readers: 32, buffer_bytes: 1 << 20 }
    }
}

impl EventSettings {
    /// The limits to make the listener with.
    pub fn limits(&self) -> Limits {
        Limits { connections: self.readers, connections_per_address: u32::MAX, ..Limits::default() }
    }
}

/// The event stream. Clones are the same stream: one goes to the hub as its observer, one serves the readers.
#[derive(Clone)]
pub struct EventStream(Arc<Shared>);

struct Shared {
    settings: EventSettings,
    readers: RwLock<Vec<Arc<Reader>>>,
    reader_count: AtomicUsize,
    events: AtomicU64,
    slow_readers: AtomicU64,
    traffic: OnceLock<Arc<Traffic>>,
}

struct Reader {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Notify,
    /// The reader is too far behind.
    overflowed: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<u8>,
    /// Bytes taken out of `waiting` and not yet all written.
    being_written: usize,
    overflowed: bool,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("readers", &self.readers()).finish_non_exhaustive()
    }
}

impl EventStream {
    /// A stream that nobody reads yet.
    pub fn new(settings: EventSettings) -> Self {
        Self(Arc::new(Shared {
            settings,
            readers: RwLock::default(),
            reader_count: AtomicUsize::new(0),
            events: AtomicU64::new(0),
            slow_readers: AtomicU64::new(0),
            traffic: OnceLock::new(),
        }))
    }

    /// Readers now connected.
    pub fn readers(&self) -> usize {
        self.0.reader_count.load(Ordering::Relaxed)
    }

    /// Readers disconnected so far because they were too far behind.
    pub fn slow_readers(&self) -> u64 {
        self.0.slow_readers.load(Ordering::Relaxed)
    }

    /// Accepts readers until the shutdown of the listener begins, and then returns when each has been sent what waits
    /// for it, or the time is up.
    ///
    /// That shutdown is best one of its own, begun after the connections of users have ended, so that the readers are
    /// told of that too.
    pub async fn serve(&self, mut listener: Listener) {
        let shutdown = listener.admission().shutdown().clone();
        let traffic = self.0.traffic.get_or_init(|| listener.traffic().clone());
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.begun() => break,
            };
            let (shared, shutdown, traffic) = (self.0.clone(), shutdown.clone(), traffic.clone());
            // Added before the next reader is accepted, so that a reader is told of everything from now on.
            let reader = shared.add_reader();
            tokio::spawn(async move {
                if shared.write(&reader, accepted.tcp, &shutdown, &traffic).await == Ended::Slow {
                    shared.slow_readers.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(peer = %accepted.peer, "a reader of the event stream was too slow and is disconnected");
                }
                shared.remove_reader(&reader);
                drop(accepted.guard);
            });
        }
        drop(listener);
        shutdown.drained().await;
    }

    fn tell(&self, sphere: &str, name: &str, user: &str, channel: &str) {
        self.0.events.fetch_add(1, Ordering::Relaxed);
        if self.readers() == 0 {
            return;
        }
        let mut line = String::with_capacity(sphere.len() + name.len() + user.len() + channel.len() + 5);
        for (part, end) in [(sphere, "\t"), (name, "\t"), (user, "\t"), (channel, "\r\n")] {
            // Names are checked long before they get here. If one ever is not, it cannot forge a line.
            line.extend(part.chars().map(|c| if c.is_control() { '?' } else { c }));
            line.push_str(end);
        }
        for reader in self.0.readers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            reader.push(line.as_bytes(), self.0.settings.buffer_bytes);
        }
    }
}

impl Observer for EventStream {
    fn user_arrived(&self, app: &str, user: &str, channel: &str) {
        self.tell(app, ARRIVED, user, channel);
    }

    fn user_left(&self, app: &str, user: &str, channel: &str) {
        self.tell(app, LEFT, user, channel);
    }
}

impl Source for EventStream {
    fn families(&self) -> Vec<Family> {
        let refused = self.0.traffic.get().map_or(0, |traffic| traffic.refused_total());
        let events = self.0.events.load(Ordering::Relaxed);
        vec![
            Family::gauge("event_readers", "Readers of the event stream").with(&[], self.readers() as u64),
            Family::counter("events", "Users that came to channels and left them").with(&[], events),
            Family::counter("event_readers_ended", "Readers of the event stream turned away, by reason")
                .with(&[("reason", "slow")], self.slow_readers())
                .with(&[("reason", "limit")], refused),
        ]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It has got everything, or is gone.
    Done,
    Slow,
}

impl Shared {
    fn add_reader(&self) -> Arc<Reader> {
        let reader = Arc::new(Reader { queue: Mutex::default(), filled: Notify::new(), overflowed: Notify::new() });
        let mut readers = self.readers.write().unwrap_or_else(PoisonError::into_inner);
        readers.push(reader.clone());
        self.reader_count.store(readers.len(), Ordering::Relaxed);
        reader
    }

    fn remove_reader(&self, reader: &Arc<Reader>) {
        let mut readers = self.readers.write().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|other| !Arc::ptr_eq(other, reader));
        self.reader_count.store(readers.len(), Ordering::Relaxed);
    }

    async fn write(&self, reader: &Reader, mut tcp: TcpStream, shutdown: &Shutdown, traffic: &Traffic) -> Ended {
        if let Err(error) = SockRef::from(&tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE)) {
            tracing::debug!(%error, "keep-alive was not set");
        }
        let ended = {
            let (read, mut write) = tcp.split();
            let writing = async {
                while let Some(batch) = reader.next(shutdown).await {
                    write.write_all(&batch).await?;
                    traffic.add_out(batch.len() as u64);
                }
                write.shutdown().await
            };
            tokio::select! {
                _ = writing => Ended::Done,
                () = closed(&read) => Ended::Done,
                () = shutdown.deadline_passed() => Ended::Done,
                () = reader.overflowed.notified() => Ended::Slow,
            }
        };
        if ended == Ended::Slow {
            // Closed with a reset: what the system still buffers is freed at once, and the reader sees that it has not
            // got everything.
            let _ = SockRef::from(&tcp).set_linger(Some(Duration::ZERO));
        }
        ended
    }
}

impl Reader {
    fn push(&self, line: &[u8], limit: usize) {
        let mut queue = self.queue();
        if queue.overflowed {
            return;
        }
        if queue.waiting.len() + queue.being_written + line.len() > limit {
            queue.overflowed = true;
            queue.waiting = Vec::new();
            self.overflowed.notify_one();
            return;
        }
        queue.waiting.extend_from_slice(line);
        self.filled.notify_one();
    }

    /// Everything that waits; `None` at the end, when there is nothing and the shutdown has begun.
    async fn next(&self, shutdown: &Shutdown) -> Option<Vec<u8>> {
        loop {
            let last = shutdown.has_begun();
            {
                let mut queue = self.queue();
                let batch = std::mem::take(&mut queue.waiting);
                queue.being_written = batch.len();
                if !batch.is_empty() {
                    return Some(batch);
                }
            }
            if last {
                return None;
            }
            tokio::select! {
                () = self.filled.notified() => {}
                () = shutdown.begun() => {}
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns when the peer has closed its side.
async fn closed(read: &ReadHalf<'_>) {
    let mut thrown_away = [0; 256];
    while read.readable().await.is_ok() {
        match read.try_read(&mut thrown_away) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
