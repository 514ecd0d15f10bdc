//! One connection as the hub sees it: who it is, what it is subscribed to, and its outbound queue.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::app::App;
use crate::channel::{Channel, Removed};
use crate::error::{IdentifyError, SubscribeError};
use crate::event::{ClientId, ClientInfo, Disconnect, Event, FormatId};
use crate::outbound::{Batch, Drained, Outbound, Pushed, Sink};
use crate::prefetch::{AHEAD, prefetch};
use crate::recovery::{Subscribe, Subscribed};
use crate::sync::{Mutex, lock};

/// A connection of an app. Made by [`App::open`], named by [`identify`](Self::identify), ended by [`end`](Self::end).
pub struct Connection {
    id: ClientId,
    app: Arc<App>,
    format: FormatId,
    /// Its place in the app's table.
    slot: usize,
    identity: OnceLock<Identity>,
    outbound: Outbound,
    sink: Option<Arc<dyn Sink>>,
    subscriptions: Mutex<Subscriptions>,
}

#[derive(Debug)]
struct Identity {
    user: Option<Arc<str>>,
    info: Option<Bytes>,
}

#[derive(Debug, Default)]
struct Subscriptions {
    list: SmallVec<[Subscription; 1]>,
    ended: bool,
}

#[derive(Debug)]
struct Subscription {
    channel: Arc<Channel>,
    slot: usize,
}

/// Whether frames were queued that nobody writes yet: hand it to [`Connection::flush`].
#[must_use = "queued frames stay where they are until the connection is flushed"]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeedsFlush(bool);

