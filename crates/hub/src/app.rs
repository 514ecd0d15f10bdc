//! One app: a tenant with its own channels, users and connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;
use smallvec::SmallVec;

use crate::budget::HistoryBudget;
use crate::channel::{Channel, Message, PresenceStats, Published, UserChange};
use crate::connection::{Connection, IdentifyError};
use crate::event::{ClientInfo, Disconnect, Encoded, Event, FormatId, Publication};
use crate::log::{HistoryQuery, Log, Position, Unrecoverable};
use crate::node::Node;
use crate::options::{AppLimits, AppSettings, ChannelOptions, Overflow};
use crate::outbound::{Dropped, Sink};
use crate::store::SavedChannel;
use crate::sync::{Mutex, lock};

/// An app. Made by [`Hub::create_app`](crate::Hub::create_app).
#[derive(Debug)]
pub struct App {
    name: Box<str>,
    settings: AppSettings,
    node: Arc<Node>,
    channels: RwLock<HashMap<Arc<str>, Arc<Channel>>>,
    next_channel: AtomicU64,
    users: Mutex<HashMap<Arc<str>, SmallVec<[Arc<Connection>; 1]>>>,
    connections: Mutex<Slab<Arc<Connection>>>,
    budget: HistoryBudget,
}

/// The app has as many connections as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppFull {
    /// How many that is.
    pub limit: usize,
}

impl fmt::Display for AppFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the app has {} connections already, which is its limit", self.limit)
    }
}

impl std::error::Error for AppFull {}

/// Why a message could not be published. Nothing was sent then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The channel does not exist yet, and the app has as many channels as it may have.
    TooManyChannels {
        /// How many that is.
        limit: usize,
    },
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::TooManyChannels { limit } = self;
        write!(f, "the app has {limit} channels already, which is its limit; publish to one of those")
    }
}

impl std::error::Error for PublishError {}

/// A page of a channel's history.
#[derive(Clone, Debug)]
pub struct History {
    /// The messages, in the order asked for.
    pub publications: Vec<Arc<Publication>>,
    /// Where the channel's log ends now.
    pub position: Position,
}

/// Why a channel's history cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryError {
    /// The channel keeps no history.
    Off,
    /// It cannot be read from this position.
    Unrecoverable,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => {
                f.write_str("this channel keeps no history; give its pattern a history_size in the configuration")
            }
            Self::Unrecoverable => Unrecoverable.fmt(f),
        }
    }
}

