//! What a channel keeps and shows, and how much an app may use.

use std::time::Duration;

use crate::pattern::Rules;

/// What happens to a connection whose outbound queue has no room for a message of a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The connection is closed as slow, and resumes when it comes back.
    #[default]
    Disconnect,
    /// The channel's oldest queued messages make room, or where none may be dropped the message itself goes; the subscriber
    /// is told of the gap in their place.
    DropOldest,
    /// The channel's queued messages make room for the newest one. For channels whose last message says it all. What is
    /// being written does not count: such a connection may hold twice its limit.
    Conflate,
}

/// What a channel keeps and shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelOptions {
    /// Messages kept for history and resume; with 0 the channel keeps none and assigns no offsets.
    pub history_size: usize,
    /// How long a message is kept.
    pub history_ttl: Duration,
    /// Whether the channel counts its users, answers presence requests and reports users to the [`Observer`](crate::Observer).
    pub presence: bool,
    /// Whether subscribers that ask for it are told of others joining and leaving.
    pub join_leave: bool,
    /// What happens to subscribers that cannot keep up.
    pub overflow: Overflow,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self {
            history_size: 0,
            history_ttl: Duration::from_secs(300),
            presence: false,
            join_leave: false,
            overflow: Overflow::Disconnect,
        }
    }
}

/// How much one app may use.
#[derive(Clone, Copy, Debug)]
pub struct AppLimits {
    /// Connections at once.
    pub connections: usize,
    /// Connections of one user at once.
    pub connections_per_user: usize,
    /// Channels that one connection is subscribed to at once.
    pub channels_per_connection: usize,
    /// Channels that exist at once.
    pub channels: usize,
    /// Bytes of all messages kept in history; the oldest ones of the app make room.
    pub history_bytes: usize,
    /// Bytes queued for one connection before its channel's [`Overflow`] applies.
    pub outbound_bytes: usize,
    /// Bytes that the answer to a resume may take in the queue on top of [`outbound_bytes`](Self::outbound_bytes); a
    /// resume that would need more is answered as a gap.
    pub recovery_bytes: usize,
    /// How long a publication's idempotency key is remembered.
    pub idempotency_window: Duration,
    /// Idempotency keys that one channel remembers; beyond that the oldest is forgotten early.
    pub idempotency_keys: usize,
    /// How long an unused channel's epoch and offset are remembered after its last message has expired, so that a
    /// subscriber that comes back late is not told of a gap where there is none. Not at all while the app has three
    /// quarters of the [`channels`](Self::channels) that it may have.
    pub position_ttl: Duration,
}

impl Default for AppLimits {
    fn default() -> Self {
        Self {
            connections: 1_000_000,
            connections_per_user: 100,
            channels_per_connection: 128,
            channels: 1_000_000,
            history_bytes: 256 << 20,
            outbound_bytes: 1 << 20,
            recovery_bytes: 8 << 20,
            idempotency_window: Duration::from_secs(300),
            idempotency_keys: 10_000,
            position_ttl: Duration::from_secs(3600),
        }
    }
}

/// The settings of one app.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// Options by channel name.
    pub channels: Rules<ChannelOptions>,
    /// Bounds.
    pub limits: AppLimits,
}

impl Default for AppSettings {
    fn default() -> Self {
        Self { channels: Rules::new(ChannelOptions::default()), limits: AppLimits::default() }
    }
}
