//! One channel: its log, its subscribers, and the fan-out from one to the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;

use crate::connection::Connection;
use crate::event::{ClientInfo, Encoded, Event, Gap, Publication};
use crate::idempotency::Window;
use crate::log::{HistoryQuery, Log, Position, Unrecoverable, cost};
use crate::node::Node;
use crate::options::{AppLimits, ChannelOptions};
use crate::outbound::{Publish, Pushed};
use crate::sync::{Mutex, lock};

#[derive(Debug)]
pub(crate) struct Channel {
    /// Unique in this process; what queues remember of a channel.
    id: u64,
    name: Arc<str>,
    options: ChannelOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    log: Log,
    subscribers: Slab<Subscriber>,
    /// Connections of each user that are subscribed, in a channel with presence.
    users: HashMap<Arc<str>, u32>,
    idempotency: Option<Box<Window>>,
    /// When something last happened here, in milliseconds since 1970.
    used_at: u64,
    /// Taken out of the app's table: whoever still holds the channel has to look it up again.
    removed: bool,
}

#[derive(Debug)]
struct Subscriber {
    connection: Arc<Connection>,
    join_leave: bool,
}

/// A message on its way into a channel.
#[derive(Clone, Debug)]
pub struct Message {
    /// JSON text without line breaks.
    pub data: Bytes,
    /// Who publishes, when a connection does.
    pub info: Option<ClientInfo>,
    /// Makes a repeat harmless: the same key in the same channel within the app's window is answered as the first was.
    pub idempotency_key: Option<Box<str>>,
}

impl Message {
    /// A message of the back end.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), info: None, idempotency_key: None }
    }
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Where it stands in the channel's log, if the channel has a history.
    pub position: Option<Position>,
    /// Connections it was queued for.
    pub sent: usize,
    /// Whether this is the answer to an earlier publication with the same idempotency key.
    pub repeated: bool,
}

/// What a new subscriber is told.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// Where the channel's log ends now, if the channel has a history.
    pub position: Option<Position>,
    /// What came of the wish to resume.
    pub recovery: Recovery,
}

/// What came of the wish to resume.
#[derive(Clone, Debug)]
pub enum Recovery {
    /// There was no such wish.
    NotAsked,
    /// These are all messages after the position asked for.
    Recovered(Vec<Arc<Publication>>),
    /// Messages may be missing between the position asked for and the present one.
    Gap,
}

/// What a subscriber wants of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subscribe {
    /// Resume from here.
    pub recover: Option<Resume>,
    /// Be told of others joining and leaving, if the channel allows it.
    pub join_leave: bool,
}

/// Where a subscriber wants to resume.
#[derive(Clone, Copy, Debug)]
pub enum Resume {
    /// After this position.
    After(Position),
    /// From a position that cannot be read, for example with an epoch of another server.
    Unknown,
}

/// How many are subscribed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PresenceStats {
    /// Connections.
    pub clients: usize,
    /// Different users among them.
    pub users: usize,
}

/// The channel was taken out of its app meanwhile.
pub(crate) struct Removed;

/// Whether a user came to a channel or left it, with all of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserChange {
    None,
    Arrived,
    Left,
}

/// A new subscriber's place in the channel.
pub(crate) struct Seat {
    pub(crate) slot: usize,
    pub(crate) change: UserChange,
    pub(crate) pushed: Pushed,
}

/// Messages that a publication added to the history, and pushed out of it, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HistoryChange {
    pub(crate) added: usize,
    pub(crate) freed: usize,
}