impl std::error::Error for HistoryError {}

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

    /// Lets a connection in. With a `sink`, the hub's flusher writes its queue; without, a task takes from the queue.
    ///
    /// # Errors
    /// When the app has as many connections as it may have.
    pub fn open(self: &Arc<Self>, format: FormatId, sink: Option<Box<dyn Sink>>) -> Result<Arc<Connection>, AppFull> {
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
                let channel = Channel::new(id, vacant.key().clone(), *self.options(name), log(), crate::now());
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
        let mut published = self.publish_to_channel(channel, message)?;
        if let Some(user) = channel.strip_prefix('@').filter(|_| !published.repeated) {
            published.sent += self.tell_connections_of(user, &message.data, |other| !other.is_subscribed(channel));
        }
        Ok(published)
    }

    fn publish_to_channel(&self, name: &str, message: &Message) -> Result<Published, PublishError> {
        let counters = &self.node.counters;
        loop {
            let channel = match self.channel(name) {
                Some(channel) => channel,
                None if self.options(name).history_size == 0 => {
                    counters.published.add(1);
                    counters.published_bytes.add(message.data.len() as u64);
                    return Ok(Published { position: None, sent: 0, repeated: false });
                }
                None => self.insert_channel(name, Log::new).map_err(|limit| PublishError::TooManyChannels { limit })?,
            };
            let Ok((published, history)) = channel.publish(&self.node, self.limits(), message, crate::now()) else {
                continue;
            };
            if published.repeated {
                counters.repeated.add(1);
                return Ok(published);
            }
            counters.published.add(1);
            counters.published_bytes.add(message.data.len() as u64);
            if let Some(position) = published.position {
                let evicted = self.budget.add(&channel, position.offset, history);
                counters.evicted.add(evicted);
            }
            return Ok(published);
        }
    }

    /// Sends JSON text without line breaks to every connection of a user; says to how many.
    pub fn tell_user(&self, user: &str, data: &Bytes) -> usize {
        self.tell_connections_of(user, data, |_| true)
    }

    fn tell_connections_of(&self, user: &str, data: &[u8], wants: impl Fn(&Connection) -> bool) -> usize {
        let mut to = self.connections_of(user);
        to.retain(|connection| wants(connection));
        self.tell(&to, data)
    }

    /// Sends JSON text without line breaks to every connection of the app; says to how many.
    pub fn tell_everyone(&self, data: &Bytes) -> usize {
        let everyone: Vec<_> = self.connections();
        self.tell(&everyone, data)
    }

    fn tell(&self, connections: &[Arc<Connection>], data: &[u8]) -> usize {
        let now = Instant::now();
        let mut encoded = Encoded::new(self.node.formats(), Event::Message(data));
        let mut delivery = self.node.delivery();
        for connection in connections {
            let frame = encoded.frame(connection.format()).clone();
            let length = frame.len();
            if length > 0 {
                let pushed = connection.outbound().push(frame, 0, now);
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

    /// Every connection of a user.
    pub fn connections_of(&self, user: &str) -> Vec<Arc<Connection>> {
        lock(&self.users).get(user).map(|of_user| of_user.to_vec()).unwrap_or_default()
    }

    /// Closes every connection of a user; says how many there were.
    pub fn disconnect_user(&self, user: &str, why: Disconnect) -> usize {
        let connections = self.connections_of(user);
        for connection in &connections {
            connection.flush(connection.close(why));
        }
        connections.len()
    }

    /// How many users are connected.
    pub fn users_online(&self) -> usize {
        lock(&self.users).len()
    }

    /// Whether a user is connected.
    pub fn is_online(&self, user: &str) -> bool {
        lock(&self.users).contains_key(user)
    }

    /// The users subscribed to a channel, each once, in no order.
    pub fn users_in(&self, channel: &str) -> Vec<Arc<str>> {
        self.channel(channel).map(|channel| channel.users()).unwrap_or_default()
    }

    /// The connections subscribed to a channel; `None` where the channel keeps no presence.
    pub fn presence(&self, channel: &str) -> Option<Vec<ClientInfo>> {
        let found = self.channel(channel).map(|channel| channel.presence()).unwrap_or_default();
        self.options(channel).presence.then_some(found)
    }

    /// How many are subscribed to a channel; `None` where the channel keeps no presence.
    pub fn presence_stats(&self, channel: &str) -> Option<PresenceStats> {
        let found = self.channel(channel).map(|channel| channel.presence_stats()).unwrap_or_default();
        self.options(channel).presence.then_some(found)
    }

    /// Reads a channel's history.
    ///
    /// # Errors
    /// See [`HistoryError`].
    pub fn history(&self, channel: &str, query: &HistoryQuery) -> Result<History, HistoryError> {
        if self.options(channel).history_size == 0 {
            return Err(HistoryError::Off);
        }
        // A channel that does not exist yet begins its epoch here, so that the position given is one to resume from.
        let Ok(channel) = self.channel_or_new(channel) else { return Err(HistoryError::Unrecoverable) };
        let (publications, position, freed) =
            channel.history(query, crate::now()).map_err(|Unrecoverable| HistoryError::Unrecoverable)?;
        self.budget.free(freed);
        Ok(History { publications, position })
    }

    /// Forgets what has expired: old messages, idempotency keys, channels of no more use.
    pub(crate) fn sweep(&self, now: u64) {
        let channels: Vec<_> = self.channels.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for channel in channels {
            match channel.sweep(self.limits(), now) {
                Ok(freed) => self.budget.free(freed),
                Err(freed) => {
                    self.budget.free(freed);
                    self.channels.write().unwrap_or_else(PoisonError::into_inner).remove(channel.name());
                }
            }
        }
    }

    pub(crate) fn observe(&self, change: UserChange, connection: &Connection, channel: &Channel) {
        let (Some(observer), Some(user)) = (&self.node.observer, connection.user()) else { return };
        match change {
            UserChange::None => {}
            UserChange::Arrived => observer.user_arrived(&self.name, user, channel.name()),
            UserChange::Left => observer.user_left(&self.name, user, channel.name()),
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<SavedChannel> {
        let channels: Vec<_> = self.channels.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let saved = |channel: Arc<Channel>| {
            let (position, messages) = channel.snapshot()?;
            Some(SavedChannel { name: channel.name().to_string(), position, messages })
        };
        channels.into_iter().filter_map(saved).collect()
    }

    /// Takes up channels as they were saved. A channel that exists already, or that keeps no history any more, is left
    /// as it is.
    pub(crate) fn restore(&self, saved: Vec<SavedChannel>) {
        for SavedChannel { name, position, messages } in saved {
            if self.options(&name).history_size == 0 || self.channel(&name).is_some() {
                continue;
            }
            let costs = messages.iter().map(|message| crate::log::cost(message)).collect::<Vec<_>>();
            let offsets: Vec<u64> = messages.iter().map(|message| message.offset).collect();
            let Ok(channel) = self.insert_channel(&name, || Log::restore(position, messages.into())) else { return };
            for (offset, cost) in offsets.into_iter().zip(costs) {
                let history = crate::channel::HistoryChange { added: cost, freed: 0 };
                self.node.counters.evicted.add(self.budget.add(&channel, offset, history));
            }
        }
    }
}