impl std::ops::BitOrAssign for NeedsFlush {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).field("user", &self.user()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(app: Arc<App>, slot: usize, format: FormatId, sink: Option<Arc<dyn Sink>>) -> Self {
        let outbound = Outbound::new(app.limits().outbound_bytes);
        Self {
            id: ClientId::random(),
            app,
            format,
            slot,
            identity: OnceLock::new(),
            outbound,
            sink,
            subscriptions: Mutex::default(),
        }
    }

    /// Its name.
    pub fn id(&self) -> ClientId {
        self.id
    }

    /// The app it belongs to.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Its wire format.
    pub fn format(&self) -> FormatId {
        self.format
    }

    pub(crate) fn slot(&self) -> usize {
        self.slot
    }

    /// Its user; `None` for an anonymous one and before [`identify`](Self::identify).
    pub fn user(&self) -> Option<&Arc<str>> {
        self.identity.get()?.user.as_ref()
    }

    /// Whether [`identify`](Self::identify) has succeeded.
    pub fn is_identified(&self) -> bool {
        self.identity.get().is_some()
    }

    /// Who it is, as others see it.
    pub fn client_info(&self) -> ClientInfo {
        let identity = self.identity.get();
        ClientInfo {
            client: self.id,
            user: identity.and_then(|identity| identity.user.clone()),
            info: identity.and_then(|identity| identity.info.clone()),
        }
    }

    /// Its outbound queue.
    pub fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// Where its queue is written by any thread; `None` when a task of its own takes from the queue.
    pub fn sink(&self) -> Option<&Arc<dyn Sink>> {
        self.sink.as_ref()
    }

    /// Says once who is behind the connection: from now on it counts among its user's connections.
    ///
    /// # Errors
    /// See [`IdentifyError`].
    pub fn identify(self: &Arc<Self>, user: Option<&str>, info: Option<Bytes>) -> Result<(), IdentifyError> {
        // Held throughout, so that an end at the same moment comes before or after, and never between.
        let subscriptions = lock(&self.subscriptions);
        if subscriptions.ended || self.identity.get().is_some() {
            return Err(IdentifyError::AlreadyIdentified);
        }
        let user = user.map(|name| self.app.add_to_user(name, self)).transpose()?;
        let set = self.identity.set(Identity { user, info });
        debug_assert!(set.is_ok(), "nobody else sets it while the lock is held");
        Ok(())
    }

    /// Subscribes. `reply` makes the answer to the client, which is queued before any message that comes after it; it is
    /// called again when its first answer does not fit, with a gap in place of the missed messages. It is called with
    /// the channel locked, and must not call the hub.
    ///
    /// # Errors
    /// See [`SubscribeError`]; nothing is queued then.
    pub fn subscribe(
        self: &Arc<Self>,
        name: &str,
        wish: Subscribe,
        mut reply: impl FnMut(&Subscribed) -> Bytes,
    ) -> Result<NeedsFlush, SubscribeError> {
        let node = self.app.node();
        let limit = self.app.limits().channels_per_connection;
        let mut subscriptions = lock(&self.subscriptions);
        if subscriptions.ended {
            return Err(SubscribeError::Ended);
        }
        if subscriptions.position(name).is_some() {
            return Err(SubscribeError::AlreadySubscribed);
        }
        if subscriptions.list.len() >= limit {
            return Err(SubscribeError::TooManyChannels { limit });
        }
        let (channel, seat) = loop {
            let channel = self.app.channel_or_new(name).map_err(|limit| SubscribeError::AppFull { limit })?;
            match channel.subscribe(node, self.app.limits(), self, wish, self.app.now(), &mut reply) {
                Ok(seat) => break (channel, seat),
                Err(Removed) => self.app.forget(&channel),
            }
        };
        subscriptions.list.push(Subscription { channel, slot: seat.slot });
        drop(subscriptions);
        Ok(self.after_push(seat.pushed))
    }

    /// Ends a subscription; says whether there was one.
    pub fn unsubscribe(&self, name: &str) -> bool {
        let mut subscriptions = lock(&self.subscriptions);
        let Some(at) = subscriptions.position(name) else { return false };
        subscriptions.list.swap_remove(at).leave(self);
        true
    }

    /// Whether it is subscribed to this channel.
    pub fn is_subscribed(&self, name: &str) -> bool {
        lock(&self.subscriptions).position(name).is_some()
    }

    /// The channels it is subscribed to.
    pub fn channels(&self) -> Vec<Arc<str>> {
        lock(&self.subscriptions).list.iter().map(|subscription| subscription.channel.name().clone()).collect()
    }

    /// Queues a frame of the session: a reply, a ping. It counts against the queue's bound, and a connection that does
    /// not read what it asked for is closed as slow.
    pub fn send(&self, frame: Bytes) -> NeedsFlush {
        let pushed = self.outbound.push(frame, Instant::now());
        self.after_push(pushed)
    }

    /// Queues an event in the connection's format, as [`send`](Self::send) does.
    pub fn tell(&self, event: &Event<'_>) -> NeedsFlush {
        self.send(self.app.node().encode(self.format, event))
    }

    /// Keeps everything that is queued from now on until [`release`](Self::release), so that an answer which is made of
    /// several steps, like subscribing to several channels, can still stand before what comes of them.
    pub fn hold(&self) {
        self.outbound.hold();
    }

    /// Queues a frame in the place where [`hold`](Self::hold) was called, and lets all go.
    pub fn release(&self, frame: Bytes) -> NeedsFlush {
        NeedsFlush(self.outbound.release(frame) == Pushed::Schedule)
    }

    /// Takes nothing any more; what is queued is still written, and then the reason. Does nothing the second time.
    pub fn close(&self, why: Disconnect) -> NeedsFlush {
        let last = self.app.node().encode(self.format, &Event::Disconnect(why));
        match self.outbound.close(why, last, false) {
            Some((pushed, _)) => NeedsFlush(pushed == Pushed::Schedule),
            None => NeedsFlush(false),
        }
    }

    fn after_push(&self, pushed: Pushed) -> NeedsFlush {
        let pushed = if pushed == Pushed::Overflowed { self.app.node().close_slow(self, 0) } else { pushed };
        NeedsFlush(pushed == Pushed::Schedule)
    }

    /// Has queued frames written by this thread, if nobody else does.
    pub fn flush(self: &Arc<Self>, needed: NeedsFlush) {
        if needed.0 {
            self.drain();
        }
    }

    /// Writes its queue to its sink, and tells the sink when that comes to a stop. Does nothing for a connection whose
    /// queue a task takes from. See [`Outbound::drain`] for when it may be called.
    pub fn drain(self: &Arc<Self>) {
        Self::drain_all(std::slice::from_ref(self));
    }

    /// Does what [`drain`](Self::drain) does for connections of one hub, one after the other. What is counted for all
    /// threads is dear to touch at every write, and so is the clock: here both are touched once for all of them, and what is
    /// counted for an app once for each run of its connections.
    pub fn drain_all(connections: &[Arc<Self>]) {
        let Some(first) = connections.first() else { return };
        let mut bytes = 0;
        let (mut app, mut bytes_of_app) = (&first.app, 0);
        let mut oldest: SmallVec<[Instant; 128]> = SmallVec::new();
        for (at, connection) in connections.iter().enumerate() {
            if let Some(later) = connections.get(at + AHEAD) {
                prefetch(&**later);
            }
            if let Some(sink) = connections.get(at + AHEAD / 2).and_then(|later| later.sink()) {
                prefetch(&**sink);
            }
            let Some(sink) = connection.sink() else { continue };
            let report = connection.outbound.drain(&**sink);
            if !Arc::ptr_eq(app, &connection.app) {
                app.wrote(std::mem::take(&mut bytes_of_app));
                app = &connection.app;
            }
            bytes_of_app += report.bytes;
            bytes += report.bytes;
            oldest.extend(report.since);
            if report.outcome != Drained::Empty {
                sink.clone().stopped(connection, report.outcome);
            }
        }
        app.wrote(bytes_of_app);
        let counters = &first.app.node().counters;
        counters.written_bytes.add(bytes);
        counters.sink_bytes.add(bytes);
        counters.write_latency.record_until(Instant::now(), &oldest);
    }

    /// Waits for frames, for a transport that is a task: gives back the last batch as written and takes the next one.
    /// `None` is the end.
    pub fn poll_take(&self, last: Batch, context: &mut Context<'_>) -> Poll<Option<Batch>> {
        if !last.is_unused() {
            let counters = &self.app.node().counters;
            counters.written_bytes.add(last.size() as u64);
            counters.write_latency.record_until(Instant::now(), last.since().as_slice());
        }
        self.outbound.poll_take(last, context)
    }

    /// Ends all subscriptions and leaves the app. A transport calls it once its peer is gone; calling it again does
    /// nothing.
    pub fn end(&self) {
        self.outbound.abort();
        let mut subscriptions = lock(&self.subscriptions);
        if std::mem::replace(&mut subscriptions.ended, true) {
            return;
        }
        for subscription in std::mem::take(&mut subscriptions.list) {
            subscription.leave(self);
        }
        drop(subscriptions);
        self.app.remove(self);
    }
}

impl Subscriptions {
    fn position(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|subscription| &**subscription.channel.name() == name)
    }
}

impl Subscription {
    fn leave(self, connection: &Connection) {
        self.channel.unsubscribe(connection.app.node(), self.slot, connection.app.now());
    }
}
