//! One channel: its log, its subscribers, and the fan-out from one to the others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;

use crate::app::App;
use crate::connection::Connection;
use crate::event::{ClientId, ClientInfo, Encoded, Event, Gap, Publication};
use crate::idempotency::Window;
use crate::log::{Log, Position, Unrecoverable, cost};
use crate::message::{Message, Published};
use crate::node::Node;
use crate::options::{AppLimits, ChannelOptions};
use crate::outbound::{Publish, Pushed};
use crate::prefetch::{AHEAD, prefetch};
use crate::recovery::{Recovery, Resume, Subscribe, Subscribed};
use crate::sync::{Mutex, lock};

mod keep;

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
    /// When this was last seen to be of use, in milliseconds since 1970.
    used_at: u64,
    /// The app's history budget has it among the channels that keep messages.
    enlisted: bool,
    /// Taken out of the app's table: whoever still holds the channel has to look it up again.
    removed: bool,
}

#[derive(Debug)]
struct Subscriber {
    connection: Arc<Connection>,
    join_leave: bool,
    /// It counts among its user's connections here.
    counted: bool,
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

/// Why a channel did not take a message.
pub(crate) enum NotPublished {
    /// The channel was taken out of its app meanwhile.
    Removed,
    /// The log has been saved for the next run.
    Stopped,
}

/// A new subscriber's place in the channel.
pub(crate) struct Seat {
    pub(crate) slot: usize,
    pub(crate) pushed: Pushed,
}

impl Channel {
    pub(crate) fn new(id: u64, name: Arc<str>, options: ChannelOptions, log: Log, now: u64) -> Self {
        let state = State {
            log,
            subscribers: Slab::new(),
            users: HashMap::new(),
            idempotency: None,
            used_at: now,
            enlisted: false,
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

    pub(crate) fn publish(self: &Arc<Self>, app: &App, message: &Message, now: u64) -> Result<Published, NotPublished> {
        let mut state = lock(&self.state);
        if app.node().stopped.load(Ordering::SeqCst) {
            return Err(NotPublished::Stopped);
        }
        if state.removed {
            return Err(NotPublished::Removed);
        }
        state.used_at = now;
        if let Some(key) = &message.idempotency_key {
            let window = state.idempotency.get_or_insert_default();
            if let Some(first) = window.find(key, now) {
                return Ok(Published { repeated: true, ..first });
            }
        }
        let has_history = self.options.history_size > 0;
        let publication = Arc::new(Publication {
            offset: if has_history { state.log.next_offset() } else { 0 },
            published_at: now,
            data: message.data.clone(),
            info: message.info.clone(),
        });
        if has_history {
            app.budget().add(cost(&publication));
            state.log.append(publication.clone());
            self.expire(&mut state, app.budget(), now);
        }
        let position = self.position(&state);
        let event = Event::Publication { channel: &self.name, publication: &publication, position };
        let mut sent = self.fan_out(app.node(), &state, event, |_| true);
        if let Some(user) = self.name.strip_prefix('@') {
            sent += self.tell_user(app, &state, user, &message.data);
        }
        let published = Published { position, sent, repeated: false };
        if let (Some(key), Some(window)) = (&message.idempotency_key, &mut state.idempotency) {
            window.remember(key.clone(), published, now, app.limits());
        }
        let enlist = !state.enlisted && !state.log.is_empty();
        state.enlisted |= enlist;
        drop(state);
        if enlist {
            app.budget().enlist(self, now);
        }
        Ok(published)
    }

    /// Sends to the user's connections that are not subscribed. Done while the channel is locked, or a connection that
    /// subscribes at this moment would get the message twice or not at all.
    fn tell_user(&self, app: &App, state: &State, user: &str, data: &Bytes) -> usize {
        let mut others = app.connections_of(user);
        let subscribed: HashSet<ClientId> =
            state.subscribers.iter().map(|(_, subscriber)| subscriber.connection.id()).collect();
        others.retain(|connection| !subscribed.contains(&connection.id()));
        app.tell(&others, data)
    }

    /// Queues an event for each subscriber that `wants` it, and says for how many.
    fn fan_out(&self, node: &Node, state: &State, event: Event<'_>, wants: impl Fn(&Subscriber) -> bool) -> usize {
        let now = Instant::now();
        let mut encoded = Encoded::new(node.formats(), event);
        let mut delivery = node.delivery();
        let mut ahead = state.subscribers.iter().skip(AHEAD);
        for (_, subscriber) in &state.subscribers {
            if let Some((_, later)) = ahead.next() {
                prefetch(&*later.connection);
            }
            if !wants(subscriber) {
                continue;
            }
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
                _ => (connection.outbound().push(frame.clone(), now), Default::default()),
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
        let mut subscribed = Subscribed { position: self.position(&state), recovery: Recovery::NotAsked };
        let recovered = match wish.recover.map(|resume| self.missed(&state, resume)) {
            None => None,
            Some(Ok((missed, bytes))) if bytes <= limits.recovery_bytes => {
                subscribed.recovery = Recovery::Recovered(missed);
                let answer = reply(&subscribed);
                let queue = connection.outbound();
                Some(queue.push_recovered(answer, bytes, limits.recovery_bytes, Instant::now()))
            }
            Some(_) => Some(Pushed::Overflowed),
        };
        let pushed = match recovered {
            Some(pushed) if pushed != Pushed::Overflowed => pushed,
            _ => {
                subscribed.recovery = if wish.recover.is_some() { Recovery::Gap } else { Recovery::NotAsked };
                connection.outbound().push(reply(&subscribed), Instant::now())
            }
        };
        match subscribed.recovery {
            Recovery::NotAsked => {}
            Recovery::Recovered(_) => node.counters.recovered.add(1),
            Recovery::Gap => node.counters.unrecovered.add(1),
        }
        if self.options.join_leave {
            self.announce(node, &state, connection, |channel, client| Event::Join { channel, client });
        }
        let join_leave = wish.join_leave && self.options.join_leave;
        let user = connection.user().filter(|_| self.options.presence);
        let subscriber = Subscriber { connection: connection.clone(), join_leave, counted: user.is_some() };
        let slot = state.subscribers.insert(subscriber);
        if let Some(user) = user {
            let count = state.users.entry(user.clone()).or_insert(0);
            *count += 1;
            if *count == 1 {
                node.user_arrived(connection.app(), user, &self.name);
            }
        }
        Ok(Seat { slot, pushed })
    }

    /// The messages after the position to resume from, and what they take.
    fn missed(&self, state: &State, resume: Resume) -> Result<(Vec<Arc<Publication>>, usize), Unrecoverable> {
        // In a channel without history nothing can be told of what was missed.
        let Resume::After(seen) = resume else { return Err(Unrecoverable) };
        if self.options.history_size == 0 {
            return Err(Unrecoverable);
        }
        // Messages past their time that are still here are given too: they are not lost before they are gone.
        let missed = state.log.since(seen)?;
        let bytes = missed.clone().map(|publication| cost(publication)).sum();
        Ok((missed.cloned().collect(), bytes))
    }

    pub(crate) fn unsubscribe(&self, node: &Node, slot: usize, now: u64) {
        let mut state = lock(&self.state);
        state.used_at = now;
        let Subscriber { connection, counted, .. } = state.subscribers.remove(slot);
        if state.subscribers.is_empty() {
            state.subscribers.shrink_to_fit();
        }
        if self.options.join_leave {
            self.announce(node, &state, &connection, |channel, client| Event::Leave { channel, client });
        }
        let Some(user) = connection.user().filter(|_| counted) else { return };
        match state.users.get_mut(user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                state.users.remove(user);
                if state.users.is_empty() {
                    state.users.shrink_to_fit();
                }
                node.user_left(connection.app(), user, &self.name);
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
        let users: HashSet<&Arc<str>> =
            state.subscribers.iter().filter_map(|(_, subscriber)| subscriber.connection.user()).collect();
        users.into_iter().cloned().collect()
    }
}
