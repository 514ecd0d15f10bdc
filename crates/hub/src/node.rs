//! What everything in one hub shares: wire formats, the flusher, the observer and the counters.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;

use crate::app::App;
use crate::connection::Connection;
use crate::event::{Disconnect, Event, Format, FormatId};
use crate::metrics::Counters;
use crate::options::Overflow;
use crate::outbound::{Dropped, Pushed};
use crate::store::Broker;

/// Has the queues of connections written. A transport whose connections are written by whoever has time, rather than by
/// a task of their own, implements this.
pub trait Flush: Send + Sync {
    /// Each of these connections has just got something to write; none of them has a writer. Must not block, and must
    /// not call the hub but for [`Connection::drain`]: it is called while a channel is locked, which is what lets writing
    /// begin before a long fan-out is over.
    fn flush(&self, ready: Vec<Arc<Connection>>);
}

/// Told when users come to channels and leave them, in the order in which they do. Must not block and must not call the
/// hub: it is called while the channel is locked, or an arrival could be overtaken by the leave that follows it.
pub trait Observer: Send + Sync {
    /// The first connection of a user subscribed to a channel with presence.
    fn user_arrived(&self, app: &str, user: &str, channel: &str);
    /// The last one is gone from it.
    fn user_left(&self, app: &str, user: &str, channel: &str);
}

/// Connections handed to the flusher at once, so that it can begin while the fan-out goes on.
const FLUSH_EVERY: usize = 256;

pub(crate) struct Node {
    pub(crate) formats: Vec<Box<dyn Format>>,
    pub(crate) flush: Box<dyn Flush>,
    pub(crate) observer: Option<Box<dyn Observer>>,
    pub(crate) broker: Box<dyn Broker>,
    pub(crate) counters: Counters,
    /// The time, in milliseconds since 1970.
    pub(crate) clock: Box<dyn Fn() -> u64 + Send + Sync>,
    /// Set once, before the logs are saved: a channel that is locked after its log was saved takes no more messages.
    pub(crate) stopped: AtomicBool,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("formats", &self.formats.len()).finish_non_exhaustive()
    }
}

impl Node {
    pub(crate) fn formats(&self) -> &[Box<dyn Format>] {
        &self.formats
    }

    pub(crate) fn encode(&self, format: FormatId, event: &Event<'_>) -> Bytes {
        self.formats[usize::from(format.0)].encode(event)
    }

    pub(crate) fn delivery(&self) -> Delivery<'_> {
        Delivery { node: self, ready: Vec::new(), sent: 0, bytes: 0 }
    }

    pub(crate) fn user_arrived(&self, app: &App, user: &str, channel: &str) {
        if let Some(observer) = &self.observer {
            observer.user_arrived(app.name(), user, channel);
        }
    }

    pub(crate) fn user_left(&self, app: &App, user: &str, channel: &str) {
        if let Some(observer) = &self.observer {
            observer.user_left(app.name(), user, channel);
        }
    }

    /// Closes a connection that has no room for what it is to get, of which `lost` are messages.
    pub(crate) fn close_slow(&self, connection: &Connection, lost: u64) -> Pushed {
        let last = self.encode(connection.format(), &Event::Disconnect(Disconnect::SLOW));
        match connection.outbound().close(Disconnect::SLOW, last, true) {
            Some((pushed, dropped)) => {
                self.counters.slow_connections.add(1);
                self.counters.dropped_slow.add(dropped.frames + lost);
                pushed
            }
            None => Pushed::Closed,
        }
    }
}

/// One fan-out: counts what was sent and gathers the connections that need a writer.
pub(crate) struct Delivery<'a> {
    node: &'a Node,
    ready: Vec<Arc<Connection>>,
    sent: usize,
    bytes: u64,
}

impl Delivery<'_> {
    pub(crate) fn count(
        &mut self,
        connection: &Arc<Connection>,
        pushed: Pushed,
        dropped: Dropped,
        bytes: usize,
        overflow: Overflow,
    ) {
        if dropped.frames > 0 {
            match overflow {
                Overflow::Conflate => self.node.counters.dropped_conflated.add(dropped.frames),
                Overflow::DropOldest | Overflow::Disconnect => self.node.counters.dropped_oldest.add(dropped.frames),
            }
        }
        let pushed = match pushed {
            Pushed::Queued | Pushed::Schedule => {
                self.sent += 1;
                self.bytes += bytes as u64;
                pushed
            }
            Pushed::Overflowed => self.node.close_slow(connection, 1),
            Pushed::Closed => return,
        };
        if pushed == Pushed::Schedule && connection.sink().is_some() {
            self.ready.push(connection.clone());
            if self.ready.len() == FLUSH_EVERY {
                self.node.flush.flush(std::mem::take(&mut self.ready));
            }
        }
    }

    pub(crate) fn finish(self) -> usize {
        if !self.ready.is_empty() {
            self.node.flush.flush(self.ready);
        }
        self.node.counters.deliveries.add(self.sent as u64);
        self.node.counters.delivered_bytes.add(self.bytes);
        self.sent
    }
}
