//! One app: a tenant with its own channels, users and connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;
use smallvec::SmallVec;

use crate::budget::HistoryBudget;
use crate::channel::{Channel, NotPublished, Removed};
use crate::connection::Connection;
use crate::error::{AppFull, HistoryError, IdentifyError, PublishError};
use crate::event::{Encoded, Event, FormatId};
use crate::log::{History, HistoryQuery, Log, Unrecoverable};
use crate::message::{Message, Published};
use crate::node::Node;
use crate::options::{AppLimits, AppSettings, ChannelOptions, Overflow};
use crate::outbound::{Dropped, Sink};
use crate::store::SavedChannel;
use crate::sync::{Mutex, lock};

mod people;

/// Most users have one.
type ConnectionsOfUser = SmallVec<[Arc<Connection>; 1]>;

/// Told of bytes that were written.
#[derive(Default)]
struct OnWritten(OnceLock<Box<dyn Fn(u64) + Send + Sync>>);

impl fmt::Debug for OnWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnWritten").field(&self.0.get().is_some()).finish()
    }
}

/// An app. Made by [`Hub::create_app`](crate::Hub::create_app).
#[derive(Debug)]
pub struct App {
    name: Box<str>,
    settings: AppSettings,
    node: Arc<Node>,
    channels: RwLock<HashMap<Arc<str>, Arc<Channel>>>,
    next_channel: AtomicU64,
    users: Mutex<HashMap<Arc<str>, ConnectionsOfUser>>,
    connections: Mutex<Slab<Arc<Connection>>>,
    budget: HistoryBudget,
    on_written: OnWritten,
}

impl App {
    pub(crate) fn new(name: &str, settings: AppSettings, node: Arc<Node>) -> Self {
        let budget = HistoryBudget::new(settings.limits.history_bytes);
        Self {
            name: name.into(),
            settings,
            node,
            channels: RwLock::default(),
            next_channel: AtomicU64::new(1),
            users: Mutex::default(),
            connections: Mutex::default(),
            budget,
            on_written: OnWritten::default(),
        }
    }