impl Channel {
    pub(crate) fn new(id: u64, name: Arc<str>, options: ChannelOptions, log: Log, now: u64) -> Self {
        let state = State {
            log,
            subscribers: Slab::new(),
            users: HashMap::new(),
            idempotency: None,
            used_at: now,
            removed: false,
        };
        Self { id, name, options, state: Mutex::new(state) }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn position(&self, state: &State) -> Option<Position> {
        (self.options.history_size > 0).then(|| state.log.position())
    }

    pub(crate) fn publish(
        &self,
        node: &Node,
        limits: &AppLimits,
        message: &Message,
        now: u64,
    ) -> Result<(Published, HistoryChange), Removed> {
        let mut state = lock(&self.state);
        if state.removed {
            return Err(Removed);
        }
        state.used_at = now;
        if let Some(key) = &message.idempotency_key {
            let window = state.idempotency.get_or_insert_default();
            if let Some(first) = window.find(key, now) {
                return Ok((Published { repeated: true, ..first }, HistoryChange::default()));
            }
        }
        let has_history = self.options.history_size > 0;
        let publication = Arc::new(Publication {
            offset: if has_history { state.log.next_offset() } else { 0 },
            published_at: now,
            data: message.data.clone(),
            info: message.info.clone(),
        });
        let mut change = HistoryChange::default();
        if has_history {
            change.added = cost(&publication);
            state.log.append(publication.clone());
            change.freed = self.expire(&mut state, now);
        }
        let position = self.position(&state);
        let event = Event::Publication { channel: &self.name, publication: &publication, position };
        let sent = self.fan_out(node, &state, event, |_| true);
        let published = Published { position, sent, repeated: false };
        if let (Some(key), Some(window)) = (&message.idempotency_key, &mut state.idempotency) {
            window.remember(key.clone(), published, now, limits);
        }
        Ok((published, change))
    }

    /// Queues an event for each subscriber that `wants` it, and says for how many.
    fn fan_out(&self, node: &Node, state: &State, event: Event<'_>, wants: impl Fn(&Subscriber) -> bool) -> usize {
        let now = Instant::now();
        let mut encoded = Encoded::new(node.formats(), event);
        let mut delivery = node.delivery();
        for (_, subscriber) in state.subscribers.iter().filter(|(_, subscriber)| wants(subscriber)) {
            let connection = &subscriber.connection;
            let frame = encoded.frame(connection.format());
            if frame.is_empty() {
                continue;
            }
            let (pushed, dropped) = match event {
                Event::Publication { publication, .. } => connection.outbound().publish(&Publish {
                    frame,
                    channel: self.id,
                    offset: publication.offset,
                    overflow: self.options.overflow,
                    encode_gap: &|gap: Gap| node.encode(connection.format(), &Event::Gap { channel: &self.name, gap }),
                    now,
                }),
                _ => (connection.outbound().push(frame.clone(), 0, now), Default::default()),
            };
            delivery.count(connection, pushed, dropped, frame.len(), self.options.overflow);
        }
        delivery.finish()
    }

    /// Adds a subscriber, and queues the answer that `reply` makes before any message that comes after it.
    pub(crate) fn subscribe(
        &self,
        node: &Node,
        limits: &AppLimits,
        connection: &Arc<Connection>,
        wish: Subscribe,
        now: u64,
        reply: &mut dyn FnMut(&Subscribed) -> Bytes,
    ) -> Result<Seat, Removed> {
        let mut state = lock(&self.state);
        if state.removed {
            return Err(Removed);
        }
        state.used_at = now;
        let mut subscribed =
            Subscribed { position: self.position(&state), recovery: self.recover(&state, wish.recover) };
        let mut answer = reply(&subscribed);
        let room = if matches!(subscribed.recovery, Recovery::Recovered(_)) { limits.recovery_bytes } else { 0 };
        let mut pushed = connection.outbound().push(answer, room, Instant::now());
        if pushed == Pushed::Overflowed && matches!(subscribed.recovery, Recovery::Recovered(_)) {
            subscribed.recovery = Recovery::Gap;
            answer = reply(&subscribed);
            pushed = connection.outbound().push(answer, 0, Instant::now());
        }
        match subscribed.recovery {
            Recovery::NotAsked => {}
            Recovery::Recovered(_) => node.counters.recovered.add(1),
            Recovery::Gap => node.counters.unrecovered.add(1),
        }
        if self.options.join_leave {
            self.announce(node, &state, connection, |channel, client| Event::Join { channel, client });
        }
        let join_leave = wish.join_leave && self.options.join_leave;
        let slot = state.subscribers.insert(Subscriber { connection: connection.clone(), join_leave });
        let mut change = UserChange::None;
        if let Some(user) = connection.user().filter(|_| self.options.presence) {
            let count = state.users.entry(user.clone()).or_insert(0);
            *count += 1;
            if *count == 1 {
                change = UserChange::Arrived;
            }
        }
        Ok(Seat { slot, change, pushed })
    }

    fn recover(&self, state: &State, wish: Option<Resume>) -> Recovery {
        match wish {
            None => Recovery::NotAsked,
            // In a channel without history nothing can be told of what was missed.
            Some(_) if self.options.history_size == 0 => Recovery::Gap,
            Some(Resume::Unknown) => Recovery::Gap,
            // Messages past their time that are still here are given too: they are not lost before they are gone.
            Some(Resume::After(seen)) => match state.log.since(seen) {
                Ok(missed) => Recovery::Recovered(missed.cloned().collect()),
                Err(Unrecoverable) => Recovery::Gap,
            },
        }
    }

    pub(crate) fn unsubscribe(&self, node: &Node, slot: usize, now: u64) -> UserChange {
        let mut state = lock(&self.state);
        state.used_at = now;
        let Subscriber { connection, .. } = state.subscribers.remove(slot);
        if state.subscribers.is_empty() {
            state.subscribers.shrink_to_fit();
        }
        if self.options.join_leave {
            self.announce(node, &state, &connection, |channel, client| Event::Leave { channel, client });
        }
        let Some(user) = connection.user().filter(|_| self.options.presence) else { return UserChange::None };
        match state.users.get_mut(user) {
            Some(count) if *count > 1 => {
                *count -= 1;
                UserChange::None
            }
            _ => {
                state.users.remove(user);
                UserChange::Left
            }
        }
    }

    fn announce<'a>(
        &'a self,
        node: &Node,
        state: &State,
        connection: &'a Connection,
        event: impl for<'e> Fn(&'e str, &'e ClientInfo) -> Event<'e>,
    ) {
        let client = connection.client_info();
        self.fan_out(node, state, event(&self.name, &client), |subscriber| subscriber.join_leave);
    }

    pub(crate) fn presence(&self) -> Vec<ClientInfo> {
        let state = lock(&self.state);
        state.subscribers.iter().map(|(_, subscriber)| subscriber.connection.client_info()).collect()
    }

    pub(crate) fn presence_stats(&self) -> PresenceStats {
        let state = lock(&self.state);
        PresenceStats { clients: state.subscribers.len(), users: state.users.len() }
    }

    /// The users that are subscribed, in no order, each once. Counted also where the channel keeps no presence.
    pub(crate) fn users(&self) -> Vec<Arc<str>> {
        let state = lock(&self.state);
        if self.options.presence {
            return state.users.keys().cloned().collect();
        }
        let users: std::collections::HashSet<&Arc<str>> =
            state.subscribers.iter().filter_map(|(_, subscriber)| subscriber.connection.user()).collect();
        users.into_iter().cloned().collect()
    }

    pub(crate) fn history(
        &self,
        query: &HistoryQuery,
        now: u64,
    ) -> Result<(Vec<Arc<Publication>>, Position, usize), Unrecoverable> {
        let mut state = lock(&self.state);
        let freed = self.expire(&mut state, now);
        Ok((state.log.read(query)?, state.log.position(), freed))
    }

    /// Drops messages beyond the channel's size and age; says how many bytes that gave back.
    fn expire(&self, state: &mut State, now: u64) -> usize {
        let oldest_allowed = now.saturating_sub(self.options.history_ttl.as_millis() as u64);
        let mut freed = 0;
        while state.log.len() > self.options.history_size
            || state.log.oldest().is_some_and(|oldest| oldest.published_at < oldest_allowed)
        {
            freed += state.log.pop_oldest().map_or(0, |gone| cost(&gone));
        }
        freed
    }

    /// Drops messages up to and including `offset`; says how many bytes that gave back.
    pub(crate) fn evict_through(&self, offset: u64) -> usize {
        let mut state = lock(&self.state);
        let mut freed = 0;
        while state.log.oldest().is_some_and(|oldest| oldest.offset <= offset) {
            freed += state.log.pop_oldest().map_or(0, |gone| cost(&gone));
        }
        freed
    }

    /// Forgets what has expired. `Ok` with the bytes given back, or `Err` with them when the channel is of no more use
    /// and is now marked as removed.
    pub(crate) fn sweep(&self, limits: &AppLimits, now: u64) -> Result<usize, usize> {
        let mut state = lock(&self.state);
        let freed = self.expire(&mut state, now);
        if let Some(window) = &mut state.idempotency {
            window.expire(now);
            if window.is_empty() {
                state.idempotency = None;
            }
        }
        let remembered = if self.options.history_size > 0 { limits.position_ttl.as_millis() as u64 } else { 0 };
        let used = !state.subscribers.is_empty()
            || !state.log.is_empty()
            || state.idempotency.is_some()
            || now < state.used_at.saturating_add(remembered);
        if used {
            return Ok(freed);
        }
        state.removed = true;
        Err(freed)
    }

    /// The log as it is to be saved; `None` where there is nothing to keep.
    pub(crate) fn snapshot(&self) -> Option<(Position, Vec<Arc<Publication>>)> {
        let state = lock(&self.state);
        let worth_it = self.options.history_size > 0 && state.log.position().offset > 0;
        worth_it.then(|| (state.log.position(), state.log.iter().cloned().collect()))
    }
}