    /// Has `tell` told of the bytes that are written to the [`Sink`]s of the app's connections: for many connections at
    /// once where many are written, so that a count for the whole app costs a delivery next to nothing. It must be quick
    /// and not call the hub. What tasks of the transport write is theirs to count. Only the first call has an effect.
    pub fn on_written(&self, tell: impl Fn(u64) + Send + Sync + 'static) {
        // Fails when it is set already, as is said above.
        let _ = self.on_written.0.set(Box::new(tell));
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        if let Some(tell) = self.on_written.0.get().filter(|_| bytes > 0) {
            tell(bytes);
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its bounds.
    pub fn limits(&self) -> &AppLimits {
        &self.settings.limits
    }

    /// The options of a channel of this name.
    pub fn options(&self, channel: &str) -> &ChannelOptions {
        self.settings.channels.find(channel).0
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn budget(&self) -> &HistoryBudget {
        &self.budget
    }

    pub(crate) fn now(&self) -> u64 {
        (self.node.clock)()
    }

    /// Lets a connection in. With a `sink`, the hub's flusher writes its queue; without, a task takes from the queue.
    ///
    /// # Errors
    /// When the app has as many connections as it may have.
    ///
    /// # Panics
    /// When the hub was made without such a format.
    pub fn open(self: &Arc<Self>, format: FormatId, sink: Option<Arc<dyn Sink>>) -> Result<Arc<Connection>, AppFull> {
        assert!(usize::from(format.0) < self.node.formats().len(), "the hub has no {format:?}");
        let limit = self.limits().connections;
        let mut connections = lock(&self.connections);
        if connections.len() >= limit {
            return Err(AppFull { limit });
        }
        let vacant = connections.vacant_entry();
        let connection = Arc::new(Connection::new(self.clone(), vacant.key(), format, sink));
        vacant.insert(connection.clone());
        Ok(connection)
    }

    pub(crate) fn remove(&self, connection: &Connection) {
        if let Some(user) = connection.user() {
            let mut users = lock(&self.users);
            if let Some(of_user) = users.get_mut(user) {
                of_user.retain(|other| other.id() != connection.id());
                if of_user.is_empty() {
                    users.remove(user);
                    shrink(&mut users);
                }
            }
        }
        let mut connections = lock(&self.connections);
        connections.try_remove(connection.slot());
        if connections.is_empty() {
            connections.shrink_to_fit();
        }
    }

    pub(crate) fn add_to_user(&self, name: &str, connection: &Arc<Connection>) -> Result<Arc<str>, IdentifyError> {
        let limit = self.limits().connections_per_user;
        let mut users = lock(&self.users);
        let name = users.get_key_value(name).map_or_else(|| Arc::from(name), |(known, _)| known.clone());
        let of_user = users.entry(name.clone()).or_default();
        if of_user.len() >= limit {
            if of_user.is_empty() {
                users.remove(&name);
            }
            return Err(IdentifyError::TooManyConnections { limit });
        }
        of_user.push(connection.clone());
        Ok(name)
    }

    fn channel(&self, name: &str) -> Option<Arc<Channel>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The channel of this name, made now if there is none; `Err` with the limit when there may be no more.
    pub(crate) fn channel_or_new(&self, name: &str) -> Result<Arc<Channel>, usize> {
        match self.channel(name) {
            Some(channel) => Ok(channel),
            None => self.insert_channel(name, Log::new),
        }
    }

    fn insert_channel(&self, name: &str, log: impl FnOnce() -> Log) -> Result<Arc<Channel>, usize> {
        let limit = self.limits().channels;
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let count = channels.len();
        match channels.entry(name.into()) {
            Entry::Occupied(found) => Ok(found.get().clone()),
            Entry::Vacant(_) if count >= limit => Err(limit),
            Entry::Vacant(vacant) => {
                let id = self.next_channel.fetch_add(1, Ordering::Relaxed);
                let channel = Channel::new(id, vacant.key().clone(), *self.options(name), log(), self.now());
                Ok(vacant.insert(Arc::new(channel)).clone())
            }
        }
    }

    /// Publishes to a channel. A channel named `@user` also reaches every connection of that user.
    ///
    /// # Errors
    /// See [`PublishError`]; nothing is sent then.
    pub fn publish(self: &Arc<Self>, channel: &str, message: Message) -> Result<Published, PublishError> {
        self.node.broker.publish(self, channel, message)
    }

    /// Publishes to this node's subscribers, which is what a [`Broker`](crate::Broker) does at each node.
    ///
    /// # Errors
    /// See [`PublishError`]; nothing is sent then.
    pub fn publish_here(&self, channel: &str, message: &Message) -> Result<Published, PublishError> {
        let counters = &self.node.counters;
        let published = match self.find_channel_for(channel, message)? {
            Some(found) => self.publish_to(found, message)?,
            None => {
                // Nobody subscribes, and nothing is to be remembered.
                let sent = channel.strip_prefix('@').map_or(0, |user| self.tell_user(user, &message.data));
                Published { position: None, sent, repeated: false }
            }
        };
        if published.repeated {
            counters.repeated.add(1);
        } else {
            counters.published.add(1);
            counters.published_bytes.add(message.data.len() as u64);
            counters.evicted.add(self.budget.enforce());
        }
        Ok(published)
    }

    /// The channel to publish to, made when a message is to be remembered there; `None` when there is none.
    fn find_channel_for(&self, name: &str, message: &Message) -> Result<Option<Arc<Channel>>, PublishError> {
        let found = self.channel(name);
        if found.is_some() || (self.options(name).history_size == 0 && message.idempotency_key.is_none()) {
            return Ok(found);
        }
        self.channel_or_new(name).map(Some).map_err(|limit| PublishError::TooManyChannels { limit })
    }

    fn publish_to(&self, mut channel: Arc<Channel>, message: &Message) -> Result<Published, PublishError> {
        loop {
            match channel.publish(self, message, self.now()) {
                Ok(published) => return Ok(published),
                Err(NotPublished::Stopped) => return Err(PublishError::Stopped),
                Err(NotPublished::Removed) => {
                    self.forget(&channel);
                    let again = self.channel_or_new(channel.name());
                    channel = again.map_err(|limit| PublishError::TooManyChannels { limit })?;
                }
            }
        }
    }

    /// Sends JSON text without line breaks to every connection of a user; says to how many.
    pub fn tell_user(&self, user: &str, data: &Bytes) -> usize {
        self.tell(&self.connections_of(user), data)
    }

    /// Sends JSON text without line breaks to every connection of the app that has said who it is; says to how many.
    pub fn tell_everyone(&self, data: &Bytes) -> usize {
        let mut connections = self.connections();
        connections.retain(|connection| connection.is_identified());
        self.tell(&connections, data)
    }

    pub(crate) fn tell(&self, connections: &[Arc<Connection>], data: &[u8]) -> usize {
        let now = Instant::now();
        let mut encoded = Encoded::new(self.node.formats(), Event::Message(data));
        let mut delivery = self.node.delivery();
        for connection in connections {
            let frame = encoded.frame(connection.format()).clone();
            let length = frame.len();
            if length > 0 {
                let pushed = connection.outbound().push(frame, now);
                delivery.count(connection, pushed, Dropped::default(), length, Overflow::Disconnect);
            }
        }
        delivery.finish()
    }

    /// Every connection there is now.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        lock(&self.connections).iter().map(|(_, connection)| connection.clone()).collect()
    }

    /// How many connections there are now.
    pub fn connection_count(&self) -> usize {
        lock(&self.connections).len()
    }

    /// How many channels there are now.
    pub fn channel_count(&self) -> usize {
        self.channels.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Bytes that the app's history takes now.
    pub fn history_bytes(&self) -> usize {
        self.budget.used()
    }

    /// Reads a channel's history.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn history(&self, channel: &str, query: &HistoryQuery) -> Result<History, HistoryError> {
        if self.options(channel).history_size == 0 {
            return Err(HistoryError::Off);
        }
        loop {
            // A channel that does not exist yet begins its epoch here, so that the position given is one to resume from.
            let Ok(found) = self.channel_or_new(channel) else { return Err(HistoryError::Unrecoverable) };
            match found.history(&self.budget, query, self.now()) {
                Ok(read) => return read.map_err(|Unrecoverable| HistoryError::Unrecoverable),
                Err(Removed) => self.forget(&found),
            }
        }
    }

    /// Forgets what has expired: old messages, idempotency keys, channels of no more use.
    pub(crate) fn sweep(&self) {
        let now = self.now();
        let channels: Vec<_> = self.channels.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        // Anyone may have channels remembered by looking at them; that must not keep others from having theirs.
        let crowded = channels.len() > self.limits().channels / 4 * 3;
        let mut removed = 0;
        for channel in channels {
            if let Err(Removed) = channel.sweep(self, now, crowded) {
                self.forget(&channel);
                removed += 1;
            }
        }
        if removed > 0 {
            self.budget.sweep();
        }
    }

    /// Takes a removed channel out of the table, if it is still there: another of the same name is left alone.
    pub(crate) fn forget(&self, removed: &Arc<Channel>) {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        if channels.get(removed.name()).is_some_and(|found| Arc::ptr_eq(found, removed)) {
            channels.remove(removed.name());
        }
        shrink(&mut channels);
    }

    pub(crate) fn snapshot(&self) -> Vec<SavedChannel> {
        let channels: Vec<_> = self.channels.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        channels.iter().filter_map(|channel| channel.save()).collect()
    }

    /// Takes up channels as they were saved. A channel that exists already is left as it is, and one that keeps no
    /// history any more has none.
    pub(crate) fn restore(&self, saved: Vec<SavedChannel>) {
        for SavedChannel { name, position, messages, repeats } in saved {
            let has_history = self.options(&name).history_size > 0;
            if self.channel(&name).is_some() || (!has_history && repeats.is_empty()) {
                continue;
            }
            let messages = if has_history { messages } else { Vec::new() };
            let Ok(channel) = self.insert_channel(&name, || Log::restore(position, messages)) else { return };
            channel.restore_repeats(repeats);
            channel.count_restored(&self.budget);
        }
        self.node.counters.evicted.add(self.budget.enforce());
    }
}

/// Gives memory back once most of a table stands empty.
fn shrink<K: Eq + std::hash::Hash, V>(table: &mut HashMap<K, V>) {
    if table.capacity() > 8 * table.len().max(8) {
        table.shrink_to(2 * table.len());
    }
}
